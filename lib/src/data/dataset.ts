/** @file A long sequence of token ids, seen as training windows. Batches and order are the job of `loader.ts`. */
import type { Tokenizer } from "../tokenizer/tokenizer";

/** One training example: `targets[t]` is the id that follows `ids[t]`. */
export interface TokenWindow {
  readonly ids: Int32Array; // (T)
  readonly targets: Int32Array; // (T)
}

/** How a sequence is cut into windows. */
export interface WindowOptions {
  /** Ids in a window, T. */
  readonly blockSize: number;
  /** Ids from the start of one window to the start of the next. `blockSize` when not given: no overlap. */
  readonly stride?: number;
}

/**
 * Windows of `blockSize` ids with their next ids. A rest that does not fill a window is left out.
 *
 * @example
 * import { TokenDataset } from "gptlab";
 * const data = new TokenDataset([10, 11, 12, 13, 14, 15], { blockSize: 2 });
 * data.length; // => 2
 * Array.from(data.at(1).targets); // => [13, 14]
 */
export class TokenDataset {
  /** All ids; 2 bytes each while they fit, else 4. A copy of what was given, unless that was such an array. */
  readonly tokens: Uint16Array | Uint32Array;
  readonly blockSize: number;
  readonly stride: number;
  /** How many windows there are. */
  readonly length: number;

  /** @throws RangeError if an id is not a 32-bit unsigned integer, or the ids do not fill one window. */
  constructor(ids: ArrayLike<number>, { blockSize, stride = blockSize }: WindowOptions) {
    requirePositive("blockSize", blockSize);
    requirePositive("stride", stride);
    if (ids.length < blockSize + 1) {
      throw new RangeError(
        `A window of ${blockSize} ids and the next id needs ${blockSize + 1} ids, but found ${ids.length}. Use more text or a smaller blockSize`,
      );
    }
    this.tokens = compact(ids);
    this.blockSize = blockSize;
    this.stride = stride;
    this.length = Math.floor((ids.length - blockSize - 1) / stride) + 1;
  }

  /**
   * The ids of all texts, one after the other. `separator` is a special token, put after each text, so that the model
   * can tell where a document ends.
   *
   * @throws RangeError if the tokenizer has no such special token.
   */
  static fromText(
    tokenizer: Tokenizer,
    texts: Iterable<string>,
    { separator, ...windows }: WindowOptions & { readonly separator?: string },
  ): TokenDataset {
    if (typeof texts === "string")
      throw new TypeError(
        "TokenDataset.fromText() needs a list of texts, but found one string. Write [text] instead of text",
      );
    const end = separator === undefined ? [] : tokenizer.encode(separator, { allowedSpecial: [separator] });
    let tokens = new Uint32Array(1024);
    let count = 0;
    for (const text of texts) {
      const ids = tokenizer.encode(text);
      const room = count + ids.length + end.length;
      if (room > tokens.length) {
        const larger = new Uint32Array(Math.max(room, 2 * tokens.length));
        larger.set(tokens.subarray(0, count));
        tokens = larger;
      }
      tokens.set(ids, count);
      tokens.set(end, count + ids.length);
      count = room;
    }
    return new TokenDataset(
      tokenizer.vocabSize <= 0x10000 ? Uint16Array.from(tokens.subarray(0, count)) : tokens.slice(0, count),
      windows,
    );
  }

  /** Window `index`, from 0 to `length` - 1. */
  at(index: number): TokenWindow {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`A window index must be an integer from 0 to ${this.length - 1}, but found ${index}`);
    }
    const start = index * this.stride;
    return {
      ids: Int32Array.from(this.tokens.subarray(start, start + this.blockSize)),
      targets: Int32Array.from(this.tokens.subarray(start + 1, start + this.blockSize + 1)),
    };
  }
}

function compact(ids: ArrayLike<number>): Uint16Array | Uint32Array {
  if (ids instanceof Uint16Array || ids instanceof Uint32Array) return ids;
  let largest = 0;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (!Number.isInteger(id) || id < 0 || id >= 2 ** 32)
      throw new RangeError(`A token id must be an integer from 0 to 4294967295, but ids[${i}] is ${id}`);
    largest = Math.max(largest, id);
  }
  return largest < 0x10000 ? Uint16Array.from(ids) : Uint32Array.from(ids);
}

function requirePositive(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`TokenDataset needs a ${name} that is an integer of at least 1, but found ${value}`);
}
