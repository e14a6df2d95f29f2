/** @file The checks of chapter 03: references put together from the library's fast operations, tiny cases by hand, and the mistakes that learners make. Messages are in `chapters/src/messages`. */
import {
  causalAttention,
  embedding,
  gelu as fastGelu,
  layerNorm as fastLayerNorm,
  linear,
  linearTransposed,
  type Random,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tf,
} from "gptlab";
import { exercise, type Verify } from "gptlab/course";

interface Linear {
  readonly weight: Tensor2D; // (in, out)
  readonly bias: Tensor1D; // (out)
}
interface Norm {
  readonly gain: Tensor1D;
  readonly bias: Tensor1D;
}
interface FeedForwardWeights {
  readonly up: Linear;
  readonly down: Linear;
}
interface BlockWeights {
  readonly norm1: Norm;
  readonly attention: { readonly qkv: Linear; readonly out: Linear };
  readonly norm2: Norm;
  readonly feedForward: FeedForwardWeights;
}
interface GPTWeights {
  readonly tokens: Tensor2D; // (V, C)
  readonly positions: Tensor2D; // (blockSize, C)
  readonly blocks: BlockWeights[];
  readonly norm: Norm;
  readonly head: Tensor2D; // (V, C)
}
interface Sizes {
  readonly vocabSize: number;
  readonly blockSize: number;
  readonly nLayer: number;
  readonly nHead: number;
  readonly nEmbd: number;
}
type LayerNorm = (x: Tensor, gain: Tensor1D, bias: Tensor1D, epsilon?: number) => Tensor;
type Gelu = (x: Tensor) => Tensor;
type FeedForward = (x: Tensor, weights: FeedForwardWeights) => Tensor;
type TransformerBlock = (x: Tensor3D, weights: BlockWeights, nHead: number) => Tensor3D;
type GptForward = (ids: number[][], weights: GPTWeights, nHead: number) => Tensor3D;
type CountParameters = (sizes: Sizes, tied?: boolean) => number;
type Forward = (ids: number[]) => Tensor2D;
type GreedyDecode = (forward: Forward, ids: number[], count: number, blockSize: number) => Promise<number[]>;

// Random tensors; weights around 0.3, so that every part changes the result

const vector = (random: Random, length: number, mean = 0, std = 0.3): Tensor1D =>
  tf.tensor1d(random.normal(length, mean, std));
const matrix = (random: Random, rows: number, columns: number, std = 0.3): Tensor2D =>
  tf.tensor2d(random.normal(rows * columns, 0, std), [rows, columns]);
const cube = (random: Random, B: number, T: number, C: number, std = 1): Tensor3D =>
  tf.tensor3d(random.normal(B * T * C, 0, std), [B, T, C]);
const linearOf = (random: Random, inputs: number, outputs: number): Linear => ({
  weight: matrix(random, inputs, outputs),
  bias: vector(random, outputs),
});
const normOf = (random: Random, C: number): Norm => ({ gain: vector(random, C, 1), bias: vector(random, C) });
const feedForwardOf = (random: Random, C: number, inner: number): FeedForwardWeights => ({
  up: linearOf(random, C, inner),
  down: linearOf(random, inner, C),
});
const blockOf = (random: Random, C: number): BlockWeights => ({
  norm1: normOf(random, C),
  attention: { qkv: linearOf(random, C, 3 * C), out: linearOf(random, C, C) },
  norm2: normOf(random, C),
  feedForward: feedForwardOf(random, C, 4 * C),
});

/** True if gradients flow from the result back to `x`. */
function flows(f: (x: Tensor) => Tensor, x: Tensor): boolean {
  try {
    return tf.grad(f)(x).shape.length === x.shape.length;
  } catch {
    return false;
  }
}
const NO_SHOW = { tolerance: 2e-5 }; // float32, and engines that add up in another order

// layerNorm

const by =
  (centre: (x: Tensor) => Tensor, scale: (centred: Tensor, x: Tensor, epsilon: number) => Tensor): LayerNorm =>
  (x, gain, bias, epsilon = 1e-5) => {
    const centred = centre(x);
    return centred
      .mul<Tensor>(scale(centred, x, epsilon))
      .mul<Tensor>(gain)
      .add(bias);
  };
