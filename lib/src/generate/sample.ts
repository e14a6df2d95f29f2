/** @file From logits to one token: penalty, temperature, the filters in Hugging Face's order, the draw. No model and no tensors. */
import type { Random } from "../random";

/** How tokens are chosen. */
export interface SamplingOptions {
  readonly maxNewTokens: number;
  /** Divides the logits; 0 takes the most likely token always. Default 1. */
  readonly temperature?: number;
  /** Keeps the k most likely; equal ones at the edge all stay. Default: all. */
  readonly topK?: number;
  /** Keeps the fewest that together have at least this probability. Default 1: all. */
  readonly topP?: number;
  /** Keeps those with at least this share of the most likely one's probability. Default 0: all. */
  readonly minP?: number;
  /** Above 1 makes tokens that are already there less likely. Default 1. */
  readonly repetitionPenalty?: number;
  /** A row ends after one of these texts; it needs a tokenizer, so only `generateText` reads it. */
  readonly stop?: readonly string[];
  /** A row ends with this token, or one of these: a loaded tokenizer's `eosIds`. */
  readonly eosId?: number | readonly number[] | undefined;
  /** Default 0. */
  readonly seed?: number;
  /** Keeps keys and values of the text so far; default true. Without it every token costs the whole text again. */
  readonly useCache?: boolean;
}

/**
 * The probabilities that the next token is drawn from: logits, then repetition penalty, temperature, top-k, top-p and min-p, each
 * on what the one before left.
 * Source: the logits processors of Hugging Face transformers, in their order.
 *
 * @param logits (V)
 * @param context ids so far; the penalty is for these
 * @returns probabilities (V) in double precision, 0 where filtered out
 * @throws RangeError for settings outside their range
 * @example
 * import { nextTokenProbabilities } from "gptlab";
 * Array.from(nextTokenProbabilities([2, 1, 0], { topK: 2 }), (p) => p.toFixed(3)); // => ["0.731", "0.269", "0.000"]
 */
export function nextTokenProbabilities(
  logits: ArrayLike<number>,
  options: Partial<SamplingOptions>,
  context: ArrayLike<number> = [],
): Float64Array {
  const { temperature = 1, topK, topP = 1, minP = 0, repetitionPenalty = 1 } = options;
  requireSettings(options);
  const scores = new Float64Array(logits);
  if (repetitionPenalty !== 1) {
    for (const id of new Set(Array.from(context))) {
      const score = scores[id];
      if (score !== undefined) scores[id] = score < 0 ? score * repetitionPenalty : score / repetitionPenalty;
    }
  }
  if (temperature === 0) return onlyBest(scores);
  for (let i = 0; i < scores.length; i++) scores[i]! /= temperature;
  if (topK !== undefined && topK < scores.length) keepTopK(scores, topK);
  if (topP < 1) keepTopP(scores, topP);
  if (minP > 0) keepMinP(scores, minP);
  return softmax(scores);
}

/**
 * Draws the next token. With temperature 0 it is the most likely one.
 *
 * @param random draws one number; a generator for each row keeps rows independent of the batch
 * @example
 * import { Random, sample } from "gptlab";
 * sample([0, 5, 0], { temperature: 0 }, new Random(1)); // => 1
 */
export function sample(
  logits: ArrayLike<number>,
  options: Partial<SamplingOptions>,
  random: Random,
  context: ArrayLike<number> = [],
): number {
  const probabilities = nextTokenProbabilities(logits, options, context);
  let rest = random.uniform53();
  let last = 0;
  for (let id = 0; id < probabilities.length; id++) {
    const p = probabilities[id]!;
    if (p === 0) continue;
    last = id;
    rest -= p;
    if (rest < 0) return id;
  }
  return last; // rounding: the probabilities sum to a hair less than 1
}

function keepTopK(scores: Float64Array, k: number): void {
  const edge = largestOf(scores, k);
  for (let i = 0; i < scores.length; i++) if (scores[i]! < edge) scores[i] = Number.NEGATIVE_INFINITY;
}

/** The k-th largest value. For a small k one pass is enough: sorting a whole vocabulary can cost as much as a small model's step. */
function largestOf(scores: Float64Array, k: number): number {
  if (k > 256) return Float64Array.from(scores).sort()[scores.length - k]!;
  const top = new Float64Array(k).fill(Number.NEGATIVE_INFINITY); // ascending
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (!(score > top[0]!)) continue;
    let at = 1;
    for (; at < k && top[at]! < score; at++) top[at - 1] = top[at]!;
    top[at - 1] = score;
  }
  return top[0]!;
}

/** Removes the least likely as long as they have at most 1 - topP together; of equal ones those with the lower numbers go first. */
function keepTopP(scores: Float64Array, topP: number): void {
  const probabilities = softmax(scores);
  const surely = (1 - topP) / probabilities.length; // all below it together have less than 1 - topP: they need no order
  let cumulative = 0;
  for (const p of probabilities) if (p < surely) cumulative += p;
  const ascending = probabilities.filter((p) => p >= surely).sort(); // values alone: to sort their numbers takes much longer
  let removed = 0;
  while (removed < ascending.length - 1) {
    cumulative += ascending[removed]!;
    if (cumulative > 1 - topP) break;
    removed++;
  }
  const edge = ascending[removed]!;
  let equal = removed; // of those with the edge's probability so many go
  while (equal > 0 && ascending[equal - 1] === edge) equal--;
  let rest = removed - equal;
  for (let i = 0; i < scores.length; i++) {
    if (probabilities[i]! < edge || (probabilities[i] === edge && rest-- > 0)) scores[i] = Number.NEGATIVE_INFINITY;
  }
}

function keepMinP(scores: Float64Array, minP: number): void {
  const edge = largest(scores) + Math.log(minP);
  for (let i = 0; i < scores.length; i++) if (scores[i]! < edge) scores[i] = Number.NEGATIVE_INFINITY;
}

function onlyBest(scores: Float64Array): Float64Array {
  const best = scores.indexOf(largest(scores));
  const probabilities = new Float64Array(scores.length);
  probabilities[best] = 1;
  return probabilities;
}

function softmax(scores: Float64Array): Float64Array {
  const top = largest(scores);
  const exponentials = scores.map((score) => Math.exp(score - top));
  let sum = 0;
  for (const value of exponentials) sum += value;
  return exponentials.map((value) => value / sum);
}

function largest(values: ArrayLike<number>): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) top = Math.max(top, values[i]!);
  return top;
}

/** RangeError for a setting outside its range. */
export function requireSettings({
  temperature = 1,
  topK = 1,
  topP = 1,
  minP = 0,
  repetitionPenalty = 1,
}: Partial<SamplingOptions>): void {
  const wrong = (name: string, value: number, expected: string): never => {
    throw new RangeError(`Sampling needs ${name} ${expected}, but found ${value}`);
  };
  if (!(temperature >= 0)) wrong("a temperature", temperature, "of at least 0");
  if (!Number.isInteger(topK) || topK < 1) wrong("topK", topK, "to be a whole number of at least 1");
  if (!(topP > 0 && topP <= 1)) wrong("topP", topP, "above 0 and at most 1");
  if (!(minP >= 0 && minP <= 1)) wrong("minP", minP, "from 0 to 1");
  if (!(repetitionPenalty > 0)) wrong("a repetitionPenalty", repetitionPenalty, "above 0");
}
