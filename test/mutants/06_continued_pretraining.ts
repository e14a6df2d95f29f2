/** @file Wrong answers to the exercises of chapter 06, as learners write them, and the message that each must get. Written without a look at `mistakes`. */

interface Mutant {
  readonly name: string;
  /** Key of the message that must be shown. */
  readonly message: string;
  // biome-ignore lint/complexity/noBannedTypes: a wrong answer may have any signature
  readonly answer: Function;
}

const sum = (xs: number[]): number => {
  let s = 0;
  for (const x of xs) s += x;
  return s;
};

/** The count of rows as a learner keeps it; each part as it may go wrong. */
const counting =
  ({
    deserved = (share: number, all: number, n: number) => (share / all) * n,
    better = (a: number, b: number) => a > b,
    anew = false,
    firstRow = 1,
  }) =>
  (shares: number[], batchSize: number, batches: number): number[][] => {
    const all = sum(shares);
    const plan: number[][] = [];
    let had = shares.map(() => 0);
    let n = firstRow;
    for (let b = 0; b < batches; b++) {
      if (anew) {
        had = shares.map(() => 0);
        n = firstRow;
      }
      const rows: number[] = [];
      for (let r = 0; r < batchSize; r++, n++) {
        let winner = 0;
        for (let i = 1; i < shares.length; i++)
          if (better(deserved(shares[i]!, all, n) - had[i]!, deserved(shares[winner]!, all, n) - had[winner]!))
            winner = i;
        had[winner]!++;
        rows.push(winner);
      }
      plan.push(rows);
    }
    return plan;
  };

type Plan = { lastLr: number; warmupSteps: number; totalSteps: number; maxLr: number; minLr: number };
/** Half a cosine wave from `top` to `bottom`. */
const falling = (part: number, top: number, bottom: number): number =>
  bottom + 0.5 * (top - bottom) * (1 + Math.cos(part * Math.PI));
const partOf = (step: number, { warmupSteps, totalSteps }: Plan): number => {
  const rest = totalSteps - 1 - warmupSteps;
  return step >= totalSteps ? 1 : (step - warmupSteps) / rest;
};
const rate =
  (
    climb: (step: number, plan: Plan) => number,
    drop: (step: number, plan: Plan) => number = (step, plan) => falling(partOf(step, plan), plan.maxLr, plan.minLr),
  ) =>
  (step: number, plan: Plan): number =>
    step < plan.warmupSteps ? climb(step, plan) : drop(step, plan);
const climbing = (step: number, { lastLr, maxLr, warmupSteps }: Plan): number =>
  lastLr + (maxLr - lastLr) * ((step + 1) / warmupSteps);

const natsOf = (losses: number[], tokens: number[]): number => sum(losses.map((loss, i) => loss * tokens[i]!));
const bytesOf = (texts: string[]): number => Buffer.byteLength(texts.join(""), "utf8");

type Bits = Record<string, number>;
/** The table with a loop; each column as a learner may get it wrong. */
const summary =
  ({
    lost = (from: number, to: number) => to - from,
    over = (names: string[], name: string) => names.filter((one) => one !== name),
    divisor = (old: string[], _all: string[]) => old.length,
    won = (from: number, to: number) => from - to,
    share = (gain: number, first: number, _all: number[]) => gain / first,
  }) =>
  (before: Bits, runs: Record<string, Bits>, newDomain: string) => {
    const all = Object.keys(before);
    const old = over(all, newDomain);
    const out: { run: string; forgotten: number; gained: number; kept: number }[] = [];
    for (const run of Object.keys(runs)) {
      const after = runs[run]!;
      let worse = 0;
      for (const name of old) worse += lost(before[name]!, after[name]!);
      out.push({
        run,
        forgotten: worse / divisor(old, all),
        gained: won(before[newDomain]!, after[newDomain]!),
        kept: 0,
      });
    }
    const gains = out.map(({ gained }) => gained);
    for (const row of out) row.kept = share(row.gained, gains[0]!, gains);
    return out;
  };

