/** @file The checks of chapter 04: right answers written independently of the chapter, tiny cases by hand, and the mistakes that learners make. Messages are in `chapters/src/messages`. */
import { type Random, type Tensor4D, tf } from "gptlab";
import { exercise, type Verify } from "gptlab/course";

type CrossEntropy = (logits: number[][], targets: number[]) => number;
type Perplexity = (losses: number[], tokens: number[]) => number;
type NextTokenBatch = (rows: number[][], padId: number) => { ids: number[][]; targets: number[][] };
type AdamState = { parameters: number[]; first: number[]; second: number[]; step: number };
type AdamOptions = { lr: number; beta1: number; beta2: number; epsilon: number; weightDecay: number };
type AdamWStep = (state: AdamState, gradient: number[], options: AdamOptions) => AdamState;
type Schedule = { warmupSteps: number; totalSteps: number; maxLr: number; minLr: number };
type WarmupCosine = (step: number, schedule: Schedule) => number;
type ClipGradNorm = (gradients: number[][], maxNorm: number) => { gradients: number[][]; norm: number };
type Filter = (logits: number[], limit: number) => number[];
type Cache = { k: Tensor4D; v: Tensor4D };
type KvCacheStep = (cache: Cache | undefined, q: Tensor4D, k: Tensor4D, v: Tensor4D) => { out: Tensor4D; cache: Cache };

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const mean = (values: readonly number[]): number => total(values) / values.length;
const at = (values: readonly number[], i: number): number => values[i] ?? Number.NaN;
const list = (random: Random, length: number, scale = 1): number[] => [...random.normal(length)].map((x) => x * scale);

// crossEntropy

const IGNORE = -100;
/** log of the sum of exponentials, from the largest down, so that nothing overflows. */
function logSumExp(values: readonly number[]): number {
  return [...values].sort((a, b) => b - a).reduce((sum, value) => sum + Math.log1p(Math.exp(value - sum)));
}
const surprise = (row: readonly number[], target: number): number => logSumExp(row) - at(row, target);
const naiveProbabilities = (row: readonly number[]): number[] => {
  const powers = row.map(Math.exp);
  const sum = total(powers);
  return powers.map((power) => power / sum);
};
const shiftedProbabilities = (row: readonly number[]): number[] =>
  naiveProbabilities(row.map((value) => value - Math.max(...row)));
/** The losses of the rows that count. */
const counted = (logits: number[][], targets: number[], loss = surprise): number[] =>
  logits.flatMap((row, i) => (targets[i] === IGNORE ? [] : [loss(row, at(targets, i))]));
const meanOrZero = (values: readonly number[]): number => (values.length === 0 ? 0 : mean(values));
const half = [0, 0]; // two tokens, equally likely: the loss is ln 2 whatever comes

const crossEntropy = exercise<CrossEntropy>({
  reference: (logits, targets) => meanOrZero(counted(logits, targets)),
  examples: [
    { input: [[[0, 0, 0, 0]], [2]], expected: 1.386294361 }, // ln 4
    {
      input: [
        [[Math.log(3), 0], half],
        [0, 1],
      ],
      expected: 0.490414627,
    }, // (ln 4/3 + ln 2) / 2
    { input: [[[Math.log(3), 0]], [1]], expected: 1.386294361 }, // p = 1/4
    {
      input: [
        [half, half, half],
        [0, IGNORE, 1],
      ],
      expected: Math.LN2,
    },
  ],
  random: (random, i) => {
    const V = 2 + i;
    const logits = Array.from({ length: 1 + (i % 6) }, () => list(random, V, 2));
    return [logits, logits.map((_, row) => (row > 0 && random.integer(4) === 0 ? IGNORE : random.integer(V)))];
  },
  extremes: [
    [[[1000, 0]], [0]],
    [[[0, 1000]], [0]],
    [[[-1000, -1001]], [1]],
    [[[100, -100, 0]], [1]],
    [
      [half, half],
      [IGNORE, IGNORE],
    ],
  ],
  mistakes: {
    logOfZero: (logits, targets) =>
      meanOrZero(counted(logits, targets, (row, target) => -Math.log(at(shiftedProbabilities(row), target)))),
    overflows: (logits, targets) =>
      meanOrZero(counted(logits, targets, (row, target) => -Math.log(at(naiveProbabilities(row), target)))),
    overflowsDifference: (logits, targets) =>
      meanOrZero(counted(logits, targets, (row, target) => Math.log(total(row.map(Math.exp))) - at(row, target))),
    addsEpsilon: (logits, targets) =>
      meanOrZero(counted(logits, targets, (row, target) => -Math.log(at(shiftedProbabilities(row), target) + 1e-9))),
    noMinus: (logits, targets) => -meanOrZero(counted(logits, targets)),
    base2: (logits, targets) => meanOrZero(counted(logits, targets)) / Math.LN2,
    base10: (logits, targets) => meanOrZero(counted(logits, targets)) / Math.LN10,
    onlyLogit: (logits, targets) => meanOrZero(counted(logits, targets, (row, target) => -at(row, target))),
    probability: (logits, targets) =>
      meanOrZero(counted(logits, targets, (row, target) => at(shiftedProbabilities(row), target))),
    meanFirst: (logits, targets) =>
      -Math.log(meanOrZero(counted(logits, targets, (row, target) => at(shiftedProbabilities(row), target)))),
    sums: (logits, targets) => total(counted(logits, targets)),
    countsIgnored: (logits, targets) => total(counted(logits, targets)) / targets.length,
    noneCounts: (logits, targets) => mean(counted(logits, targets)),
    readsIgnored: (logits, targets) => mean(logits.map((row, i) => surprise(row, at(targets, i)))),
    topIsLost: (logits, targets) =>
      meanOrZero(counted(logits, targets, (row, target) => surprise(row, target) - Math.max(...row))),
    skipsIdZero: (logits, targets) =>
      meanOrZero(
        counted(
          logits,
          targets.map((target) => target || IGNORE),
        ),
      ),
    wholeRow: (logits, targets) =>
      meanOrZero(counted(logits, targets, (row) => mean(row.map((_, i) => surprise(row, i))))),
  },
});

