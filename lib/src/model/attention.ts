/** @file Self-attention of one block: projections, heads, positions, cache. The weighted mean itself is `ops`' causalAttention. */
import { Linear, Module, RMSNorm } from "../nn";
import { causalAttention, dropout, dropoutMask, type RotaryAngles, rotary } from "../ops";
import type { Random } from "../random";
import { type Tensor, type Tensor3D, type Tensor4D, tf } from "../tf";
import type { CachePlaces, KVCache } from "./cache";
import type { FullConfig } from "./config";

/** What all blocks of one forward pass share. */
export interface Pass {
  /** Scores that hide the future and padding: (T, S) or (B, 1, T, S), where S is T or the cache's capacity. */
  readonly mask: Tensor;
  /** Only for architectures with rotary positions. */
  readonly angles?: RotaryAngles;
  readonly cache?: { readonly tables: KVCache; readonly rows: CachePlaces["rows"] };
  /** Given while training with dropout. */
  readonly random?: Random;
}

/** (B, K, S, hs) -> (B, K · times, S, hs): each head of keys or values serves `times` heads of queries. */
export function repeatHeads(x: Tensor4D, times: number): Tensor4D {
  if (times === 1) return x;
  const [B, K, S, hs] = x.shape as [number, number, number, number];
  const spread = x.reshape([B * K, 1, S, hs]).mul(tf.ones([1, times, 1, 1])); // by broadcasting: its gradient is one sum
  return spread.reshape([B, K * times, S, hs]);
}

export class SelfAttention extends Module {
  /** One product gives queries, keys and values: (C, (nHead + 2 · nKvHead) · hs). */
  readonly qkv: Linear;
  readonly projection: Linear;
  readonly queryNorm: RMSNorm | undefined;
  readonly keyNorm: RMSNorm | undefined;

  constructor(
    readonly config: FullConfig,
    readonly layer: number,
    random: Random,
  ) {
    super();
    const { architecture, nEmbd, nHead, nKvHead, headSize, bias, nLayer, normEpsilon } = config;
    this.qkv = this.part("qkv", new Linear(nEmbd, (nHead + 2 * nKvHead) * headSize, { random, bias }));
    // GPT-2 makes the layers that end in the residual stream smaller, so that its size does not grow with depth.
    this.projection = this.part(
      "projection",
      new Linear(nHead * headSize, nEmbd, { random, bias, std: 0.02 / Math.sqrt(2 * nLayer) }),
    );
    if (architecture === "qwen3") {
      this.queryNorm = this.part("queryNorm", new RMSNorm(headSize, normEpsilon));
      this.keyNorm = this.part("keyNorm", new RMSNorm(headSize, normEpsilon));
    }
  }

  /** (B, T, C) -> (B, T, C) */
  forward(x: Tensor3D, { mask, angles, cache, random }: Pass): Tensor3D {
    const { nHead, nKvHead, headSize, dropout: rate } = this.config;
    const [B, T] = x.shape;
    const heads = this.qkv
      .forward(x)
      .reshape([B, T, nHead + 2 * nKvHead, headSize])
      .transpose([0, 2, 1, 3]);
    let [q, k, v] = tf.split(heads, [nHead, nKvHead, nKvHead], 1) as [Tensor4D, Tensor4D, Tensor4D]; // (B, H, T, hs), (B, K, T, hs)
    if (this.queryNorm && this.keyNorm) {
      q = this.queryNorm.forward(q) as Tensor4D;
      k = this.keyNorm.forward(k) as Tensor4D;
    }
    if (angles) {
      q = rotary(q, angles);
      k = rotary(k, angles);
    }
    let [keys, values] = [k, v];
    if (cache) {
      const tables = cache.tables.write(this.layer, k, v, cache.rows); // (B, K, S, hs)
      if (mask.shape.at(-1) !== T) [keys, values] = tables;
    }
    const times = nHead / nKvHead;
    let mixed: Tensor;
    if (cache && T === 1) {
      // The queries that share a head of keys stand in the place of time: nothing is copied.
      mixed = causalAttention(q.reshape([B, nKvHead, times, headSize]), keys, values, { mask });
    } else {
      const keep = random && rate > 0 ? { keep: dropoutMask([B, nHead, T, keys.shape[2]!], rate, random) } : {};
      const all = causalAttention(q, repeatHeads(keys, times), repeatHeads(values, times), { mask, ...keep }); // (B, H, T, hs)
      mixed = all.transpose([0, 2, 1, 3]);
    }
    const y = this.projection.forward(mixed.reshape([B, T, nHead * headSize]));
    return (random ? dropout(y, rate, random) : y) as Tensor3D;
  }
}