export const mutants: Record<string, readonly Mutant[]> = {
  mixBatches: [
    { name: "counts anew in each batch", message: "mixBatches.forgets", answer: counting({ anew: true }) },
    {
      name: "does not count the row to come",
      message: "mixBatches.rowsBefore",
      answer: counting({ firstRow: 0 }),
    },
    {
      name: "takes the last of equals",
      message: "mixBatches.lastOfEquals",
      answer: counting({ better: (a, b) => a >= b }),
    },
    {
      name: "believes that shares sum to 1",
      message: "mixBatches.notNormalized",
      answer: counting({ deserved: (share, _, n) => share * n }),
    },
    {
      name: "gives to the source that has most already",
      message: "mixBatches.leastBehind",
      answer: counting({ better: (a, b) => a < b }),
    },
    {
      name: "compares shares with rows",
      message: "mixBatches.noRows",
      answer: counting({ deserved: (share, all) => share / all }),
    },
    {
      name: "rounds in each batch",
      message: "mixBatches.rounds",
      answer: (shares: number[], batchSize: number, batches: number) => {
        const rows: number[] = [];
        for (let i = 0; i < shares.length; i++)
          for (let k = 0; k < Math.round((shares[i]! / sum(shares)) * batchSize); k++) rows.push(i);
        return new Array(batches).fill(rows);
      },
    },
    {
      name: "takes turns",
      message: "mixBatches.turns",
      answer: (shares: number[], batchSize: number, batches: number) => {
        let i = 0;
        return Array.from({ length: batches }, () => Array.from({ length: batchSize }, () => i++ % shares.length));
      },
    },
    {
      name: "gives one list",
      message: "mixBatches.oneList",
      answer: (shares: number[], batchSize: number, batches: number) => counting({})(shares, batchSize, batches).flat(),
    },
    {
      name: "draws lots",
      message: "check.value",
      answer: (shares: number[], batchSize: number, batches: number) => {
        let seed = 7;
        const draw = (): number => {
          seed = (seed * 16807) % 2147483647;
          const at = (seed / 2147483647) * sum(shares);
          return shares.findIndex((_, i) => at < sum(shares.slice(0, i + 1)));
        };
        return Array.from({ length: batches }, () => Array.from({ length: batchSize }, draw));
      },
    },
    {
      name: "forgets what was given",
      message: "mixBatches.largestOnly",
      answer: (shares: number[], batchSize: number, batches: number) => {
        const largest = shares.indexOf(Math.max(...shares));
        return Array.from({ length: batches }, () => new Array(batchSize).fill(largest));
      },
    },
    {
      name: "exchanges the two sizes",
      message: "mixBatches.turned",
      answer: (shares: number[], batchSize: number, batches: number) => counting({})(shares, batches, batchSize),
    },
  ],

  rewarmSchedule: [
    {
      name: "warms up from nothing",
      message: "rewarmSchedule.fromZero",
      answer: rate((step, { maxLr, warmupSteps }) => (maxLr / warmupSteps) * (step + 1)),
    },
    {
      name: "adds the whole rise",
      message: "rewarmSchedule.addsLast",
      answer: rate((step, { lastLr, maxLr, warmupSteps }) => lastLr + maxLr * ((step + 1) / warmupSteps)),
    },
    {
      name: "is one step late",
      message: "rewarmSchedule.startsAtLast",
      answer: rate((step, { lastLr, maxLr, warmupSteps }) => lastLr + (maxLr - lastLr) * (step / warmupSteps)),
    },
    { name: "has no warm-up", message: "rewarmSchedule.jumps", answer: rate((_, { maxLr }) => maxLr) },
    { name: "goes on as it was", message: "rewarmSchedule.staysLow", answer: rate((_, { lastLr }) => lastLr) },
    {
      name: "rises from the lowest rate",
      message: "rewarmSchedule.fromMin",
      answer: rate((step, { minLr, maxLr, warmupSteps }) => minLr + ((maxLr - minLr) / warmupSteps) * (step + 1)),
    },
    {
      name: "is never at the end",
      message: "rewarmSchedule.neverArrives",
      answer: rate(climbing, (step, plan) =>
        falling(Math.min(1, (step - plan.warmupSteps) / (plan.totalSteps - plan.warmupSteps)), plan.maxLr, plan.minLr),
      ),
    },
    {
      name: "counts progress from step 0",
      message: "rewarmSchedule.fromTheStart",
      answer: rate(climbing, (step, plan) =>
        falling(Math.min(1, step / (plan.totalSteps - 1)), plan.maxLr, plan.minLr),
      ),
    },
    {
      name: "goes up again",
      message: "rewarmSchedule.comesBack",
      answer: rate(climbing, (step, plan) =>
        falling((step - plan.warmupSteps) / (plan.totalSteps - 1 - plan.warmupSteps), plan.maxLr, plan.minLr),
      ),
    },
    {
      name: "ends at 0",
      message: "rewarmSchedule.downToZero",
      answer: rate(climbing, (step, plan) => falling(partOf(step, plan), plan.maxLr, 0)),
    },
    {
      name: "ends where the last training ended",
      message: "rewarmSchedule.downToLast",
      answer: rate(climbing, (step, plan) => falling(partOf(step, plan), plan.maxLr, plan.lastLr)),
    },
    {
      name: "falls in a straight line",
      message: "rewarmSchedule.straight",
      answer: rate(climbing, (step, plan) => {
        const part = partOf(step, plan);
        return (1 - part) * plan.maxLr + part * plan.minLr;
      }),
    },
    {
      name: "gives text",
      message: "check.type",
      answer: (step: number, plan: Plan) => rate(climbing)(step, plan).toFixed(4),
    },
    { name: "does not fall", message: "rewarmSchedule.stays", answer: rate(climbing, (_, { maxLr }) => maxLr) },
    {
      name: "forgets the half",
      message: "rewarmSchedule.notHalved",
      answer: rate(
        climbing,
        (step, plan) => plan.minLr + (plan.maxLr - plan.minLr) * (1 + Math.cos(partOf(step, plan) * Math.PI)),
      ),
    },
    {
      name: "climbs a step too long",
      message: "rewarmSchedule.warmupTooLong",
      answer: (step: number, plan: Plan) =>
        step <= plan.warmupSteps ? climbing(step, plan) : falling(partOf(step, plan), plan.maxLr, plan.minLr),
    },
  ],

  bitsPerByte: [
    {
      name: "counts letters",
      message: "bitsPerByte.lettersNotBytes",
      answer: (losses: number[], tokens: number[], texts: string[]) =>
        natsOf(losses, tokens) / Math.LN2 / texts.join("").length,
    },
    {
      name: "stays with nats",
      message: "bitsPerByte.nats",
      answer: (losses: number[], tokens: number[], texts: string[]) => natsOf(losses, tokens) / bytesOf(texts),
    },
    {
      name: "multiplies by ln 2",
      message: "bitsPerByte.multiplies",
      answer: (losses: number[], tokens: number[], texts: string[]) =>
        (natsOf(losses, tokens) * Math.log(2)) / bytesOf(texts),
    },
    {
      name: "bits per token",
      message: "bitsPerByte.perToken",
      answer: (losses: number[], tokens: number[]) => natsOf(losses, tokens) / sum(tokens) / Math.LN2,
    },
    {
      name: "mean over the texts",
      message: "bitsPerByte.meanOfTexts",
      answer: (losses: number[], tokens: number[], texts: string[]) =>
        sum(losses.map((loss, i) => (loss * tokens[i]!) / Math.LN2 / bytesOf([texts[i]!]))) / texts.length,
    },
    {
      name: "forgets the tokens",
      message: "bitsPerByte.sumsMeans",
      answer: (losses: number[], _: number[], texts: string[]) => sum(losses) / Math.LN2 / bytesOf(texts),
    },
    {
      name: "plain mean of the losses",
      message: "bitsPerByte.plainMean",
      answer: (losses: number[], tokens: number[], texts: string[]) =>
        ((sum(losses) / losses.length) * sum(tokens)) / Math.LN2 / bytesOf(texts),
    },
    {
      name: "logarithm of the loss",
      message: "bitsPerByte.log2OfLoss",
      answer: (losses: number[], tokens: number[], texts: string[]) =>
        sum(losses.map((loss, i) => Math.log2(loss) * tokens[i]!)) / bytesOf(texts),
    },
    {
      name: "bytes per bit",
      message: "bitsPerByte.turned",
      answer: (losses: number[], tokens: number[], texts: string[]) =>
        bytesOf(texts) / (natsOf(losses, tokens) / Math.LN2),
    },
    {
      name: "sum over the texts",
      message: "bitsPerByte.sumOfTexts",
      answer: (losses: number[], tokens: number[], texts: string[]) =>
        sum(losses.map((loss, i) => (loss * tokens[i]!) / Math.LN2 / bytesOf([texts[i]!]))),
    },
    {
      name: "does not divide by bytes",
      message: "bitsPerByte.bits",
      answer: (losses: number[], tokens: number[]) => natsOf(losses, tokens) / Math.LN2,
    },
  ],

  forgettingTable: [
    {
      name: "turns the sign of what is forgotten",
      message: "forgettingTable.signOfForgotten",
      answer: summary({ lost: (from, to) => from - to }),
    },
    {
      name: "turns the sign of the gain",
      message: "forgettingTable.signOfGained",
      answer: summary({ won: (from, to) => to - from }),
    },
    {
      name: "counts the new domain as old",
      message: "forgettingTable.allDomains",
      answer: summary({ over: (names) => names }),
    },
    { name: "adds up", message: "forgettingTable.sums", answer: summary({ divisor: () => 1 }) },
    {
      name: "divides by all domains",
      message: "forgettingTable.dividesByAll",
      answer: summary({ divisor: (_, all) => all.length }),
    },
    {
      name: "takes what is after for what is forgotten",
      message: "forgettingTable.levels",
      answer: summary({ lost: (_, to) => to }),
    },
    {
      name: "takes sizes",
      message: "forgettingTable.sizes",
      answer: summary({ lost: (from, to) => Math.abs(to - from) }),
    },
    {
      name: "in percent",
      message: "forgettingTable.percent",
      answer: summary({ share: (g, first) => (g / first) * 100 }),
    },
    {
      name: "refers to the best run",
      message: "forgettingTable.ofBest",
      answer: summary({ share: (g, _, all) => g / Math.max(...all) }),
    },
    {
      name: "subtracts the first gain",
      message: "forgettingTable.difference",
      answer: summary({ share: (g, first) => g - first }),
    },
    {
      name: "leaves out kept",
      message: "check.value",
      answer: (before: Bits, runs: Record<string, Bits>, newDomain: string) =>
        summary({})(before, runs, newDomain).map(({ run, forgotten, gained }) => ({ run, forgotten, gained })),
    },
    {
      name: "takes what is after for the gain",
      message: "forgettingTable.levelOfNew",
      answer: summary({ won: (_, to) => to }),
    },
    {
      name: "keeps a share of the bits before",
      message: "forgettingTable.keptOfBefore",
      answer: (before: Bits, runs: Record<string, Bits>, newDomain: string) =>
        summary({ share: (gain) => gain / before[newDomain]! })(before, runs, newDomain),
    },
    {
      name: "divides the first gain by this one",
      message: "forgettingTable.turned",
      answer: summary({ share: (gain, first) => first / gain }),
    },
  ],
};