// perplexity

const weighted = (values: readonly number[], weights: readonly number[]): number =>
  total(values.map((value, i) => value * at(weights, i))) / total(weights);

const perplexity = exercise<Perplexity>({
  reference: (losses, tokens) => Math.E ** weighted(losses, tokens),
  examples: [
    { input: [[Math.log(4)], [10]], expected: 4 },
    {
      input: [
        [Math.log(2), Math.log(16)],
        [20, 10],
      ],
      expected: 4,
    },
    {
      input: [
        [Math.log(2), Math.log(8)],
        [5, 5],
      ],
      expected: 4,
    },
    {
      input: [
        [0, 0],
        [3, 1],
      ],
      expected: 1,
    },
  ],
  random: (random, i) => {
    const batches = 1 + (i % 6);
    return [
      Array.from({ length: batches }, () => 0.2 + 5 * random.uniform53()),
      Array.from({ length: batches }, () => 1 + random.integer(60)),
    ];
  },
  extremes: [
    [
      [3, 5],
      [7, 0],
    ],
    [[12], [1]],
    [
      [0.5, 0.5, 0.5],
      [1000, 1, 10],
    ],
  ],
  mistakes: {
    noExp: (losses, tokens) => weighted(losses, tokens),
    unweighted: (losses) => Math.exp(mean(losses)),
    meanOfPerplexities: (losses) => mean(losses.map(Math.exp)),
    weightedMeanOfPerplexities: (losses, tokens) => weighted(losses.map(Math.exp), tokens),
    powerOf2: (losses, tokens) => 2 ** weighted(losses, tokens),
    minus: (losses, tokens) => Math.exp(-weighted(losses, tokens)),
    sumOfLosses: (losses) => Math.exp(total(losses)),
    dividesByBatches: (losses, tokens) =>
      Math.exp(total(losses.map((loss, i) => loss * at(tokens, i))) / losses.length),
    dividesTwice: (losses, tokens) => Math.exp(total(losses) / total(tokens)),
  },
});

// nextTokenBatch

interface BatchRule {
  readonly input?: (row: readonly number[]) => readonly number[];
  readonly target?: (row: readonly number[], padId: number) => readonly number[];
  readonly width?: (rows: readonly (readonly number[])[]) => number;
  readonly padTarget?: (padId: number) => number;
  readonly padInput?: (padId: number) => number;
  readonly left?: boolean;
}
const longest = (rows: readonly (readonly number[])[]): number => Math.max(...rows.map((row) => row.length)) - 1;

/** One builder with its rules as options, so that each mistake is one changed rule. */
function batchWith({
  input = (row) => row.slice(0, -1),
  target = (row) => row.slice(1),
  width = longest,
  padTarget = () => IGNORE,
  padInput = (padId) => padId,
  left = false,
}: BatchRule): NextTokenBatch {
  return (rows, padId) => {
    const T = width(rows);
    const pad = (row: readonly number[], fill: number): number[] => {
      const gap = Array.from({ length: Math.max(0, T - row.length) }, () => fill);
      return left ? [...gap, ...row.slice(0, T)] : [...row.slice(0, T), ...gap];
    };
    return {
      ids: rows.map((row) => pad(input(row), padInput(padId))),
      targets: rows.map((row) => pad(target(row, padId), padTarget(padId))),
    };
  };
}

