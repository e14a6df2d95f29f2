/** @file From ids to more ids. It knows nothing of text, except `generateText` at the end, which puts a tokenizer around it. */
import { setImmediate as macrotask } from "node:timers/promises";
import { padBatch } from "../data/batch";
import { type GPT, KVCache } from "../model";
import { Random } from "../random";
import { tf } from "../tf";
import { TextStream } from "../tokenizer/stream";
import type { Tokenizer } from "../tokenizer/tokenizer";
import { logProbability, type SamplingOptions, sample } from "./sample";

export { nextTokenProbabilities, type SamplingOptions, sample } from "./sample";

/** One step: a token for each row. */
export interface GenerationStep {
  /** Counts from 0. */
  readonly step: number;
  /** The new token of each row; rows that are done repeat their last. */
  readonly ids: Int32Array;
  /** Its log-probability under the model itself, before temperature and filters. */
  readonly logProbs: Float32Array;
  readonly done: readonly boolean[];
}

/**
 * Continues prompts token by token. It yields every step and returns the new tokens of each row, the end token included. Rows may
 * have different lengths: they are padded on the left. Each row draws from its own generator, so that a row's text does not depend on
 * the rows beside it.
 *
 * @param prompts ids of each row, at least one each
 * @throws RangeError if a prompt is empty, or prompt and new tokens do not fit the model's blockSize
 * @example
 * import { GPT, generate, initBackend, presets, Random } from "gptlab";
 * await initBackend();
 * const model = new GPT({ ...presets.course, nLayer: 1 }, new Random(1));
 * let steps = 0;
 * for await (const { ids } of generate(model, [[1, 2], [3]], { maxNewTokens: 4 })) steps += ids.length;
 * steps; // => 8
 */
export async function* generate(
  model: GPT,
  prompts: readonly ArrayLike<number>[],
  options: SamplingOptions & { readonly signal?: AbortSignal },
): AsyncGenerator<GenerationStep, number[][], undefined> {
  const { maxNewTokens, eosId, seed = 0, useCache = true, signal } = options;
  requireRoom(model, prompts, maxNewTokens);
  const rows = prompts.map((prompt) => Array.from(prompt));
  const randoms = rows.map((_, i) => new Random(seed).fork(`row ${i}`));
  const made: number[][] = rows.map(() => []);
  const done = rows.map(() => false);
  const cache = useCache ? new KVCache() : undefined;
  try {
    for (let step = 0; step < maxNewTokens && !done.every(Boolean) && !signal?.aborted; step++) {
      await macrotask();
      const logits = await nextLogits(model, rows, cache);
      const ids = new Int32Array(rows.length);
      const logProbs = new Float32Array(rows.length);
      for (const [i, row] of rows.entries()) {
        const scores = logits.subarray(i * model.config.vocabSize, (i + 1) * model.config.vocabSize);
        const id = done[i] ? (row.at(-1) as number) : sample(scores, options, randoms[i] as Random, row);
        ids[i] = id;
        row.push(id);
        if (done[i]) continue;
        logProbs[i] = logProbability(scores, id);
        made[i]?.push(id);
        done[i] = id === eosId;
      }
      yield { step, ids, logProbs, done: [...done] };
    }
  } finally {
    cache?.dispose();
  }
  return made;
}

/**
 * Continues a text. `onToken` gets the new text in whole characters, also where a character is spread over several tokens.
 *
 * @returns the new text, without the end token, cut before the first stop string
 * @example
 * import { CharTokenizer, GPT, generateText, initBackend, presets, Random } from "gptlab";
 * await initBackend();
 * const tokenizer = CharTokenizer.train("abc ");
 * const model = new GPT({ ...presets.course, vocabSize: tokenizer.vocabSize, nLayer: 1 }, new Random(1));
 * (await generateText(model, tokenizer, "ab", { maxNewTokens: 5 })).length; // => 5
 */
export async function generateText(
  model: GPT,
  tokenizer: Tokenizer,
  prompt: string,
  options: SamplingOptions & { readonly onToken?: (text: string) => void; readonly signal?: AbortSignal },
): Promise<string> {
  const { stop = [], eosId, onToken } = options;
  const stream = new TextStream(tokenizer);
  const longest = Math.max(0, ...stop.map((text) => text.length));
  let text = "";
  let told = 0;
  const tell = (upTo: number): void => {
    if (upTo > told) onToken?.(text.slice(told, upTo));
    told = Math.max(told, upTo);
  };
  for await (const { ids } of generate(model, [tokenizer.encode(prompt, { allowedSpecial: "all" })], options)) {
    const id = ids[0] as number;
    if (id === eosId) break;
    text += stream.push(id);
    const found = stop.map((s) => text.indexOf(s)).filter((at) => at >= 0);
    if (found.length > 0) {
      text = text.slice(0, Math.min(...found));
      tell(text.length);
      return text;
    }
    tell(text.length - Math.max(0, longest - 1)); // what may be the beginning of a stop string waits
  }
  text += stream.end();
  tell(text.length);
  return text;
}

/** The logits after the last token of each row, one after the other (B · V). */
async function nextLogits(model: GPT, rows: readonly number[][], cache: KVCache | undefined): Promise<Float32Array> {
  const logits = tf.tidy(() => {
    const { ids, attentionMask } = padBatch(rows, { padId: 0, side: "left" });
    const past = cache?.length ?? 0;
    const fresh = ids.map((row) => row.subarray(past)); // with a cache only the newest token
    const T = fresh[0]?.length ?? 0;
    const padded = attentionMask.some((row) => row[0] === 0);
    const hidden = model.hidden(fresh, { ...(cache ? { cache } : {}), ...(padded ? { attentionMask } : {}) });
    return model.logits(hidden.slice([0, T - 1, 0], [rows.length, 1, model.config.nEmbd]));
  });
  try {
    return await logits.data();
  } finally {
    logits.dispose();
  }
}

function requireRoom(model: GPT, prompts: readonly ArrayLike<number>[], maxNewTokens: number): void {
  if (!Number.isInteger(maxNewTokens) || maxNewTokens < 1)
    throw new RangeError(`generate() needs maxNewTokens to be a whole number of at least 1, but found ${maxNewTokens}`);
  const lengths = prompts.map(({ length }) => length);
  if (lengths.length === 0 || Math.min(...lengths) === 0)
    throw new RangeError(
      "generate() needs at least one prompt, and one token in each; begin an empty text with the end-of-text token",
    );
  const longest = Math.max(...lengths);
  if (longest + maxNewTokens > model.config.blockSize) {
    throw new RangeError(
      `generate() needs prompt and new tokens to fit ${model.config.blockSize} tokens, but found ${longest} and ${maxNewTokens}. Shorten one of them`,
    );
  }
}
