/** @file Safetensors files: named tensors in one container, read tensor by tensor and written whole or not at all. No names of any model, no network. */
import { type FileHandle, open } from "node:fs/promises";
import { writeWhole } from "../whole_file";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "./float16";

/** How numbers lie in the file. */
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

const BYTES: Readonly<Record<StorageType, number>> = { I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, U8: 1 };
/** The reference implementation's own limit; a model of 100 thousand tensors needs about a tenth of it. */
const HEADER_LIMIT = 100_000_000;

interface Entry {
  readonly dtype: StorageType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * An open safetensors file: the header is known, tensors are read one at a time. Made by {@link openSafetensors}; close it.
 *
 * @example
 * import { openSafetensors, type SafetensorsFile, writeSafetensors } from "gptlab";
 * await writeSafetensors("model.safetensors", new Map([["b", { dtype: "U8", shape: [1], data: Uint8Array.of(7) }]]));
 * const file: SafetensorsFile = await openSafetensors("model.safetensors");
 * file.names; // => ["b"]
 * await file.close();
 */
export class SafetensorsFile {
  /** @internal */
  constructor(
    readonly path: string,
    readonly metadata: Readonly<Record<string, string>>,
    private readonly entries: ReadonlyMap<string, Entry>,
    private readonly dataStart: number,
    private readonly handle: FileHandle,
  ) {}

  /** The tensors' names, in the order of the header. */
  get names(): readonly string[] {
    return [...this.entries.keys()];
  }

  /** Storage type and shape of a tensor, without reading it. */
  info(name: string): { readonly dtype: StorageType; readonly shape: readonly number[] } {
    const { dtype, shape } = this.entry(name);
    return { dtype, shape };
  }

