/** @file The numbers of the base model's training: what, how long, how fast. Nothing runs here. */
import { type GPTConfig, presets } from "../model";

/** A whole training run in numbers. */
export interface PretrainPlan {
  /** Its vocabSize is also the tokenizer's. */
  readonly model: GPTConfig;
  readonly seed: number;
  /** Rows of `blockSize` tokens in an update. */
  readonly batchSize: number;
  /** Updates in all. */
  readonly steps: number;
  readonly warmupSteps: number;
  /** At the end of the run the learning rate falls in a straight line to 0, over this share of all steps. */
  readonly decayShare: number;
  readonly maxLr: number;
  readonly betas: readonly [number, number];
  readonly weightDecay: number;
  readonly maxGradNorm: number;
  /** What is read when; each stage lasts until the next one. */
  readonly stages: readonly {
    /** Its first update, from 0. */
    readonly from: number;
    /** Share of the tokens of each domain by name; "copying" is made from the training text of the others. */
    readonly shares: Readonly<Record<string, number>>;
  }[];
  readonly evaluateEvery: number;
  readonly checkpointEvery: number;
  /** Windows of each domain in an evaluation during the run. */
  readonly evaluationWindows: number;
}

/** The ids from 0 on, in this order. The last four are spare: no model has learnt them, and yours may give them a meaning. */
export const SPECIAL_TOKENS = [
  "<|endoftext|>",
  "<|pad|>",
  "<|im_start|>",
  "<|im_end|>",
  "<|spare_1|>",
  "<|spare_2|>",
  "<|spare_3|>",
  "<|spare_4|>",
] as const;

const TEXT = { sotu: 0.42, wordnet: 0.32, "moby-dick": 0.08, chatterbot: 0.03, copying: 0.15 };

/**
 * How `course-base` is trained: 20 million tokens.
 *
 * The rate is constant between warm-up and decay, not a cosine: a cosine must know its end from the start, while here the run can
 * be ended early at any point before the decay, with all that it has learnt (Hägele et al., 2024, arXiv 2405.18392, find no loss in
 * quality). A batch of 2,048 tokens is small: the second beta is larger than usual, so that the optimiser averages
 * over more of them. The dialogues are few: a larger share would be learnt by heart.
 *
 * 15 % of the windows are made for copying. That alone had taught no copying after 6 million tokens (0 % of repeated random
 * tokens); a stage in which three windows in four are such taught it within 500 updates, once the model knew the language.
 *
 * @example
 * import { coursePlan } from "gptlab";
 * coursePlan.steps * coursePlan.batchSize * coursePlan.model.blockSize; // => 20070400
 */
export const coursePlan: PretrainPlan = {
  model: presets.course,
  seed: 1,
  batchSize: 8,
  steps: 9800,
  warmupSteps: 150,
  decayShare: 0.25,
  maxLr: 2e-3,
  betas: [0.9, 0.98],
  weightDecay: 0.1,
  maxGradNorm: 1,
  stages: [
    { from: 0, shares: TEXT },
    { from: 3000, shares: { sotu: 0.12, wordnet: 0.09, "moby-dick": 0.03, chatterbot: 0.01, copying: 0.75 } },
    { from: 3800, shares: TEXT },
  ],
  evaluateEvery: 400,
  checkpointEvery: 200,
  evaluationWindows: 40,
};

/**
 * The learning rate of each step, from 0: a straight rise, a constant stretch, a straight fall towards 0. A "trapezoid", also
 * called warm-up, stable, decay. Source: Hu et al. (2024), arXiv 2404.06395.
 *
 * @throws RangeError if warm-up and decay do not fit into the steps
 * @example
 * import { trapezoid } from "gptlab";
 * const rate = trapezoid({ steps: 8, warmupSteps: 2, decaySteps: 4, maxLr: 1 });
 * [0, 1, 2, 3, 4, 5, 6, 7].map(rate); // => [0.5, 1, 1, 1, 1, 0.75, 0.5, 0.25]
 */
export function trapezoid(options: {
  steps: number;
  warmupSteps: number;
  decaySteps: number;
  maxLr: number;
}): (step: number) => number {
  const { steps, warmupSteps, decaySteps, maxLr } = options;
  if (!(warmupSteps >= 0 && decaySteps >= 0 && warmupSteps + decaySteps <= steps))
    throw new RangeError(
      `trapezoid() needs warm-up and decay to fit into the steps, but found ${warmupSteps} and ${decaySteps} of ${steps}`,
    );
  return (step) =>
    maxLr * Math.min(1, (step + 1) / Math.max(1, warmupSteps), Math.max(0, steps - step) / Math.max(1, decaySteps));
}

/**
 * The learning rate of each step of a plan.
 *
 * @throws RangeError if the plan is too short for its warm-up and decay
 */
export function scheduleOf(plan: PretrainPlan): (step: number) => number {
  const { steps, warmupSteps, decayShare, maxLr } = plan;
  const fewest = stepsIfFinishedAt(0, plan);
  if (!Number.isInteger(steps) || steps < fewest)
    throw new RangeError(
      `A run of ${steps} updates cannot be trained: a warm-up of ${warmupSteps} and a decay over ${Math.round(100 * decayShare)} % of the run need a whole number of at least ${fewest}. Ask for more`,
    );
  return trapezoid({ steps, warmupSteps, decaySteps: Math.round(steps * decayShare), maxLr });
}

/** The steps of a run that begins its decay after `step` updates, so that the decay has its share of all. */
export function stepsIfFinishedAt(step: number, { decayShare, warmupSteps }: PretrainPlan): number {
  return Math.ceil(Math.max(step, warmupSteps) / (1 - decayShare));
}

/** Share of the tokens of the whole run of each domain by name. */
export function sharesOf({ stages, steps }: PretrainPlan): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const [i, { from, shares }] of stages.entries()) {
    const updates = Math.max(0, Math.min(steps, stages[i + 1]?.from ?? steps) - from);
    const all = Object.values(shares).reduce((sum, share) => sum + share, 0);
    for (const [name, share] of Object.entries(shares))
      sums[name] = (sums[name] ?? 0) + (updates * share) / all / steps;
  }
  return sums;
}