const centreRows = (x: Tensor): Tensor => x.sub(x.mean(-1, true));
const variance = (centred: Tensor): Tensor => centred.square().mean(-1, true);
const inverse = (centred: Tensor, _x: Tensor, epsilon: number): Tensor =>
  variance(centred).add<Tensor>(epsilon).rsqrt();
const plain = by(centreRows, inverse);

const layerNorm = exercise<LayerNorm>({
  reference: (x, gain, bias, epsilon) => fastLayerNorm(x, gain, bias, epsilon),
  get examples() {
    return [
      { input: [tf.tensor2d([[3, 1]]), tf.ones([2]), tf.zeros([2])] as Parameters<LayerNorm>, expected: tf.tensor2d([[0.999995, -0.999995]]) }, // biome-ignore format: one row
      {
        input: [tf.tensor2d([[1, 2, 6]]), tf.ones([3]), tf.zeros([3])] as Parameters<LayerNorm>,
        expected: tf.tensor2d([[-0.925819, -0.46291, 1.388729]]), // -2, -1, 3 over sqrt(14/3 + 0.00001)
      },
      {
        input: [tf.tensor2d([[3, 1], [10, 20]]), tf.tensor1d([2, 10]), tf.tensor1d([0, 5])] as Parameters<LayerNorm>,
        expected: tf.tensor2d([[2, -5], [-2, 15]]),
      }, // biome-ignore format: rows as they are
    ];
  },
  random: (random, i) => {
    const C = 2 + i;
    const x = i % 2 ? cube(random, 1 + (i % 3), 2 + (i % 4), C, 2) : matrix(random, 3 + (i % 3), C, 2);
    return [x.add(0.5), vector(random, C, 1), vector(random, C)];
  },
  cases: 10,
  get extremes() {
    return [
      [tf.tensor2d([[5, 5, 5]]), tf.ones([3]), tf.tensor1d([1, 2, 3])],
      [tf.tensor2d([[1000, -1000, 100, -100]]), tf.ones([4]), tf.zeros([4])],
      [tf.tensor2d([[0.001, 0.002, 0.003]]), tf.ones([3]), tf.zeros([3])],
      [tf.tensor2d([[1, 2, 6]]), tf.ones([3]), tf.zeros([3]), 1],
    ] as Parameters<LayerNorm>[];
  },
  mistakes: {
    onlyCentred: by(centreRows, () => tf.scalar(1)),
    noRoot: by(centreRows, (c, _, e) => variance(c).add<Tensor>(e).reciprocal()),
    noCentre: by((x) => x, inverse),
    overAll: by(
      (x) => x.sub(x.mean()),
      (c, _, e) => c.square().mean<Tensor>().add<Tensor>(e).rsqrt(),
    ),
    otherAxis: by(
      (x) => x.sub(x.mean(-2, true)),
      (c, _, e) => c.square().mean<Tensor>(-2, true).add<Tensor>(e).rsqrt(),
    ),
    sampleVariance: by(centreRows, (c, x, e) => {
      const C = x.shape.at(-1) ?? 1;
      return variance(c).mul<Tensor>(C / (C - 1)).add<Tensor>(e).rsqrt(); // biome-ignore format: one thought
    }),
    noKeepDims: (x, gain, bias, epsilon = 1e-5) => {
      const { mean, variance: spread } = tf.moments(x, -1);
      return x.sub<Tensor>(mean).div<Tensor>(spread.add<Tensor>(epsilon).sqrt()).mul<Tensor>(gain).add(bias);
    },
    noGain: (x, gain, bias, epsilon) => plain(x, tf.onesLike(gain), bias, epsilon),
    noBias: (x, gain, bias, epsilon) => plain(x, gain, tf.zerosLike(bias), epsilon),
    noGainNoBias: (x, gain, bias, epsilon) => plain(x, tf.onesLike(gain), tf.zerosLike(bias), epsilon),
    exchanged: (x, gain, bias, epsilon) => plain(x, bias, gain, epsilon),
    biasFirst: (x, gain, bias, epsilon) => plain(x, gain, bias.mul(gain), epsilon),
    ignoresEpsilon: (x, gain, bias) => plain(x, gain, bias),
    noEpsilon: (x, gain, bias) => plain(x, gain, bias, 0),
    epsilonOutside: by(centreRows, (c, _, e) => variance(c).sqrt().add<Tensor>(e).reciprocal()),
  },
  ...NO_SHOW,
  verify: (answer, verify: Verify) => {
    const [gain, bias] = [tf.ones<Tensor1D>([3]), tf.zeros<Tensor1D>([3])];
    verify.that(
      flows((x) => answer(x, gain, bias), tf.tensor2d([[1, 2, 6]])),
      "noGradient",
    );
  },
});

