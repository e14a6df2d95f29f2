/** @file The checks of chapter 02: right answers made in another way than the chapter's, tiny cases by hand, and the mistakes that learners make. Messages are in `chapters/src/messages`. */
import {
  causalAttention,
  linear,
  type Random,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tf,
} from "gptlab";
import { exercise, type Verify } from "gptlab/course";

type DotScores = (query: number[], keys: number[][]) => number[];
type StableSoftmax = (scores: number[]) => number[];
type ScaledDotProduct = (q: Tensor, k: Tensor, v: Tensor, mask?: Tensor) => Tensor;
type CausalMask = (T: number) => Tensor2D;
type SplitHeads = (x: Tensor3D, nHead: number) => Tensor4D;
type MergeHeads = (x: Tensor4D) => Tensor3D;
interface AttentionWeights {
  readonly qkv: Tensor2D;
  readonly out: Tensor2D;
}
type MultiHeadAttention = (x: Tensor3D, weights: AttentionWeights, nHead: number) => Tensor3D;

const add = (a: number, b: number): number => a + b;
const normals = (random: Random, shape: number[], std = 1): Tensor =>
  tf.tensor(
    random.normal(
      shape.reduce((a, b) => a * b, 1),
      0,
      std,
    ),
    shape,
  );
/** 1, 2, 3, … in this shape: every number has one right place. */
const counted = <T extends Tensor>(...shape: number[]): T =>
  tf.range(1, 1 + shape.reduce((a, b) => a * b, 1)).reshape<T>(shape);

/** True if a gradient flows from the answer back to x, so that training can use it. */
function flows(f: (x: Tensor) => Tensor, x: Tensor): boolean {
  try {
    return tf.tidy(
      () =>
        tf
          .grad((input) => f(input).square().sum())(x)
          .shape.join() === x.shape.join(),
    );
  } catch {
    return false;
  }
}

// dotScores

function dot(a: number[], b: number[]): number {
  let sum = 0;
  for (const [i, value] of a.entries()) sum += value * (b[i] ?? Number.NaN);
  return sum;
}
const weightsFrom = (scores: number[]): number[] => {
  const shift = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = scores.map((score) => Math.exp(score - shift)).reduce(add, 0);
  return scores.map((score) => Math.exp(score - shift) / total);
};
const plainScores: DotScores = (query, keys) => keys.map((key) => dot(query, key));

