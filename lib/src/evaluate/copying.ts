/** @file Whether a model copies from its context: spans repeated in one window, and the share of the second copy that it predicts first. */
import { setImmediate as macrotask } from "node:timers/promises";
import { compile } from "../compile";
import type { GPT } from "../model";
import type { Random } from "../random";
import { type Tensor2D, tf } from "../tf";

/** What `copyAccuracy` found. */
export interface CopyScore {
  /** Share of the tokens of the second copies whose most likely prediction is right. The first of them is not excepted. */
  readonly accuracy: number;
  /** The same share in the first copies: what the model predicts without copying. */
  readonly withoutCopy: number;
  /** Tokens in the second copies. */
  readonly tokens: number;
}

/**
 * Spans at random places of a text. (count spans of `length` ids)
 *
 * @throws RangeError if the text is shorter than a span
 * @example
 * import { Random, randomSpans } from "gptlab";
 * randomSpans([1, 2, 3], { count: 2, length: 3, random: new Random(1) }); // => [[1, 2, 3], [1, 2, 3]]
 */
export function randomSpans(
  ids: ArrayLike<number>,
  { count, length, random }: { count: number; length: number; random: Random },
): number[][] {
  if (ids.length < length)
    throw new RangeError(`randomSpans() needs ${length} ids for a span, but the text has ${ids.length}`);
  return Array.from({ length: count }, () => {
    const start = random.integer(ids.length - length + 1);
    return Array.from({ length }, (_, i) => ids[start + i]!);
  });
}

/**
 * Reads each span twice in a row, after `startId`, and counts how often the most likely next token is the right one. A model
 * with induction heads continues the second copy from the first (Olsson et al., 2022, arXiv 2209.11895).
 *
 * @param spans of one length L, 1 + 2 L - 1 ≤ blockSize
 * @throws RangeError if there is no span, they differ in length, or do not fit the model
 * @example
 * import { copyAccuracy, GPT, initBackend, presets, Random } from "gptlab";
 * await initBackend();
 * const model = new GPT({ ...presets.course, vocabSize: 50, nLayer: 1 }, new Random(1));
 * (await copyAccuracy(model, [[1, 2, 3, 4]], { startId: 0 })).tokens; // => 4
 */
export async function copyAccuracy(
  model: GPT,
  spans: readonly ArrayLike<number>[],
  { startId, batchSize = 8 }: { startId: number; batchSize?: number },
): Promise<CopyScore> {
  const L = spans[0]?.length ?? 0;
  const odd = spans.findIndex(({ length }) => length !== L);
  if (L === 0 || odd >= 0)
    throw new RangeError(
      `copyAccuracy() needs spans of one length, at least 1, but span ${Math.max(odd, 0)} has ${spans[Math.max(odd, 0)]?.length ?? 0} ids and span 0 has ${L}`,
    );
  const guess = compile(({ inputs }: { inputs: Tensor2D }) => model.forward(inputs).argMax(-1)); // (B, 2L)
  let [first, second] = [0, 0];
  try {
    for (let start = 0; start < spans.length; start += batchSize) {
      await macrotask(); // others run in between
      const rows = spans
        .slice(start, start + batchSize)
        .map((span) => [startId, ...Array.from(span), ...Array.from(span)]);
      const inputs = tf.tensor2d(
        rows.map((row) => row.slice(0, -1)),
        [rows.length, 2 * L],
        "int32",
      );
      const output = guess({ inputs });
      const guesses = await output.data();
      tf.dispose([inputs, output]);
      for (const [i, row] of rows.entries())
        for (let t = 0; t < 2 * L; t++) if (guesses[i * 2 * L + t] === row[t + 1]) t < L ? first++ : second++;
    }
  } finally {
    guess.dispose();
  }
  const tokens = spans.length * L;
  return { accuracy: second / tokens, withoutCopy: first / tokens, tokens };
}