// gelu

const ROOT = Math.sqrt(2 / Math.PI);
const gate = (x: Tensor, inside: Tensor): Tensor => x.mul<Tensor>(0.5).mul(inside.tanh<Tensor>().add<Tensor>(1));
const inside = (x: Tensor): Tensor => x.add<Tensor>(x.pow<Tensor>(3).mul(0.044715)).mul(ROOT);

const gelu = exercise<Gelu>({
  reference: (x) => fastGelu(x),
  get examples() {
    return [
      { input: [tf.tensor1d([0, 1, -1])] as [Tensor], expected: tf.tensor1d([0, 0.841192, -0.158808]) },
      { input: [tf.tensor1d([2, -2, 0.5])] as [Tensor], expected: tf.tensor1d([1.954598, -0.045402, 0.345714]) },
      { input: [tf.tensor2d([[3], [-3]])] as [Tensor], expected: tf.tensor2d([[2.996363], [-0.003637]]) },
    ];
  },
  random: (random, i) => [i % 2 ? cube(random, 2, 1 + (i % 3), 1 + i, 2) : matrix(random, 1 + i, 3, 2)],
  cases: 8,
  get extremes() {
    return [[tf.tensor1d([100, -100])], [tf.tensor1d([1000, -1000])], [tf.tensor1d([1e-4])]] as [Tensor][];
  },
  mistakes: {
    relu: (x) => x.relu(),
    exact: (x) => x.mul<Tensor>(0.5).mul(x.div<Tensor>(Math.SQRT2).erf<Tensor>().add<Tensor>(1)),
    noCube: (x) => gate(x, x.mul(ROOT)),
    square: (x) => gate(x, x.add<Tensor>(x.square<Tensor>().mul(0.044715)).mul(ROOT)),
    cubeOutside: (x) => gate(x, x.mul<Tensor>(ROOT).add(x.pow<Tensor>(3).mul(0.044715))),
    noRoot: (x) => gate(x, inside(x).mul((2 / Math.PI) / ROOT)), // biome-ignore format: as it is said
    noHalf: (x) => gate(x, inside(x)).mul(2),
    noOne: (x) => x.mul<Tensor>(0.5).mul(inside(x).tanh()),
    onlyGate: (x) => inside(x).tanh<Tensor>().add<Tensor>(1).mul(0.5),
    quick: (x) => x.mul(x.mul<Tensor>(1.702).sigmoid()),
    silu: (x) => x.mul(x.sigmoid()),
  },
  tolerance: 1e-5,
  verify: (answer, verify: Verify) => verify.that(flows(answer, tf.tensor1d([1, -1])), "noGradient"),
});

// feedForward

const apply = (x: Tensor, { weight, bias }: Linear): Tensor => linear(x, weight, bias);
const bare = (x: Tensor, { weight }: Linear): Tensor => linear(x, weight);

