/** @file One open file of tensors: where each lies is known, each is read and decoded by itself. The headers of the formats are read elsewhere. */
import { type FileHandle, open, stat } from "node:fs/promises";
import { BLOCK_TYPES, blockSize, dequantize } from "./blocks";
import { bfloat16ToFloat32, float16ToFloat32 } from "./float16";
import {
  FormatError,
  type HostTensor,
  type StorageType,
  shown,
  sizeOf,
  type TensorInfo,
  type TensorSource,
} from "./tensors";

/** Where a tensor lies: `bytes` bytes from byte `begin` of the file. */
export interface Entry extends TensorInfo {
  readonly begin: number;
  readonly bytes: number;
}

/** Bytes that become float32 values: each `bytes` bytes become `values` values. */
interface Code {
  readonly dtype: StorageType;
  readonly bytes: number;
  readonly values: number;
  decode(bytes: Uint8Array, values: Float32Array): void;
}

const PLAIN = { F32: Float32Array, I32: Int32Array, I64: BigInt64Array, U8: Uint8Array } as const;
const CODES: ReadonlyMap<string, Code> = new Map<string, Code>([
  ["F16", { dtype: "F16", bytes: 2, values: 1, decode: (bytes, to) => float16ToFloat32(halves(bytes), to) }],
  ["BF16", { dtype: "BF16", bytes: 2, values: 1, decode: (bytes, to) => bfloat16ToFloat32(halves(bytes), to) }],
  ...BLOCK_TYPES.map((type): [string, Code] => [
    type,
    { dtype: "F32", ...blockSize(type), decode: (bytes, to) => dequantize(type, bytes, to) },
  ]),
]);
/** Coded tensors are read in pieces of about this size: only the decoded values are in memory whole. */
const PIECE = 2 ** 20;
/** Node reads at most 2 GiB at once. */
const MOST_AT_ONCE = 2 ** 30;

/**
 * An open safetensors or GGUF file, made by {@link openSafetensors} and {@link openGguf}; close it.
 *
 * @example
 * import { openSafetensors, type TensorFile, writeSafetensors } from "gptlab";
 * await writeSafetensors("model.safetensors", new Map([["b", { dtype: "U8", shape: [1], data: Uint8Array.of(7) }]]));
 * const file: TensorFile = await openSafetensors("model.safetensors");
 * file.names; // => ["b"]
 * await file.close();
 */
export class TensorFile<Metadata extends Readonly<Record<string, unknown>> = Readonly<Record<string, unknown>>>
  implements TensorSource
{
  readonly names: readonly string[];

  /** @internal */
  constructor(
    readonly path: string,
    readonly metadata: Metadata,
    private readonly entries: ReadonlyMap<string, Entry>,
    private readonly handle: FileHandle,
  ) {
    this.names = [...entries.keys()];
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  info(name: string): TensorInfo {
    const { dtype, shape } = this.entry(name);
    return { dtype, shape };
  }

  async read(name: string): Promise<HostTensor> {
    const { dtype, shape, begin, bytes } = this.entry(name);
    if (Object.hasOwn(PLAIN, dtype)) {
      const type = dtype as keyof typeof PLAIN;
      const memory = this.allocate(name, () => new ArrayBuffer(bytes));
      await readInto(this.handle, begin, new Uint8Array(memory), this.path);
      return { dtype: type, shape, data: new PLAIN[type](memory) }; // little-endian, as every machine that Node runs on
    }
    const code = CODES.get(dtype);
    if (!code) {
      const known = [...Object.keys(PLAIN), ...CODES.keys()].join(", ");
      const what = `${this.path} has the tensor ${shown(name)} of type ${dtype}, which cannot be read`;
      throw new FormatError(this.path, `${what}. Convert it to one of ${known}`);
    }
    const data = this.allocate(name, () => new Float32Array(sizeOf(shape)));
    const step = Math.floor(PIECE / code.bytes) * code.bytes;
    const memory = new Uint8Array(Math.min(step, bytes));
    for (let done = 0, to = 0; done < bytes; done += step) {
      const piece = memory.subarray(0, Math.min(step, bytes - done));
      await readInto(this.handle, begin + done, piece, this.path);
      const count = (piece.length / code.bytes) * code.values;
      code.decode(piece, data.subarray(to, to + count));
      to += count;
    }
    return { dtype: code.dtype, shape, data };
  }

  /** Reads all tensors. */
  async readAll(): Promise<Map<string, HostTensor>> {
    const tensors = new Map<string, HostTensor>();
    for (const name of this.names) tensors.set(name, await this.read(name));
    return tensors;
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private entry(name: string): Entry {
    const entry = this.entries.get(name);
    if (entry) return entry;
    throw new FormatError(this.path, noTensor(this.path, name, this.names));
  }

  private allocate<Memory>(name: string, make: () => Memory): Memory {
    try {
      return make();
    } catch (cause) {
      const message = `${this.path} has the tensor ${shown(name)}, which is too large for the memory of this process`;
      throw new FormatError(this.path, message, { cause });
    }
  }
}

/** The sentence for a name that a source does not have. */
export function noTensor(path: string, name: string, names: readonly string[]): string {
  const some = names
    .slice(0, 5)
    .map((name) => shown(name))
    .join(", ");
  return `${path} has no tensor ${shown(name)}; it has ${names.length}${some && `, among them ${some}`}`;
}

/** Opens a file for reading; a folder, a pipe or nothing at all is refused in words. */
export async function openFile(path: string): Promise<{ readonly handle: FileHandle; readonly size: number }> {
  const refuse = (why: string, options?: ErrorOptions): never => {
    throw new FormatError(path, `${path} cannot be opened: ${why}. Check the path, or fetch the file again`, options);
  };
  try {
    const found = await stat(path);
    if (!found.isFile()) return refuse(found.isDirectory() ? "it is a folder" : "it is not a file");
    return { handle: await open(path, "r"), size: found.size };
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    return refuse((cause as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : String(cause), {
      cause,
    });
  }
}

/** Fills `target` with the bytes from `position` on. */
export async function readInto(handle: FileHandle, position: number, target: Uint8Array, path: string): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const wanted = Math.min(target.length - done, MOST_AT_ONCE);
    const { bytesRead } = await handle.read(target, done, wanted, position + done).catch((cause: unknown) => {
      throw new FormatError(path, `${path} cannot be read: ${String(cause)}`, { cause });
    });
    if (bytesRead === 0) {
      const message = `${path} ended at byte ${position + done}, expected ${position + target.length}. Fetch or write it again`;
      throw new FormatError(path, message);
    }
    done += bytesRead;
  }
}

function halves(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
}
