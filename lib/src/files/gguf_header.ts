/**
 * @file The header of a GGUF file: metadata and where each tensor lies. No tensor is read here.
 *
 * Source: the format's specification, github.com/ggml-org/ggml, docs/gguf.md. Every length is compared with what is
 * left of the file before memory is taken for it. `@huggingface/gguf` 0.4.6 reads the same (a test compares), but not a
 * file from a stranger: beyond the end it reads zeros, a string across byte 2,000,000 it may cut, and 24 bytes can make it
 * take 0.3 GB and seconds.
 */
import { readSync } from "node:fs";
import { type Broken, shown } from "./tensors";

/** A value of the metadata. Integers beyond 2^53 are bigint. */
export type GgufValue = string | number | bigint | boolean | string[] | boolean[] | number[] | (number | bigint)[];

/** A tensor as the header has it. */
export interface GgufTensor {
  readonly name: string;
  /** Fastest axis first, as ggml counts. */
  readonly axes: readonly number[];
  readonly type: number;
  /** In bytes, from the start of the data. */
  readonly offset: number;
}

export interface GgufHeader {
  readonly metadata: Readonly<Record<string, GgufValue>>;
  readonly tensors: readonly GgufTensor[];
  readonly length: number;
}

/** A vocabulary of 49 thousand tokens makes 1.8 MB; one of a million has room. */
const LONGEST_HEADER = 50_000_000;
const MOST_ITEMS = 8_000_000;
const MOST_TENSORS = 100_000;
const MOST_AXES = 4;
const WINDOW = 2 ** 20;

/** The types of metadata that have a fixed length; 8 is a string, 9 an array. */
const FIXED: Readonly<Record<number, { bytes: number; read(from: Buffer, at: number): number | bigint | boolean }>> = {
  0: { bytes: 1, read: (from, at) => from.readUInt8(at) },
  1: { bytes: 1, read: (from, at) => from.readInt8(at) },
  2: { bytes: 2, read: (from, at) => from.readUInt16LE(at) },
  3: { bytes: 2, read: (from, at) => from.readInt16LE(at) },
  4: { bytes: 4, read: (from, at) => from.readUInt32LE(at) },
  5: { bytes: 4, read: (from, at) => from.readInt32LE(at) },
  6: { bytes: 4, read: (from, at) => from.readFloatLE(at) },
  7: { bytes: 1, read: (from, at) => from.readUInt8(at) !== 0 },
  10: { bytes: 8, read: (from, at) => plain(from.readBigUInt64LE(at)) },
  11: { bytes: 8, read: (from, at) => plain(from.readBigInt64LE(at)) },
  12: { bytes: 8, read: (from, at) => from.readDoubleLE(at) },
};
const STRING = 8;
const ARRAY = 9;

/** Reads the header of the open file `fd` of `size` bytes. */
export function readGgufHeader(fd: number, size: number, broken: Broken): GgufHeader {
  const cursor = new Cursor(fd, size, broken);
  const magic = cursor.text(4, "its first bytes");
  if (magic !== "GGUF") broken(`it begins with ${shown(magic)}, expected "GGUF"`);
  const version = cursor.fixed(4) as number;
  if (version !== 2 && version !== 3)
    broken(`its version is ${version}${version > 2 ** 16 ? " (big-endian?)" : ""}, expected 2 or 3`);
  const tensorCount = cursor.count("tensors", 24, MOST_TENSORS);
  const pairCount = cursor.count("metadata pairs", 13, MOST_TENSORS);

  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < pairCount; i++) {
    const key = cursor.string("a metadata key");
    if (metadata.has(key)) broken(`its metadata has the key ${shown(key)} twice`);
    metadata.set(key, cursor.value(key));
  }
  const tensors: GgufTensor[] = [];
  for (let i = 0; i < tensorCount; i++) {
    const name = cursor.string("a tensor's name");
    const rank = cursor.fixed(4) as number;
    if (rank > MOST_AXES) broken(`${shown(name)} has ${rank} axes, expected at most ${MOST_AXES}`);
    const axes = Array.from({ length: rank }, () => cursor.size(`an axis of ${shown(name)}`));
    tensors.push({ name, axes, type: cursor.fixed(4) as number, offset: cursor.size(`the offset of ${shown(name)}`) });
  }
  return { metadata: Object.fromEntries(metadata), tensors, length: cursor.position };
}

