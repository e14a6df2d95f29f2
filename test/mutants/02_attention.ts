/** @file Wrong answers to the exercises of chapter 02, as learners write them, and the message that each must get. Written without a look at `mistakes`. */
import { linear, type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from "gptlab";
import { NotImplemented } from "gptlab/course";

interface Mutant {
  readonly name: string;
  /** Key of the message that must be shown. */
  readonly message: string;
  // biome-ignore lint/complexity/noBannedTypes: a wrong answer may have any signature
  readonly answer: Function;
}
interface Weights {
  readonly qkv: Tensor2D;
  readonly out: Tensor2D;
}

/** Softmax as a learner writes it with a loop; `shift` is what is taken away first. */
function loopSoftmax(scores: number[], shift: number): number[] {
  const powers: number[] = [];
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    powers.push(Math.exp(scores[i]! - shift));
    sum += powers[i]!;
  }
  for (let i = 0; i < powers.length; i++) powers[i]! /= sum;
  return powers;
}
const sumOf = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0);

/** A T by T mask filled by two loops. */
function fillMask(T: number, number: (row: number, column: number) => number): Tensor2D {
  const rows: number[][] = [];
  for (let row = 0; row < T; row++) {
    rows.push([]);
    for (let column = 0; column < T; column++) rows[row]!.push(number(row, column));
  }
  return tf.tensor2d(rows, [T, T]);
}
const hidden = (T: number): Tensor2D => fillMask(T, (row, column) => (column > row ? -1e9 : 0));
const lengthOf = (x: Tensor): number => x.shape[x.shape.length - 1]!;
const halves = (x: Tensor3D, nHead: number): Tensor4D =>
  tf.transpose(tf.reshape(x, [x.shape[0], x.shape[1], nHead, -1]), [0, 2, 1, 3]);
const joined = (x: Tensor): Tensor3D => {
  const [B, H, T, hs] = x.shape as [number, number, number, number];
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [B, T, H * hs]);
};
const softAttention = (q: Tensor, k: Tensor, v: Tensor, mask?: Tensor): Tensor => {
  const scores = q.matMul(k, false, true).div(Math.sqrt(lengthOf(q)));
  return tf.softmax(mask ? tf.add(scores, mask) : scores).matMul(v);
};

