/** @file The numbers of a continued pretraining: what is new, how much old text is read again, how fast. Nothing runs here. */

/** A whole continued training in numbers. */
export interface ContinuePlan {
  /** The model it begins with: its name, and the SHA-256 of its weights. */
  readonly base: { readonly name: string; readonly sha256: string };
  /** Name of the new domain. */
  readonly domain: string;
  /** Tokens of the new domain to read; replay comes on top. */
  readonly tokens: number;
  /** Share of the windows that are old text: at least 0, less than 1. */
  readonly replay: number;
  /** Weights of the old domains in the replay, by name. */
  readonly shares: Readonly<Record<string, number>>;
  readonly seed: number;
  /** Windows in an update. */
  readonly batchSize: number;
  /** Rate at the end of the training before, the highest and the last one of this training. */
  readonly lastLr: number;
  readonly maxLr: number;
  readonly minLr: number;
  /** Share of the updates in which the rate rises. */
  readonly warmupShare: number;
  readonly betas: readonly [number, number];
  readonly weightDecay: number;
  readonly maxGradNorm: number;
  readonly evaluateEvery: number;
  readonly checkpointEvery: number;
  /** Windows of each domain in an evaluation during the run. */
  readonly evaluationWindows: number;
}

/**
 * What `gptlab continue` does unless it is told otherwise. `tokens` is about a quarter of the JSDoc prose; the old domains have the
 * proportions that they had in the training of `course-base`. Its rate ended at 0; a quarter of its highest is
 * enough for a smaller text, and with a half replay left more than a third of the forgetting (measured: see CHANGELOG.md).
 */
export const continuePlan: Omit<ContinuePlan, "base"> = {
  domain: "jsdoc",
  tokens: 215_040,
  replay: 0.3,
  shares: { sotu: 0.42, wordnet: 0.32, "moby-dick": 0.08, chatterbot: 0.03 },
  seed: 1,
  batchSize: 8,
  lastLr: 0,
  maxLr: 5e-4,
  minLr: 5e-5,
  warmupShare: 0.1,
  betas: [0.9, 0.95],
  weightDecay: 0.1,
  maxGradNorm: 1,
  evaluateEvery: 20,
  checkpointEvery: 20,
  evaluationWindows: 24,
};

/**
 * The updates in which `tokens` of a new domain are read when a share of the windows is old text. With 30 % replay they are 43 %
 * more than without: this is what replay costs.
 *
 * @throws RangeError if a number is out of its range
 * @example
 * import { continuationSteps } from "gptlab";
 * const size = { batchSize: 8, blockSize: 256 };
 * continuationSteps({ tokens: 143_360, replay: 0, ...size }); // => 70
 * continuationSteps({ tokens: 143_360, replay: 0.3, ...size }); // => 100
 */
export function continuationSteps(options: {
  tokens: number;
  replay: number;
  batchSize: number;
  blockSize: number;
}): number {
  const { tokens, replay, batchSize, blockSize } = options;
  if (!(tokens > 0 && Number.isFinite(tokens)))
    throw new RangeError(`A continued training needs tokens above 0, but found ${tokens}`);
  if (!(replay >= 0 && replay < 1))
    throw new RangeError(
      `The share of old text must be at least 0 and less than 1, but found ${replay}. 0.3 means three windows in ten`,
    );
  return Math.ceil(tokens / ((1 - replay) * batchSize * blockSize) - 1e-9); // 0.7 is not exact
}
