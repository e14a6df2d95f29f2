/** @file The affine map of a layer. Weights are kept as (in, out), as GPT-2's are; PyTorch's Linear keeps the transpose. */
import { type SaveFunction, type Tensor, type Tensor1D, type Tensor2D, tf, type Variable } from "../tf";
import { addBias, product, sumRows } from "./kernels";

/** (…, C) -> (N, C) */
export function rowsOf(x: Tensor): Tensor2D {
  return x.reshape([-1, x.shape.at(-1)!]);
}

const withoutBias = tf.customGrad((x: Tensor, weight: Tensor2D, save: SaveFunction) => {
  save([x, weight]);
  return {
    value: product(rowsOf(x), weight).reshape([...x.shape.slice(0, -1), weight.shape[1]!]),
    gradFunc: (dy: Tensor, saved: Tensor[]) => {
      const [input, w] = saved as [Tensor, Tensor2D];
      const dRows = rowsOf(dy);
      return [product(dRows, w, false, true).reshape(input.shape), product(rowsOf(input), dRows, true)];
    },
  };
});

const withBias = tf.customGrad((x: Tensor, weight: Tensor2D, bias: Tensor1D, save: SaveFunction) => {
  save([x, weight]);
  return {
    value: addBias(product(rowsOf(x), weight), bias).reshape([...x.shape.slice(0, -1), weight.shape[1]!]),
    gradFunc: (dy: Tensor, saved: Tensor[]) => {
      const [input, w] = saved as [Tensor, Tensor2D];
      const dRows = rowsOf(dy);
      return [product(dRows, w, false, true).reshape(input.shape), product(rowsOf(input), dRows, true), sumRows(dRows)];
    },
  };
});

/** Whether a tensor is a parameter that is not trained, so that nobody asks for its gradient. */
const isFrozen = (x: Tensor): boolean => (x as Partial<Variable>).trainable === false;

/** With a frozen weight. Without capture its gradient would be computed for nothing, and be in memory for each layer. */
const frozen = (x: Tensor, weight: Tensor2D, transposeWeight: boolean, bias?: Tensor1D): Tensor =>
  tf.customGrad((input: Tensor) => {
    const y = product(rowsOf(input), weight, false, transposeWeight);
    return {
      value: (bias ? addBias(y, bias) : y).reshape([...input.shape.slice(0, -1), y.shape[1]]),
      gradFunc: (dy: Tensor) => product(rowsOf(dy), weight, false, !transposeWeight).reshape(input.shape),
    };
  })(x);

/**
 * `x · weight + bias` along the last axis. A weight that is a frozen variable (`trainable` false) gets no gradient, unless its bias has one.
 *
 * @param x (…, in)
 * @param weight (in, out): the transpose of `torch.nn.Linear.weight`
 * @param bias (out)
 * @returns (…, out)
 * @throws RangeError if the last axis of x is not the first of weight
 * @example
 * import { initBackend, linear, tf } from "gptlab";
 * await initBackend();
 * linear(tf.tensor2d([[1, 2]]), tf.tensor2d([[1, 0], [0, 1]]), tf.tensor1d([10, 20])).arraySync(); // => [[11, 22]]
 */
export function linear(x: Tensor, weight: Tensor2D, bias?: Tensor1D): Tensor {
  if (x.shape.at(-1) !== weight.shape[0]) {
    throw new RangeError(
      `linear() needs a weight of ${x.shape.at(-1)} rows for x of shape [${x.shape.join(", ")}], but found [${weight.shape.join(", ")}]`,
    );
  }
  if (isFrozen(weight) && (!bias || isFrozen(bias))) return frozen(x, weight, false, bias);
  return bias ? withBias(x, weight, bias) : withoutBias(x, weight);
}

const transposed = tf.customGrad((x: Tensor, weight: Tensor2D, save: SaveFunction) => {
  save([x, weight]);
  return {
    value: product(rowsOf(x), weight, false, true).reshape([...x.shape.slice(0, -1), weight.shape[0]!]),
    gradFunc: (dy: Tensor, saved: Tensor[]) => {
      const [input, w] = saved as [Tensor, Tensor2D];
      const dRows = rowsOf(dy);
      return [product(dRows, w).reshape(input.shape), product(dRows, rowsOf(input), true)];
    },
  };
});

/**
 * `x · weightᵀ` along the last axis: a language model's output layer that shares the table of its input embedding. A frozen weight gets no
 * gradient.
 *
 * @param x (…, in)
 * @param weight (out, in)
 * @returns (…, out)
 * @throws RangeError if the last axes differ
 * @example
 * import { initBackend, linearTransposed, tf } from "gptlab";
 * await initBackend();
 * linearTransposed(tf.tensor2d([[1, 2]]), tf.tensor2d([[1, 0], [0, 1], [1, 1]])).arraySync(); // => [[1, 2, 3]]
 */
export function linearTransposed(x: Tensor, weight: Tensor2D): Tensor {
  if (x.shape.at(-1) !== weight.shape[1]) {
    throw new RangeError(
      `linearTransposed() needs a weight of ${x.shape.at(-1)} columns for x of shape [${x.shape.join(", ")}], but found [${weight.shape.join(", ")}]`,
    );
  }
  return isFrozen(weight) ? frozen(x, weight, true) : transposed(x, weight);
}
