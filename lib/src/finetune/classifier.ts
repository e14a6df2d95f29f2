/** @file A model that tells classes of texts apart: the decoder without its output layer, and a linear head on what it makes of a text. */
import type { ForwardOptions, GPT, Ids } from "../model";
import { toTensor } from "../model/gpt";
import { Linear, Module } from "../nn";
import { embedding } from "../ops";
import type { Random } from "../random";
import { type Tensor1D, type Tensor2D, type Tensor3D, tf } from "../tf";

/** Which of a text's hidden states stands for it: the one at its last token, at the last position (padding or not), or the mean of its tokens'. */
export type Pooling = "lastRealToken" | "lastPosition" | "mean";

/**
 * One vector for each text of a padded batch. Only the last token of a decoder has read all the others.
 *
 * @param hidden (B, T, C)
 * @param attentionMask (B, T): 1 for real tokens, 0 for padding of either side, at least one real in each row; none: all are real
 * @returns (B, C)
 * @example
 * import { initBackend, poolHidden, tf } from "gptlab";
 * await initBackend();
 * const hidden = tf.tensor3d([[[1], [2], [9]]]);
 * const mask = tf.tensor2d([[1, 1, 0]], [1, 3], "int32");
 * poolHidden(hidden, mask, "lastRealToken").arraySync(); // => [[2]]
 */
export function poolHidden(hidden: Tensor3D, attentionMask: Tensor2D | undefined, pooling: Pooling): Tensor2D {
  return tf.tidy(() => {
    const [B, T, C] = hidden.shape;
    const real = (attentionMask ?? tf.ones([B, T])).toFloat();
    if (pooling === "mean") return hidden.mul(real.expandDims(2)).sum(1).div(real.sum(1, true).maximum(1)) as Tensor2D;
    const last = pooling === "lastRealToken" ? real.mul(tf.range(1, T + 1)).argMax(1) : tf.fill([B], T - 1, "int32");
    const places = tf.range(0, B * T, T, "int32").add(last) as Tensor1D;
    return embedding(hidden.reshape([B * T, C]) as Tensor2D, places) as Tensor2D;
  });
}

/** How a classifier is made. */
export interface ClassifierOptions {
  /** Their names, in the order of the scores. */
  readonly classes: readonly string[];
  /** For the first weights of the head. */
  readonly random: Random;
  /** Default "lastRealToken". */
  readonly pool?: Pooling;
}

/**
 * A decoder with a linear head of one score for each class: `head · pool(hidden) + bias`, as transformers' GPT2ForSequenceClassification,
 * whose head has no bias. The backbone belongs to it from now on, and ends with it; freeze what shall not be trained.
 *
 * @example
 * import { Classifier, GPT, initBackend, presets, Random } from "gptlab";
 * await initBackend();
 * const random = new Random(1);
 * const model = new Classifier(new GPT({ ...presets.course, nLayer: 1 }, random), { classes: ["ham", "spam"], random });
 * model.backbone.freeze();
 * model.forward([[1, 2, 3], [4, 5, 6]]).shape; // => [2, 2]
 * model.parameterCount({ trainable: true }); // => 386
 */
export class Classifier extends Module {
  readonly classes: readonly string[];
  readonly pool: Pooling;
  readonly backbone: GPT;
  readonly head: Linear;

  constructor(backbone: GPT, { classes, random, pool = "lastRealToken" }: ClassifierOptions) {
    super();
    if (classes.length < 2 || new Set(classes).size < classes.length)
      throw new RangeError(`A Classifier needs two or more different classes, but found [${classes.join(", ")}]`);
    if (!["lastRealToken", "lastPosition", "mean"].includes(pool))
      throw new RangeError(
        `A Classifier pools by "lastRealToken", "lastPosition" or "mean", but found ${JSON.stringify(pool)}`,
      );
    this.classes = [...classes];
    this.pool = pool;
    this.backbone = this.part("backbone", backbone);
    this.head = this.part("head", new Linear(backbone.config.nEmbd, classes.length, { random }));
  }

  /** The scores of each text before softmax: (B, T) -> (B, classes). Texts of different lengths need an attentionMask. */
  forward(ids: Ids, options: Pick<ForwardOptions, "attentionMask" | "training" | "random"> = {}): Tensor2D {
    return tf.tidy(() => {
      const mask = options.attentionMask && toTensor(options.attentionMask);
      const hidden = this.backbone.hidden(ids, { ...options, ...(mask ? { attentionMask: mask } : {}) });
      return this.head.forward(poolHidden(hidden, mask, this.pool)) as Tensor2D;
    });
  }

  override dispose(): void {
    this.backbone.dispose();
    this.head.dispose();
  }
}