/** Reads forward through a file, a window at a time, and never beyond its end. */
class Cursor {
  position = 0;
  private window = Buffer.alloc(0);
  private start = 0; // of the window in the file
  private items = 0; // of all arrays so far
  private readonly end: number;

  constructor(
    private readonly fd: number,
    private readonly fileSize: number,
    private readonly broken: Broken,
  ) {
    this.end = Math.min(fileSize, LONGEST_HEADER);
  }

  /** A value of a type of fixed length. */
  fixed(type: number): number | bigint | boolean {
    const { bytes, read } = FIXED[type]!;
    const at = this.advance(bytes, "its header"); // first: it may bring another window
    return read(this.window, at);
  }

  text(bytes: number, what: string): string {
    const at = this.advance(bytes, what);
    return this.window.toString("utf8", at, at + bytes);
  }

  string(what: string): string {
    return this.text(this.size(`the length of ${what}`), what);
  }

  /** A length or an offset. */
  size(what: string): number {
    const value = this.fixed(10);
    return typeof value === "number" ? value : this.broken(`${what} is ${value}, more than any file has`);
  }

  /** How many things follow, of which each needs at least `least` bytes. */
  count(what: string, least: number, most: number): number {
    const value = this.size(`the number of ${what}`);
    const left = Math.max(0, this.end - this.position);
    if (value > most || value * least > left)
      this.broken(
        `it should have ${value} ${what}, but ${left} bytes have room for at most ${Math.min(most, Math.floor(left / least))}`,
      );
    return value;
  }

  value(key: string): GgufValue {
    const type = this.fixed(4) as number;
    if (type === STRING) return this.string(`the value of ${shown(key)}`);
    if (type === ARRAY) return this.array(key);
    if (!Object.hasOwn(FIXED, type)) this.broken(`${shown(key)} has the value type ${type}, expected 0 to 12`);
    return this.fixed(type);
  }

  private array(key: string): GgufValue {
    const type = this.fixed(4) as number;
    if (type !== STRING && !Object.hasOwn(FIXED, type))
      this.broken(`${shown(key)} is a list of the type ${type}, expected plain values or strings`);
    const least = type === STRING ? 8 : FIXED[type]!.bytes;
    const length = this.count(`values in ${shown(key)}`, least, MOST_ITEMS - this.items);
    this.items += length;
    const values: (string | number | bigint | boolean)[] = [];
    for (let i = 0; i < length; i++)
      values.push(type === STRING ? this.string(`a value of ${shown(key)}`) : this.fixed(type));
    return values as GgufValue;
  }

  /** Moves `bytes` on; returns where they begin in the window. */
  private advance(bytes: number, what: string): number {
    if (this.position + bytes > this.end) {
      if (this.end < this.fileSize) this.broken(`its header is longer than ${LONGEST_HEADER} bytes`);
      this.broken(`it ends at byte ${this.fileSize}, in the middle of ${what}`);
    }
    if (this.position + bytes > this.start + this.window.length) this.fill(bytes);
    this.position += bytes;
    return this.position - bytes - this.start;
  }

  private fill(atLeast: number): void {
    const length = Math.min(Math.max(atLeast, WINDOW), this.end - this.position);
    const window = Buffer.alloc(length);
    let done = 0;
    while (done < atLeast) {
      const read = readSync(this.fd, window, done, length - done, this.position + done);
      if (read === 0) this.broken(`it ends at byte ${this.position + done}, while it is read`);
      done += read;
    }
    this.window = window.subarray(0, done);
    this.start = this.position;
  }
}

function plain(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
