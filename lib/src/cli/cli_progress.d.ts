/** @file The part of the package cli-progress that is used here; it brings no types. */
declare module "cli-progress" {
  interface Options {
    readonly format: string;
    readonly clearOnComplete: boolean;
    readonly hideCursor: boolean;
    readonly barsize: number;
  }
  export const Presets: { readonly rect: object };
  export class SingleBar {
    constructor(options: Options, preset: object);
    start(total: number, startValue: number, payload: Readonly<Record<string, unknown>>): void;
    update(current: number, payload: Readonly<Record<string, unknown>>): void;
    stop(): void;
  }
}
