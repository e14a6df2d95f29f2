/** @file Safetensors files: named tensors in one container, read tensor by tensor and written whole or not at all. No names of any model, no network. */
import { writeWhole } from "../whole_file";
import { float32ToBfloat16, float32ToFloat16 } from "./float16";
import { isRecord, parseJson } from "./json";
import { type Entry, openFile, readInto, TensorFile } from "./tensor_file";
import { type Broken, brokenFile, type HostTensor, type StorageType, shown, sizeOf } from "./tensors";

const BYTES: Readonly<Record<StorageType, number>> = { I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, U8: 1 };
/** Bytes of the format's other types: such a tensor has a name and a shape, but is not read. */
const OTHER_BYTES = {
  F64: 8,
  U64: 8,
  C64: 8,
  U32: 4,
  U16: 2,
  I16: 2,
  I8: 1,
  BOOL: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
};
const KNOWN: Readonly<Record<string, number>> = { ...BYTES, ...OTHER_BYTES };
/** Room for 200 thousand tensors. The reference implementation allows four times as much; JSON takes many times that in memory. */
const LONGEST_HEADER = 25_000_000;
const METADATA = "__metadata__";

/** An open safetensors file; see {@link openSafetensors}. */
export type SafetensorsFile = TensorFile<Readonly<Record<string, string>>>;

/**
 * Opens a safetensors file and checks its header before any tensor is read: sizes, shapes, no name twice, no overlap, no
 * hole, nothing beyond the end. A broken or hostile file gives a FormatError that says what was expected and found; it
 * never makes a large allocation or a crash.
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
  const { handle, size } = await openFile(path);
  try {
    const broken = brokenFile(path, "safetensors file");
    if (size < 10) broken(`it has ${size} bytes, expected at least 10`);
    const first = Buffer.alloc(8);
    await readInto(handle, 0, first, path);
    const length = Number(first.readBigUInt64LE());
    if (length > LONGEST_HEADER || length > size - 8)
      broken(`its header should have ${length} bytes, but the file has ${size} and a header at most ${LONGEST_HEADER}`);
    const header = Buffer.alloc(length);
    await readInto(handle, 8, header, path);
    const { entries, metadata } = readHeader(header, size, broken);
    return new TensorFile(path, metadata, entries, handle);
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
    return { tensors: await file.readAll(), metadata: { ...file.metadata } };
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
  const entries: [string, unknown][] = Object.keys(metadata).length ? [[METADATA, metadata]] : [];
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

function readHeader(
  bytes: Uint8Array,
  fileSize: number,
  broken: Broken,
): { entries: Map<string, Entry>; metadata: Record<string, string> } {
  const header = parseJson(utf8(bytes, broken), "its header", broken);
  if (!isRecord(header)) return broken("its header is not a JSON object");
  const entries = new Map<string, Entry>();
  const metadata: [string, string][] = [];
  const dataStart = 8 + bytes.length;
  for (const [name, value] of Object.entries(header)) {
    if (!isRecord(value)) broken(`the entry ${shown(name)} is not an object`);
    else if (name !== METADATA) entries.set(name, readEntry(name, value, dataStart, fileSize, broken));
    else
      for (const [key, text] of Object.entries(value))
        metadata.push([key, typeof text === "string" ? text : broken(`its metadata ${shown(key)} is not a text`)]);
  }
  let free = dataStart; // the tensors lie one after the other, without overlap or hole, to the end
  for (const [name, { begin, bytes }] of [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.bytes - b.bytes)) {
    if (begin !== free)
      broken(`the data of ${shown(name)} begins at ${begin - dataStart}, expected ${free - dataStart}`);
    free = begin + bytes;
  }
  if (free !== fileSize) broken(`its tensors need ${free - dataStart} bytes, but there are ${fileSize - dataStart}`);
  return { entries, metadata: Object.fromEntries(metadata) };
}

function readEntry(
  name: string,
  { dtype, shape, data_offsets: offsets }: Record<string, unknown>,
  dataStart: number,
  fileSize: number,
  broken: Broken,
): Entry {
  if (typeof dtype !== "string" || !Object.hasOwn(KNOWN, dtype))
    return broken(`${shown(name)} has the type ${shown(dtype)}, expected one of ${Object.keys(KNOWN).join(", ")}`);
  if (!isSizes(shape)) return broken(`${shown(name)} has the shape ${shown(shape)}, expected sizes`);
  if (!isSizes(offsets) || offsets.length !== 2)
    return broken(`${shown(name)} has the offsets ${shown(offsets)}, expected two`);
  const [begin, end] = offsets as [number, number];
  const bytes = sizeOf(shape) * KNOWN[dtype]!;
  if (dataStart + end > fileSize || end - begin !== bytes)
    broken(
      `${shown(name)} of shape ${shown(shape)} needs ${bytes} bytes, but has ${begin} to ${end} of ${fileSize - dataStart}`,
    );
  return { dtype, shape, begin: dataStart + begin, bytes };
}

function utf8(bytes: Uint8Array, broken: Broken): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return broken("its header is not UTF-8 text");
  }
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size: unknown) => Number.isSafeInteger(size) && Number(size) >= 0);
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
  if (name === METADATA)
    throw new RangeError(`writeSafetensors() cannot name a tensor ${METADATA}: the format has that name`);
  const expected =
    dtype === "I32" ? Int32Array : dtype === "I64" ? BigInt64Array : dtype === "U8" ? Uint8Array : Float32Array;
  if (!(data instanceof expected))
    throw new TypeError(
      `writeSafetensors() needs a ${expected.name} for "${name}" of type ${dtype}, but found ${data.constructor.name}`,
    );
  if (!isSizes(shape) || sizeOf(shape) !== data.length)
    throw new RangeError(
      `writeSafetensors() got ${data.length} values for "${name}" of shape [${shape.join(", ")}], expected ${sizeOf(shape)}`,
    );
}
