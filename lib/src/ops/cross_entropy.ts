/** @file The loss of a language model: how surprised it is by the token that came. */
import { type SaveFunction, type Tensor, type Tensor1D, type Tensor2D, tf } from "../tf";
import { softmaxCrossEntropy, subtractAt } from "./kernels";
import { rowsOf } from "./linear";

/** How the losses of the rows are put together. */
export type Reduction = "mean" | "sum" | "none";

const lossOfRows = (targets: Tensor1D, weights: Tensor1D) =>
  tf.customGrad((logits: Tensor2D, save: SaveFunction) => {
    const [loss, probabilities] = softmaxCrossEntropy(logits, targets);
    save([probabilities, weights, targets]);
    return {
      value: loss.mul(weights) as Tensor1D,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [p, w, columns] = saved as [Tensor2D, Tensor1D, Tensor1D];
        const scale: Tensor1D = dy.mul(w); // (softmax - one-hot) times the weight of each row
        return subtractAt(p.mul(scale.expandDims(1)), columns, scale);
      },
    };
  });

/**
 * Cross-entropy between logits and target ids: `-log softmax(logits)[target]`, for each row or reduced.
 * With every target ignored the mean is 0, not NaN.
 * Source: `torch.nn.functional.cross_entropy`.
 *
 * @param logits (…, V)
 * @param targets (…), int32 ids or `ignoreIndex`
 * @param options.ignoreIndex targets of this value count for nothing; default -100
 * @param options.reduction "mean" over the targets that count (default), "sum", or "none": one loss a row, 0 where ignored
 * @returns a scalar, or (…) with "none"
 * @throws RangeError if there is not one target for each row
 * @example
 * import { crossEntropy, initBackend, tf } from "gptlab";
 * await initBackend();
 * const logits = tf.tensor2d([[2, 0], [0, 2], [5, 5]]);
 * crossEntropy(logits, [0, 1, -100]).dataSync()[0].toFixed(4); // => "0.1269"
 */
export function crossEntropy(
  logits: Tensor,
  targets: Tensor | ArrayLike<number>,
  options: { ignoreIndex?: number; reduction?: Reduction } = {},
): Tensor {
  const { ignoreIndex = -100, reduction = "mean" } = options;
  const shape = logits.shape.slice(0, -1);
  const ids: Tensor1D = isTensor(targets) ? targets.flatten() : tf.tensor1d(Int32Array.from(targets), "int32");
  const rows = rowsOf(logits);
  if (ids.size !== rows.shape[0])
    throw new RangeError(
      `crossEntropy() needs ${rows.shape[0]} targets for logits of shape [${logits.shape.join(", ")}], but found ${ids.size}`,
    );
  const counts = ids.notEqual(ignoreIndex); // (N) bool
  const weights: Tensor1D = counts.toFloat();
  const safe: Tensor1D = ids.mul(counts.toInt()); // an ignored target becomes id 0 with weight 0
  const losses = lossOfRows(safe, weights)(rows);
  switch (reduction) {
    case "none":
      return losses.reshape(shape);
    case "sum":
      return losses.sum();
    case "mean":
      return losses.sum().div(weights.sum().maximum(1));
    default:
      return reduction satisfies never;
  }
}

function isTensor(value: Tensor | ArrayLike<number>): value is Tensor {
  return "dataSync" in value;
}
