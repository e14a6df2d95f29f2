/** @file Wrong answers to the exercises of chapter 04, as learners write them, and the message that each must get. Written without a look at `mistakes`. */
import { type Tensor, type Tensor4D, tf } from "gptlab";

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
const softmax = (z: number[], shift = Math.max(...z)): number[] => {
  const e = z.map((x) => Math.exp(x - shift));
  return e.map((x) => x / sum(e));
};

/** Cross-entropy with a loop; `rowLoss` and the end as a learner may get them wrong. */
const lossLoop =
  (rowLoss: (row: number[], target: number) => number, end = (s: number, n: number, _: number) => (n ? s / n : 0)) =>
  (logits: number[][], targets: number[]): number => {
    let s = 0;
    let n = 0;
    for (let i = 0; i < logits.length; i++) {
      const target = targets[i]!;
      if (target === -100) continue;
      s += rowLoss(logits[i]!, target);
      n += 1;
    }
    return end(s, n, logits.length);
  };
const stable = (row: number[], target: number): number => {
  const m = Math.max(...row);
  let s = 0;
  for (const z of row) s += Math.exp(z - m);
  return m + Math.log(s) - row[target]!;
};

type State = { parameters: number[]; first: number[]; second: number[]; step: number };
type Options = { lr: number; beta1: number; beta2: number; epsilon: number; weightDecay: number };
/** AdamW with a loop over the parameters; each part as a learner may get it wrong. */
const optimiser =
  ({
    t = (step: number) => step + 1,
    hat = (x: number, beta: number, step: number) => x / (1 - beta ** step),
    below = (v: number, eps: number) => Math.sqrt(v) + eps,
    update = (p: number, step: number, o: Options) => p - o.lr * o.weightDecay * p - step,
    moment2 = (v: number, g: number, b: number) => b * v + (1 - b) * g * g,
    moment1 = (m: number, g: number, b: number) => b * m + (1 - b) * g,
    grad = (g: number, _p: number, _o: Options) => g,
  }) =>
  (state: State, gradient: number[], o: Options): State => {
    const step = t(state.step);
    const out: State = { parameters: [], first: [], second: [], step: state.step + 1 };
    for (let i = 0; i < state.parameters.length; i++) {
      const p = state.parameters[i]!;
      const g = grad(gradient[i]!, p, o);
      const m = moment1(state.first[i]!, g, o.beta1);
      const v = moment2(state.second[i]!, g, o.beta2);
      out.first.push(m);
      out.second.push(v);
      out.parameters.push(update(p, (o.lr * hat(m, o.beta1, step)) / below(hat(v, o.beta2, step), o.epsilon), o));
    }
    return out;
  };

type Plan = { warmupSteps: number; totalSteps: number; maxLr: number; minLr: number };
const wave = (part: number, { maxLr, minLr }: Plan): number =>
  minLr + 0.5 * (maxLr - minLr) * (1 + Math.cos(part * Math.PI));

const scale = (lists: number[][], by: number): number[][] => lists.map((l) => l.map((x) => x * by));
const length = (lists: number[][]): number => Math.sqrt(sum(lists.flat().map((x) => x ** 2)));

type Cache = { k: Tensor4D; v: Tensor4D };
const longer = (cache: Cache | undefined, k: Tensor4D, v: Tensor4D): Cache =>
  cache ? { k: tf.concat([cache.k, k], 2), v: tf.concat([cache.v, v], 2) } : { k, v };
const attend = (q: Tensor4D, { k, v }: Cache, divisor: number): Tensor =>
  tf.matMul(tf.softmax(tf.matMul(q, k, false, true).div(divisor)), v);

