/** @file From ids to more ids. It knows nothing of text, except `generateText` at the end, which puts a tokenizer around it. */
import { setImmediate as macrotask } from "node:timers/promises";
import { Interrupted, watchInterrupt } from "../interrupt";
import type { GPT } from "../model";
import { requireTokens } from "../model/gpt";
import { Random } from "../random";
import { TextStream } from "../tokenizer/stream";
import type { Tokenizer } from "../tokenizer/tokenizer";
import { capacityFor, type Decoder, type Scores, scoresWithoutCache } from "./decoder";
import { giveBack, leaseDecoder } from "./pool";
import { requireSettings, type SamplingOptions, sample } from "./sample";

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
 * have different lengths: they are padded on the left. Each row draws from a generator of its own, by the seed and its place in the
 * batch, so that a row's text does not depend on the rows beside it.
 *
 * On TensorFlow the first call for a number of rows and a length records two graphs, which takes about as long as a few forward
 * passes. They are kept with the model: later calls of the same size begin at once, and see the weights as they are then.
 *
 * A small model (the preset `course`) makes tokens faster when `TF_ENABLE_ONEDNN_OPTS=0` is set before TensorFlow starts (about
 * three times, measured once, on two cores); a model of GPT-2's size is then slower.
 *
 * `signal` ends it after the current token: it returns what there is. Ctrl-C or the notebook's interrupt button: {@link Interrupted}.
 *
 * @param prompts ids of each row, at least one each
 * @throws RangeError if a prompt is empty or has a token that the model does not know, or prompt and new tokens do not fit the model's blockSize
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
  const { maxNewTokens, seed = 0, useCache = true, signal, temperature = 1, repetitionPenalty = 1 } = options;
  requireRoom(model, prompts, maxNewTokens);
  requireSettings(options);
  requireTokens(prompts, model.config.vocabSize);
  const rows = prompts.map((prompt) => Array.from(prompt));
  const randoms = rows.map((_, i) => new Random(seed).fork(`row ${i}`));
  const made: number[][] = rows.map(() => []);
  const done = rows.map(() => false);
  const ends = endsOf(options);
  const greedy = temperature === 0 && repetitionPenalty === 1; // then the engine chooses, and the logits stay there
  const scorer = useCache ? new CachedScorer(model, maxNewTokens) : undefined;
  const watch = await watchInterrupt();
  try {
    for (let step = 0; step < maxNewTokens && !done.every(Boolean) && !signal?.aborted; step++) {
      await macrotask();
      if (watch.interrupted)
        throw new Interrupted(`Stopped after ${step} of ${maxNewTokens} new tokens. The model can be used as before.`);
      const scores = await (scorer ? scorer.next(rows, !greedy) : scoresWithoutCache(model, rows, !greedy));
      const ids = new Int32Array(rows.length);
      const logProbs = new Float32Array(rows.length);
      for (const [i, row] of rows.entries()) {
        const last = row.at(-1) as number;
        ids[i] = last;
        if (!done[i]) [ids[i], logProbs[i]] = choose(scores, i, options, randoms[i] as Random, row);
        row.push(ids[i]!);
        if (done[i]) continue;
        made[i]?.push(ids[i]!);
        done[i] = ends.has(ids[i]!);
      }
      yield { step, ids, logProbs, done: [...done] };
    }
  } finally {
    watch.close();
    scorer?.close();
  }
  return made;
}

/** The next token of row i, and its log-probability. */
function choose(
  { best, spread, logits }: Scores,
  i: number,
  options: SamplingOptions,
  random: Random,
  row: readonly number[],
): [id: number, logProb: number] {
  const top = best[i]!;
  if (!logits) return [top, -spread[i]!];
  const vocabulary = logits.length / best.length;
  const own = logits.subarray(i * vocabulary, (i + 1) * vocabulary);
  const id = sample(own, options, random, row);
  return [id, own[id]! - own[top]! - spread[i]!];
}

/** Scores with a cache: the prompts at once, then the newest token of each row. */
class CachedScorer {
  #decoder: Decoder | undefined;

  constructor(
    readonly model: GPT,
    readonly maxNewTokens: number,
  ) {}

  next(rows: readonly number[][], withLogits: boolean): Promise<Scores> {
    const longest = (): number => Math.max(...rows.map(({ length }) => length));
    if (!this.#decoder) {
      this.#decoder = leaseDecoder(this.model, rows.length, capacityFor(this.model, longest(), this.maxNewTokens));
      return this.#decoder.prefill(rows, withLogits);
    }
    if (this.#decoder.full) {
      const { capacity } = this.#decoder;
      const larger = leaseDecoder(this.model, rows.length, 2 * capacity);
      larger.takeOver(this.#decoder);
      giveBack(this.#decoder);
      this.#decoder = larger;
    }
    return this.#decoder.decode(
      Int32Array.from(rows, (row) => row.at(-1) as number),
      withLogits,
    );
  }

  close(): void {
    if (this.#decoder) giveBack(this.#decoder);
    this.#decoder = undefined;
  }
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
  const { stop = [], onToken } = options;
  const ends = endsOf(options);
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
    if (ends.has(id)) break;
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

function endsOf({ eosId }: SamplingOptions): ReadonlySet<number> {
  return new Set(eosId === undefined ? [] : [eosId].flat());
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