const feedForward = exercise<FeedForward>({
  reference: (x, { up, down }) => apply(fastGelu(apply(x, up)), down),
  get examples() {
    const up = { weight: tf.tensor2d([[1, 0, -1]]), bias: tf.tensor1d([0, 2, 0]) };
    const down = { weight: tf.tensor2d([[1], [1], [10]]), bias: tf.tensor1d([0.5]) };
    return [
      // [1] -> [1, 2, -1] -> [0.841192, 1.954598, -0.158808] -> 2.79579 - 1.58808 + 0.5
      { input: [tf.tensor2d([[1]]), { up, down }] as Parameters<FeedForward>, expected: tf.tensor2d([[1.70771]]) },
    ];
  },
  random: (random, i) => {
    const C = 2 + (i % 4);
    return [cube(random, 1 + (i % 2), 1 + (i % 3), C), feedForwardOf(random, C, 3 + i)];
  },
  cases: 8,
  get extremes() {
    const up = { weight: tf.tensor2d([[100, -100]]), bias: tf.tensor1d([0, 0]) };
    const down = { weight: tf.tensor2d([[1], [1]]), bias: tf.tensor1d([0]) };
    return [[tf.tensor3d([[[1], [-1]]]), { up, down }]] as Parameters<FeedForward>[];
  },
  mistakes: {
    noActivation: (x, { up, down }) => apply(apply(x, up), down),
    activationLast: (x, { up, down }) => fastGelu(apply(apply(x, up), down)),
    activationTwice: (x, { up, down }) => fastGelu(apply(fastGelu(apply(x, up)), down)),
    activationFirst: (x, { up, down }) => apply(apply(fastGelu(x), up), down),
    relu: (x, { up, down }) => apply(apply(x, up).relu(), down),
    noBiases: (x, { up, down }) => bare(fastGelu(bare(x, up)), down),
    noLastBias: (x, { up, down }) => bare(fastGelu(apply(x, up)), down),
    noFirstBias: (x, { up, down }) => apply(fastGelu(bare(x, up)), down),
    shortcut: (x, { up, down }) => x.add(apply(fastGelu(apply(x, up)), down)),
  },
  ...NO_SHOW,
});

// transformerBlock

function attend(x: Tensor, { qkv, out }: BlockWeights["attention"], nHead: number): Tensor {
  const [B = 0, T = 0, C = 0] = x.shape;
  const heads = apply(x, qkv)
    .reshape<Tensor>([B, T, 3 * nHead, C / nHead])
    .transpose<Tensor>([0, 2, 1, 3]);
  const [q, k, v] = tf.split(heads, 3, 1) as Parameters<typeof causalAttention>[0][];
  const mixed = causalAttention(q!, k!, v!).transpose<Tensor>([0, 2, 1, 3]);
  return apply(mixed.reshape([B, T, C]), out);
}
const norm = (x: Tensor, { gain, bias }: Norm): Tensor => fastLayerNorm(x, gain, bias);
const wide = (x: Tensor, { up, down }: FeedForwardWeights): Tensor => apply(fastGelu(apply(x, up)), down);

/** A block in two halves, each with its rule, so that each mistake is one changed rule. */
const halves =
  (
    first: (x: Tensor, w: BlockWeights, attention: (x: Tensor) => Tensor) => Tensor,
    second: (y: Tensor, w: BlockWeights, x: Tensor) => Tensor,
  ): TransformerBlock =>
  (x, w, nHead) =>
    second(first(x, w, (a) => attend(a, w.attention, nHead)), w, x) as Tensor3D; // biome-ignore format: one thought
const one = (x: Tensor, w: BlockWeights, attention: (x: Tensor) => Tensor): Tensor =>
  x.add(attention(norm(x, w.norm1)));
const two = (y: Tensor, w: BlockWeights): Tensor => y.add(wide(norm(y, w.norm2), w.feedForward));
const rightBlock = halves(one, two);

/** Width 3, one head. Attention of one token gives its own value: here the normed input, moved by one place. */
const handBlock = (): BlockWeights => ({
  norm1: { gain: tf.ones([3]), bias: tf.zeros([3]) },
  attention: {
    qkv: { weight: tf.concat([tf.zeros<Tensor2D>([3, 6]), tf.tensor2d([[0, 1, 0], [0, 0, 1], [1, 0, 0]])], 1), bias: tf.zeros([9]) },
    out: { weight: tf.eye(3), bias: tf.tensor1d([0.5, 0, 0]) },
  },
  norm2: { gain: tf.tensor1d([2, 1, 1]), bias: tf.zeros([3]) },
  feedForward: {
    up: { weight: tf.tensor2d([[1, 0], [0, 1], [0, 0]]), bias: tf.zeros([2]) },
    down: { weight: tf.tensor2d([[1, 0, 2], [0, 1, 0]]), bias: tf.tensor1d([0, 0, 1]) },
  },
}); // biome-ignore format: matrices as they are

