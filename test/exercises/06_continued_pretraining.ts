/** @file The checks of chapter 06: right answers written independently of the chapter, tiny cases by hand, and the mistakes that learners make. Messages are in `chapters/src/messages`. */
import type { Random } from "gptlab";
import { exercise } from "gptlab/course";

type MixBatches = (shares: number[], batchSize: number, batches: number) => number[][];
type Rewarming = { lastLr: number; warmupSteps: number; totalSteps: number; maxLr: number; minLr: number };
type RewarmSchedule = (step: number, schedule: Rewarming) => number;
type BitsPerByte = (losses: number[], tokens: number[], texts: string[]) => number;
type Bits = Record<string, number>;
type Row = { run: string; forgotten: number; gained: number; kept: number };
type ForgettingTable = (before: Bits, runs: Record<string, Bits>, newDomain: string) => Row[];

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const mean = (values: readonly number[]): number => total(values) / values.length;
const at = (values: readonly number[], i: number): number => values[i] ?? Number.NaN;
const between = (random: Random, low: number, high: number): number => low + (high - low) * random.uniform53();

// mixBatches

interface MixRule {
  /** What a source should have had of the rows with this one. */
  readonly due?: (share: number, rows: number) => number;
  readonly normalized?: boolean;
  /** Counting begins anew in each batch. */
  readonly forgets?: boolean;
  /** Which of equals. */
  readonly lastOfEquals?: boolean;
  readonly leastBehind?: boolean;
}
/** The rule with its parts as options, so that each mistake is one changed part. */
function mixWith({
  due = (share, rows) => share * rows,
  normalized = true,
  forgets = false,
  lastOfEquals = false,
  leastBehind = false,
}: MixRule): MixBatches {
  return (shares, batchSize, batches) => {
    const whole = normalized ? total(shares) : 1;
    let given = shares.map(() => 0);
    const plan: number[][] = [];
    for (let b = 0; b < batches; b++) {
      if (forgets) given = shares.map(() => 0);
      const batch: number[] = [];
      while (batch.length < batchSize) {
        const rows = total(given) + 1;
        let best = 0;
        const behind = shares.map((share, i) => (leastBehind ? -1 : 1) * (due(share / whole, rows) - at(given, i)));
        for (const [i, value] of behind.entries())
          if (value > at(behind, best) || (lastOfEquals && value === at(behind, best))) best = i;
        given[best] = at(given, best) + 1;
        batch.push(best);
      }
      plan.push(batch);
    }
    return plan;
  };
}
/** The same rows in every batch: `counts` of each source. */
const sameRows =
  (counts: (share: number, batchSize: number) => number): MixBatches =>
  (shares, batchSize, batches) => {
    const parts = shares.map((share) => counts(share / total(shares), batchSize));
    const rows = parts.flatMap((count, i) => Array.from({ length: count }, () => i));
    return Array.from({ length: batches }, () => [...rows]);
  };

const mixBatches = exercise<MixBatches>({
  reference: mixWith({}),
  examples: [
    { input: [[0.2, 0.3, 0.5], 4, 1], expected: [[2, 1, 0, 2]] }, // no equals, so that it tells most mistakes apart
    { input: [[1, 1], 2, 1], expected: [[0, 1]] },
    { input: [[0.75, 0.25], 4, 1], expected: [[0, 0, 1, 0]] },
    { input: [[0.75, 0.25], 2, 3], expected: [[0, 0], [1, 0], [0, 0]] }, // biome-ignore format: one thought
    { input: [[3, 1], 4, 2], expected: [[0, 0, 1, 0], [0, 0, 1, 0]] }, // biome-ignore format: one thought
    { input: [[1], 3, 2], expected: [[0, 0, 0], [0, 0, 0]] }, // biome-ignore format: one thought
    { input: [[0.5, 0.25, 0.25], 4, 1], expected: [[0, 1, 2, 0]] },
  ],
  random: (random, i) => [
    Array.from({ length: 2 + (i % 4) }, () => between(random, 0.05, i % 2 === 0 ? 1 : 3)),
    1 + random.integer(7),
    2 + random.integer(6),
  ],
  extremes: [
    [[0.985, 0.015], 8, 20],
    [[1, 1, 1], 1, 5],
    [[0.7, 0.3], 5, 0],
  ],
  mistakes: {
    forgets: mixWith({ forgets: true }),
    rowsBefore: mixWith({ due: (share, rows) => share * (rows - 1) }),
    lastOfEquals: mixWith({ lastOfEquals: true }),
    notNormalized: mixWith({ normalized: false }),
    leastBehind: mixWith({ leastBehind: true }),
    noRows: mixWith({ due: (share) => share }),
    rounds: (shares, batchSize, batches) => {
      const rounded = sameRows((share, size) => Math.round(share * size))(shares, batchSize, batches);
      return rounded.map((rows) => Array.from({ length: batchSize }, (_, i) => rows[i] ?? 0));
    },
    largestOnly: (shares, batchSize, batches) =>
      Array.from({ length: batches }, () =>
        Array.from({ length: batchSize }, () => shares.indexOf(Math.max(...shares))),
      ),
    turns: (shares, batchSize, batches) =>
      Array.from({ length: batches }, (_, b) =>
        Array.from({ length: batchSize }, (_, r) => (b * batchSize + r) % shares.length),
      ),
    oneList: (shares, batchSize, batches) =>
      mixWith({})(shares, batchSize, batches).flat() as unknown as ReturnType<MixBatches>,
    turned: (shares, batchSize, batches) => mixWith({})(shares, batches, batchSize),
  },
  tolerance: 0,
});

