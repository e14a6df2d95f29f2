/** @file GGUF files, as llama.cpp has them: metadata, and tensors that are read one at a time and de-quantised. No names of any model. */
import { type BlockType, blockSize } from "./blocks";
import { type GgufHeader, type GgufTensor, type GgufValue, readGgufHeader } from "./gguf_header";
import { type Entry, openFile, TensorFile } from "./tensor_file";
import { type Broken, brokenFile, FormatError, type HostTensor, shown, sizeOf } from "./tensors";

export type { GgufValue } from "./gguf_header";

/** An open GGUF file; see {@link openGguf}. */
export type GgufFile = TensorFile<Readonly<Record<string, GgufValue>>>;

interface Type {
  readonly name: string;
  /** A block of `values` values has `bytes` bytes. */
  readonly bytes: number;
  readonly values: number;
}

const quantised = (name: BlockType): Type => ({ name, ...blockSize(name) });
const other = (name: string, values: number, bytes: number): Type => ({ name, values, bytes });
/** ggml's types by their number. Those that cannot be read are here for their lengths and names. Source: gguf-py, constants.py. */
const TYPES: ReadonlyMap<number, Type> = new Map([
  [0, other("F32", 1, 4)],
  [1, other("F16", 1, 2)],
  [2, quantised("Q4_0")],
  [3, quantised("Q4_1")],
  [6, quantised("Q5_0")],
  [7, quantised("Q5_1")],
  [8, quantised("Q8_0")],
  [9, other("Q8_1", 32, 40)],
  [10, other("Q2_K", 256, 84)],
  [11, other("Q3_K", 256, 110)],
  [12, quantised("Q4_K")],
  [13, quantised("Q5_K")],
  [14, quantised("Q6_K")],
  [15, other("Q8_K", 256, 292)],
  [16, other("IQ2_XXS", 256, 66)],
  [17, other("IQ2_XS", 256, 74)],
  [18, other("IQ3_XXS", 256, 98)],
  [19, other("IQ1_S", 256, 50)],
  [20, other("IQ4_NL", 32, 18)],
  [21, other("IQ3_S", 256, 110)],
  [22, other("IQ2_S", 256, 82)],
  [23, other("IQ4_XS", 256, 136)],
  [24, other("I8", 1, 1)],
  [25, other("I16", 1, 2)],
  [26, other("I32", 1, 4)],
  [27, other("I64", 1, 8)],
  [28, other("F64", 1, 8)],
  [29, other("IQ1_M", 256, 56)],
  [30, other("BF16", 1, 2)],
  [34, other("TQ1_0", 256, 54)],
  [35, other("TQ2_0", 256, 66)],
  [39, other("MXFP4", 32, 17)],
  [40, other("NVFP4", 64, 36)],
  [41, other("Q1_0", 128, 18)],
]);

/**
 * Opens a GGUF file and checks its header before any tensor is read: counts, lengths, shapes, alignment, no overlap,
 * nothing beyond the end. Throws FormatError that says what was expected and found.
 *
 * Shapes are given slowest axis first, as PyTorch and safetensors have them. Values keep the order of the file, names
 * are those of llama.cpp. F32, F16, BF16, I32, I64 and the quantised types of {@link BlockType} can be read; a tensor of
 * another type has a name and a shape, but `read` refuses it.
 *
 * Source: the format's specification, github.com/ggml-org/ggml, docs/gguf.md.
 *
 * @example
 * import { openGguf } from "gptlab";
 * import { writeFileSync } from "node:fs";
 * const header = Buffer.alloc(24); // "GGUF", version, number of tensors, number of metadata pairs
 * header.write("GGUF");
 * header.writeUInt32LE(3, 4);
 * writeFileSync("empty.gguf", header);
 * const file = await openGguf("empty.gguf");
 * file.names.length; // => 0
 * await file.close();
 */
export async function openGguf(path: string): Promise<GgufFile> {
  const { handle, size } = await openFile(path);
  try {
    const broken = brokenFile(path, "GGUF file");
    const header = readGgufHeader(handle.fd, size, broken);
    const parts = header.metadata["split.count"];
    if (typeof parts === "number" && parts > 1) {
      const message = `${path} is one of ${parts} parts of a GGUF file. Join them first: llama-gguf-split --merge`;
      throw new FormatError(path, message);
    }
    return new TensorFile(path, header.metadata, placesOf(header, size, broken), handle);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Reads all of a GGUF file, de-quantised. For a large one, {@link openGguf} reads the tensors one at a time.
 *
 * @example
 * import { readGguf } from "gptlab";
 * import { writeFileSync } from "node:fs";
 * const header = Buffer.alloc(24);
 * header.write("GGUF");
 * header.writeUInt32LE(3, 4);
 * writeFileSync("empty.gguf", header);
 * const { tensors, metadata } = await readGguf("empty.gguf");
 * [tensors.size, Object.keys(metadata).length]; // => [0, 0]
 */
export async function readGguf(
  path: string,
): Promise<{ tensors: Map<string, HostTensor>; metadata: Record<string, GgufValue> }> {
  const file = await openGguf(path);
  try {
    return { tensors: await file.readAll(), metadata: { ...file.metadata } };
  } finally {
    await file.close();
  }
}

/** Where each tensor lies, checked. */
function placesOf({ metadata, tensors, length }: GgufHeader, fileSize: number, broken: Broken): Map<string, Entry> {
  const alignment = metadata["general.alignment"] ?? 32;
  if (
    typeof alignment !== "number" ||
    !(alignment >= 1 && alignment <= 2 ** 30 && Number.isInteger(Math.log2(alignment)))
  )
    return broken(`its alignment is ${shown(alignment)}, expected a power of two`);
  const dataStart = Math.ceil(length / alignment) * alignment;
  const entries = new Map<string, Entry>();
  for (const tensor of tensors) {
    const { name, offset } = tensor;
    if (entries.has(name)) broken(`it has the tensor ${shown(name)} twice`);
    const { dtype, shape, bytes } = sizeInBytes(tensor, broken);
    const begin = dataStart + offset;
    if (offset % alignment !== 0)
      broken(`the data of ${shown(name)} begins at ${offset}, expected a multiple of ${alignment}`);
    if (begin + bytes > fileSize)
      broken(
        `${shown(name)} of shape ${shown(shape)} needs bytes ${begin} to ${begin + bytes}, but the file has ${fileSize}`,
      );
    entries.set(name, { dtype, shape, begin, bytes });
  }
  let free = dataStart;
  for (const [name, { begin, bytes }] of [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.bytes - b.bytes)) {
    if (begin < free)
      broken(`the data of ${shown(name)} begins at ${begin}, inside that of another tensor, which ends at ${free}`);
    free = begin + bytes;
  }
  return entries;
}

function sizeInBytes({ name, type: number, axes }: GgufTensor, broken: Broken): Omit<Entry, "begin"> {
  const type = TYPES.get(number) ?? broken(`${shown(name)} has the type ${number}, which ggml does not have`);
  const shape = [...axes].reverse();
  const size = sizeOf(shape);
  if (!Number.isSafeInteger(size))
    broken(`${shown(name)} has the shape ${shown(shape)}, more values than any file has`);
  if ((axes[0] ?? 1) % type.values !== 0)
    broken(
      `${shown(name)} of type ${type.name} has rows of ${axes[0] ?? 1} values, expected a multiple of ${type.values}`,
    );
  return { dtype: type.name, shape, bytes: (size / type.values) * type.bytes };
}