const transformerBlock = exercise<TransformerBlock>({
  reference: (x, weights, nHead) => rightBlock(x, weights, nHead),
  get examples() {
    // Computed step by step in float64, without tensors
    return [
      {
        input: [tf.tensor3d([[[1, 2, 6]]]), handBlock(), 1] as Parameters<TransformerBlock>,
        expected: tf.tensor3d([[[2.773211, 0.929243, 6.306055]]]),
      },
    ];
  },
  random: (random, i) => {
    const nHead = 1 + (i % 3);
    const C = nHead * (2 + (i % 2));
    return [cube(random, 1 + (i % 2), 2 + (i % 4), C), blockOf(random, C), nHead];
  },
  cases: 8,
  mistakes: {
    noShortcuts: halves((x, w, a) => a(norm(x, w.norm1)), (y, w) => wide(norm(y, w.norm2), w.feedForward)),
    noFirstShortcut: halves((x, w, a) => a(norm(x, w.norm1)), two),
    noSecondShortcut: halves(one, (y, w) => wide(norm(y, w.norm2), w.feedForward)),
    shortcutFromStart: halves(one, (y, w, x) => x.add(wide(norm(y, w.norm2), w.feedForward))),
    sameInput: halves(one, (y, w, x) => y.add(wide(norm(x, w.norm2), w.feedForward))),
    shortcutOfNormed: halves(
      (x, w, a) => norm(x, w.norm1).add(a(norm(x, w.norm1))),
      (y, w) => norm(y, w.norm2).add(wide(norm(y, w.norm2), w.feedForward)),
    ),
    normAfter: halves(
      (x, w, a) => norm(x.add(a(x)), w.norm1),
      (y, w) => norm(y.add(wide(y, w.feedForward)), w.norm2),
    ),
    noNorms: halves((x, _, a) => x.add(a(x)), (y, w) => y.add(wide(y, w.feedForward))),
    noFirstNorm: halves((x, _, a) => x.add(a(x)), two),
    noSecondNorm: halves(one, (y, w) => y.add(wide(y, w.feedForward))),
    firstNormTwice: halves(one, (y, w) => y.add(wide(norm(y, w.norm1), w.feedForward))),
    normsExchanged: (x, w, nHead) => rightBlock(x, { ...w, norm1: w.norm2, norm2: w.norm1 }, nHead),
    feedForwardFirst: (x, w, nHead) => {
      const y = x.add<Tensor>(wide(norm(x, w.norm1), w.feedForward));
      return y.add(attend(norm(y, w.norm2), w.attention, nHead));
    },
    noFeedForward: halves(one, (y) => y),
    noAttention: halves((x) => x, two),
  }, // biome-ignore format: one mistake, one row
  ...NO_SHOW,
});

// gptForward

interface Rules {
  readonly place?: (t: number) => number | undefined;
  readonly blocks?: (all: BlockWeights[]) => BlockWeights[];
  readonly chained?: boolean;
  readonly finalNorm?: boolean;
  readonly head?: (weights: GPTWeights) => Tensor2D;
}
const forwardWith =
  ({
    place = (t) => t,
    blocks = (all) => all,
    chained = true,
    finalNorm = true,
    head = (w) => w.head,
  }: Rules): GptForward =>
  (ids, weights, nHead) =>
    tf.tidy(() => {
      const [B, T] = [ids.length, ids[0]?.length ?? 0];
      const C = weights.tokens.shape[1];
      const rows = embedding(weights.tokens, tf.tensor1d(ids.flat(), "int32")).reshape<Tensor3D>([B, T, C]);
      const places = Array.from({ length: T }, (_, t) => place(t)).filter((t): t is number => t !== undefined);
      const start: Tensor3D = places.length
        ? rows.add(tf.gather(weights.positions, tf.tensor1d(places, "int32")))
        : rows;
      let x = start;
      for (const block of blocks(weights.blocks)) x = rightBlock(chained ? x : start, block, nHead);
      return linearTransposed(finalNorm ? norm(x, weights.norm) : x, head(weights)) as Tensor3D;
    });