// rewarmSchedule

interface RewarmRule {
  readonly rise?: (step: number, schedule: Rewarming) => number;
  readonly progress?: (step: number, schedule: Rewarming) => number;
  readonly fall?: (progress: number, schedule: Rewarming) => number;
  readonly inWarmup?: (step: number, schedule: Rewarming) => boolean;
}
/** The schedule with its parts as options, so that each mistake is one changed part. */
function rewarmWith({
  rise = (step, { lastLr, maxLr, warmupSteps }) => {
    const part = (step + 1) / warmupSteps;
    return (1 - part) * lastLr + part * maxLr;
  },
  progress = (step, { warmupSteps, totalSteps }) =>
    Math.min((step - warmupSteps) / Math.max(1, totalSteps - 1 - warmupSteps), 1),
  fall = (part, { maxLr, minLr }) => minLr + (maxLr - minLr) * Math.cos((Math.PI / 2) * part) ** 2,
  inWarmup = (step, { warmupSteps }) => step < warmupSteps,
}: RewarmRule): RewarmSchedule {
  return (step, schedule) =>
    inWarmup(step, schedule) ? rise(step, schedule) : fall(progress(step, schedule), schedule);
}
const plain: Rewarming = { lastLr: 0.2, warmupSteps: 2, totalSteps: 5, maxLr: 1, minLr: 0.1 };
const small: Rewarming = { lastLr: 1e-4, warmupSteps: 4, totalSteps: 20, maxLr: 1e-3, minLr: 2e-4 };

const rewarmSchedule = exercise<RewarmSchedule>({
  reference: rewarmWith({}),
  examples: [
    { input: [1, plain], expected: 1 },
    { input: [0, plain], expected: 0.6 },
    { input: [2, plain], expected: 1 },
    { input: [3, plain], expected: 0.55 },
    { input: [4, plain], expected: 0.1 },
    { input: [9, plain], expected: 0.1 },
    { input: [0, { ...plain, lastLr: 0, warmupSteps: 4, totalSteps: 9 }], expected: 0.25 },
    { input: [7, { ...plain, minLr: 0, warmupSteps: 4, totalSteps: 11 }], expected: 0.5 },
  ],
  random: (random, i) => {
    const warmupSteps = 1 + random.integer(6);
    const totalSteps = warmupSteps + 3 + random.integer(15);
    const maxLr = between(random, 0.5, 2);
    const schedule = { warmupSteps, totalSteps, maxLr, lastLr: between(random, 0.05, 0.4), minLr: 0.1 * maxLr };
    const step = i % 2 === 0 ? random.integer(warmupSteps) : warmupSteps + random.integer(totalSteps - warmupSteps + 3);
    return [step, schedule];
  },
  extremes: [
    [0, { ...small, warmupSteps: 0 }],
    [0, small],
    [3, small],
    [4, small],
    [19, small],
    [200, small],
    [0, { ...small, lastLr: small.maxLr }],
  ],
  mistakes: {
    fromZero: rewarmWith({ rise: (step, { maxLr, warmupSteps }) => (maxLr * (step + 1)) / warmupSteps }),
    addsLast: rewarmWith({
      rise: (step, { lastLr, maxLr, warmupSteps }) => lastLr + (maxLr * (step + 1)) / warmupSteps,
    }),
    staysLow: rewarmWith({ rise: (_, { lastLr }) => lastLr }),
    jumps: rewarmWith({ rise: (_, { maxLr }) => maxLr }),
    startsAtLast: rewarmWith({
      rise: (step, { lastLr, maxLr, warmupSteps }) => lastLr + ((maxLr - lastLr) * step) / warmupSteps,
    }),
    fromMin: rewarmWith({
      rise: (step, { minLr, maxLr, warmupSteps }) => minLr + ((maxLr - minLr) * (step + 1)) / warmupSteps,
    }),
    neverArrives: rewarmWith({
      progress: (step, { warmupSteps, totalSteps }) =>
        Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps)),
    }),
    fromTheStart: rewarmWith({
      progress: (step, { totalSteps }) => Math.min(1, step / Math.max(1, totalSteps - 1)),
    }),
    comesBack: rewarmWith({
      progress: (step, { warmupSteps, totalSteps }) => (step - warmupSteps) / Math.max(1, totalSteps - 1 - warmupSteps),
    }),
    downToZero: rewarmWith({ fall: (part, { maxLr }) => (maxLr / 2) * (1 + Math.cos(Math.PI * part)) }),
    downToLast: rewarmWith({
      fall: (part, { maxLr, lastLr }) => lastLr + ((maxLr - lastLr) / 2) * (1 + Math.cos(Math.PI * part)),
    }),
    stays: rewarmWith({ fall: (_, { maxLr }) => maxLr }),
    straight: rewarmWith({ fall: (part, { maxLr, minLr }) => maxLr - (maxLr - minLr) * part }),
    notHalved: rewarmWith({
      fall: (part, { maxLr, minLr }) => minLr + (maxLr - minLr) * (1 + Math.cos(Math.PI * part)),
    }),
    warmupTooLong: rewarmWith({ inWarmup: (step, { warmupSteps }) => step <= warmupSteps }),
  },
});

