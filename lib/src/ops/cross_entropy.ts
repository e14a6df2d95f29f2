/** @file The loss of a language model: how surprised it is by the token that came. */
import { type SaveFunction, type Tensor, type Tensor1D, type Tensor2D, tf } from "../tf";
import { softmaxCrossEntropy, subtractAt } from "./kernels";
import { rowsOf } from "./linear";

/** How the losses of the rows are put together. */
export type Reduction = "mean" | "sum" | "none";

const lossOfRows = (targets: Tensor1D, counts: Tensor1D) =>
  tf.customGrad((logits: Tensor2D, save: SaveFunction) => {
    const [loss, probabilities] = softmaxCrossEntropy(logits, targets);
    save([probabilities, counts.toFloat(), targets]);
    return {
      value: tf.where(counts, loss, tf.zerosLike(loss)) as Tensor1D, // no product: 0 times infinity is not 0
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [p, w, columns] = saved as [Tensor2D, Tensor1D, Tensor1D];
        const scale: Tensor1D = dy.mul(w); // (softmax - one-hot) times the weight of each row
        return subtractAt(p.mul(scale.expandDims(1)), columns, scale);
      },
    };
  });

/**
 * Cross-entropy between logits and target ids: `-log softmax(logits)[target]`, for each row or reduced.
 * With every target ignored the mean is 0, not NaN. A logit may be -∞, for a token that cannot come.
 * Source: `torch.nn.functional.cross_entropy`.
 *
 * @param logits (…, V)
 * @param targets (…), int32 ids or `ignoreIndex`
 * @param options.ignoreIndex targets of this value count for nothing; default -100
 * @param options.reduction "mean" over the targets that count (default), "sum", or "none": one loss a row, 0 where ignored
 * @returns a scalar, or (…) with "none"
 * @throws RangeError if there is not one target for each row, or a target is no token and not `ignoreIndex`. In a tensor such a
 * target is an error too (on tensorflow the engine's own), but a GPU does not see it
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
  requireTokens(isTensor(targets) ? readable(ids) : targets, rows.shape[1]!, ignoreIndex);
  const counts: Tensor1D = ids.notEqual(ignoreIndex); // (N) bool
  const safe: Tensor1D = ids.mul(counts.toInt()); // an ignored target becomes id 0, which counts for nothing
  const losses = lossOfRows(safe, counts)(rows);
  switch (reduction) {
    case "none":
      return losses.reshape(shape);
    case "sum":
      return losses.sum();
    case "mean":
      return losses.sum().div(counts.toFloat().sum().maximum(1));
    default:
      return reduction satisfies never;
  }
}

/** The values of a tensor where they are at hand; other engines would have to wait for them. */
function readable(ids: Tensor): ArrayLike<number> {
  return ["wasm", "cpu"].includes(tf.getBackend()) ? ids.dataSync<"int32">() : [];
}

function requireTokens(targets: ArrayLike<number>, vocabSize: number, ignoreIndex: number): void {
  for (let i = 0; i < targets.length; i++) {
    const target = targets[i]!;
    if ((target >= 0 && target < vocabSize) || target === ignoreIndex) continue;
    throw new RangeError(
      `crossEntropy() needs targets from 0 to ${vocabSize - 1}, or ${ignoreIndex} for those that do not count, but found ${target} at place ${i}. Encode the text with the model's own tokenizer`,
    );
  }
}

function isTensor(value: Tensor | ArrayLike<number>): value is Tensor {
  return "dataSync" in value;
}