const rightForward = forwardWith({});

/** Width 2, no blocks: token 0 is [3, 1], and its norm is [1, -1]. */
const handModel = (positions: number[][]): GPTWeights => ({
  tokens: tf.tensor2d([[3, 1], [0, 4]]),
  positions: tf.tensor2d(positions),
  blocks: [],
  norm: { gain: tf.ones([2]), bias: tf.zeros([2]) },
  head: tf.tensor2d([[5, 0], [0, 7]]),
}); // biome-ignore format: matrices as they are

const gptForward = exercise<GptForward>({
  reference: rightForward,
  get examples() {
    const zeros = [[0, 0], [0, 0], [0, 0], [0, 0]]; // biome-ignore format: a matrix
    const some = [[0, 9], [9, 0], [0, 0], [0, 9]]; // biome-ignore format: a matrix
    return [
      { input: [[[0]], handModel(zeros), 1] as Parameters<GptForward>, expected: tf.tensor3d([[[5, -7]]]) },
      { input: [[[0, 1]], handModel(zeros), 1] as Parameters<GptForward>, expected: tf.tensor3d([[[5, -7], [-5, 7]]]) },
      // [3, 1] + [0, 9], [0, 4] + [9, 0], [3, 1]: the norms are [-1, 1], [1, -1], [1, -1]
      { input: [[[0, 1, 0]], handModel(some), 1] as Parameters<GptForward>, expected: tf.tensor3d([[[-5, 7], [5, -7], [5, -7]]]) },
    ]; // biome-ignore format: one row each
  },
  random: (random, i) => {
    const nHead = 1 + (i % 2);
    const [C, V, S, T] = [nHead * 3, 5 + i, 9, 2 + (i % 4)];
    const ids = Array.from({ length: 1 + (i % 3) }, () => Array.from({ length: T }, () => random.integer(V)));
    const blocks = Array.from({ length: 1 + ((i + 1) % 3) }, () => blockOf(random, C));
    const [tokens, positions, head] = [matrix(random, V, C, 1), matrix(random, S, C, 1), matrix(random, V, C, 1)];
    return [ids, { tokens, positions, blocks, norm: normOf(random, C), head }, nHead];
  },
  cases: 8,
  mistakes: {
    noPositions: forwardWith({ place: () => undefined }),
    positionsFromOne: forwardWith({ place: (t) => t + 1 }),
    onePosition: forwardWith({ place: () => 0 }),
    positionsByToken: (ids, weights, nHead) => {
      const C = weights.tokens.shape[1];
      const rows = tf.gather<Tensor>(weights.tokens, tf.tensor1d(ids.flat(), "int32"));
      let x = rows
        .add<Tensor>(tf.gather(weights.positions, tf.tensor1d(ids.flat(), "int32")))
        .reshape<Tensor3D>([ids.length, ids[0]?.length ?? 0, C]);
      for (const block of weights.blocks) x = rightBlock(x, block, nHead);
      return linearTransposed(norm(x, weights.norm), weights.head) as Tensor3D;
    },
    noFinalNorm: forwardWith({ finalNorm: false }),
    noBlocks: forwardWith({ blocks: () => [] }),
    firstBlockOnly: forwardWith({ blocks: (all) => all.slice(0, 1) }),
    lastBlockOnly: forwardWith({ chained: false }),
    blocksBackwards: forwardWith({ blocks: (all) => [...all].reverse() }),
    tokensAsHead: forwardWith({ head: (weights) => weights.tokens }),
    softmax: (ids, weights, nHead) => rightForward(ids, weights, nHead).softmax(),
  },
  tolerance: 1e-4,
  verify: (answer, verify: Verify) => {
    const weights = handModel([[0, 0], [0, 0]]); // biome-ignore format: a matrix
    const forward = (table: Tensor) => answer([[0, 1]], { ...weights, tokens: table as Tensor2D }, 1);
    verify.that(flows(forward, weights.tokens), "noGradient");
  },
});

