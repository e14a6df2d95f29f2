/** @file Layer norm and RMS norm: each vector along the last axis gets mean 0 and size 1 (or only size 1), then a learnt scale. */
import { type SaveFunction, type Tensor, type Tensor1D, type Tensor2D, tf } from "../tf";
import { addBias, product, sumRows } from "./kernels";
import { rowsOf } from "./linear";

/** The mean of x times a vector along the last axis, as one product: (N, C), (C) -> (N, 1). */
function weightedMean(x: Tensor2D, weight: Tensor1D): Tensor2D {
  const column: Tensor2D = weight.mul(1 / weight.size).reshape([-1, 1]);
  return product(x, column);
}

const normalizeLayer = (epsilon: number) =>
  tf.customGrad((x: Tensor, gain: Tensor1D, bias: Tensor1D, save: SaveFunction) => {
    const rows = rowsOf(x);
    const centred = rows.sub(rows.mean(1, true));
    const inverse = centred.square().mean(1, true).add(epsilon).rsqrt(); // (N, 1)
    const unit: Tensor2D = centred.mul(inverse);
    save([unit, inverse, gain]);
    return {
      value: addBias(unit.mul(gain), bias).reshape(x.shape),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [u, r, g] = saved as [Tensor2D, Tensor2D, Tensor1D];
        const dRows = rowsOf(dy);
        const dyUnit: Tensor2D = dRows.mul(u);
        const dx = dRows
          .mul(g)
          .sub(weightedMean(dRows, g))
          .sub(u.mul(weightedMean(dyUnit, g)))
          .mul(r);
        return [dx.reshape(dy.shape), sumRows(dyUnit), sumRows(dRows)];
      },
    };
  });

const normalizeRms = (epsilon: number) =>
  tf.customGrad((x: Tensor, gain: Tensor1D, save: SaveFunction) => {
    const rows = rowsOf(x);
    const inverse = rows.square().mean(1, true).add(epsilon).rsqrt(); // (N, 1)
    const unit: Tensor2D = rows.mul(inverse);
    save([unit, inverse, gain]);
    return {
      value: unit.mul(gain).reshape(x.shape),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [u, r, g] = saved as [Tensor2D, Tensor2D, Tensor1D];
        const dRows = rowsOf(dy);
        const dyUnit: Tensor2D = dRows.mul(u);
        const dx = dRows
          .mul(g)
          .sub(u.mul(weightedMean(dyUnit, g)))
          .mul(r);
        return [dx.reshape(dy.shape), sumRows(dyUnit)];
      },
    };
  });

/**
 * Layer normalisation: `(x - mean) / sqrt(variance + epsilon) · gain + bias` along the last axis, with the biased variance.
 * Source: Ba et al. (2016), arXiv 1607.06450; `torch.nn.functional.layer_norm`.
 *
 * @param x (…, C)
 * @param gain (C)
 * @param bias (C)
 * @returns (…, C)
 * @example
 * import { initBackend, layerNorm, tf } from "gptlab";
 * await initBackend();
 * const y = layerNorm(tf.tensor2d([[1, 2, 3]]), tf.ones([3]), tf.zeros([3]));
 * Array.from(y.dataSync(), (v) => v.toFixed(2)); // => ["-1.22", "0.00", "1.22"]
 */
export function layerNorm(x: Tensor, gain: Tensor1D, bias: Tensor1D, epsilon = 1e-5): Tensor {
  return normalizeLayer(epsilon)(x, gain, bias);
}

/**
 * Root-mean-square normalisation: `x / sqrt(mean(x²) + epsilon) · gain` along the last axis.
 * Source: Zhang and Sennrich (2019), arXiv 1910.07467; the norm of the Llama family.
 *
 * @param x (…, C)
 * @param gain (C)
 * @returns (…, C)
 * @example
 * import { initBackend, rmsNorm, tf } from "gptlab";
 * await initBackend();
 * Array.from(rmsNorm(tf.tensor2d([[3, 4]]), tf.ones([2])).dataSync(), (v) => v.toFixed(3)); // => ["0.849", "1.131"]
 */
export function rmsNorm(x: Tensor, gain: Tensor1D, epsilon = 1e-5): Tensor {
  return normalizeRms(epsilon)(x, gain);
}