  /** Reads one tensor. Throws RangeError for a name that the file does not have. */
  async read(name: string): Promise<HostTensor> {
    const { dtype, shape, begin, end } = this.entry(name);
    const bytes = await readExactly(this.handle, this.dataStart + begin, end - begin, this.path);
    return { dtype, shape, data: decode(dtype, bytes) };
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private entry(name: string): Entry {
    const entry = this.entries.get(name);
    if (!entry)
      throw new RangeError(
        `${this.path} has no tensor "${name}"; it has ${this.entries.size}, among them ${this.names.slice(0, 5).join(", ")}`,
      );
    return entry;
  }
}

/**
 * Opens a safetensors file and checks its header before any tensor is read: sizes, shapes, no overlap, no hole, nothing
 * beyond the end. A broken or hostile file gives an Error that says what was expected and found; it never makes a large
 * allocation or a crash.
 *
 * Source: the format's specification and reference implementation, github.com/huggingface/safetensors.
 *
 * @example
 * import { openSafetensors, writeSafetensors } from "gptlab";
 * await writeSafetensors("model.safetensors", new Map([["w", { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) }]]));
 * const file = await openSafetensors("model.safetensors");
 * file.info("w").shape; // => [2]
 * Array.from((await file.read("w")).data as Float32Array); // => [1, 2]
 * await file.close();
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    const broken = (what: string): never => {
      throw new Error(`${path} is not a whole safetensors file: ${what}. Fetch or write it again`);
    };
    if (size < 10) broken(`it has ${size} bytes, expected at least 10`);
    const length = Number((await readExactly(handle, 0, 8, path)).readBigUInt64LE());
    if (length > HEADER_LIMIT || length > size - 8)
      broken(`its header should have ${length} bytes, but the file has ${size}`);
    const dataSize = size - 8 - length;
    const text = (await readExactly(handle, 8, length, path)).toString("utf8");
    const { entries, metadata } = readHeader(text, dataSize, broken);
    return new SafetensorsFile(path, metadata, entries, 8 + length, handle);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Reads all tensors of a safetensors file. For a large file, {@link openSafetensors} reads them one at a time.
 *
 * @example
 * import { readSafetensors, writeSafetensors } from "gptlab";
 * await writeSafetensors("model.safetensors", new Map([["ids", { dtype: "I32", shape: [3], data: Int32Array.of(1, 2, 3) }]]), { format: "pt" });
 * const { tensors, metadata } = await readSafetensors("model.safetensors");
 * Array.from(tensors.get("ids")!.data as Int32Array); // => [1, 2, 3]
 * metadata.format; // => "pt"
 */
export async function readSafetensors(
  path: string,
): Promise<{ tensors: Map<string, HostTensor>; metadata: Record<string, string> }> {
  const file = await openSafetensors(path);
  try {
    const tensors = new Map<string, HostTensor>();
    for (const name of file.names) tensors.set(name, await file.read(name));
    return { tensors, metadata: { ...file.metadata } };
  } finally {
    await file.close();
  }
}

/**
 * Writes tensors to a safetensors file, whole or not at all: to a temporary file beside it that is renamed at the end.
 * Larger storage types come first, then by name, so that every tensor is aligned; the same tensors give the same bytes.
 *
 * @param metadata free text values, for example `{ format: "pt" }`, which older versions of transformers ask for
 * @throws RangeError if a shape does not fit its data; TypeError if the data's class does not fit its storage type
 * @example
 * import { writeSafetensors } from "gptlab";
 * import { statSync } from "node:fs";
 * await writeSafetensors("half.safetensors", new Map([["w", { dtype: "F16", shape: [1, 2], data: Float32Array.of(0.5, 2) }]]));
 * statSync("half.safetensors").size < 100; // => true
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const order = [...tensors].sort(
    ([nameA, a], [nameB, b]) => BYTES[b.dtype] - BYTES[a.dtype] || (nameA < nameB ? -1 : 1),
  );
  const entries: [string, unknown][] = Object.keys(metadata).length ? [["__metadata__", metadata]] : [];
  let offset = 0;
  for (const [name, tensor] of order) {
    requireFit(name, tensor);
    const end = offset + tensor.data.length * BYTES[tensor.dtype];
    entries.push([name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries))); // any name, "__proto__" too
  const padded = Buffer.concat([json, Buffer.alloc(-json.length & 7, " ")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));

  const parts = function* (): Generator<Uint8Array> {
    yield length;
    yield padded;
    for (const [, tensor] of order) yield encode(tensor);
  };
  await writeWhole([{ path, chunks: parts() }]);
}

type Broken = (what: string) => never;

function readHeader(
  text: string,
  dataSize: number,
  broken: Broken,
): { entries: Map<string, Entry>; metadata: Record<string, string> } {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    broken("its header is not JSON");
  }
  if (!isRecord(header)) return broken("its header is not a JSON object");
  const entries = new Map<string, Entry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (!isRecord(value)) broken(`the entry "${name}" is not an object`);
    else if (name === "__metadata__")
      metadata = Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)]));
    else entries.set(name, readEntry(name, value, dataSize, broken));
  }
  let expected = 0; // the tensors lie one after the other, without overlap or hole, to the end
  for (const [name, { begin, end }] of [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== expected) broken(`the data of "${name}" begins at ${begin}, expected ${expected}`);
    expected = end;
  }
  if (expected !== dataSize) broken(`its tensors need ${expected} bytes, but there are ${dataSize}`);
  return { entries, metadata };
}

function readEntry(name: string, value: Record<string, unknown>, dataSize: number, broken: Broken): Entry {
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(BYTES, dtype))
    broken(`"${name}" has the type ${JSON.stringify(dtype)}, expected one of ${Object.keys(BYTES).join(", ")}`);
  if (!isSizes(shape)) return broken(`"${name}" has the shape ${JSON.stringify(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2) return broken(`"${name}" has the offsets ${JSON.stringify(offsets)}`);
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, size) => product * size, BYTES[dtype as StorageType]);
  if (end > dataSize || end - begin !== bytes)
    broken(`"${name}" of shape [${shape.join(", ")}] needs ${bytes} bytes, but has ${begin} to ${end} of ${dataSize}`);
  return { dtype: dtype as StorageType, shape, begin, end };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size: unknown) => Number.isSafeInteger(size) && Number(size) >= 0);
}

async function readExactly(handle: FileHandle, position: number, length: number, path: string): Promise<Buffer> {
  const bytes = Buffer.from(new ArrayBuffer(length)); // its own memory, aligned for every type
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
    if (bytesRead === 0)
      throw new Error(
        `${path} ended at ${position + done} bytes, expected ${position + length}. Fetch or write it again`,
      );
    done += bytesRead;
  }
  return bytes;
}

/** Little-endian bytes to values; every machine that Node runs on is little-endian. */
function decode(dtype: StorageType, bytes: Buffer): HostTensor["data"] {
  const { buffer, byteOffset, length } = bytes;
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer, byteOffset, length / 4);
    case "F16":
      return float16ToFloat32(new Uint16Array(buffer, byteOffset, length / 2));
    case "BF16":
      return bfloat16ToFloat32(new Uint16Array(buffer, byteOffset, length / 2));
    case "I32":
      return new Int32Array(buffer, byteOffset, length / 4);
    case "I64":
      return new BigInt64Array(buffer, byteOffset, length / 8);
    case "U8":
      return new Uint8Array(buffer, byteOffset, length);
  }
}

function encode({ dtype, data }: HostTensor): Uint8Array {
  const stored =
    data instanceof Float32Array
      ? dtype === "F16"
        ? float32ToFloat16(data)
        : dtype === "BF16"
          ? float32ToBfloat16(data)
          : data
      : data;
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}

function requireFit(name: string, { dtype, shape, data }: HostTensor): void {
  const expected =
    dtype === "I32" ? Int32Array : dtype === "I64" ? BigInt64Array : dtype === "U8" ? Uint8Array : Float32Array;
  if (!(data instanceof expected))
    throw new TypeError(
      `writeSafetensors() needs a ${expected.name} for "${name}" of type ${dtype}, but found ${data.constructor.name}`,
    );
  const size = shape.reduce((product, length) => product * length, 1);
  if (size !== data.length)
    throw new RangeError(
      `writeSafetensors() got ${data.length} values for "${name}" of shape [${shape.join(", ")}], expected ${size}`,
    );
}