// countParameters

interface CountRules {
  readonly bias?: number;
  readonly qkvBias?: number;
  readonly norms?: number;
  readonly finalNorm?: number;
  readonly positions?: number;
  readonly layers?: (sizes: Sizes) => number;
  readonly head?: (tied: boolean) => boolean;
  readonly out?: number;
  readonly inner?: number;
  readonly qkv?: number;
}
/** Counts from the shapes of the parameters, one by one. */
const countWith =
  ({ bias = 1, qkvBias = bias, norms = 2, finalNorm = 1, positions = 1, layers = (s) => s.nLayer, head = (tied) => !tied, out = 1, inner = 4, qkv = 3 }: CountRules): CountParameters =>
  (sizes, tied = true) => {
    const { vocabSize, blockSize, nEmbd: C } = sizes;
    const attention = [C * qkv * C, qkvBias * qkv * C, out * C * C, out * bias * C];
    const wideLayers = [C * inner * C, bias * inner * C, inner * C * C, bias * C];
    const block = [...attention, ...wideLayers, norms * C, norms * C];
    const total = (parts: number[]): number => parts.reduce((sum, part) => sum + part, 0);
    const outside = [vocabSize * C, positions * blockSize * C, finalNorm * 2 * C, head(tied) ? vocabSize * C : 0];
    return total(outside) + layers(sizes) * total(block);
  }; // biome-ignore format: the rules on one row
const tiny: Sizes = { vocabSize: 10, blockSize: 5, nLayer: 3, nHead: 2, nEmbd: 4 };

const countParameters = exercise<CountParameters>({
  reference: countWith({}),
  examples: [
    // Tables 40 + 20; a block: norms 8 + 8, attention 48 + 12 and 16 + 4, feed-forward 64 + 16 and 64 + 4; last norm 8
    { input: [tiny], expected: 800 },
    { input: [tiny, false], expected: 840 },
    { input: [{ vocabSize: 50257, blockSize: 1024, nLayer: 12, nHead: 12, nEmbd: 768 }], expected: 124439808 },
  ],
  random: (random, i) => {
    const nHead = 1 + random.integer(4);
    const sizes = { vocabSize: 20 + random.integer(90), blockSize: 3 + random.integer(40), nLayer: 2 + (i % 5) };
    return [{ ...sizes, nHead, nEmbd: nHead * (3 + random.integer(20)) }, i % 2 === 0];
  },
  extremes: [
    [{ vocabSize: 50257, blockSize: 1024, nLayer: 48, nHead: 25, nEmbd: 1600 }, true],
    [{ vocabSize: 50257, blockSize: 1024, nLayer: 48, nHead: 25, nEmbd: 1600 }, false],
  ],
  mistakes: {
    headAlways: countWith({ head: () => true }),
    headNever: countWith({ head: () => false }),
    noBiases: countWith({ bias: 0 }),
    noQkvBias: countWith({ qkvBias: 0 }),
    noNorms: countWith({ norms: 0, finalNorm: 0 }),
    oneNorm: countWith({ norms: 1 }),
    noFinalNorm: countWith({ finalNorm: 0 }),
    normsWithoutBias: (sizes, tied) => countWith({})(sizes, tied) - (2 * sizes.nLayer + 1) * sizes.nEmbd,
    noPositions: countWith({ positions: 0 }),
    oneBlock: countWith({ layers: () => 1 }),
    blocksTimesHeads: countWith({ layers: (sizes) => sizes.nLayer * sizes.nHead }),
    noOut: countWith({ out: 0 }),
    narrow: countWith({ inner: 1 }),
    oneProjection: countWith({ qkv: 1 }),
  },
  tolerance: 0,
});

// greedyDecode

