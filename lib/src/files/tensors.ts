/** @file What all containers of tensors have in common: types, reading interface, error. No file is opened here, no format is known. */

/** How numbers lie in a file that this library writes. */
export type StorageType = "F32" | "F16" | "BF16" | "I32" | "I64" | "U8";

/**
 * A tensor in ordinary memory. `dtype` says how it is stored; `data` always holds plain values:
 * Float32Array for F32, F16 and BF16, Int32Array for I32, BigInt64Array for I64, Uint8Array for U8.
 */
export interface HostTensor {
  readonly dtype: StorageType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | BigInt64Array | Uint8Array;
}

/** What a file says of a tensor before it is read. */
export interface TensorInfo {
  /** The type in the file: a {@link StorageType}, a quantised one such as `Q4_1`, or one that can be named but not read. */
  readonly dtype: string;
  /** Slowest axis first, as in PyTorch. */
  readonly shape: readonly number[];
}

/** Named tensors that are read one at a time: a file, or several with an index. */
export interface TensorSource {
  /** For messages: the file, or the index. */
  readonly path: string;
  /** In the order of the file. */
  readonly names: readonly string[];
  /** Values beside the tensors: texts in safetensors, any of {@link GgufValue} in GGUF. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Whether there is a tensor of this name. */
  has(name: string): boolean;
  /** Type and shape, without reading. Throws FormatError for an unknown name. */
  info(name: string): TensorInfo;
  /** One tensor in new memory. Throws FormatError when its name is unknown or its bytes cannot be had. */
  read(name: string): Promise<HostTensor>;
  /** Ends the reading; every source must be closed. */
  close(): Promise<void>;
}

/**
 * A file of tensors is broken, cut off, hostile, of a kind that cannot be read, or not there. The message says what was
 * expected, what was found and what to do.
 *
 * @example
 * import { FormatError, openTensors } from "gptlab";
 * const error: unknown = await openTensors("/no/such/model.gguf").catch((reason: unknown) => reason);
 * error instanceof FormatError && error.path; // => "/no/such/model.gguf"
 */
export class FormatError extends Error {
  override readonly name = "FormatError";

  constructor(
    readonly path: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Says what is wrong with the content of a file. */
export type Broken = (what: string) => never;

/** The {@link Broken} of one file; `kind` as in "safetensors file". */
export function brokenFile(path: string, kind: string): Broken {
  return (what) => {
    throw new FormatError(path, `${path} is not a whole ${kind}: ${what}. Fetch or write it again`);
  };
}

/** A value that came from outside, short enough for a message whatever it is. */
export function shown(value: unknown, longest = 60): string {
  if (typeof value === "string") return JSON.stringify(value.length > longest ? `${value.slice(0, longest)}…` : value);
  if (Array.isArray(value)) {
    const items = value.slice(0, 8).map((item: unknown) => (typeof item === "number" ? String(item) : typeof item));
    return `[${items.join(", ")}${value.length > 8 ? ", …" : ""}]`;
  }
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** The number of values of a shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * Counts what is not a finite number. Such values are allowed in a file, but a model that has them answers nothing.
 *
 * @example
 * import { nonFinite } from "gptlab";
 * nonFinite(Float32Array.of(1, NaN, -Infinity)); // => { nan: 1, infinite: 1 }
 */
export function nonFinite(data: HostTensor["data"]): { nan: number; infinite: number } {
  let nan = 0;
  let infinite = 0;
  if (data instanceof Float32Array)
    for (const value of data)
      if (Number.isNaN(value)) nan++;
      else if (!Number.isFinite(value)) infinite++;
  return { nan, infinite };
}