const nextTokenBatch = exercise<NextTokenBatch>({
  reference: batchWith({}),
  examples: [
    { input: [[[1, 2, 3, 9]], 0], expected: { ids: [[1, 2, 3]], targets: [[2, 3, 9]] } },
    {
      input: [[[5, 9], [1, 2, 9]], 9], // biome-ignore format: one thought
      expected: { ids: [[5, 9], [1, 2]], targets: [[9, IGNORE], [2, 9]] }, // biome-ignore format: one thought
    },
    {
      input: [[[1, 2, 3, 9], [5, 9]], 0], // biome-ignore format: one thought
      expected: { ids: [[1, 2, 3], [5, 0, 0]], targets: [[2, 3, 9], [9, IGNORE, IGNORE]] }, // biome-ignore format: one thought
    },
  ],
  random: (random, i) => [
    Array.from({ length: 1 + (i % 5) }, () => [
      ...Array.from({ length: 1 + random.integer(3 + i) }, () => 1 + random.integer(8)),
      9,
    ]),
    i % 2 === 0 ? 9 : 0,
  ],
  extremes: [
    [[[7, 9]], 9],
    [[[1, 9, 2, 9], [4, 9]], 9], // biome-ignore format: one thought
  ],
  mistakes: {
    notShifted: batchWith({ target: (row) => row.slice(0, -1) }),
    paddedTargets: batchWith({ padTarget: (padId) => padId }),
    masksEnd: batchWith({ target: (row, padId) => row.slice(1).map((id) => (id === padId ? IGNORE : id)) }),
    ignoreInInput: batchWith({ padInput: () => IGNORE }),
    left: batchWith({ left: true }),
    noPadding: (rows) => ({ ids: rows.map((row) => row.slice(0, -1)), targets: rows.map((row) => row.slice(1)) }),
    keepsLast: batchWith({ input: (row) => row, width: (rows) => longest(rows) + 1 }),
    keepsLastUnpadded: (rows) => ({ ids: rows.map((row) => [...row]), targets: rows.map((row) => row.slice(1)) }),
    cutsToShortest: batchWith({ width: (rows) => Math.min(...rows.map((row) => row.length)) - 1 }),
    firstRowDecides: batchWith({ width: (rows) => (rows[0]?.length ?? 0) - 1 }),
    swapped: batchWith({ input: (row) => row.slice(1), target: (row) => row.slice(0, -1) }),
    padsRowsFirst: (rows, padId) => {
      const padded = rows.map((row) => Array.from({ length: longest(rows) + 1 }, (_, t) => row[t] ?? padId));
      return { ids: padded.map((row) => row.slice(0, -1)), targets: padded.map((row) => row.slice(1)) };
    },
    zeroTargets: batchWith({ padTarget: () => 0 }),
    endStays: batchWith({ input: (row) => row }), // also the answer that fills first and shifts then
  },
  tolerance: 0,
});

// adamWStep

