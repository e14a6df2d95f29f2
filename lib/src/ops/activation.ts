/** @file The non-linear functions of the feed-forward layers. */
import { type SaveFunction, type Tensor, tf } from "../tf";
import { sigmoidGrad } from "./kernels";

const SLOPE = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715 * SLOPE;

// The tanh form, written with a sigmoid: (1 + tanh(z / 2)) / 2 is sigmoid(z). Equal, in fewer operations.
const geluOperation = tf.customGrad((x: Tensor, save: SaveFunction) => {
  const squared = x.square();
  const gate = x.mul(squared.mul(CUBIC).add(SLOPE)).sigmoid();
  save([x, squared, gate]);
  return {
    value: x.mul(gate),
    gradFunc: (dy: Tensor, saved: Tensor[]) => {
      const [u, u2, g] = saved as [Tensor, Tensor, Tensor];
      const inner = u.mul(u2.mul(3 * CUBIC).add(SLOPE)); // u times the derivative of the sigmoid's argument
      return dy.mul(g.add(sigmoidGrad(g, inner)));
    },
  };
});

const swigluOperation = tf.customGrad((gate: Tensor, up: Tensor, save: SaveFunction) => {
  const sigmoid = gate.sigmoid();
  save([gate, up, sigmoid]);
  return {
    value: gate.mul(sigmoid).mul(up),
    gradFunc: (dy: Tensor, saved: Tensor[]) => {
      const [g, u, s] = saved as [Tensor, Tensor, Tensor];
      return [dy.mul(u).mul(s.add(sigmoidGrad(s, g))), dy.mul(g).mul(s)];
    },
  };
});

/**
 * GPT-2's Gaussian error linear unit, in its tanh form: `x/2 · (1 + tanh(sqrt(2/π) · (x + 0.044715 x³)))`. Published GPT-2 weights
 * need this form; the exact one with erf differs by up to 5e-4.
 * Source: Hendrycks and Gimpel (2016), arXiv 1606.08415; `torch.nn.functional.gelu(approximate="tanh")`.
 *
 * @param x any shape
 * @returns same shape
 * @example
 * import { gelu, initBackend, tf } from "gptlab";
 * await initBackend();
 * Array.from(gelu(tf.tensor1d([-1, 0, 2])).dataSync(), (v) => v.toFixed(4)); // => ["-0.1588", "0.0000", "1.9546"]
 */
export function gelu(x: Tensor): Tensor {
  return geluOperation(x);
}

/**
 * The gated unit of the Llama family: `silu(gate) · up`, where `silu(z) = z · sigmoid(z)`.
 * Source: Shazeer (2020), arXiv 2002.05202.
 *
 * @param gate any shape
 * @param up same shape
 * @returns same shape
 * @example
 * import { initBackend, swiglu, tf } from "gptlab";
 * await initBackend();
 * swiglu(tf.tensor1d([1]), tf.tensor1d([2])).dataSync()[0].toFixed(4); // => "1.4621"
 */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  return swigluOperation(gate, up);
}
