/** @file How well a model predicts a text: loss, perplexity, bits per byte. The numbers do not depend on how the work is cut into batches. */
import { setImmediate as macrotask } from "node:timers/promises";
import { type Compiled, compile } from "../compile";
import { IGNORE_INDEX } from "../data/batch";
import type { GPT } from "../model";
import { crossEntropy } from "../ops";
import { type Tensor, type Tensor2D, tf } from "../tf";
import type { Tokenizer } from "../tokenizer/tokenizer";

/** The result of an evaluation. */
export interface TextScore {
  /** Tokens that were predicted. */
  readonly tokens: number;
  /** UTF-8 bytes of the text; 0 when only ids were given. */
  readonly bytes: number;
  /** Mean cross-entropy of a token, in nats. */
  readonly loss: number;
  /** e to the loss: as if the model chose among so many tokens. */
  readonly perplexity: number;
  /** Bits for each byte of text: comparable between tokenizers. NaN when only ids were given. */
  readonly bitsPerByte: number;
}

/** How the work is cut. */
export interface ScoreOptions {
  /** Windows in one forward pass; changes speed, not the result. Default 8. */
  readonly batchSize?: number;
  /** Longest context of a prediction; default the model's blockSize. */
  readonly blockSize?: number;
}

/**
 * Scores token ids: windows of `blockSize` one after the other, in which every token but the very first is predicted once.
 *
 * @param ids of the text
 * @throws RangeError if there are fewer than two tokens
 * @example
 * import { GPT, initBackend, presets, Random, scoreIds } from "gptlab";
 * await initBackend();
 * const model = new GPT({ ...presets.course, vocabSize: 50, nLayer: 1 }, new Random(1));
 * const { tokens, perplexity } = await scoreIds(model, [1, 2, 3, 4]);
 * tokens; // => 3
 * perplexity > 45 && perplexity < 55; // => true
 */
export async function scoreIds(model: GPT, ids: ArrayLike<number>, options: ScoreOptions = {}): Promise<TextScore> {
  const { nll, tokens } = await totalLoss(model, ids, options);
  return describe(nll, tokens, 0);
}

/**
 * Scores texts. The first token of each text is not predicted, but its bytes count; begin a text with the end-of-text token to
 * have all of it predicted.
 *
 * @throws RangeError if no text has two tokens
 * @example
 * import { CharTokenizer, GPT, initBackend, presets, Random, scoreText } from "gptlab";
 * await initBackend();
 * const tokenizer = CharTokenizer.train("ab");
 * const model = new GPT({ ...presets.course, vocabSize: tokenizer.vocabSize, nLayer: 1 }, new Random(1));
 * (await scoreText(model, tokenizer, ["abba", "baab"])).bytes; // => 8
 */
export async function scoreText(
  model: GPT,
  tokenizer: Tokenizer,
  texts: Iterable<string>,
  options: ScoreOptions = {},
): Promise<TextScore> {
  const sum = { nll: 0, tokens: 0, bytes: 0 };
  for (const text of texts) {
    const ids = tokenizer.encode(text, { allowedSpecial: "all" });
    sum.bytes += new TextEncoder().encode(text).length;
    if (ids.length < 2) continue;
    const { nll, tokens } = await totalLoss(model, ids, options);
    sum.nll += nll;
    sum.tokens += tokens;
  }
  return describe(sum.nll, sum.tokens, sum.bytes);
}

/**
 * Scores the ids of several texts, each as {@link scoreIds} does.
 *
 * @param domains ids by name, for example of held-out texts of different kinds
 * @throws RangeError if a text has fewer than two tokens
 * @example
 * import { GPT, initBackend, presets, Random, scoreDomains } from "gptlab";
 * await initBackend();
 * const model = new GPT({ ...presets.course, vocabSize: 50, nLayer: 1 }, new Random(1));
 * const scores = await scoreDomains(model, { odd: [1, 3, 5], even: [2, 4, 6, 8] });
 * [scores.odd.tokens, scores.even.tokens]; // => [2, 3]
 */
export async function scoreDomains<Name extends string>(
  model: GPT,
  domains: Readonly<Record<Name, ArrayLike<number>>>,
  options: ScoreOptions = {},
): Promise<Record<Name, TextScore>> {
  const scores: [string, TextScore][] = [];
  for (const [name, ids] of Object.entries<ArrayLike<number>>(domains)) {
    const { nll, tokens } = await totalLoss(model, ids, options);
    scores.push([name, describe(nll, tokens, 0)]);
  }
  return Object.fromEntries(scores) as Record<Name, TextScore>;
}

function describe(nll: number, tokens: number, bytes: number): TextScore {
  if (tokens === 0) throw new RangeError("An evaluation needs at least two tokens, but found none to predict");
  const loss = nll / tokens;
  return { tokens, bytes, loss, perplexity: Math.exp(loss), bitsPerByte: bytes ? nll / Math.LN2 / bytes : Number.NaN };
}

type Losses = Compiled<{ inputs: Tensor2D; targets: Tensor2D }, Tensor>;

const LOSSES = Symbol("the compiled losses");

/** The loss of each token: inputs and targets (B, T) -> (B, T). Kept: an evaluation in the midst of training records nothing after the first. */
function lossesOf(model: GPT): Losses {
  const losses = ({ inputs, targets }: { inputs: Tensor2D; targets: Tensor2D }): Tensor =>
    crossEntropy(model.forward(inputs), targets, { reduction: "none" });
  return model.keep(LOSSES, () => compile(losses));
}

/** The summed loss over all windows, added up in double precision. */
async function totalLoss(
  model: GPT,
  ids: ArrayLike<number>,
  options: ScoreOptions,
): Promise<{ nll: number; tokens: number }> {
  const { batchSize = 8, blockSize = model.config.blockSize } = options;
  const all = Int32Array.from(ids);
  const windows = Math.ceil((all.length - 1) / blockSize);
  if (!(windows > 0)) return { nll: 0, tokens: 0 };
  const width = Math.min(blockSize, all.length - 1);
  const losses = lossesOf(model);
  let nll = 0;
  for (let first = 0; first < windows; first += batchSize) {
    await macrotask(); // others run in between
    const rows = Math.min(batchSize, windows - first);
    const inputs = new Int32Array(rows * width);
    const targets = new Int32Array(rows * width).fill(IGNORE_INDEX);
    for (let row = 0; row < rows; row++) {
      const start = (first + row) * blockSize;
      inputs.set(all.subarray(start, Math.min(start + width, all.length - 1)), row * width);
      targets.set(all.subarray(start + 1, Math.min(start + width, all.length - 1) + 1), row * width);
    }
    const feeds = {
      inputs: tf.tensor2d(inputs, [rows, width], "int32"),
      targets: tf.tensor2d(targets, [rows, width], "int32"),
    };
    const output = losses(feeds);
    for (const value of await output.data()) nll += value;
    tf.dispose([feeds.inputs, feeds.targets, output]);
  }
  return { nll, tokens: all.length - 1 };
}