// bitsPerByte

/** UTF-8 bytes, counted by code points. */
function bytesOf(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}
const weighted = (losses: readonly number[], tokens: readonly number[]): number =>
  total(losses.map((loss, i) => loss * at(tokens, i)));
const bytes = (texts: readonly string[]): number => total(texts.map(bytesOf));
const letters = (texts: readonly string[]): number => total(texts.map((text) => text.length));
const WORDS = ["sea", "naïve", "سلام", "日本", "🙂", "a function", "x"];

const bitsPerByte = exercise<BitsPerByte>({
  reference: (losses, tokens, texts) => weighted(losses, tokens) / Math.log(2) / bytes(texts),
  examples: [
    { input: [[Math.LN2], [2], ["the seas"]], expected: 0.25 },
    { input: [[Math.LN2], [4], ["سلام"]], expected: 0.5 },
    { input: [[Math.LN2, Math.LN2 * 4], [2, 3], ["abc", "defg"]], expected: 2 }, // biome-ignore format: one thought
    { input: [[8 * Math.LN2], [3], ["abc"]], expected: 8 },
  ],
  random: (random, i) => {
    const count = 1 + (i % 4);
    const some = (): string => Array.from({ length: 1 + random.integer(6) }, () => WORDS[random.integer(7)]).join(" ");
    return [
      Array.from({ length: count }, () => between(random, 0.5, 6)),
      Array.from({ length: count }, () => 1 + random.integer(40)),
      Array.from({ length: count }, some),
    ];
  },
  extremes: [
    [[0], [5], ["certain"]],
    [[2, 3], [7, 0], ["one text", ""]], // biome-ignore format: one thought
    [[1e4], [1000], ["🙂🙂"]],
  ],
  mistakes: {
    lettersNotBytes: (losses, tokens, texts) => weighted(losses, tokens) / Math.LN2 / letters(texts),
    nats: (losses, tokens, texts) => weighted(losses, tokens) / bytes(texts),
    multiplies: (losses, tokens, texts) => (weighted(losses, tokens) * Math.LN2) / bytes(texts),
    perToken: (losses, tokens) => weighted(losses, tokens) / Math.LN2 / total(tokens),
    meanOfTexts: (losses, tokens, texts) =>
      mean(texts.map((text, i) => (at(losses, i) * at(tokens, i)) / Math.LN2 / bytesOf(text))),
    sumOfTexts: (losses, tokens, texts) =>
      total(texts.map((text, i) => (at(losses, i) * at(tokens, i)) / Math.LN2 / bytesOf(text))),
    sumsMeans: (losses, _, texts) => total(losses) / Math.LN2 / bytes(texts),
    plainMean: (losses, tokens, texts) => (mean(losses) * total(tokens)) / Math.LN2 / bytes(texts),
    log2OfLoss: (losses, tokens, texts) =>
      total(losses.map((loss, i) => Math.log2(loss) * at(tokens, i))) / bytes(texts),
    turned: (losses, tokens, texts) => bytes(texts) / (weighted(losses, tokens) / Math.LN2),
    bits: (losses, tokens) => weighted(losses, tokens) / Math.LN2,
  },
});

