/** @file How likely a model finds each token of given texts. */
import { crossEntropy } from "../ops";
import { type Tensor, type Tensor2D, tf } from "../tf";
import { type ForwardOptions, type GPT, type Ids, toTensor } from "./gpt";

/**
 * The log-probability of every token after those before it: entry (b, t) is log p(ids[b][t + 1] | ids[b][0 … t]).
 *
 * @param ids (B, T)
 * @param options.temperature divides the logits; default 1. It must be that of the sampling whose probabilities are meant
 * @param options.attentionMask (B, T), 0 for padding; entries at padding mean nothing
 * @returns (B, T - 1)
 * @example
 * import { GPT, initBackend, presets, Random, tokenLogProbs } from "gptlab";
 * await initBackend();
 * const model = new GPT({ ...presets.course, nLayer: 1 }, new Random(1));
 * tokenLogProbs(model, [[5, 6, 7]]).shape; // => [1, 2]
 */
export function tokenLogProbs(model: GPT, ids: Ids, options: ForwardOptions & { temperature?: number } = {}): Tensor2D {
  const { temperature = 1, ...forward } = options;
  return tf.tidy(() => {
    const tokens = toTensor(ids);
    const [B, T] = tokens.shape;
    const logits: Tensor = model.forward(tokens, forward).slice([0, 0, 0], [B, T - 1, model.config.vocabSize]); // (B, T-1, V)
    return crossEntropy(logits.div(temperature), tokens.slice([0, 1], [B, T - 1]), {
      reduction: "none",
    }).neg() as Tensor2D;
  });
}