/** A model of V tokens that is no model: row t has its peak at (3 · the sum of the ids up to t + 1) mod V. */
const peaks = (V: number): Forward =>
  Object.defineProperty(
    (ids: number[]): Tensor2D => {
      const rows = ids.map((_, t) => {
        const peak = (3 * ids.slice(0, t + 1).reduce((sum, id) => sum + id, 0) + 1) % V;
        return Array.from({ length: V }, (_, id) => 2 + t - Math.abs(id - peak) / 4 - ids.length / 8);
      });
      return tf.tensor2d(rows, [ids.length, V]);
    },
    "name",
    { value: `model${V}` },
  );

type Choice = (logits: number[][]) => number;
const lastRow: Choice = (logits) => {
  const row = logits.at(-1) ?? [];
  return row.indexOf(Math.max(...row));
};
interface Decoding {
  readonly choose?: Choice;
  readonly see?: (ids: number[], blockSize: number) => number[];
  readonly steps?: (count: number, given: number) => number;
  readonly grow?: boolean;
  readonly give?: (all: number[], count: number, blockSize: number) => number[];
}
const decodeWith =
  ({ choose = lastRow, see = (ids, blockSize) => ids.slice(-blockSize), steps = (count) => count, grow = true, give = (all) => all }: Decoding): GreedyDecode =>
  async (forward, ids, count, blockSize) => {
    const all = [...ids];
    for (let step = 0; step < steps(count, ids.length); step++) {
      const logits = forward(see(grow ? all : ids, blockSize));
      all.push(choose((await logits.array()) as number[][]));
      logits.dispose();
    }
    return give(all, count, blockSize);
  }; // biome-ignore format: the rules on one row

const greedyDecode = exercise<GreedyDecode>({
  reference: async (forward, ids, count, blockSize) => {
    let all = [...ids];
    while (all.length < ids.length + count) {
      const best = tf.tidy(() => tf.argMax<Tensor>(forward(all.slice(-blockSize)), 1));
      all = [...all, Array.from(await best.data()).at(-1) as number];
      best.dispose();
    }
    return all;
  },
  examples: [
    { input: [peaks(7), [1, 2], 3, 8], expected: [1, 2, 3, 5, 6] }, // 10, 19, 34 mod 7
    { input: [peaks(7), [3], 4, 3], expected: [3, 3, 5, 6, 1] }, // 10, 19, 34, and then 3 + 5 + 6 gives 43
    { input: [peaks(5), [2, 3], 0, 8], expected: [2, 3] },
  ],
  random: (random, i) => [
    peaks(4 + i),
    Array.from({ length: 2 + (i % 4) }, () => random.integer(4 + i)),
    2 + (i % 3),
    3 + (i % 5),
  ],
  cases: 10,
  mistakes: {
    firstRow: decodeWith({ choose: (logits) => lastRow(logits.slice(0, 1)) }),
    flattened: decodeWith({ choose: (logits) => lastRow([logits.flat()]) }),
    lowest: decodeWith({ choose: (logits) => lastRow(logits.map((row) => row.map((v) => -v))) }),
    neverGrows: decodeWith({ grow: false }),
    windowOnly: decodeWith({ give: (all, _, blockSize) => all.slice(-blockSize) }),
    windowPlusOne: decodeWith({ give: (all, _, blockSize) => all.slice(-blockSize - 1) }),
    onlyNew: decodeWith({ give: (all, count) => (count ? all.slice(-count) : []) }),
    noCrop: decodeWith({ see: (ids) => ids }),
    cropsEnd: decodeWith({ see: (ids, blockSize) => ids.slice(0, blockSize) }),
    lastTokenOnly: decodeWith({ see: (ids) => ids.slice(-1) }),
    oneTooMany: decodeWith({ steps: (count) => count + 1 }),
    oneTooFew: decodeWith({ steps: (count) => count - 1 }),
    countsWhole: decodeWith({ steps: (count, given) => count - given }),
  },
  tolerance: 0,
});

export const exercises = {
  layerNorm,
  gelu,
  feedForward,
  transformerBlock,
  gptForward,
  countParameters,
  greedyDecode,
};
