/** @file Causal attention over heads, and rotary positions. Splitting into heads is the model's job. */
import { type SaveFunction, type Tensor, type Tensor4D, tf } from "../tf";
import { matMul } from "./kernels";

/** A score that softmax turns into exactly 0. */
export const HIDDEN = -1e9;

/**
 * The scores that hide the future, and padding if asked: 0 where query t may look at key s, hugely negative where not. With more
 * keys than queries the queries are the last ones. One mask serves all layers.
 *
 * @param queries T
 * @param keys S ≥ T
 * @param visible (B, S), 1 for real keys, 0 for padding
 * @returns (T, S), or (B, 1, T, S) with `visible`
 * @example
 * import { causalMask, initBackend } from "gptlab";
 * await initBackend();
 * causalMask(2, 3).arraySync(); // => [[0, 0, -1e9], [0, 0, 0]]
 */
export function causalMask(queries: number, keys = queries, visible?: Tensor): Tensor {
  if (keys < queries)
    throw new RangeError(
      `Causal attention needs at least as many keys as queries, but found ${keys} keys and ${queries} queries`,
    );
  const values = new Float32Array(queries * keys);
  for (let t = 0; t < queries; t++) values.fill(HIDDEN, t * keys + t + keys - queries + 1, (t + 1) * keys);
  const causal = tf.tensor2d(values, [queries, keys]);
  return visible ? tf.minimum(causal, visible.sub(1).mul(-HIDDEN).reshape([-1, 1, 1, keys])) : causal;
}

const attend = (mask: Tensor, keep?: Tensor) =>
  tf.customGrad((q: Tensor4D, k: Tensor4D, v: Tensor4D, save: SaveFunction) => {
    const scale = 1 / Math.sqrt(q.shape[3]!);
    const weights = tf.softmax(matMul(q.mul(scale), k, false, true).add(mask)) as Tensor4D; // (B, H, T, S)
    const kept: Tensor4D = keep ? weights.mul(keep) : weights;
    const value = matMul(kept, v); // (B, H, T, hs)
    save(keep ? [q, k, v, weights, value, keep] : [q, k, v, weights, value]);
    return {
      value,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [query, key, values, w, out, factors] = saved as [
          Tensor4D,
          Tensor4D,
          Tensor4D,
          Tensor4D,
          Tensor4D,
          Tensor | undefined,
        ];
        const dv = matMul(factors ? w.mul(factors) : w, dy, true, false);
        const dKept = matMul(dy, values, false, true);
        const dWeights = factors ? dKept.mul(factors) : dKept;
        const sums = dy.mul(out).sum(3, true); // sum of w · dw along the keys, from the output: (B, H, T, 1)
        const dScores = w.mul(dWeights.sub(sums));
        return [matMul(dScores, key).mul(scale), matMul(dScores, query, true, false).mul(scale), dv];
      },
    };
  });

/**
 * Scaled dot-product attention in which a position sees itself and what is before it:
 * `softmax(q · kᵀ / sqrt(hs) + mask) · v`. With more keys than queries the queries are the last ones (a key-value cache).
 * Source: Vaswani et al. (2017), arXiv 1706.03762; `torch.nn.functional.scaled_dot_product_attention(is_causal=True)`.
 *
 * @param q (B, H, T, hs)
 * @param k (B, H, S, hs), S ≥ T
 * @param v (B, H, S, hs)
 * @param options.mask scores to add, broadcast to (B, H, T, S); default {@link causalMask}. A query that sees no key gets the mean of all values
 * @param options.keep (B, H, T, S) factors on the weights: a dropout mask already divided by its rate
 * @returns (B, H, T, hs)
 * @example
 * import { causalAttention, initBackend, tf } from "gptlab";
 * await initBackend();
 * const x = tf.tensor4d([[[[1, 0], [0, 1]]]]); // B = H = 1, T = 2, hs = 2
 * causalAttention(x, x, x).slice([0, 0, 0, 0], [1, 1, 1, 2]).flatten().arraySync(); // => [1, 0]
 */
export function causalAttention(
  q: Tensor4D,
  k: Tensor4D,
  v: Tensor4D,
  options: { mask?: Tensor; keep?: Tensor } = {},
): Tensor4D {
  const { mask = causalMask(q.shape[2]!, k.shape[2]!), keep } = options;
  return attend(mask, keep)(q, k, v) as Tensor4D;
}
