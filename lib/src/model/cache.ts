/** @file The keys and values of the text so far, so that a new token needs only its own row. Tables of a fixed size, written in place. */
import { causalMask, HIDDEN } from "../ops/attention";
import { replaceRows } from "../ops/kernels";
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf, type Variable } from "../tf";
import type { FullConfig } from "./config";

/** Where a forward pass writes its keys and values, and what it may look at; tensors, so that a graph gets others at each run. */
export interface CachePlaces {
  /** (B · K · T) int32: rows of the tables for the new tokens, by {@link KVCache.rowsOf}. */
  readonly rows: Tensor1D;
  /** Scores to add. For as many keys as tokens, the pass looks at its own tokens only; else at the whole table. */
  readonly mask: Tensor;
  /** (B, T) int32: the position of each new token in its text; without it they follow what the cache holds. */
  readonly positions?: Tensor2D;
}

/** The tables of one layer: (B · K · capacity, hs). */
interface Layer {
  readonly k: Variable;
  readonly v: Variable;
}

/**
 * A cache for one batch of texts. A model's `forward(ids, { cache })` writes the new tokens' keys and values and attends to all.
 * It has room for `capacity` tokens of each text and doubles it when there are more; on TensorFlow a new token is written in
 * place. It owns its tensors: dispose it when the texts are done.
 *
 * @example
 * import { GPT, initBackend, KVCache, presets, Random } from "gptlab";
 * await initBackend();
 * const model = new GPT({ ...presets.course, nLayer: 1 }, new Random(1));
 * const cache = new KVCache();
 * model.forward([[1, 2, 3]], { cache }).shape[1]; // => 3
 * model.forward([[4]], { cache }).shape[1]; // => 1
 * cache.length; // => 4
 * cache.dispose();
 */
export class KVCache {
  readonly #layers: Layer[] = [];
  #batch = 0;
  #heads = 0;
  #capacity: number;
  #length = 0;

  /** @param options.capacity tokens of each text that there is room for at first; default 64 */
  constructor({ capacity = 64 }: { readonly capacity?: number } = {}) {
    this.#capacity = capacity;
  }

  /** How many tokens of each text are in the cache. */
  get length(): number {
    return this.#length;
  }

  /** Makes room for `length` tokens of each of `batch` texts, and keeps what the cache holds. RangeError for another batch size. */
  reserve({ nLayer, nKvHead, headSize, blockSize }: FullConfig, batch: number, length: number): void {
    if (this.#layers.length > 0 && batch !== this.#batch)
      throw new RangeError(
        `This cache holds ${this.#batch} texts, but found ${batch}. Use a new KVCache for other texts`,
      );
    if (this.#layers.length > 0 && length <= this.#capacity) return;
    let capacity = this.#capacity;
    while (capacity < length) capacity *= 2;
    capacity = Math.max(length, Math.min(capacity, blockSize));
    const old = this.#layers.splice(0);
    for (let layer = 0; layer < nLayer; layer++) {
      const { k, v } = old[layer] ?? {};
      const table = (from: Tensor | undefined): Variable =>
        tf.tidy(() => tf.variable(grown(from, batch * nKvHead, this.#capacity, capacity, headSize), false));
      this.#layers.push({ k: table(k), v: table(v) });
      if (k && v) tf.dispose([k, v]);
    }
    [this.#batch, this.#heads, this.#capacity] = [batch, nKvHead, capacity];
  }

  /** The rows of tokens `start` … `start + count - 1` of every text and head. */
  rowsOf(start: number, count: number): Int32Array {
    const rows = new Int32Array(this.#batch * this.#heads * count);
    for (let i = 0; i < rows.length; i++) rows[i] = Math.floor(i / count) * this.#capacity + start + (i % count);
    return rows;
  }

  /** Places after what the cache holds, for T new tokens; `visible` (B, length + T) hides padding. */
  next(T: number, visible?: Tensor): CachePlaces {
    const keys = this.#length + T;
    const mask = causalMask(T, keys, visible);
    const free: [number, number][] = mask.shape.map((_, axis) => [
      0,
      axis === mask.rank - 1 ? this.#capacity - keys : 0,
    ]);
    return {
      rows: tf.tensor1d(this.rowsOf(this.#length, T), "int32"),
      mask: this.#length > 0 ? tf.pad(mask, free, HIDDEN) : mask,
    };
  }

  /** Counts T more tokens of each text, after all layers have written them. */
  advance(T: number): void {
    this.#length += T;
  }

  /** Writes the new keys and values (B, K, T, hs) of one layer; returns the whole tables, (B, K, capacity, hs). */
  write(layer: number, k: Tensor4D, v: Tensor4D, rows: Tensor1D): [Tensor4D, Tensor4D] {
    const tables = this.#layers[layer] as Layer;
    const hs = k.shape[3]!;
    const write = (table: Variable, values: Tensor4D): Tensor4D => {
      const all = replaceRows(table as Tensor as Tensor2D, rows, values.reshape([-1, hs]) as Tensor2D);
      table.assign(all);
      return all.reshape([this.#batch, this.#heads, this.#capacity, hs]);
    };
    return [write(tables.k, k), write(tables.v, v)];
  }

  /** Takes the contents of a smaller cache of the same texts over. */
  takeOver(config: FullConfig, other: KVCache): void {
    this.reserve(config, other.#batch, this.#capacity);
    for (const [layer, { k, v }] of this.#layers.entries()) {
      const from = other.#layers[layer] as Layer;
      tf.tidy(() => {
        const N = this.#batch * this.#heads;
        k.assign(grown(from.k, N, other.#capacity, this.#capacity, config.headSize));
        v.assign(grown(from.v, N, other.#capacity, this.#capacity, config.headSize));
      });
    }
    this.#length = other.#length;
  }

  dispose(): void {
    for (const { k, v } of this.#layers) tf.dispose([k, v]);
    this.#layers.length = 0;
    this.#length = 0;
  }
}

/** The table (N · from, hs) with room for more: (N · to, hs); zeros without a table. */
function grown(table: Tensor | undefined, N: number, from: number, to: number, hs: number): Tensor2D {
  if (!table) return tf.zeros([N * to, hs]);
  const more = tf.zeros([N, to - from, hs]);
  return tf.concat([table.reshape([N, from, hs]), more], 1).reshape([N * to, hs]) as Tensor2D;
}
