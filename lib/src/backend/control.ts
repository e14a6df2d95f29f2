/** @file The part of TensorFlow.js that manages memory and engines, as types (no code). */
import type { DataType, Tensor, TypedArray, Variable } from "./tensor";

/** What `tidy` may return: tensors, alone or in arrays and objects. Everything in it is kept. */
export type TensorContainer =
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is meant
  void | Tensor | string | number | boolean | TensorContainer[] | { [name: string]: TensorContainer } | object;

/** Memory and the engine itself. */
export interface EngineControl {
  /** Runs `fn` and frees every tensor made in it, except what it returns and what is kept. */
  tidy<T extends TensorContainer>(fn: () => T): T;
  tidy<T extends TensorContainer>(name: string, fn: () => T): T;
  /** Saves a tensor from the `tidy` around it. */
  keep<T extends Tensor>(result: T): T;
  dispose(container: TensorContainer): void;
  memory(): { numTensors: number; numDataBuffers: number; numBytes: number; unreliable?: boolean; reasons: string[] };
  /** Milliseconds of the engine while `f` runs. */
  time(f: () => void): Promise<{ kernelMs: number | { error: string }; wallMs: number }>;
  print<T extends Tensor>(x: T, verbose?: boolean): void;
  ready(): Promise<void>;
  getBackend(): string;
  setBackend(backendName: string): Promise<boolean>;
  backend(): EngineBackend;
  findBackend(name: string): EngineBackend;
  removeBackend(name: string): void;
  engine(): Engine;
  env(): Environment;
  nextFrame(): Promise<void>;
  /** Makes a tensor of values that TensorFlow.js holds by reference: do not change the array afterwards. */
  buffer(shape: number[], dtype?: DataType, values?: TypedArray | string[]): TensorBuffer;
  readonly util: { sizeFromShape(shape: number[]): number };
  readonly version_core: string;
}

/** Values on the JavaScript side that can be set one by one. */
export interface TensorBuffer {
  readonly size: number;
  readonly shape: number[];
  set(value: number, ...locations: number[]): void;
  get(...locations: number[]): number | string;
  toTensor(): Tensor;
}

export interface EngineBackend {
  epsilon(): number;
  floatPrecision(): 16 | 32;
  numDataIds(): number;
}

export interface Engine {
  startScope(name?: string): void;
  endScope(result?: TensorContainer): void;
  readonly registeredVariables: Record<string, Variable>;
}

export interface Environment {
  getAsync(flagName: string): Promise<number | boolean | string>;
  getBool(flagName: string): boolean;
  getNumber(flagName: string): number;
  set(flagName: string, value: number | boolean | string): void;
}
