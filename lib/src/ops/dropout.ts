/** @file Dropout that works on every engine, also in a captured graph. */
import { hostInput } from "../backend/host_input";
import { FLOAT32, INT32, nativeBackend, typeAttribute } from "../backend/native";
import type { Random } from "../random";
import { type Tensor, tf } from "../tf";

/**
 * Factors for dropout: 0 with probability `rate`, else `1 / (1 - rate)`, so that the mean stays 1. On tensorflow the engine draws
 * them from a seed; the mask depends on the engine, not only on `random`.
 *
 * @param shape of the mask
 * @param rate from 0 up to, but not including, 1
 * @throws RangeError for another rate
 * @example
 * import { dropoutMask, initBackend, Random } from "gptlab";
 * await initBackend();
 * const values = new Set(dropoutMask([1000], 0.5, new Random(1)).dataSync());
 * [...values].sort(); // => [0, 2]
 */
export function dropoutMask(shape: number[], rate: number, random: Random): Tensor {
  if (!(rate >= 0 && rate < 1))
    throw new RangeError(`A dropout rate must be at least 0 and less than 1, but found ${rate}`);
  return uniform(shape, random)
    .greaterEqual(rate)
    .toFloat()
    .mul(1 / (1 - rate));
}

/**
 * Sets values to 0 at random and scales the others, so that the expected value stays. For training only.
 * Source: Srivastava et al. (2014), Journal of Machine Learning Research 15; `torch.nn.functional.dropout`.
 *
 * @param x any shape
 * @param rate how many are set to 0; 0 returns x as it is
 * @returns same shape
 * @example
 * import { dropout, initBackend, Random, tf } from "gptlab";
 * await initBackend();
 * const y = dropout(tf.ones([10000]), 0.1, new Random(1));
 * Math.abs(y.mean().dataSync()[0] - 1) < 0.02; // => true
 */
export function dropout(x: Tensor, rate: number, random: Random): Tensor {
  return rate === 0 ? x : x.mul(dropoutMask(x.shape, rate, random));
}

/** Uniform numbers in [0, 1). */
function uniform(shape: number[], random: Random): Tensor {
  const native = nativeBackend();
  if (!native) return tf.tensor(random.uniform(shape.reduce((a, b) => a * b, 1)), shape);
  const seed = hostInput(() => Int32Array.of(random.word(), random.word()), [2], "int32");
  const attributes = [typeAttribute("T", INT32), typeAttribute("Tseed", INT32), typeAttribute("dtype", FLOAT32)]; // T: of the shape
  return native.executeSingleOutput("StatelessRandomUniform", attributes, [tf.tensor1d(shape, "int32"), seed]);
}