export const mutants: Record<string, readonly Mutant[]> = {
  crossEntropy: [
    {
      name: "takes the softmax as in the schoolbook",
      message: "crossEntropy.overflows",
      answer: lossLoop((row, target) => -Math.log(softmax(row, 0)[target]!)),
    },
    {
      name: "takes the logarithm of a probability that is 0",
      message: "crossEntropy.logOfZero",
      answer: lossLoop((row, target) => -Math.log(softmax(row)[target]!)),
    },
    {
      name: "guards the logarithm with a small number",
      message: "crossEntropy.addsEpsilon",
      answer: lossLoop((row, target) => -Math.log(softmax(row)[target]! + 1e-9)),
    },
    {
      name: "logarithm of the plain sum",
      message: "crossEntropy.overflowsDifference",
      answer: lossLoop((row, target) => Math.log(sum(row.map((z) => Math.exp(z)))) - row[target]!),
    },
    {
      name: "adds up",
      message: "crossEntropy.sums",
      answer: lossLoop(stable, (s) => s),
    },
    {
      name: "divides by all rows",
      message: "crossEntropy.countsIgnored",
      answer: lossLoop(stable, (s, _, rows) => s / rows),
    },
    {
      name: "divides by nothing",
      message: "crossEntropy.noneCounts",
      answer: lossLoop(stable, (s, n) => s / n),
    },
    { name: "negative", message: "crossEntropy.noMinus", answer: lossLoop((row, target) => -stable(row, target)) },
    {
      name: "does not know -100",
      message: "crossEntropy.readsIgnored",
      answer: (logits: number[][], targets: number[]) =>
        sum(logits.map((row, i) => stable(row, targets[i]!))) / logits.length,
    },
    {
      name: "base 2",
      message: "crossEntropy.base2",
      answer: lossLoop((row, target) => -Math.log2(softmax(row)[target]!)),
    },
    {
      name: "gives a list",
      message: "check.type",
      answer: (logits: number[][], targets: number[]) => logits.map((row, i) => stable(row, targets[i]!)),
    },
    {
      name: "takes id 0 for nothing",
      message: "crossEntropy.skipsIdZero",
      answer: (logits: number[][], targets: number[]) => {
        const kept = logits.filter((_, i) => targets[i] && targets[i] !== -100);
        const ids = targets.filter((id) => id && id !== -100);
        return kept.length ? sum(kept.map((row, i) => stable(row, ids[i]!))) / kept.length : 0;
      },
    },
    {
      name: "forgets to add the largest again",
      message: "crossEntropy.topIsLost",
      answer: lossLoop((row, target) => {
        const m = Math.max(...row);
        return Math.log(sum(row.map((z) => Math.exp(z - m)))) - row[target]!;
      }),
    },
  ],

  perplexity: [
    {
      name: "mean of the parts",
      message: "perplexity.unweighted",
      answer: (losses: number[]) => Math.exp(sum(losses) / losses.length),
    },
    {
      name: "averages the perplexities",
      message: "perplexity.meanOfPerplexities",
      answer: (losses: number[]) => sum(losses.map((x) => Math.exp(x))) / losses.length,
    },
    {
      name: "forgets the power",
      message: "perplexity.noExp",
      answer: (losses: number[], tokens: number[]) => sum(losses.map((x, i) => x * tokens[i]!)) / sum(tokens),
    },
    {
      name: "2 to the loss",
      message: "perplexity.powerOf2",
      answer: (losses: number[], tokens: number[]) => 2 ** (sum(losses.map((x, i) => x * tokens[i]!)) / sum(tokens)),
    },
    {
      name: "averages weighted perplexities",
      message: "perplexity.weightedMeanOfPerplexities",
      answer: (losses: number[], tokens: number[]) => sum(losses.map((x, i) => Math.exp(x) * tokens[i]!)) / sum(tokens),
    },
    {
      name: "divides the plain sum by the tokens",
      message: "perplexity.dividesTwice",
      answer: (losses: number[], tokens: number[]) => Math.exp(sum(losses) / sum(tokens)),
    },
  ],

  nextTokenBatch: [
    {
      name: "masks by the padding's id",
      message: "nextTokenBatch.masksEnd",
      answer: (rows: number[][], padId: number) => {
        const T = Math.max(...rows.map((r) => r.length));
        const full = rows.map((r) => r.concat(Array(T - r.length).fill(padId)));
        return {
          ids: full.map((r) => r.slice(0, -1)),
          targets: full.map((r) => r.slice(1).map((id) => (id === padId ? -100 : id))),
        };
      },
    },
    {
      name: "pads, then shifts",
      message: "nextTokenBatch.paddedTargets",
      answer: (rows: number[][], padId: number) => {
        const T = Math.max(...rows.map((r) => r.length));
        const full = rows.map((r) => r.concat(Array(T - r.length).fill(padId)));
        return { ids: full.map((r) => r.slice(0, -1)), targets: full.map((r) => r.slice(1)) };
      },
    },
    {
      name: "keeps the last input",
      message: "nextTokenBatch.keepsLast",
      answer: (rows: number[][], padId: number) => {
        const T = Math.max(...rows.map((r) => r.length));
        return {
          ids: rows.map((r) => r.concat(Array(T - r.length).fill(padId))),
          targets: rows.map((r) => r.slice(1).concat(Array(T - r.length + 1).fill(-100))),
        };
      },
    },
    {
      name: "pads, shifts, then masks by length",
      message: "nextTokenBatch.endStays",
      answer: (rows: number[][], padId: number) => {
        const T = Math.max(...rows.map((r) => r.length));
        const full = rows.map((r) => r.concat(Array(T - r.length).fill(padId)));
        return {
          ids: full.map((r) => r.slice(0, -1)),
          targets: full.map((r, b) => r.slice(1).map((id, t) => (t + 1 < rows[b]!.length ? id : -100))),
        };
      },
    },
    {
      name: "does not pad",
      message: "nextTokenBatch.noPadding",
      answer: (rows: number[][]) => ({ ids: rows.map((r) => r.slice(0, -1)), targets: rows.map((r) => r.slice(1)) }),
    },
    {
      name: "calls it inputs",
      message: "check.value",
      answer: (rows: number[][]) => ({
        inputs: rows.map((r) => r.slice(0, -1)),
        targets: rows.map((r) => r.slice(1)),
      }),
    },
    {
      name: "changes the rows",
      message: "check.changedInput",
      answer: (rows: number[][], padId: number) => {
        const T = Math.max(...rows.map((r) => r.length)) - 1;
        return {
          targets: rows.map((r) => r.slice(1).concat(Array(T - r.length + 1).fill(-100))),
          ids: rows.map((r) => {
            r.pop();
            return r.concat(Array(T - r.length).fill(padId));
          }),
        };
      },
    },
  ],

  adamWStep: [
    { name: "no hats", message: "adamWStep.noCorrection", answer: optimiser({ hat: (x) => x }) },
    { name: "no power", message: "adamWStep.noPower", answer: optimiser({ hat: (x, beta) => x / (1 - beta) }) },
    { name: "counts steps from 0", message: "adamWStep.stepFromZero", answer: optimiser({ t: (step) => step }) },
    {
      name: "epsilon under the root",
      message: "adamWStep.epsilonInside",
      answer: optimiser({ below: (v, eps) => Math.sqrt(v + eps) }),
    },
    {
      name: "L2 in the gradient",
      message: "adamWStep.l2",
      answer: optimiser({ grad: (g, p, o) => g + o.weightDecay * p, update: (p, step) => p - step }),
    },
    { name: "no decay", message: "adamWStep.noDecay", answer: optimiser({ update: (p, step) => p - step }) },
    {
      name: "decays the new parameter",
      message: "adamWStep.decayLast",
      answer: optimiser({ update: (p, step, o) => (p - step) * (1 - o.lr * o.weightDecay) }),
    },
    { name: "no root", message: "adamWStep.noRoot", answer: optimiser({ below: (v, eps) => v + eps }) },
    {
      name: "means of the slopes twice",
      message: "adamWStep.notSquared",
      answer: optimiser({ moment2: (v, g, b) => b * v + (1 - b) * g }),
    },
    {
      name: "weights the wrong way round",
      message: "adamWStep.weightsExchanged",
      answer: optimiser({
        moment1: (m, g, b) => (1 - b) * m + b * g,
        moment2: (v, g, b) => (1 - b) * v + b * g * g,
      }),
    },
    {
      name: "forgets to count",
      message: "adamWStep.stepStays",
      answer: (state: State, gradient: number[], o: Options) => ({
        ...optimiser({})(state, gradient, o),
        step: state.step,
      }),
    },
    {
      name: "writes into the old state",
      message: "check.changedInput",
      answer: (state: State, gradient: number[], o: Options) => Object.assign(state, optimiser({})(state, gradient, o)),
    },
  ],

  warmupCosine: [
    {
      name: "first step learns nothing",
      message: "warmupCosine.startsAtZero",
      answer: (step: number, plan: Plan) =>
        step < plan.warmupSteps
          ? (plan.maxLr * step) / plan.warmupSteps
          : wave(Math.min(1, (step - plan.warmupSteps) / (plan.totalSteps - plan.warmupSteps - 1)), plan),
    },
    {
      name: "warm-up one step too long",
      message: "warmupCosine.warmupTooLong",
      answer: (step: number, plan: Plan) =>
        step <= plan.warmupSteps
          ? (plan.maxLr * (step + 1)) / plan.warmupSteps
          : wave(Math.min(1, (step - plan.warmupSteps) / (plan.totalSteps - plan.warmupSteps - 1)), plan),
    },
    {
      name: "one step too long",
      message: "warmupCosine.neverArrives",
      answer: (step: number, plan: Plan) =>
        step < plan.warmupSteps
          ? (plan.maxLr * (step + 1)) / plan.warmupSteps
          : wave(Math.min(1, (step - plan.warmupSteps) / (plan.totalSteps - plan.warmupSteps)), plan),
    },
    {
      name: "swings on for ever",
      message: "warmupCosine.comesBack",
      answer: (step: number, plan: Plan) =>
        step < plan.warmupSteps
          ? (plan.maxLr * (step + 1)) / plan.warmupSteps
          : wave((step - plan.warmupSteps) / (plan.totalSteps - plan.warmupSteps - 1), plan),
    },
    {
      name: "cosine from step 0",
      message: "warmupCosine.fromTheStart",
      answer: (step: number, plan: Plan) =>
        step < plan.warmupSteps
          ? (plan.maxLr * (step + 1)) / plan.warmupSteps
          : wave(Math.min(1, step / plan.totalSteps), plan),
    },
    {
      name: "down to 0",
      message: "warmupCosine.downToZero",
      answer: (step: number, plan: Plan) =>
        step < plan.warmupSteps
          ? (plan.maxLr * (step + 1)) / plan.warmupSteps
          : wave(Math.min(1, (step - plan.warmupSteps) / (plan.totalSteps - plan.warmupSteps - 1)), {
              ...plan,
              minLr: 0,
            }),
    },
    {
      name: "forgets to halve",
      message: "warmupCosine.notHalved",
      answer: (step: number, plan: Plan) => {
        const { warmupSteps, totalSteps, maxLr, minLr } = plan;
        if (step < warmupSteps) return (maxLr * (step + 1)) / warmupSteps;
        const part = Math.min(1, (step - warmupSteps) / (totalSteps - 1 - warmupSteps));
        return minLr + (maxLr - minLr) * (1 + Math.cos(Math.PI * part));
      },
    },
  ],

  clipGradNorm: [
    {
      name: "list by list",
      message: "clipGradNorm.eachAlone",
      answer: (lists: number[][], max: number) => ({
        gradients: lists.map((l) => (length([l]) > max ? scale([l], max / length([l]))[0] : [...l])),
        norm: length(lists),
      }),
    },
    {
      name: "number by number",
      message: "clipGradNorm.clampsValues",
      answer: (lists: number[][], max: number) => ({
        gradients: lists.map((l) => l.map((x) => Math.sign(x) * Math.min(Math.abs(x), max))),
        norm: length(lists),
      }),
    },
    {
      name: "without a condition",
      message: "clipGradNorm.alwaysScales",
      answer: (lists: number[][], max: number) => ({
        gradients: scale(lists, max / (length(lists) + 1e-6)),
        norm: length(lists),
      }),
    },
    {
      name: "norm of the result",
      message: "clipGradNorm.normAfter",
      answer: (lists: number[][], max: number) => {
        const gradients = scale(lists, Math.min(1, max / (length(lists) + 1e-9)));
        return { gradients, norm: length(gradients) };
      },
    },
    {
      name: "adds the norms",
      message: "clipGradNorm.sumOfNorms",
      answer: (lists: number[][], max: number) => {
        const norm = sum(lists.map((l) => length([l])));
        return { gradients: scale(lists, Math.min(1, max / (norm + 1e-9))), norm };
      },
    },
    {
      name: "changes the lists",
      message: "check.changedInput",
      answer: (lists: number[][], max: number) => {
        const norm = length(lists);
        const by = Math.min(1, max / (norm + 1e-6));
        for (const l of lists) for (let i = 0; i < l.length; i++) l[i]! *= by;
        return { gradients: lists, norm };
      },
    },
  ],

  sampleTopK: [
    {
      name: "sorts as text",
      message: "sampleTopK.sortsAsText",
      answer: (z: number[], k: number) => {
        const edge = [...z].sort().reverse()[Math.min(k, z.length) - 1]!;
        return softmax(z.map((x) => (x >= edge ? x : Number.NEGATIVE_INFINITY)));
      },
    },
    {
      name: "zero instead of minus infinity",
      message: "sampleTopK.zeroLogits",
      answer: (z: number[], k: number) => {
        const edge = [...z].sort((a, b) => b - a)[Math.min(k, z.length) - 1]!;
        return softmax(z.map((x) => (x >= edge ? x : 0)));
      },
    },
    {
      name: "forgets to make the sum 1",
      message: "sampleTopK.notScaled",
      answer: (z: number[], k: number) => {
        const p = softmax(z);
        const edge = [...p].sort((a, b) => b - a)[Math.min(k, z.length) - 1]!;
        return p.map((x) => (x >= edge ? x : 0));
      },
    },
    {
      name: "drops a tie",
      message: "sampleTopK.dropsTies",
      answer: (z: number[], k: number) => {
        const best = new Set([...z.keys()].sort((a, b) => z[b]! - z[a]!).slice(0, k));
        return softmax(z.map((x, i) => (best.has(i) ? x : Number.NEGATIVE_INFINITY)));
      },
    },
    {
      name: "loses the edge",
      message: "sampleTopK.oneTooFew",
      answer: (z: number[], k: number) => {
        const edge = [...z].sort((a, b) => b - a)[Math.min(k, z.length) - 1]!;
        return softmax(z.map((x) => (x > edge ? x : Number.NEGATIVE_INFINITY)));
      },
    },
    {
      name: "edge at k",
      message: "sampleTopK.oneTooMany",
      answer: (z: number[], k: number) => {
        const edge = [...z].sort((a, b) => b - a)[Math.min(k, z.length - 1)]!;
        return softmax(z.map((x) => (x >= edge ? x : Number.NEGATIVE_INFINITY)));
      },
    },
    {
      name: "k beyond the end",
      message: "sampleTopK.largeK",
      answer: (z: number[], k: number) => {
        const edge = [...z].sort((a, b) => b - a)[k - 1]!;
        return softmax(z.map((x) => (x >= edge ? x : Number.NEGATIVE_INFINITY)));
      },
    },
    {
      name: "sorts the argument itself",
      message: "check.changedInput",
      answer: (z: number[], k: number) => {
        const copy = [...z];
        const edge = z.sort((a, b) => b - a)[Math.min(k, z.length) - 1]!;
        return softmax(copy.map((x) => (x >= edge ? x : Number.NEGATIVE_INFINITY)));
      },
    },
    {
      name: "gives a token",
      message: "check.type",
      answer: (z: number[]) => z.indexOf(Math.max(...z)),
    },
  ],

  sampleTopP: [
    {
      name: "stops one too early",
      message: "sampleTopP.stopsBefore",
      answer: (z: number[], p: number) => {
        const probs = softmax(z);
        const keep = new Set<number>();
        let s = 0;
        for (const i of [...z.keys()].sort((a, b) => z[b]! - z[a]!)) {
          s += probs[i]!;
          if (s > p + 1e-12) break;
          keep.add(i);
        }
        return softmax(z.map((x, i) => (keep.has(i) ? x : Number.NEGATIVE_INFINITY)));
      },
    },
    {
      name: "probabilities above p",
      message: "sampleTopP.eachAgainstP",
      answer: (z: number[], p: number) => {
        const probs = softmax(z);
        return softmax(z.map((x, i) => (probs[i]! >= p ? x : Number.NEGATIVE_INFINITY)));
      },
    },
    {
      name: "does not divide again",
      message: "sampleTopP.notScaled",
      answer: (z: number[], p: number) => {
        const probs = softmax(z);
        const out = z.map(() => 0);
        let s = 0;
        for (const i of [...z.keys()].sort((a, b) => z[b]! - z[a]!)) {
          if (s >= p) break;
          out[i] = probs[i]!;
          s += probs[i]!;
        }
        return out;
      },
    },
    {
      name: "one more",
      message: "sampleTopP.oneTooMany",
      answer: (z: number[], p: number) => {
        const probs = softmax(z);
        const keep = new Set<number>();
        let s = 0;
        let enough = false;
        for (const i of [...z.keys()].sort((a, b) => z[b]! - z[a]!)) {
          keep.add(i);
          if (enough) break;
          s += probs[i]!;
          enough = s >= p;
        }
        return softmax(z.map((x, i) => (keep.has(i) ? x : Number.NEGATIVE_INFINITY)));
      },
    },
    {
      name: "in the order of ids",
      message: "sampleTopP.inOrderOfIds",
      answer: (z: number[], p: number) => {
        const probs = softmax(z);
        let s = 0;
        return softmax(
          z.map((x, i) => {
            const kept = s < p;
            s += probs[i]!;
            return kept ? x : Number.NEGATIVE_INFINITY;
          }),
        );
      },
    },
    {
      name: "adds up logits",
      message: "sampleTopP.noFilter",
      answer: (z: number[], p: number) => {
        const keep = new Set<number>();
        let s = 0;
        for (const i of [...z.keys()].sort((a, b) => z[b]! - z[a]!)) {
          if (s >= p) break;
          keep.add(i);
          s += z[i]!;
        }
        return softmax(z.map((x, i) => (keep.has(i) ? x : Number.NEGATIVE_INFINITY)));
      },
    },
    {
      name: "from the wrong end",
      message: "sampleTopP.leastLikely",
      answer: (z: number[], p: number) => {
        const probs = softmax(z);
        const keep = new Set<number>();
        let s = 0;
        for (const i of [...z.keys()].sort((a, b) => z[a]! - z[b]!)) {
          if (s >= p) break;
          keep.add(i);
          s += probs[i]!;
        }
        return softmax(z.map((x, i) => (keep.has(i) ? x : Number.NEGATIVE_INFINITY)));
      },
    },
  ],

  kvCacheStep: [
    {
      name: "does not scale",
      message: "kvCacheStep.noScale",
      answer: (cache: Cache | undefined, q: Tensor4D, k: Tensor4D, v: Tensor4D) => {
        const all = longer(cache, k, v);
        return { out: attend(q, all, 1), cache: all };
      },
    },
    {
      name: "attends before it appends",
      message: "kvCacheStep.onlyOld",
      answer: (cache: Cache | undefined, q: Tensor4D, k: Tensor4D, v: Tensor4D) => ({
        out: attend(q, cache ?? { k, v }, Math.sqrt(q.shape[3])),
        cache: longer(cache, k, v),
      }),
    },
    {
      name: "returns the old cache",
      message: "kvCacheStep.cacheStays",
      answer: (cache: Cache | undefined, q: Tensor4D, k: Tensor4D, v: Tensor4D) => ({
        out: attend(q, longer(cache, k, v), Math.sqrt(q.shape[3])),
        cache: cache ?? { k, v },
      }),
    },
    {
      name: "returns only the new key",
      message: "kvCacheStep.cacheReplaced",
      answer: (cache: Cache | undefined, q: Tensor4D, k: Tensor4D, v: Tensor4D) => ({
        out: attend(q, longer(cache, k, v), Math.sqrt(q.shape[3])),
        cache: { k, v },
      }),
    },
    {
      name: "puts the new one first",
      message: "kvCacheStep.newestFirst",
      answer: (cache: Cache | undefined, q: Tensor4D, k: Tensor4D, v: Tensor4D) => {
        const all = cache ? { k: tf.concat([k, cache.k], 2), v: tf.concat([v, cache.v], 2) } : { k, v };
        return { out: attend(q, all, Math.sqrt(q.shape[3])), cache: all };
      },
    },
    {
      name: "divides by the head size",
      message: "kvCacheStep.scaleBySize",
      answer: (cache: Cache | undefined, q: Tensor4D, k: Tensor4D, v: Tensor4D) => {
        const all = longer(cache, k, v);
        return { out: attend(q, all, q.shape[3]), cache: all };
      },
    },
    {
      name: "frees the old cache",
      message: "kvCacheStep.disposesCache",
      answer: (cache: Cache | undefined, q: Tensor4D, k: Tensor4D, v: Tensor4D) => {
        const all = longer(cache, k, v);
        if (cache) tf.dispose([cache.k, cache.v]);
        return { out: attend(q, all, Math.sqrt(q.shape[3])), cache: all };
      },
    },
    {
      name: "does not think of the first token",
      message: "check.threw",
      answer: (cache: Cache, q: Tensor4D, k: Tensor4D, v: Tensor4D) => {
        const all = { k: tf.concat([cache.k, k], 2), v: tf.concat([cache.v, v], 2) };
        return { out: attend(q, all as Cache, Math.sqrt(q.shape[3])), cache: all };
      },
    },
    {
      name: "appends along the wrong axis",
      message: "check.threw",
      answer: (cache: Cache | undefined, q: Tensor4D, k: Tensor4D, v: Tensor4D) => {
        const all = cache ? { k: tf.concat([cache.k, k], 3), v: tf.concat([cache.v, v], 3) } : { k, v };
        return { out: attend(q, all as Cache, Math.sqrt(q.shape[3])), cache: all };
      },
    },
  ],
};