// forgettingTable

interface TableRule {
  readonly forgotten?: (before: Bits, after: Bits, old: readonly string[], newDomain: string) => number;
  readonly gained?: (before: Bits, after: Bits, newDomain: string) => number;
  readonly kept?: (gained: readonly number[], i: number) => number;
}
const pick = (bits: Bits, name: string): number => bits[name] ?? Number.NaN;
const risesOf = (before: Bits, after: Bits, names: readonly string[]): number[] =>
  names.map((name) => pick(after, name) - pick(before, name));
/** The table with its columns as options, so that each mistake is one changed column. */
function tableWith({
  forgotten = (before, after, old) => mean(risesOf(before, after, old)),
  gained = (before, after, newDomain) => pick(before, newDomain) - pick(after, newDomain),
  kept = (gains, i) => at(gains, i) / at(gains, 0),
}: TableRule): ForgettingTable {
  return (before, runs, newDomain) => {
    const old = Object.keys(before).filter((name) => name !== newDomain);
    const gains = Object.values(runs).map((after) => gained(before, after, newDomain));
    return Object.entries(runs).map(([run, after], i) => ({
      run,
      forgotten: forgotten(before, after, old, newDomain),
      gained: at(gains, i),
      kept: kept(gains, i),
    }));
  };
}
const before: Bits = { speeches: 2, novel: 3, code: 4 };
const naive: Bits = { speeches: 2.5, novel: 3.5, code: 2 };
const replay: Bits = { speeches: 2.25, novel: 3, code: 2.5 };

const forgettingTable = exercise<ForgettingTable>({
  reference: tableWith({}),
  examples: [
    { input: [before, { naive }, "code"], expected: [{ run: "naive", forgotten: 0.5, gained: 2, kept: 1 }] },
    {
      input: [before, { naive, replay }, "code"],
      expected: [
        { run: "naive", forgotten: 0.5, gained: 2, kept: 1 },
        { run: "replay", forgotten: 0.125, gained: 1.5, kept: 0.75 },
      ],
    },
    {
      input: [{ new: 3, a: 2, b: 2 }, { one: { new: 2, a: 1.5, b: 2.25 }, two: { new: 1, a: 2, b: 2 } }, "new"],
      expected: [
        { run: "one", forgotten: -0.125, gained: 1, kept: 1 }, // an old domain may profit
        { run: "two", forgotten: 0, gained: 2, kept: 2 },
      ],
    },
  ],
  random: (random, i) => {
    const names = ["a", "b", "c", "d"].slice(0, 1 + (i % 4));
    const bits = (low: number, high: number): Bits =>
      Object.fromEntries([...names, "new"].map((name) => [name, between(random, low, high)]));
    const start = { ...bits(1, 2), new: between(random, 4, 5) };
    const runs = Object.fromEntries(["p", "q", "r"].slice(0, 1 + (i % 3)).map((run) => [run, bits(1.5, 3)]));
    return [start, runs, "new"];
  },
  mistakes: {
    signOfForgotten: tableWith({ forgotten: (from, after, old) => -mean(risesOf(from, after, old)) }),
    signOfGained: tableWith({ gained: (from, after, name) => pick(after, name) - pick(from, name) }),
    allDomains: tableWith({ forgotten: (from, after) => mean(risesOf(from, after, Object.keys(from))) }),
    sums: tableWith({ forgotten: (from, after, old) => total(risesOf(from, after, old)) }),
    dividesByAll: tableWith({
      forgotten: (from, after, old) => total(risesOf(from, after, old)) / Object.keys(from).length,
    }),
    levels: tableWith({ forgotten: (_, after, old) => mean(old.map((name) => pick(after, name))) }),
    sizes: tableWith({ forgotten: (from, after, old) => mean(risesOf(from, after, old).map(Math.abs)) }),
    levelOfNew: tableWith({ gained: (_, after, name) => pick(after, name) }),
    keptOfBefore: (from, runs, name) =>
      tableWith({ kept: (gains, i) => at(gains, i) / pick(from, name) })(from, runs, name),
    difference: tableWith({ kept: (gains, i) => at(gains, i) - at(gains, 0) }),
    percent: tableWith({ kept: (gains, i) => (100 * at(gains, i)) / at(gains, 0) }),
    turned: tableWith({ kept: (gains, i) => at(gains, 0) / at(gains, i) }),
    ofBest: tableWith({ kept: (gains, i) => at(gains, i) / Math.max(...gains) }),
  },
});

export const exercises = { mixBatches, rewarmSchedule, bitsPerByte, forgettingTable };
