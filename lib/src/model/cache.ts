/** @file The keys and values of the text so far, so that a new token needs only its own row. */
import { type Tensor4D, tf } from "../tf";

interface Layer {
  readonly k: Tensor4D;
  readonly v: Tensor4D;
}

/**
 * A cache for one batch of texts. A model's `forward(ids, { cache })` appends the new tokens' keys and values and attends to all.
 * It owns its tensors: dispose it when the texts are done.
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

  /** How many tokens are in the cache. */
  get length(): number {
    return this.#layers[0]?.k.shape[2] ?? 0;
  }

  /** Adds the new keys and values (B, K, T, hs) of one layer; returns all of them, (B, K, S, hs). */
  append(layer: number, k: Tensor4D, v: Tensor4D): [Tensor4D, Tensor4D] {
    const old = this.#layers[layer];
    const all: Layer = old ? { k: tf.concat([old.k, k], 2), v: tf.concat([old.v, v], 2) } : { k, v };
    this.#layers[layer] = { k: tf.keep(all.k.clone()), v: tf.keep(all.v.clone()) };
    if (old) tf.dispose([old.k, old.v]);
    return [all.k, all.v];
  }

  dispose(): void {
    for (const { k, v } of this.#layers) tf.dispose([k, v]);
    this.#layers.length = 0;
  }
}