export const mutants: Record<string, readonly Mutant[]> = {
  dotScores: [
    {
      name: "the sum is declared outside the loop",
      message: "dotScores.runningSum",
      answer: (query: number[], keys: number[][]) => {
        const scores: number[] = [];
        let sum = 0;
        for (const key of keys) {
          for (let i = 0; i < query.length; i++) sum += query[i]! * key[i]!;
          scores.push(sum);
        }
        return scores;
      },
    },
    {
      name: "= in place of +=",
      message: "dotScores.notSummed",
      answer: (query: number[], keys: number[][]) =>
        keys.map((key) => {
          let sum = 0;
          for (let i = 0; i < query.length; i++) sum = query[i]! * key[i]!;
          return sum;
        }),
    },
    {
      name: "the loop ends one too early",
      message: "dotScores.lastEntryMissing",
      answer: (query: number[], keys: number[][]) =>
        keys.map((key) => {
          let sum = 0;
          for (let i = 0; i < query.length - 1; i++) sum += query[i]! * key[i]!;
          return sum;
        }),
    },
    {
      name: "lists of products",
      message: "dotScores.products",
      answer: (query: number[], keys: number[][]) => keys.map((key) => query.map((number, i) => number * key[i]!)),
    },
    {
      name: "one sum for all",
      message: "dotScores.allTogether",
      answer: (query: number[], keys: number[][]) =>
        sumOf(keys.map((key) => sumOf(key.map((number, i) => number * query[i]!)))),
    },
    {
      name: "keys read by columns",
      message: "dotScores.columns",
      answer: (query: number[], keys: number[][]) =>
        query.map((_, column) => sumOf(query.map((number, row) => number * keys[row]![column]!))),
    },
    {
      name: "cosine",
      message: "dotScores.cosine",
      answer: (query: number[], keys: number[][]) =>
        keys.map((key) => sumOf(key.map((n, i) => n * query[i]!)) / (Math.hypot(...query) * Math.hypot(...key))),
    },
    {
      name: "scaled already",
      message: "dotScores.divided",
      answer: (query: number[], keys: number[][]) =>
        keys.map((key) => sumOf(key.map((n, i) => n * query[i]!)) / query.length ** 0.5),
    },
    {
      name: "weights already",
      message: "dotScores.weights",
      answer: (query: number[], keys: number[][]) =>
        loopSoftmax(
          keys.map((key) => sumOf(key.map((n, i) => n * query[i]!))),
          0,
        ),
    },
    {
      name: "the query is left out",
      message: "dotScores.keysOnly",
      answer: (_: number[], keys: number[][]) => keys.map(sumOf),
    },
    {
      name: "multiplies in place",
      message: "check.changedInput",
      answer: (query: number[], keys: number[][]) =>
        keys.map((key) => {
          for (let i = 0; i < key.length; i++) key[i]! *= query[i]!;
          return sumOf(key);
        }),
    },
  ],

  stableSoftmax: [
    { name: "naive", message: "stableSoftmax.naive", answer: (scores: number[]) => loopSoftmax(scores, 0) },
    {
      name: "a fixed number is subtracted",
      message: "stableSoftmax.constant",
      answer: (scores: number[]) => loopSoftmax(scores, Math.max(...scores) > 500 ? 1000 : 0),
    },
    {
      name: "the maximum starts at 0",
      message: "stableSoftmax.constant",
      answer: (scores: number[]) => {
        let top = 0;
        for (const score of scores) if (score > top) top = score;
        return loopSoftmax(scores, top);
      },
    },
    {
      name: "the largest absolute value",
      message: "stableSoftmax.constant",
      answer: (scores: number[]) =>
        loopSoftmax(scores, Math.max(...scores.map(Math.abs)) > 700 ? Math.max(...scores.map(Math.abs)) : 0),
    },
    {
      name: "the smallest is subtracted",
      message: "stableSoftmax.subtractsMin",
      answer: (scores: number[]) => loopSoftmax(scores, Math.min(...scores)),
    },
    {
      name: "the mean is subtracted",
      message: "stableSoftmax.subtractsMean",
      answer: (scores: number[]) => loopSoftmax(scores, sumOf(scores) / scores.length),
    },
    {
      name: "no division",
      message: "stableSoftmax.notDivided",
      answer: (scores: number[]) => scores.map((score) => Math.E ** score),
    },
    {
      name: "no division after the shift",
      message: "stableSoftmax.notDividedShifted",
      answer: (scores: number[]) => scores.map((score) => Math.exp(score - Math.max(...scores))),
    },
    {
      name: "divides by the largest score",
      message: "stableSoftmax.scaled",
      answer: (scores: number[]) =>
        loopSoftmax(
          scores.map((score) => score / Math.max(...scores)),
          0,
        ),
    },
    {
      name: "the wrong way round",
      message: "stableSoftmax.negated",
      answer: (scores: number[]) => {
        const top = Math.max(...scores);
        const powers = scores.map((score) => Math.exp(top - score));
        return powers.map((power) => power / sumOf(powers));
      },
    },
    {
      name: "sorts to find the largest",
      message: "stableSoftmax.sorted",
      answer: (scores: number[]) => {
        const top = scores.sort((a, b) => b - a)[0]!;
        return loopSoftmax(scores, top);
      },
    },
    {
      name: "forgets the power",
      message: "stableSoftmax.noPowers",
      answer: (scores: number[]) => scores.map((score) => score / sumOf(scores)),
    },
    {
      name: "the largest takes all",
      message: "stableSoftmax.oneHot",
      answer: (scores: number[]) => scores.map((score) => (score === Math.max(...scores) ? 1 : 0)),
    },
    {
      name: "shifts in place",
      message: "check.changedInput",
      answer: (scores: number[]) => {
        const top = Math.max(...scores);
        for (let i = 0; i < scores.length; i++) scores[i]! -= top;
        return loopSoftmax(scores, 0);
      },
    },
  ],

  scaledDotProduct: [
    {
      name: "k is not transposed",
      message: "scaledDotProduct.notTransposed",
      answer: (q: Tensor, k: Tensor, v: Tensor) => tf.softmax(q.matMul(k).div(Math.sqrt(lengthOf(q)))).matMul(v),
    },
    {
      name: "no division",
      message: "scaledDotProduct.notDivided",
      answer: (q: Tensor, k: Tensor, v: Tensor, mask?: Tensor) => {
        const scores = tf.matMul(q, k, false, true);
        return tf.matMul(tf.softmax(mask ? scores.add(mask) : scores), v);
      },
    },
    {
      name: "divides by d",
      message: "scaledDotProduct.dividedByD",
      answer: (q: Tensor, k: Tensor, v: Tensor) => tf.softmax(q.matMul(k, false, true).div(lengthOf(q))).matMul(v),
    },
    {
      name: "counts on two axes",
      message: "scaledDotProduct.dividedByFirst",
      answer: (q: Tensor, k: Tensor, v: Tensor, mask?: Tensor) => {
        const scores = q.matMul(k, false, true).div(Math.sqrt(q.shape[1]!));
        return tf.softmax(mask ? scores.add(mask) : scores).matMul(v);
      },
    },
    {
      name: "divides by the root of the number of words",
      message: "scaledDotProduct.dividedByT",
      answer: (q: Tensor, k: Tensor, v: Tensor, mask?: Tensor) => {
        const scores = q.matMul(k, false, true).div(Math.sqrt(q.shape[q.rank - 2]!));
        return tf.softmax(mask ? scores.add(mask) : scores).matMul(v);
      },
    },
    {
      name: "softmax is missing",
      message: "scaledDotProduct.noSoftmax",
      answer: (q: Tensor, k: Tensor, v: Tensor) =>
        q
          .matMul(k, false, true)
          .div(Math.sqrt(lengthOf(q)))
          .matMul(v),
    },
    {
      name: "softmax over the wrong axis",
      message: "check.threw",
      answer: (q: Tensor, k: Tensor, v: Tensor) =>
        tf.softmax(q.matMul(k, false, true).div(Math.sqrt(lengthOf(q))), 0).matMul(v),
    },
    {
      name: "the mask is forgotten",
      message: "scaledDotProduct.noMask",
      answer: (q: Tensor, k: Tensor, v: Tensor) => softAttention(q, k, v),
    },
    {
      name: "the mask comes after softmax",
      message: "scaledDotProduct.maskAfter",
      answer: (q: Tensor, k: Tensor, v: Tensor, mask?: Tensor) => {
        const weights = tf.softmax(q.matMul(k, false, true).div(Math.sqrt(lengthOf(q))));
        return (mask ? weights.add(mask) : weights).matMul(v);
      },
    },
    {
      name: "the mask is multiplied",
      message: "scaledDotProduct.maskMultiplied",
      answer: (q: Tensor, k: Tensor, v: Tensor, mask?: Tensor) => {
        const scores = q.matMul(k, false, true).div(Math.sqrt(lengthOf(q)));
        return tf.softmax(mask ? scores.mul(mask) : scores).matMul(v);
      },
    },
    {
      name: "returns the weights",
      message: "scaledDotProduct.onlyWeights",
      answer: (q: Tensor, k: Tensor) => tf.softmax(q.matMul(k, false, true).div(Math.sqrt(lengthOf(q)))),
    },
    {
      name: "v times the weights",
      message: "scaledDotProduct.valuesTimesWeights",
      answer: (q: Tensor, k: Tensor, v: Tensor) =>
        v.matMul(tf.softmax(q.matMul(k, false, true).div(Math.sqrt(lengthOf(q))))),
    },
    {
      name: "mean of the keys",
      message: "scaledDotProduct.meanOfKeys",
      answer: (q: Tensor, k: Tensor, _v: Tensor, mask?: Tensor) => softAttention(q, k, k, mask),
    },
    {
      name: "keys ask queries",
      message: "scaledDotProduct.exchanged",
      answer: (q: Tensor, k: Tensor, v: Tensor, mask?: Tensor) => softAttention(k, q, v, mask),
    },
    {
      name: "reads the numbers out",
      message: "scaledDotProduct.noGradient",
      answer: (q: Tensor, k: Tensor, v: Tensor, mask?: Tensor) => {
        const scores = q.matMul(k, false, true).div(Math.sqrt(lengthOf(q)));
        const read = tf.tensor(Array.from((mask ? scores.add(mask) : scores).dataSync()), scores.shape);
        return tf.softmax(read).matMul(v);
      },
    },
    {
      name: "a part is still to do",
      message: "check.needs",
      answer: () => {
        throw new NotImplemented("stableSoftmax");
      },
    },
  ],

  causalMask: [
    {
      name: "hides the past",
      message: "causalMask.hidesPast",
      answer: (T: number) => fillMask(T, (row, column) => (column >= row ? 0 : -1e9)),
    },
    {
      name: "hides the position itself",
      message: "causalMask.hidesItself",
      answer: (T: number) => fillMask(T, (row, column) => (column < row ? 0 : -1e9)),
    },
    {
      name: "shows the next word",
      message: "causalMask.showsNext",
      answer: (T: number) => fillMask(T, (row, column) => (column <= row + 1 ? 0 : -1e9)),
    },
    {
      name: "a mask of ones, by bandPart",
      message: "causalMask.ones",
      answer: (T: number) => tf.linalg.bandPart(tf.ones([T, T]), -1, 0),
    },
    {
      name: "ones where it should hide",
      message: "causalMask.onesHide",
      answer: (T: number) => tf.sub(1, tf.linalg.bandPart(tf.ones([T, T]), -1, 0)),
    },
    {
      name: "minus infinity",
      message: "causalMask.infinite",
      answer: (T: number) => fillMask(T, (row, column) => (column > row ? -Infinity : 0)),
    },
    {
      name: "ones times minus infinity",
      message: "causalMask.zeroTimesInfinity",
      answer: (T: number) => tf.sub(1, tf.linalg.bandPart(tf.ones([T, T]), -1, 0)).mul(-Infinity),
    },
    {
      name: "the sign is lost",
      message: "causalMask.positive",
      answer: (T: number) => fillMask(T, (row, column) => (column > row ? 1e9 : 0)),
    },
    {
      name: "1e-9",
      message: "causalMask.exponentPositive",
      answer: (T: number) => fillMask(T, (row, column) => (column > row ? 1e-9 : 0)),
    },
    {
      name: "another large number",
      message: "check.value",
      answer: (T: number) => fillMask(T, (row, column) => (column > row ? -1e4 : 0)),
    },
    {
      name: "arrays, not a tensor",
      message: "check.type",
      answer: (T: number) => hidden(T).arraySync(),
    },
  ],

  splitHeads: [
    {
      name: "reshape alone",
      message: "splitHeads.onlyReshape",
      answer: (x: Tensor3D, nHead: number) => tf.reshape(x, [x.shape[0], nHead, x.shape[1], x.shape[2] / nHead]),
    },
    {
      name: "forgets to transpose",
      message: "splitHeads.notTransposed",
      answer: (x: Tensor3D, nHead: number) => tf.reshape(x, [x.shape[0], x.shape[1], nHead, x.shape[2] / nHead]),
    },
    {
      name: "every H-th entry",
      message: "splitHeads.interleaved",
      answer: (x: Tensor3D, nHead: number) =>
        tf.transpose(tf.reshape(x, [x.shape[0], x.shape[1], x.shape[2] / nHead, nHead]), [0, 3, 1, 2]),
    },
    {
      name: "nHead as the size of a head",
      message: "splitHeads.headSizeAsHeads",
      answer: (x: Tensor3D, nHead: number) =>
        tf.transpose(tf.reshape(x, [x.shape[0], x.shape[1], -1, nHead]), [0, 2, 1, 3]),
    },
    {
      name: "heads before the batch",
      message: "splitHeads.headsInFront",
      answer: (x: Tensor3D, nHead: number) => tf.stack(tf.split(x, nHead, 2), 0),
    },
    {
      name: "transpose without a list",
      message: "splitHeads.reversed",
      answer: (x: Tensor3D, nHead: number) => tf.reshape(x, [x.shape[0], x.shape[1], nHead, -1]).transpose(),
    },
    {
      name: "reads the numbers out",
      message: "splitHeads.noGradient",
      answer: (x: Tensor3D, nHead: number) => tf.tensor(halves(x, nHead).arraySync()),
    },
  ],

  mergeHeads: [
    {
      name: "reshape alone",
      message: "mergeHeads.onlyReshape",
      answer: (x: Tensor4D) => tf.reshape(x, [x.shape[0], x.shape[2], -1]),
    },
    {
      name: "forgets to reshape",
      message: "mergeHeads.notReshaped",
      answer: (x: Tensor4D) => tf.transpose(x, [0, 2, 1, 3]),
    },
    {
      name: "alternates",
      message: "mergeHeads.interleaved",
      answer: (x: Tensor4D) => tf.reshape(tf.transpose(x, [0, 2, 3, 1]), [x.shape[0], x.shape[2], -1]),
    },
    { name: "mean of the heads", message: "mergeHeads.mean", answer: (x: Tensor4D) => tf.mean(x, 1) },
    { name: "sum of the heads", message: "mergeHeads.sum", answer: (x: Tensor4D) => tf.sum(x, 1) },
    {
      name: "one below the other",
      message: "mergeHeads.below",
      answer: (x: Tensor4D) => tf.concat(tf.unstack(x, 1), 1),
    },
    {
      name: "unstack, whose gradient fails for one head",
      message: "mergeHeads.noGradient",
      answer: (x: Tensor4D) => tf.concat(tf.unstack(x, 1), -1),
    },
    {
      name: "reads the numbers out",
      message: "mergeHeads.noGradient",
      answer: (x: Tensor4D) => tf.tensor(joined(x).arraySync()),
    },
  ],

  multiHeadAttention: [
    {
      name: "the last product is missing",
      message: "multiHeadAttention.noOut",
      answer: (x: Tensor3D, { qkv }: Weights, nHead: number) => {
        const [q, k, v] = tf.split<Tensor3D>(linear(x, qkv), 3, 2).map((part) => halves(part, nHead));
        return joined(softAttention(q!, k!, v!, hidden(x.shape[1])));
      },
    },
    {
      name: "no mask",
      message: "multiHeadAttention.noMask",
      answer: (x: Tensor3D, { qkv, out }: Weights, nHead: number) => {
        const [q, k, v] = tf.split<Tensor3D>(linear(x, qkv), 3, 2).map((part) => halves(part, nHead));
        return linear(joined(softAttention(q!, k!, v!)), out);
      },
    },
    {
      name: "never splits",
      message: "multiHeadAttention.oneHead",
      answer: (x: Tensor3D, { qkv, out }: Weights) => {
        const [q, k, v] = tf.split(linear(x, qkv), 3, 2);
        return linear(softAttention(q!, k!, v!, hidden(x.shape[1])), out);
      },
    },
    {
      name: "merges by reshape",
      message: "multiHeadAttention.onlyReshape",
      answer: (x: Tensor3D, { qkv, out }: Weights, nHead: number) => {
        const [q, k, v] = tf.split<Tensor3D>(linear(x, qkv), 3, 2).map((part) => halves(part, nHead));
        return linear(tf.reshape(softAttention(q!, k!, v!, hidden(x.shape[1])), x.shape), out);
      },
    },
    {
      name: "keys before queries",
      message: "multiHeadAttention.keysFirst",
      answer: (x: Tensor3D, { qkv, out }: Weights, nHead: number) => {
        const [k, q, v] = tf.split<Tensor3D>(linear(x, qkv), 3, 2).map((part) => halves(part, nHead));
        return linear(joined(softAttention(q!, k!, v!, hidden(x.shape[1]))), out);
      },
    },
    {
      name: "heads before the three parts",
      message: "multiHeadAttention.splitByHeads",
      answer: (x: Tensor3D, { qkv, out }: Weights, nHead: number) => {
        const [q, k, v] = tf.split(halves(linear(x, qkv) as Tensor3D, nHead), 3, 3);
        return linear(joined(softAttention(q!, k!, v!, hidden(x.shape[1]))), out);
      },
    },
    {
      name: "adds the input",
      message: "multiHeadAttention.addsInput",
      answer: (x: Tensor3D, { qkv, out }: Weights, nHead: number) => {
        const [q, k, v] = tf.split<Tensor3D>(linear(x, qkv), 3, 2).map((part) => halves(part, nHead));
        return x.add(linear(joined(softAttention(q!, k!, v!, hidden(x.shape[1]))), out));
      },
    },
    {
      name: "matMul in place of linear",
      message: "multiHeadAttention.noGradient",
      answer: (x: Tensor3D, { qkv, out }: Weights, nHead: number) => {
        const [q, k, v] = tf.split<Tensor3D>(tf.matMul(x, qkv), 3, 2).map((part) => halves(part, nHead));
        return tf.matMul(joined(softAttention(q!, k!, v!, hidden(x.shape[1]))), out);
      },
    },
    {
      name: "one part is still to do",
      message: "check.needs",
      answer: () => {
        throw new NotImplemented("splitHeads");
      },
    },
  ],
};