interface AdamRule {
  readonly corrected?: (moment: number, beta: number, step: number) => number;
  readonly size?: (second: number, epsilon: number) => number;
  readonly shrink?: (options: AdamOptions) => number;
  readonly slope?: (gradient: number, parameter: number, options: AdamOptions) => number;
  readonly square?: (gradient: number) => number;
  readonly weights?: (beta: number) => readonly [number, number];
  readonly betas?: (options: AdamOptions) => readonly [number, number];
  readonly sign?: number;
  readonly nextStep?: (step: number) => number;
  readonly decayLast?: boolean;
  readonly storesCorrected?: boolean;
  readonly numerator?: (firstCorrected: number, gradient: number) => number;
}
/** One update rule with its parts as options, so that each mistake is one changed part. */
function adamWith({
  corrected = (moment, beta, step) => moment / (1 - beta ** step),
  size = (second, epsilon) => Math.sqrt(second) + epsilon,
  shrink = ({ lr, weightDecay }) => 1 - lr * weightDecay,
  slope = (gradient) => gradient,
  square = (gradient) => gradient * gradient,
  weights = (beta) => [beta, 1 - beta],
  betas = ({ beta1, beta2 }) => [beta1, beta2],
  sign = 1,
  nextStep = (step) => step + 1,
  decayLast = false,
  storesCorrected = false,
  numerator = (firstCorrected) => firstCorrected,
}: AdamRule): AdamWStep {
  return (state, gradient, options) => {
    const step = nextStep(state.step);
    const [beta1, beta2] = betas(options);
    const next: AdamState = { parameters: [], first: [], second: [], step };
    for (const [i, parameter] of state.parameters.entries()) {
      const g = slope(at(gradient, i), parameter, options);
      const [keep1, add1] = weights(beta1);
      const [keep2, add2] = weights(beta2);
      const first = keep1 * at(state.first, i) + add1 * g;
      const second = keep2 * at(state.second, i) + add2 * square(g);
      const [m, v] = [corrected(first, beta1, step), corrected(second, beta2, step)];
      const change = (sign * options.lr * numerator(m, g)) / size(v, options.epsilon);
      const shrunk = shrink(options);
      next.parameters.push(decayLast ? (parameter - change) * shrunk : parameter * shrunk - change);
      next.first.push(storesCorrected ? m : first);
      next.second.push(storesCorrected ? v : second);
    }
    return next;
  };
}
const fresh = (parameters: number[]): AdamState => ({
  parameters,
  first: parameters.map(() => 0),
  second: parameters.map(() => 0),
  step: 0,
});
const common: AdamOptions = { lr: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

const adamWStep = exercise<AdamWStep>({
  reference: adamWith({}),
  examples: [
    {
      input: [fresh([1]), [3], common], // the first step is lr long, whatever the slope
      expected: { parameters: [0.9], first: [0.3], second: [0.009], step: 1 },
    },
    {
      input: [fresh([1, 1]), [0.02, -50], common],
      expected: { parameters: [0.9, 1.1], first: [0.002, -5], second: [4e-7, 2.5], step: 1 },
    },
    {
      input: [
        { parameters: [2], first: [1], second: [4], step: 1 },
        [2],
        { lr: 0.1, beta1: 0.5, beta2: 0.9, epsilon: 0, weightDecay: 0.5 },
      ],
      // 2 · 0.95 - 0.1 · (1.5 / 0.75) / sqrt(4 / 0.19)
      expected: { parameters: [1.856411011], first: [1.5], second: [4], step: 2 },
    },
  ],
  random: (random, i) => {
    const n = 1 + (i % 4);
    return [
      {
        parameters: list(random, n),
        first: list(random, n, 0.1),
        second: list(random, n).map((x) => x * x + 0.01),
        step: i,
      },
      list(random, n),
      { lr: 0.05, beta1: 0.9, beta2: 0.95, epsilon: i % 2 ? 0.1 : 1e-8, weightDecay: 0.1 * (i % 3) },
    ];
  },
  extremes: [
    [fresh([0, 5]), [0, 0], { ...common, weightDecay: 0.1 }],
    [fresh([1]), [1000], common],
    [fresh([1]), [1e-6], common],
    [{ parameters: [1], first: [0.1], second: [0.2], step: 5000 }, [0.3], common],
  ],
  mistakes: {
    noCorrection: adamWith({ corrected: (moment) => moment }),
    noPower: adamWith({ corrected: (moment, beta) => moment / (1 - beta) }),
    stepFromZero: (state, gradient, options) => ({
      ...adamWith({ nextStep: (step) => step })(state, gradient, options),
      step: state.step + 1,
    }),
    stepStays: (state, gradient, options) => ({ ...adamWith({})(state, gradient, options), step: state.step }),
    storesCorrected: adamWith({ storesCorrected: true }),
    epsilonInside: adamWith({ size: (second, epsilon) => Math.sqrt(second + epsilon) }),
    noRoot: adamWith({ size: (second, epsilon) => second + epsilon }),
    notSquared: adamWith({ square: (gradient) => gradient }),
    l2: adamWith({
      slope: (gradient, parameter, { weightDecay }) => gradient + weightDecay * parameter,
      shrink: () => 1,
    }),
    decayWithoutRate: adamWith({ shrink: ({ weightDecay }) => 1 - weightDecay }),
    noDecay: adamWith({ shrink: () => 1 }),
    decayGrows: adamWith({ shrink: ({ lr, weightDecay }) => 1 + lr * weightDecay }),
    decayLast: adamWith({ decayLast: true }),
    weightsExchanged: adamWith({ weights: (beta) => [1 - beta, beta] }),
    betasExchanged: adamWith({ betas: ({ beta1, beta2 }) => [beta2, beta1] }),
    noOneMinus: adamWith({ weights: (beta) => [beta, 1] }),
    uphill: adamWith({ sign: -1 }),
    usesGradient: adamWith({ numerator: (_, gradient) => gradient }),
    onlyCorrectsFirst: adamWith({
      corrected: (m, beta, t) => (beta === 0.9 || beta === 0.5 ? m / (1 - beta ** t) : m),
    }),
  },
});

// warmupCosine

interface ScheduleRule {
  readonly warmup?: (step: number, schedule: Schedule) => number;
  readonly progress?: (step: number, schedule: Schedule) => number;
  readonly fall?: (progress: number, schedule: Schedule) => number;
}
const cosineFall = (progress: number, { maxLr, minLr }: Schedule): number =>
  minLr + (maxLr - minLr) * Math.cos((Math.PI * progress) / 2) ** 2; // (1 + cos x) / 2 = cos²(x / 2)
/** One schedule with its parts as options, so that each mistake is one changed part. */
function scheduleWith({
  warmup = (step, { maxLr, warmupSteps }) => maxLr * ((step + 1) / warmupSteps),
  progress = (step, { warmupSteps, totalSteps }) => Math.min(1, (step - warmupSteps) / (totalSteps - 1 - warmupSteps)),
  fall = cosineFall,
}: ScheduleRule): WarmupCosine {
  return (step, schedule) =>
    step < schedule.warmupSteps ? warmup(step, schedule) : fall(progress(step, schedule), schedule);
}
const five: Schedule = { warmupSteps: 2, totalSteps: 5, maxLr: 1, minLr: 0 };
const nine: Schedule = { warmupSteps: 4, totalSteps: 9, maxLr: 0.8, minLr: 0.2 };

const warmupCosine = exercise<WarmupCosine>({
  reference: scheduleWith({}),
  examples: [
    { input: [0, five], expected: 0.5 },
    { input: [1, five], expected: 1 },
    { input: [2, five], expected: 1 },
    { input: [3, five], expected: 0.5 },
    { input: [4, five], expected: 0 },
    { input: [2, nine], expected: 0.6 },
    { input: [5, nine], expected: 0.712132034 }, // 0.5 + 0.3 · cos 45°
    { input: [6, nine], expected: 0.5 },
    { input: [8, nine], expected: 0.2 },
    { input: [30, nine], expected: 0.2 },
  ],
  random: (random, i) => [
    random.integer(12 + 4 * i),
    { warmupSteps: i, totalSteps: 12 + 3 * i, maxLr: 0.001 * (1 + random.integer(9)), minLr: 0.0001 },
  ],
  extremes: [
    [0, { warmupSteps: 0, totalSteps: 3, maxLr: 1, minLr: 0.1 }],
    [2, { warmupSteps: 0, totalSteps: 3, maxLr: 1, minLr: 0.1 }],
    [999, { warmupSteps: 100, totalSteps: 1000, maxLr: 3e-3, minLr: 3e-4 }],
  ],
  mistakes: {
    startsAtZero: scheduleWith({ warmup: (step, { maxLr, warmupSteps }) => (maxLr * step) / warmupSteps }),
    warmupFromMin: scheduleWith({
      warmup: (step, { maxLr, minLr, warmupSteps }) => minLr + ((maxLr - minLr) * (step + 1)) / warmupSteps,
    }),
    warmupTooLong: (step, schedule) =>
      step === schedule.warmupSteps
        ? (schedule.maxLr * (step + 1)) / schedule.warmupSteps
        : scheduleWith({})(step, schedule),
    noWarmup: scheduleWith({ warmup: (_, { maxLr }) => maxLr }),
    neverArrives: scheduleWith({
      progress: (step, { warmupSteps, totalSteps }) => Math.min(1, (step - warmupSteps) / (totalSteps - warmupSteps)),
    }),
    fromTheStart: scheduleWith({ progress: (step, { totalSteps }) => Math.min(1, step / totalSteps) }),
    fromTheStartExact: scheduleWith({ progress: (step, { totalSteps }) => Math.min(1, step / (totalSteps - 1)) }),
    comesBack: scheduleWith({
      progress: (step, { warmupSteps, totalSteps }) => (step - warmupSteps) / (totalSteps - 1 - warmupSteps),
    }),
    downToZero: scheduleWith({ fall: (progress, schedule) => cosineFall(progress, { ...schedule, minLr: 0 }) }),
    addsMin: scheduleWith({
      fall: (progress, schedule) => schedule.minLr + cosineFall(progress, { ...schedule, minLr: 0 }),
    }),
    rises: scheduleWith({ fall: (progress, schedule) => cosineFall(1 - progress, schedule) }),
    straight: scheduleWith({ fall: (progress, { maxLr, minLr }) => maxLr + (minLr - maxLr) * progress }),
    notHalved: scheduleWith({
      fall: (progress, { maxLr, minLr }) => minLr + (maxLr - minLr) * (1 + Math.cos(Math.PI * progress)),
    }),
    noOnePlus: scheduleWith({
      fall: (progress, { maxLr, minLr }) => minLr + ((maxLr - minLr) / 2) * Math.cos(Math.PI * progress),
    }),
    noPi: scheduleWith({
      fall: (progress, { maxLr, minLr }) => minLr + ((maxLr - minLr) / 2) * (1 + Math.cos(progress)),
    }),
    degrees: scheduleWith({
      fall: (progress, { maxLr, minLr }) => minLr + ((maxLr - minLr) / 2) * (1 + Math.cos(180 * progress)),
    }),
  },
});

// clipGradNorm

const norm = (gradients: readonly (readonly number[])[]): number => Math.hypot(...gradients.flat());
const scaled = (gradients: number[][], by: number): number[][] => gradients.map((one) => one.map((x) => x * by));

const clipGradNorm = exercise<ClipGradNorm>({
  reference: (gradients, maxNorm) => {
    const length = norm(gradients);
    return { gradients: length > maxNorm ? scaled(gradients, maxNorm / length) : scaled(gradients, 1), norm: length };
  },
  examples: [
    { input: [[[3, 4], [12]], 1.3], expected: { gradients: [[0.3, 0.4], [1.2]], norm: 13 } },
    { input: [[[3, 4]], 10], expected: { gradients: [[3, 4]], norm: 5 } },
    { input: [[[6, -6], [7]], 2.2], expected: { gradients: [[1.2, -1.2], [1.4]], norm: 11 } },
    { input: [[[0, 0], [0]], 1], expected: { gradients: [[0, 0], [0]], norm: 0 } },
  ],
  random: (random, i) => [
    Array.from({ length: 1 + (i % 4) }, () => list(random, 1 + random.integer(4), 1 + i / 4)),
    0.5 + (i % 5),
  ],
  extremes: [
    [[[100, -100], [0]], 1],
    [[[1e4]], 0.5],
    [[[0.001]], 5],
  ],
  tolerance: 1e-5, // PyTorch and the library add 1e-6 to the norm; both are right
  mistakes: {
    eachAlone: (gradients, maxNorm) => ({
      gradients: gradients.map((one) => one.map((x) => x * Math.min(1, maxNorm / (norm([one]) || 1)))),
      norm: norm(gradients),
    }),
    clampsValues: (gradients, maxNorm) => ({
      gradients: gradients.map((one) => one.map((x) => Math.max(-maxNorm, Math.min(maxNorm, x)))),
      norm: norm(gradients),
    }),
    alwaysScales: (gradients, maxNorm) => ({
      gradients: scaled(gradients, maxNorm / (norm(gradients) || 1)),
      norm: norm(gradients),
    }),
    dividesByZero: (gradients, maxNorm) => ({
      gradients: scaled(gradients, maxNorm / norm(gradients)),
      norm: norm(gradients),
    }),
    normAfter: (gradients, maxNorm) => ({
      gradients: scaled(gradients, Math.min(1, maxNorm / (norm(gradients) || 1))),
      norm: Math.min(maxNorm, norm(gradients)),
    }),
    noRoot: (gradients, maxNorm) => {
      const squares = norm(gradients) ** 2;
      return { gradients: scaled(gradients, Math.min(1, maxNorm / (squares || 1))), norm: squares };
    },
    sumOfNorms: (gradients, maxNorm) => {
      const sum = total(gradients.map((one) => norm([one])));
      return { gradients: scaled(gradients, Math.min(1, maxNorm / (sum || 1))), norm: sum };
    },
    sumOfSizes: (gradients, maxNorm) => {
      const sum = total(gradients.flat().map(Math.abs));
      return { gradients: scaled(gradients, Math.min(1, maxNorm / (sum || 1))), norm: sum };
    },
    toOne: (gradients, maxNorm) => ({
      gradients: norm(gradients) > maxNorm ? scaled(gradients, 1 / norm(gradients)) : scaled(gradients, 1),
      norm: norm(gradients),
    }),
    neverClips: (gradients) => ({ gradients: scaled(gradients, 1), norm: norm(gradients) }),
    upsideDown: (gradients, maxNorm) => ({
      gradients: norm(gradients) > maxNorm ? scaled(gradients, norm(gradients) / maxNorm) : scaled(gradients, 1),
      norm: norm(gradients),
    }),
  },
});

// sampleTopK and sampleTopP

const softmaxOver = (logits: readonly number[], keep: (id: number) => boolean): number[] => {
  const top = Math.max(...logits.filter((_, id) => keep(id)));
  const powers = logits.map((logit, id) => (keep(id) ? Math.exp(logit - top) : 0));
  const sum = total(powers);
  return powers.map((power) => power / sum);
};
const everyId = (): boolean => true;
/** Ids from the most likely down. */
const ranked = (logits: readonly number[]): number[] =>
  logits.map((_, id) => id).sort((a, b) => at(logits, b) - at(logits, a));
const within = (ids: readonly number[]) => (id: number) => ids.includes(id);
/** Different logits, so that there is no tie. */
const distinct = (random: Random, length: number): number[] => {
  const order = [...random.permutation(length)];
  return order.map((place) => 4 - (6 * place) / length + random.uniform53() / length);
};

const sampleTopK = exercise<Filter>({
  reference: (logits, k) => {
    const ascending = Float64Array.from(logits).sort();
    const edge = ascending[Math.max(0, logits.length - k)] ?? 0;
    return softmaxOver(logits, (id) => at(logits, id) >= edge);
  },
  examples: [
    { input: [[0, Math.log(3), -5], 2], expected: [0.25, 0.75, 0] },
    { input: [[10, 11, 9, 8, 7], 2], expected: [0.268941421, 0.731058579, 0, 0, 0] },
    { input: [[-1, -3, -2, -1 - Math.log(3)], 2], expected: [0.731058579, 0, 0.268941421, 0] },
    { input: [[1, 2, 1, 0], 2], expected: [0.211941558, 0.576116885, 0.211941558, 0] }, // equal at the edge: both stay
    { input: [[0, 0], 5], expected: [0.5, 0.5] },
  ],
  random: (random, i) => [distinct(random, 3 + i), 1 + random.integer(3 + i)],
  extremes: [
    [[1000, 999, -1000], 2],
    [[-1000, -1001, -1002], 2],
    [[3], 1],
  ],
  mistakes: {
    notScaled: (logits, k) => {
      const all = softmaxOver(logits, everyId);
      return all.map((p, id) => (ranked(logits).indexOf(id) < k ? p : 0));
    },
    zeroLogits: (logits, k) => {
      const kept = within(ranked(logits).slice(0, k));
      return softmaxOver(logits.map((logit, id) => (kept(id) ? logit : 0)), everyId); // biome-ignore format: one thought
    },
    dropsTies: (logits, k) => softmaxOver(logits, within(ranked(logits).slice(0, k))),
    oneTooFew: (logits, k) => softmaxOver(logits, within(ranked(logits).slice(0, k - 1))),
    oneTooMany: (logits, k) => softmaxOver(logits, within(ranked(logits).slice(0, k + 1))),
    smallest: (logits, k) => softmaxOver(logits, within(ranked(logits).slice(-k))),
    sortsAsText: (logits, k) => {
      const edge = at([...logits].sort().reverse(), Math.min(k, logits.length) - 1);
      return softmaxOver(logits, (id) => at(logits, id) >= edge);
    },
    sorted: (logits, k) =>
      softmaxOver([...logits].sort((a, b) => b - a), (id) => id < k), // biome-ignore format: one thought
    firstIds: (logits, k) => softmaxOver(logits, (id) => id < k),
    onlyKept: (logits, k) =>
      softmaxOver([...logits].sort((a, b) => b - a).slice(0, k), everyId), // biome-ignore format: one thought
    largeK: (logits, k) => {
      const edge = [...logits].sort((a, b) => b - a)[k - 1] ?? Number.NaN;
      return softmaxOver(logits, (id) => at(logits, id) >= edge);
    },
    noFilter: (logits) => softmaxOver(logits, everyId),
    overflows: (logits, k) => {
      const powers = logits.map((logit, id) => (ranked(logits).indexOf(id) < k ? Math.exp(logit) : 0));
      return powers.map((power) => power / total(powers));
    },
  },
});

/** The ids that top-p keeps, most likely first, by a rule that sees the sum before and after each. */
const keptBy =
  (keeps: (before: number, after: number, p: number) => boolean) =>
  (logits: readonly number[], p: number): number[] => {
    const probabilities = softmaxOver(logits, everyId);
    let before = 0;
    return ranked(logits).filter((id) => {
      const after = before + at(probabilities, id);
      const kept = keeps(before, after, p);
      before = after;
      return kept;
    });
  };
const nucleus = keptBy((before, _, p) => before < p);
/** Logits of these probabilities. */
const logs = (...probabilities: number[]): number[] => probabilities.map(Math.log);

const sampleTopP = exercise<Filter>({
  reference: (logits, p) => {
    const kept = new Set(nucleus(logits, p)); // a token stays while those that are more likely do not have p together
    return softmaxOver(logits, (id) => kept.has(id));
  },
  examples: [
    { input: [logs(0.2, 0.4, 0.1, 0.3), 0.55], expected: [0, 4 / 7, 0, 3 / 7] },
    { input: [logs(0.2, 0.5, 0.05, 0.25), 0.8], expected: [0.2 / 0.95, 0.5 / 0.95, 0, 0.25 / 0.95] },
    { input: [logs(0.1, 0.6, 0.3), 0.5], expected: [0, 1, 0] },
    { input: [logs(0.1, 0.6, 0.3), 1], expected: [0.1, 0.6, 0.3] },
  ],
  random: (random, i) => [distinct(random, 3 + i), 0.15 + 0.04 * i],
  extremes: [
    [[1000, 998, -1000], 0.9],
    [[-1000, -1001, -1003], 0.6],
    [[3], 0.5],
  ],
  mistakes: {
    stopsBefore: (logits, p) => softmaxOver(logits, within(keptBy((_, after, limit) => after <= limit)(logits, p))),
    stopsBeforeButOne: (logits, p) =>
      softmaxOver(logits, within([at(ranked(logits), 0), ...keptBy((_, after, limit) => after <= limit)(logits, p)])),
    notScaled: (logits, p) => {
      const kept = within(nucleus(logits, p));
      return softmaxOver(logits, everyId).map((probability, id) => (kept(id) ? probability : 0));
    },
    oneTooMany: (logits, p) => softmaxOver(logits, within(ranked(logits).slice(0, nucleus(logits, p).length + 1))),
    eachAgainstP: (logits, p) => {
      const probabilities = softmaxOver(logits, everyId);
      return softmaxOver(logits, (id) => at(probabilities, id) >= p);
    },
    eachAgainstPUnscaled: (logits, p) =>
      softmaxOver(logits, everyId).map((probability) => (probability >= p ? probability : 0)),
    shareOfTop: (logits, p) => {
      const probabilities = softmaxOver(logits, everyId);
      return softmaxOver(logits, (id) => at(probabilities, id) >= p * Math.max(...probabilities));
    },
    inOrderOfIds: (logits, p) => {
      const probabilities = softmaxOver(logits, everyId);
      return softmaxOver(logits, (id) => total(probabilities.slice(0, id)) < p);
    },
    leastLikely: (logits, p) => {
      const probabilities = softmaxOver(logits, everyId);
      const below = (id: number): number => total(probabilities.filter((other) => other < at(probabilities, id)));
      return softmaxOver(logits, (id) => below(id) < p);
    },
    zeroLogits: (logits, p) => {
      const kept = within(nucleus(logits, p));
      return softmaxOver(logits.map((logit, id) => (kept(id) ? logit : 0)), everyId); // biome-ignore format: one thought
    },
    sorted: (logits, p) =>
      softmaxOver([...logits].sort((a, b) => b - a), (id) => id < nucleus(logits, p).length), // biome-ignore format: one thought
    onlyKept: (logits, p) =>
      softmaxOver(nucleus(logits, p).map((id) => at(logits, id)), everyId), // biome-ignore format: one thought
    noFilter: (logits) => softmaxOver(logits, everyId),
    overflows: (logits, p) => {
      const kept = within(nucleus(logits, p));
      const powers = logits.map((logit, id) => (kept(id) ? Math.exp(logit) : 0));
      return powers.map((power) => power / total(powers));
    },
  },
});

// kvCacheStep

/** What is in the tensors of a check, so that the right answer is found even when a learner has disposed of them. */
const contents = new WeakMap<Tensor4D, readonly number[]>();
const tensor4 = (values: readonly number[], shape: [number, number, number, number]): Tensor4D => {
  const tensor = tf.tensor4d([...values], shape);
  contents.set(tensor, values);
  return tensor;
};
const joined = (old: Tensor4D | undefined, one: Tensor4D): Tensor4D => (old ? tf.concat([old, one], 2) : one.clone());

interface StepRule {
  readonly scale?: (headSize: number) => number;
  readonly keys?: (old: Tensor4D | undefined, one: Tensor4D) => Tensor4D;
  readonly stored?: (old: Tensor4D | undefined, one: Tensor4D) => Tensor4D;
  readonly weights?: (scores: Tensor4D) => Tensor4D;
  readonly values?: (k: Tensor4D, v: Tensor4D) => Tensor4D;
}
/** One step with its parts as options, so that each mistake is one changed part. */
function stepWith({
  scale = Math.sqrt,
  keys = joined,
  stored = joined,
  weights = (scores) => tf.softmax(scores) as Tensor4D,
  values = (_, v) => v,
}: StepRule): KvCacheStep {
  return (cache, q, k, v) => {
    const [allK, allV] = [keys(cache?.k, k), keys(cache?.v, v)];
    const scores = tf.matMul(q, allK.transpose([0, 1, 3, 2])).div(scale(q.shape[3])) as Tensor4D; // (B, H, 1, S)
    const out = tf.matMul(weights(scores), values(allK, allV)) as Tensor4D;
    return { out, cache: { k: stored(cache?.k, k), v: stored(cache?.v, v) } };
  };
}

/** What the check compares with: the newest row of the whole attention, one number at a time. */
const newestRow: KvCacheStep = (cache, q, k, v) => {
  const [B, H, , hs] = q.shape;
  const past = cache?.k.shape[2] ?? 0;
  const inside = (tensor?: Tensor4D): readonly number[] =>
    tensor ? (contents.get(tensor) ?? [...tensor.dataSync()]) : [];
  const [Q, K, V, oldK, oldV] = [inside(q), inside(k), inside(v), inside(cache?.k), inside(cache?.v)];
  const keys: number[] = [];
  const values: number[] = [];
  const out: number[] = [];
  for (let head = 0; head < B * H; head++) {
    const rows = (old: readonly number[], one: readonly number[]): number[][] =>
      Array.from({ length: past + 1 }, (_, t) =>
        t < past
          ? old.slice((head * past + t) * hs, (head * past + t + 1) * hs)
          : one.slice(head * hs, (head + 1) * hs),
      );
    const [rowsK, rowsV] = [rows(oldK, K), rows(oldV, V)];
    const query = Q.slice(head * hs, (head + 1) * hs);
    const weights = softmaxOver(
      rowsK.map((row) => total(row.map((x, c) => x * at(query, c))) / Math.sqrt(hs)),
      everyId,
    );
    for (let c = 0; c < hs; c++) out.push(total(rowsV.map((row, t) => at(row, c) * at(weights, t))));
    keys.push(...rowsK.flat());
    values.push(...rowsV.flat());
  }
  const shape: [number, number, number, number] = [B, H, past + 1, hs];
  return { out: tensor4(out, [B, H, 1, hs]), cache: { k: tensor4(keys, shape), v: tensor4(values, shape) } };
};

const kvCacheStep = exercise<KvCacheStep>({
  reference: newestRow,
  get examples() {
    // tensors can be made only when an engine has been chosen
    const one = (...values: number[]): Tensor4D => tensor4(values, [1, 1, 1, values.length]);
    return [
      {
        input: [undefined, one(1, 2), one(3, 4), one(5, 6)] as Parameters<KvCacheStep>,
        expected: { out: one(5, 6), cache: { k: one(3, 4), v: one(5, 6) } },
      },
      {
        // scores 0 and ln 3 · 2 / sqrt(4): weights 1/4 and 3/4
        input: [
          { k: one(0, 0, 0, 0), v: one(8, 0, 4, 0) },
          one(2, 0, 0, 0),
          one(Math.log(3), 0, 0, 1),
          one(0, 4, 0, 8),
        ] as Parameters<KvCacheStep>,
        expected: {
          out: one(2, 3, 1, 6),
          cache: {
            k: tensor4([0, 0, 0, 0, Math.log(3), 0, 0, 1], [1, 1, 2, 4]),
            v: tensor4([8, 0, 4, 0, 0, 4, 0, 8], [1, 1, 2, 4]),
          },
        },
      },
    ];
  },
  random: (random, i) => {
    const [B, H, past, hs] = [1 + (i % 2), 1 + (i % 3), i % 5, 2 + i];
    const some = (length: number): Tensor4D => tensor4([...random.normal(B * H * length * hs)], [B, H, length, hs]);
    return [past === 0 ? undefined : { k: some(past), v: some(past) }, some(1), some(1), some(1)];
  },
  cases: 8,
  mutatesInput: true, // the tensors cannot change; whether the old cache is still there is asked below
  tolerance: 1e-5, // float32 on one side, float64 on the other
  mistakes: {
    noScale: stepWith({ scale: () => 1 }),
    scaleBySize: stepWith({ scale: (headSize) => headSize }),
    onlyNewest: stepWith({ keys: (_, one) => one.clone() }),
    onlyOld: stepWith({ keys: (old, one) => (old ?? one).clone() }),
    cacheStays: stepWith({ stored: (old, one) => (old ?? one).clone() }),
    cacheReplaced: stepWith({ stored: (_, one) => one.clone() }),
    newestFirst: stepWith({
      keys: (old, one) => (old ? tf.concat([one, old], 2) : one.clone()),
      stored: (old, one) => (old ? tf.concat([one, old], 2) : one.clone()),
    }),
    noSoftmax: stepWith({ weights: (scores) => scores }),
    meansKeys: stepWith({ values: (k) => k }),
  },
  verify: (answer, verify: Verify) => {
    // Token by token, the rows of whole causal attention come out, and the cache that is given stays usable.
    const [H, T, hs] = [2, 5, 3];
    const some = (): Tensor4D => tensor4([...verify.random.normal(H * T * hs)], [1, H, T, hs]);
    const [q, k, v] = [some(), some(), some()];
    let cache: Cache | undefined;
    for (let t = 0; t < T; t++) {
      const at = (x: Tensor4D): Tensor4D => x.slice([0, 0, t, 0], [1, H, 1, hs]) as Tensor4D;
      const upTo = (x: Tensor4D): Tensor4D => x.slice([0, 0, 0, 0], [1, H, t + 1, hs]) as Tensor4D;
      const result = answer(cache, at(q), at(k), at(v));
      verify.that(!cache?.k.isDisposed && !cache?.v.isDisposed, "disposesCache");
      const scores = tf.matMul(at(q), upTo(k), false, true).div(Math.sqrt(hs));
      const expected = tf.matMul(tf.softmax(scores), upTo(v));
      verify.equal(result.out, expected, `kvCacheStep(cache of ${t} tokens, q, k, v)`);
      cache = result.cache;
    }
    verify.that(cache?.k.shape[2] === T, "cacheStays");
  },
});

export const exercises = {
  crossEntropy,
  perplexity,
  nextTokenBatch,
  adamWStep,
  warmupCosine,
  clipGradNorm,
  sampleTopK,
  sampleTopP,
  kvCacheStep,
};
