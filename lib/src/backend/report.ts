/** @file What is said about an engine: its report, and the error of one that cannot be started. No engine is started here. */

/** The engines, fastest first. */
export type BackendName = "tensorflow" | "webgpu" | "wasm" | "cpu";

/** The names of all engines, in the order in which `initBackend` tries them. */
export const BACKEND_NAMES: readonly BackendName[] = ["tensorflow", "webgpu", "wasm", "cpu"];

/** What one engine says of itself once it runs. */
export interface EngineDescription {
  /** Where the numbers are computed. */
  readonly device: "gpu" | "cpu";
  /** The library that computes, and its version. */
  readonly engine: string;
  /** How many processor threads one operation may use. */
  readonly threads: number;
  /** Something that you would want to mend, such as a GPU that is not used; with its remedy. */
  readonly warning?: string;
}

/** Which engine runs, and why not a faster one. */
export interface BackendReport extends EngineDescription {
  readonly name: BackendName;
  /** The engines that were tried before and could not be started, each with the reason and the remedy in one line. */
  readonly tried: readonly { readonly name: BackendName; readonly error: string }[];
}

/** The reason why an engine cannot be started, in one line, and what mends it. */
export class BackendUnavailable extends Error {
  override readonly name = "BackendUnavailable";

  constructor(
    readonly reason: string,
    readonly remedy: string,
  ) {
    super(`${reason}; remedy: ${remedy}`);
  }
}

/** The first line of an error that comes from elsewhere. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split("\n", 1)[0] || "unknown error";
}