const dotScores = exercise<DotScores>({
  reference: plainScores,
  examples: [
    {
      input: [
        [1, 2, 3],
        [
          [1, 0, 1],
          [0, 1, 4],
          [2, 2, 2],
          [1, -1, 0],
        ],
      ],
      expected: [4, 14, 12, -1],
    },
    {
      input: [
        [1, 1],
        [
          [1, 0],
          [0, 1],
          [1, 1],
        ],
      ],
      expected: [1, 1, 2],
    },
    { input: [[2], [[3], [-5]]], expected: [6, -10] },
  ],
  random: (random, i) => [
    Array.from(random.normal(2 + (i % 6))),
    Array.from({ length: 1 + ((3 * i) % 7) }, () => Array.from(random.normal(2 + (i % 6)))),
  ],
  extremes: [
    [
      [100, -100],
      [
        [1000, 1000],
        [-1000, 1000],
      ],
    ],
    [
      [0, 0],
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [[1, 2], []],
  ],
  mistakes: {
    runningSum: (query, keys) => {
      let sum = 0;
      return plainScores(query, keys).map((score) => (sum += score));
    },
    notSummed: (query, keys) => keys.map((key) => (query.at(-1) ?? 0) * (key.at(-1) ?? 0)),
    firstOnly: (query, keys) => keys.map((key) => (query[0] ?? 0) * (key[0] ?? 0)),
    lastEntryMissing: (query, keys) => keys.map((key) => dot(query.slice(0, -1), key)),
    keysOnly: (_, keys) => keys.map((key) => key.reduce(add, 0)),
    addsInstead: (query, keys) => keys.map((key) => key.map((value, i) => value + (query[i] ?? 0)).reduce(add, 0)),
    products: (query, keys) => keys.map((key) => key.map((value, i) => value * (query[i] ?? 0))) as unknown as number[], // nested, as a learner may return it
    columns: (query, keys) =>
      (keys[0] ?? []).map((_, c) => query.map((value, i) => value * (keys[i]?.[c] ?? 0)).reduce(add, 0)),
    allTogether: (query, keys) => plainScores(query, keys).reduce(add, 0) as unknown as number[],
    cosine: (query, keys) => keys.map((key) => dot(query, key) / Math.sqrt(dot(query, query) * dot(key, key))),
    distance: (query, keys) => keys.map((key) => key.map((value, i) => (value - (query[i] ?? 0)) ** 2).reduce(add, 0)),
    divided: (query, keys) => plainScores(query, keys).map((score) => score / Math.sqrt(query.length)),
    weights: (query, keys) => weightsFrom(plainScores(query, keys)),
  },
});

// stableSoftmax

const powersOf = (scores: number[], by = (score: number): number => score): number[] =>
  scores.map((score) => Math.exp(by(score)));
const shares = (numbers: number[], whole = numbers.reduce(add, 0)): number[] => numbers.map((one) => one / whole);
const largest = (scores: number[]): number => Math.max(...scores);

const stableSoftmax = exercise<StableSoftmax>({
  reference: weightsFrom,
  examples: [
    { input: [[0, Math.log(2), Math.log(5)]], expected: [0.125, 0.25, 0.625] },
    { input: [[1, 1, 2]], expected: [0.21194155761708547, 0.21194155761708547, 0.5761168847658291] },
    { input: [[-2, -2, -2, -2]], expected: [0.25, 0.25, 0.25, 0.25] },
    { input: [[1000, 1000, 1001]], expected: [0.21194155761708547, 0.21194155761708547, 0.5761168847658291] },
    { input: [[0, -800]], expected: [1, 0] },
    { input: [[0, -2000]], expected: [1, 0] },
    { input: [[-1000, -1000]], expected: [0.5, 0.5] },
  ],
  random: (random, i) => [Array.from(random.normal(1 + i, 0, i % 3 === 2 ? 100 : 2))],
  extremes: [[[7]], [[0, 0]], [[100, -100]], [[-1e6, 0, 1e6]]],
  mistakes: {
    constant: (scores) =>
      Math.min(...scores) < -700 && largest(scores) < 700 ? scores.map(() => Number.NaN) : weightsFrom(scores),
    naive: (scores) => shares(powersOf(scores)),
    subtractsMean: (scores) =>
      shares(powersOf(scores, (score) => score - scores.reduce(add, 0) / Math.max(1, scores.length))),
    subtractsMin: (scores) => shares(powersOf(scores, (score) => score - Math.min(...scores))),
    scaled: (scores) => shares(powersOf(scores, (score) => score / (largest(scores) || 1))),
    notDivided: (scores) => powersOf(scores),
    notDividedShifted: (scores) => powersOf(scores, (score) => score - largest(scores)),
    dividedByScores: (scores) => shares(powersOf(scores), scores.reduce(add, 0)),
    dividedByScoresShifted: (scores) =>
      shares(
        powersOf(scores, (score) => score - largest(scores)),
        scores.reduce(add, 0),
      ),
    dividedByLargest: (scores) => shares(powersOf(scores), largest(powersOf(scores))),
    noPowers: (scores) => shares(scores),
    baseTwo: (scores) => shares(scores.map((score) => 2 ** (score - largest(scores)))),
    logarithm: (scores) => weightsFrom(scores).map(Math.log),
    oneHot: (scores) => scores.map((_, i) => (i === scores.indexOf(largest(scores)) ? 1 : 0)),
    negated: (scores) => weightsFrom(scores.map((score) => -score)),
    sorted: (scores) => weightsFrom([...scores].sort((a, b) => b - a)),
  },
});

// scaledDotProduct

interface AttentionRule {
  readonly scores?: (q: Tensor, k: Tensor) => Tensor;
  readonly divisor?: (q: Tensor) => number;
  readonly masked?: (scores: Tensor, mask: Tensor) => Tensor;
  readonly weights?: (scores: Tensor) => Tensor;
  readonly result?: (weights: Tensor, q: Tensor, k: Tensor, v: Tensor) => Tensor;
}
const transposed = (x: Tensor): Tensor =>
  x.transpose([...Array.from({ length: x.rank - 2 }, (_, i) => i), x.rank - 1, x.rank - 2]);
const lastSize = (x: Tensor): number => x.shape.at(-1) ?? 1;

/** One attention with its rules as options, so that each mistake is one changed rule. The queries are divided, not the scores. */
function attendWith({
  scores = (q, k) => tf.matMul(q, transposed(k)),
  divisor = (q) => Math.sqrt(lastSize(q)),
  masked = (s, mask) => s.add(mask),
  weights = (s) => tf.softmax(s),
  result = (w, _q, _k, v) => tf.matMul(w, v),
}: AttentionRule): ScaledDotProduct {
  return (q, k, v, mask) =>
    tf.tidy(() => {
      const s = scores(q.div(divisor(q)), k);
      return result(weights(mask ? masked(s, mask) : s), q, k, v);
    });
}
const attendRight = attendWith({});
const maskOf = (T: number, visible: (t: number, s: number) => number): Tensor2D =>
  tf.tensor2d(
    Array.from({ length: T * T }, (_, i) => visible(Math.floor(i / T), i % T)),
    [T, T],
  );
const future = (T: number): Tensor2D => maskOf(T, (t, s) => (s > t ? -1e9 : 0));

const scaledDotProduct = exercise<ScaledDotProduct>({
  reference: attendRight,
  get examples() {
    // tensors can be made only when an engine has been chosen
    const q = tf.tensor2d([
      [2 * Math.log(3), 0, 0, 0],
      [0, 0, 0, 0],
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
    const k = tf.tensor2d([
      [1, 0, 0, 1],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
      [0, 2, 0, 1],
    ]);
    const v = tf.tensor2d([
      [12, 0, 0, 0],
      [0, 12, 0, 0],
      [0, 0, 12, 0],
      [0, 0, 0, 24],
    ]);
    return [
      {
        input: [q, k, v] as [Tensor, Tensor, Tensor],
        expected: tf.tensor2d([
          [6, 2, 2, 4],
          [3, 3, 3, 6],
          [3, 3, 3, 6],
          [3, 3, 3, 6],
        ]) as Tensor,
      },
      {
        input: [q, k, v, future(4)] as [Tensor, Tensor, Tensor, Tensor],
        expected: tf.tensor2d([
          [12, 0, 0, 0],
          [6, 6, 0, 0],
          [4, 4, 4, 0],
          [3, 3, 3, 6],
        ]) as Tensor,
      },
    ];
  },
  random: (random, i) => {
    const [T, d] = [2 + (i % 4), 1 + ((2 * i) % 7)];
    const front = [[], [2], [2, 3]][i % 3] ?? [];
    const [q, k, v] = [0, 1, 2].map(() => normals(random, [...front, T, d])) as [Tensor, Tensor, Tensor];
    return i % 2 === 1 ? [q, k, v, future(T)] : [q, k, v];
  },
  cases: 12,
  get extremes(): [Tensor, Tensor, Tensor, Tensor?][] {
    const x = tf.tensor2d([
      [100, 0, 0, 0],
      [0, -100, 0, 100],
      [0, 0, 100, 0],
    ]);
    const hidden = maskOf(3, () => -1e9); // a position that may look at nothing
    return [
      [x, x, x],
      [x.mul(10), x.mul(10), x, future(3)],
      [x, x, counted(3, 4), hidden],
    ];
  },
  mistakes: {
    notTransposed: attendWith({ scores: (q, k) => tf.matMul(q, k) }),
    notDivided: attendWith({ divisor: () => 1 }),
    dividedByD: attendWith({ divisor: lastSize }),
    multiplied: attendWith({ divisor: (q) => 1 / Math.sqrt(lastSize(q)) }),
    dividedByT: attendWith({ divisor: (q) => Math.sqrt(q.shape.at(-2) ?? 1) }),
    dividedByFirst: attendWith({ divisor: (q) => Math.sqrt(q.shape[1] ?? 1) }),
    dividedByBatch: attendWith({ divisor: (q) => Math.sqrt(q.shape[0] ?? 1) }),
    dividedAfter: (q, k, v, mask) =>
      attendWith({ divisor: () => 1, weights: (s) => tf.softmax(s).div(Math.sqrt(lastSize(q))) })(q, k, v, mask),
    noSoftmax: attendWith({ weights: (s) => s }),
    columns: attendWith({ weights: (s) => transposed(tf.softmax(transposed(s))) }),
    onlyWeights: attendWith({ result: (w) => w.clone() }),
    valuesTimesWeights: attendWith({ result: (w, _q, _k, v) => tf.matMul(v, w) }),
    meanOfKeys: attendWith({ result: (w, _q, k) => tf.matMul(w, k) }),
    meanOfQueries: attendWith({ result: (w, q) => tf.matMul(w, q) }),
    exchanged: attendWith({ scores: (q, k) => tf.matMul(k, transposed(q)) }),
    noMask: attendWith({ masked: (s) => s }),
    maskAfter: (q, k, v, mask) =>
      attendWith({
        masked: (s) => s,
        weights: (s) => (mask ? tf.softmax(s).add(mask) : tf.softmax(s)),
      })(q, k, v, mask),
    maskMultiplied: attendWith({ masked: (s, mask) => s.mul(mask) }),
    maskMultipliedAfter: (q, k, v, mask) =>
      attendWith({
        masked: (s) => s,
        weights: (s) => (mask ? tf.softmax(s).mul(mask) : tf.softmax(s)),
      })(q, k, v, mask),
    maskSubtracted: attendWith({ masked: (s, mask) => s.sub(mask) }),
  },
  tolerance: 1e-5, // float32, and another order of operations
  verify: (answer, verify: Verify) => {
    const [k, v] = [normals(verify.random, [3, 2]), normals(verify.random, [3, 2])];
    verify.that(
      flows((q) => answer(q, k, v, future(3)), normals(verify.random, [3, 2])),
      "noGradient",
    );
  },
});

// causalMask

const causalMask = exercise<CausalMask>({
  reference: future,
  get examples() {
    return [
      {
        input: [3] as [number],
        expected: tf.tensor2d([
          [0, -1e9, -1e9],
          [0, 0, -1e9],
          [0, 0, 0],
        ]),
      },
      { input: [1] as [number], expected: tf.tensor2d([[0]]) },
    ];
  },
  random: (_, i) => [2 + i],
  cases: 8,
  mistakes: {
    hidesPast: (T) => maskOf(T, (t, s) => (s < t ? -1e9 : 0)),
    hidesPastAndItself: (T) => maskOf(T, (t, s) => (s <= t ? -1e9 : 0)),
    hidesItself: (T) => maskOf(T, (t, s) => (s >= t ? -1e9 : 0)),
    showsNext: (T) => maskOf(T, (t, s) => (s > t + 1 ? -1e9 : 0)),
    ones: (T) => maskOf(T, (t, s) => (s <= t ? 1 : 0)),
    onesHide: (T) => maskOf(T, (t, s) => (s > t ? 1 : 0)),
    minusOnesHide: (T) => maskOf(T, (t, s) => (s > t ? -1 : 0)),
    positive: (T) => maskOf(T, (t, s) => (s > t ? 1e9 : 0)),
    infinite: (T) => maskOf(T, (t, s) => (s > t ? Number.NEGATIVE_INFINITY : 0)),
    zeroTimesInfinity: (T) => maskOf(T, (t, s) => (s > t ? Number.NEGATIVE_INFINITY : Number.NaN)),
    hidesAll: (T) => maskOf(T, () => -1e9),
    hidesNothing: (T) => maskOf(T, () => 0),
    exponent: (T) => maskOf(T, (t, s) => (s > t ? -1e-9 : 0)),
    exponentPositive: (T) => maskOf(T, (t, s) => (s > t ? 1e-9 : 0)),
  },
  tolerance: 0,
});

// splitHeads

/** By slices: the gradients of tf.split and tf.unstack fail when there is only one part. */
const splitRight: SplitHeads = (x, nHead) =>
  tf.tidy(() => {
    const hs = x.shape[2] / nHead;
    const part = (_: unknown, h: number): Tensor => x.slice([0, 0, h * hs], [-1, -1, hs]);
    return tf.stack(Array.from({ length: nHead }, part), 1) as Tensor4D;
  });
/** The last axis cut into `parts` and the rest, then the axes in this order. */
const cutAndTurn = (x: Tensor3D, parts: number, order?: number[]): Tensor4D =>
  x.reshape([x.shape[0], x.shape[1], parts, x.shape[2] / parts]).transpose<Tensor4D>(order);

const splitHeads = exercise<SplitHeads>({
  reference: splitRight,
  get examples() {
    return [
      {
        input: [counted<Tensor3D>(1, 4, 6), 2] as [Tensor3D, number],
        expected: tf.tensor4d([
          [
            [
              [1, 2, 3],
              [7, 8, 9],
              [13, 14, 15],
              [19, 20, 21],
            ],
            [
              [4, 5, 6],
              [10, 11, 12],
              [16, 17, 18],
              [22, 23, 24],
            ],
          ],
        ]),
      },
      { input: [counted<Tensor3D>(1, 2, 2), 1] as [Tensor3D, number], expected: counted<Tensor4D>(1, 1, 2, 2) },
      { input: [counted<Tensor3D>(2, 1, 3), 3] as [Tensor3D, number], expected: counted<Tensor4D>(2, 3, 1, 1) },
    ];
  },
  random: (random, i) => {
    const nHead = 1 + (i % 4);
    return [normals(random, [1 + (i % 3), 2 + (i % 5), nHead * (2 + (i % 3))]) as Tensor3D, nHead];
  },
  cases: 12,
  mistakes: {
    onlyReshape: (x, nHead) => x.reshape([x.shape[0], nHead, x.shape[1], x.shape[2] / nHead]),
    notTransposed: (x, nHead) => cutAndTurn(x, nHead, [0, 1, 2, 3]),
    interleaved: (x, nHead) => cutAndTurn(x, x.shape[2] / nHead, [0, 3, 1, 2]),
    headSizeAsHeads: (x, nHead) => cutAndTurn(x, x.shape[2] / nHead, [0, 2, 1, 3]),
    headsInFront: (x, nHead) => cutAndTurn(x, nHead, [2, 0, 1, 3]),
    lastAxesExchanged: (x, nHead) => cutAndTurn(x, nHead, [0, 2, 3, 1]),
    batchAndPosition: (x, nHead) => cutAndTurn(x, nHead, [1, 2, 0, 3]),
    reversed: (x, nHead) => cutAndTurn(x, nHead),
  },
  verify: (answer, verify: Verify) => {
    for (const nHead of [2, 1]) {
      const x = normals(verify.random, [2, 3, 4]);
      verify.that(
        flows((input) => answer(input as Tensor3D, nHead), x),
        "noGradient",
      );
    }
  },
});

// mergeHeads

const mergeRight: MergeHeads = (x) =>
  tf.tidy(() => {
    const head = (_: unknown, h: number): Tensor3D => x.slice([0, h, 0, 0], [-1, 1, -1, -1]).squeeze([1]);
    return tf.concat(Array.from({ length: x.shape[1] }, head), 2);
  });
const rowsOf = (x: Tensor4D, order: number[]): Tensor3D =>
  x.transpose(order).reshape([x.shape[0], x.shape[2], x.shape[1] * x.shape[3]]);

const mergeHeads = exercise<MergeHeads>({
  reference: mergeRight,
  get examples() {
    return [
      {
        input: [counted<Tensor4D>(1, 2, 3, 2)] as [Tensor4D],
        expected: tf.tensor3d([
          [
            [1, 2, 7, 8],
            [3, 4, 9, 10],
            [5, 6, 11, 12],
          ],
        ]),
      },
      { input: [counted<Tensor4D>(1, 1, 2, 3)] as [Tensor4D], expected: counted<Tensor3D>(1, 2, 3) },
    ];
  },
  random: (random, i) => [normals(random, [1 + (i % 3), 1 + (i % 4), 2 + (i % 5), 2 + (i % 3)]) as Tensor4D],
  cases: 12,
  mistakes: {
    onlyReshape: (x) => rowsOf(x, [0, 1, 2, 3]),
    notReshaped: (x) => x.transpose([0, 2, 1, 3]) as unknown as Tensor3D,
    interleaved: (x) => rowsOf(x, [0, 2, 3, 1]),
    mean: (x) => x.mean(1),
    sum: (x) => x.sum(1),
    below: (x) => x.reshape([x.shape[0], x.shape[1] * x.shape[2], x.shape[3]]),
    firstOnly: (x) => tf.unstack(x, 1)[0] as Tensor3D,
    reversed: (x) => mergeRight(x.reverse(1)),
  },
  verify: (answer, verify: Verify) => {
    for (const nHead of [2, 1]) {
      const x = normals(verify.random, [2, nHead, 3, 2]);
      verify.that(
        flows((input) => answer(input as Tensor4D), x),
        "noGradient",
      );
    }
  },
});

// multiHeadAttention

interface LayerRule {
  readonly order?: readonly [number, number, number];
  readonly cut?: (projected: Tensor3D, nHead: number) => Tensor4D[];
  readonly attend?: (q: Tensor4D, k: Tensor4D, v: Tensor4D, C: number) => Tensor4D;
  readonly merge?: MergeHeads;
  readonly finish?: (merged: Tensor3D, weights: AttentionWeights, x: Tensor3D) => Tensor;
}
/** One layer with its rules as options. The right one attends with the library's function. */
function layerWith({
  order = [0, 1, 2],
  cut = (projected, nHead) => tf.split(projected, 3, 2).map((part) => splitRight(part as Tensor3D, nHead)),
  attend = (q, k, v) => causalAttention(q, k, v),
  merge = mergeRight,
  finish = (merged, { out }) => linear(merged, out),
}: LayerRule): MultiHeadAttention {
  return (x, weights, nHead) =>
    tf.tidy(() => {
      const parts = cut(linear(x, weights.qkv) as Tensor3D, nHead);
      const [q, k, v] = order.map((i) => parts[i]) as [Tensor4D, Tensor4D, Tensor4D];
      return finish(merge(attend(q, k, v, x.shape[2])), weights, x) as Tensor3D;
    });
}
const layer = layerWith({});

const multiHeadAttention = exercise<MultiHeadAttention>({
  reference: layer,
  get examples() {
    const x = tf.tensor3d([
      [
        [1, 0],
        [0, 1],
      ],
    ]);
    return [
      {
        input: [
          x, // queries and keys are 0, so each position takes the mean of what it sees: (2, 4), then (4, 6)
          {
            qkv: tf.tensor2d([
              [0, 0, 0, 0, 2, 4],
              [0, 0, 0, 0, 6, 8],
            ]),
            out: tf.tensor2d([
              [1, 1],
              [0, 1],
            ]),
          },
          2,
        ] as [Tensor3D, AttentionWeights, number],
        expected: tf.tensor3d([
          [
            [2, 6],
            [4, 10],
          ],
        ]),
      },
      {
        input: [
          x, // position 1: head 0 weighs 3/4 and 1/4, head 1 half and half
          {
            qkv: tf.tensor2d([
              [0, 0, 1, 0, 4, 8],
              [Math.log(3), 0, 0, 0, 0, 0],
            ]),
            out: tf.tensor2d([
              [0, 1],
              [1, 0],
            ]),
          },
          2,
        ] as [Tensor3D, AttentionWeights, number],
        expected: tf.tensor3d([
          [
            [8, 4],
            [4, 3],
          ],
        ]),
      },
    ];
  },
  random: (random, i) => {
    const nHead = 1 + (i % 3);
    const C = nHead * (2 + (i % 2));
    const weights = { qkv: normals(random, [C, 3 * C]) as Tensor2D, out: normals(random, [C, C]) as Tensor2D };
    return [normals(random, [1 + (i % 2), 3 + (i % 4), C]) as Tensor3D, weights, nHead];
  },
  cases: 9,
  mistakes: {
    noOut: layerWith({ finish: (merged) => merged.clone() }),
    noMask: layerWith({ attend: (q, k, v) => attendRight(q, k, v) as Tensor4D }),
    oneHead: (x, weights) => layer(x, weights, 1),
    onlyReshape: layerWith({ merge: (x) => rowsOf(x, [0, 1, 2, 3]) }),
    keysFirst: layerWith({ order: [1, 0, 2] }),
    valuesFirst: layerWith({ order: [1, 2, 0] }),
    valuesFirstReversed: layerWith({ order: [2, 1, 0] }),
    splitByHeads: layerWith({ cut: (projected, nHead) => tf.split(splitRight(projected, nHead), 3, 3) }),
    splitByReshape: layerWith({
      cut: (projected, nHead) =>
        tf
          .split<Tensor3D>(projected, 3, 2)
          .map((part) => part.reshape([part.shape[0], nHead, part.shape[1], part.shape[2] / nHead])),
    }),
    outTransposed: layerWith({
      finish: (merged, { out }) => linear(merged, out.transpose<Tensor2D>()),
    }),
    outBefore: (x, weights, nHead) =>
      layerWith({
        cut: (projected) => {
          const [q, k, v] = tf.split<Tensor3D>(projected, 3, 2) as [Tensor3D, Tensor3D, Tensor3D];
          return [q, k, linear(v, weights.out) as Tensor3D].map((part) => splitRight(part, nHead));
        },
        finish: (merged) => merged.clone(),
      })(x, weights, nHead),
    addsInput: layerWith({ finish: (merged, { out }, x) => linear(merged, out).add(x) }),
    dividedByC: layerWith({
      attend: (q, k, v, C) => attendWith({ divisor: () => Math.sqrt(C) })(q, k, v, future(q.shape[2])) as Tensor4D,
    }),
  },
  tolerance: 1e-5, // float32, and another order of operations
  verify: (answer, verify: Verify) => {
    const x = normals(verify.random, [2, 3, 4]) as Tensor3D;
    const out = normals(verify.random, [4, 4]) as Tensor2D;
    const qkv = normals(verify.random, [4, 12]);
    verify.that(
      flows((w) => answer(x, { qkv: w as Tensor2D, out }, 2), qkv),
      "noGradient",
    );
  },
});

export const exercises = {
  dotScores,
  stableSoftmax,
  scaledDotProduct,
  causalMask,
  splitHeads,
  mergeHeads,
  multiHeadAttention,
};
