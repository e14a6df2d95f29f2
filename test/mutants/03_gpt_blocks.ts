/** @file Wrong answers to the exercises of chapter 03, as learners write them, and the message that each must get. Written without a look at `mistakes`. */
import {
  causalAttention,
  gelu,
  layerNorm,
  linear,
  linearTransposed,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tf,
} from "gptlab";
import { NotImplemented } from "gptlab/course";

interface Mutant {
  readonly name: string;
  /** Key of the message that must be shown. */
  readonly message: string;
  // biome-ignore lint/complexity/noBannedTypes: a wrong answer may have any signature
  readonly answer: Function;
}

type Linear = { weight: Tensor2D; bias: Tensor1D };
type Norm = { gain: Tensor1D; bias: Tensor1D };
type Wide = { up: Linear; down: Linear };
type Block = { norm1: Norm; attention: { qkv: Linear; out: Linear }; norm2: Norm; feedForward: Wide };
type Weights = { tokens: Tensor2D; positions: Tensor2D; blocks: Block[]; norm: Norm; head: Tensor2D };
type Sizes = { vocabSize: number; blockSize: number; nLayer: number; nHead: number; nEmbd: number };
type Forward = (ids: number[]) => Tensor2D;

// What the chapter gives its learners

const norm = (x: Tensor, { gain, bias }: Norm): Tensor3D => layerNorm(x, gain, bias) as Tensor3D;
const work = (x: Tensor, { up, down }: Wide): Tensor3D =>
  linear(gelu(linear(x, up.weight, up.bias)), down.weight, down.bias) as Tensor3D;
function attention(x: Tensor3D, { qkv, out }: Block["attention"], nHead: number): Tensor3D {
  const [B, T, C] = x.shape;
  const joined: Tensor4D = linear(x, qkv.weight, qkv.bias).reshape([B, T, 3 * nHead, C / nHead]);
  const [q, k, v] = tf.split(joined.transpose<Tensor4D>([0, 2, 1, 3]), 3, 1) as [Tensor4D, Tensor4D, Tensor4D];
  const mixed = causalAttention(q, k, v).transpose<Tensor4D>([0, 2, 1, 3]).reshape<Tensor3D>([B, T, C]);
  return linear(mixed, out.weight, out.bias) as Tensor3D;
}
function runBlock(x: Tensor3D, w: Block, nHead: number): Tensor3D {
  const y: Tensor3D = x.add(attention(norm(x, w.norm1), w.attention, nHead));
  return y.add(work(norm(y, w.norm2), w.feedForward));
}
const embed = (ids: number[][], { tokens, positions }: Weights): Tensor3D => {
  const T = ids[0]!.length;
  const rows = tf.gather<Tensor3D>(tokens, tf.tensor2d(ids, [ids.length, T], "int32"));
  return rows.add(positions.slice([0, 0], [T, tokens.shape[1]]));
};

export const mutants: Record<string, readonly Mutant[]> = {
  layerNorm: [
    {
      name: "moments without the last axis",
      message: "layerNorm.overAll",
      answer: (x: Tensor, gain: Tensor1D, bias: Tensor1D, epsilon = 1e-5) => {
        const { mean, variance } = tf.moments(x);
        return x.sub(mean).div(variance.add(epsilon).sqrt()).mul(gain).add(bias);
      },
    },
    {
      name: "axis 1 of a batch of texts",
      message: "layerNorm.otherAxis",
      answer: (x: Tensor, gain: Tensor1D, bias: Tensor1D, epsilon = 1e-5) => {
        const axis = x.rank === 3 ? 1 : -1;
        const { mean, variance } = tf.moments(x, axis, true);
        return x.sub(mean).div(variance.add(epsilon).sqrt()).mul(gain).add(bias);
      },
    },
    {
      name: "forgets keepDims",
      message: "layerNorm.noKeepDims",
      answer: (x: Tensor, gain: Tensor1D, bias: Tensor1D) => {
        const { mean, variance } = tf.moments(x, -1);
        return x.sub(mean).div(variance.add(1e-5).sqrt()).mul(gain).add(bias);
      },
    },
    {
      name: "divides by the variance",
      message: "layerNorm.noRoot",
      answer: (x: Tensor, gain: Tensor1D, bias: Tensor1D, epsilon = 1e-5) => {
        const { mean, variance } = tf.moments(x, -1, true);
        return x.sub(mean).div(variance.add(epsilon)).mul(gain).add(bias);
      },
    },
    {
      name: "no epsilon at all",
      message: "layerNorm.noEpsilon",
      answer: (x: Tensor, gain: Tensor1D, bias: Tensor1D) => {
        const { mean, variance } = tf.moments(x, -1, true);
        return x.sub(mean).div(variance.sqrt()).mul(gain).add(bias);
      },
    },
    {
      name: "stops before gain and bias",
      message: "layerNorm.noGainNoBias",
      answer: (x: Tensor, _gain: Tensor1D, _bias: Tensor1D, epsilon = 1e-5) => {
        const { mean, variance } = tf.moments(x, -1, true);
        return x.sub(mean).div(variance.add(epsilon).sqrt());
      },
    },
    {
      name: "divides by C - 1, as a spreadsheet does",
      message: "layerNorm.sampleVariance",
      answer: (x: Tensor, gain: Tensor1D, bias: Tensor1D, epsilon = 1e-5) => {
        const centred = x.sub<Tensor>(x.mean(-1, true));
        const variance = centred
          .square<Tensor>()
          .sum<Tensor>(-1, true)
          .div<Tensor>(x.shape.at(-1)! - 1);
        return centred.div<Tensor>(variance.add<Tensor>(epsilon).sqrt()).mul<Tensor>(gain).add(bias);
      },
    },
    {
      name: "computes in JavaScript",
      message: "layerNorm.noGradient",
      answer: (x: Tensor, gain: Tensor1D, bias: Tensor1D, epsilon = 1e-5) => {
        const [C, values, g, b] = [gain.size, x.dataSync(), gain.dataSync(), bias.dataSync()];
        const out = new Float32Array(values.length);
        for (let at = 0; at < values.length; at += C) {
          const row = values.slice(at, at + C);
          const mean = row.reduce((sum, v) => sum + v, 0) / C;
          const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / C;
          for (let i = 0; i < C; i++) out[at + i] = ((row[i]! - mean) / Math.sqrt(variance + epsilon)) * g[i]! + b[i]!;
        }
        return tf.tensor(out, x.shape);
      },
    },
  ],

  gelu: [
    { name: "takes the maximum with 0", message: "gelu.relu", answer: (x: Tensor) => tf.maximum(x, 0) },
    {
      name: "brackets closed too early",
      message: "gelu.cubeOutside",
      answer: (x: Tensor) => {
        const cube = x.mul<Tensor>(x).mul<Tensor>(x).mul<Tensor>(0.044715);
        const inner = tf.add<Tensor>(x.mul(Math.sqrt(2 / Math.PI)), cube);
        return x.div<Tensor>(2).mul(inner.tanh<Tensor>().add<Tensor>(1));
      },
    },
    {
      name: "forgets to halve",
      message: "gelu.noHalf",
      answer: (x: Tensor) => {
        const inner = x.add<Tensor>(tf.pow<Tensor>(x, 3).mul(0.044715)).mul<Tensor>(Math.sqrt(2 / Math.PI));
        return x.mul(tf.tanh(inner).add<Tensor>(1));
      },
    },
    {
      name: "the definition from a text book",
      message: "gelu.exact",
      answer: (x: Tensor) => tf.mul(x, tf.erf(x.mul<Tensor>(Math.SQRT1_2)).add<Tensor>(1).mul<Tensor>(0.5)),
    },
    { name: "a number, not a tensor", message: "check.type", answer: (x: Tensor) => x.dataSync()[0] },
  ],

  feedForward: [
    {
      name: "forgets the bend",
      message: "feedForward.noActivation",
      answer: (x: Tensor, { up, down }: Wide) => linear(linear(x, up.weight, up.bias), down.weight, down.bias),
    },
    {
      name: "bends at the end",
      message: "feedForward.activationLast",
      answer: (x: Tensor, { up, down }: Wide) => gelu(linear(linear(x, up.weight, up.bias), down.weight, down.bias)),
    },
    {
      name: "adds the shortcut already",
      message: "feedForward.shortcut",
      answer: (x: Tensor, weights: Wide) => x.add(work(x, weights)),
    },
    {
      name: "leaves out the biases",
      message: "feedForward.noBiases",
      answer: (x: Tensor, { up, down }: Wide) => linear(gelu(linear(x, up.weight)), down.weight),
    },
    {
      name: "the layers exchanged",
      message: "check.threw",
      answer: (x: Tensor, { up, down }: Wide) => linear(gelu(linear(x, down.weight, down.bias)), up.weight, up.bias),
    },
    {
      name: "waits for the stub of GELU",
      message: "check.needs",
      answer: () => {
        throw new NotImplemented("gelu");
      },
    },
  ],

  transformerBlock: [
    {
      name: "no shortcuts",
      message: "transformerBlock.noShortcuts",
      answer: (x: Tensor3D, w: Block, nHead: number) => {
        const y = attention(norm(x, w.norm1), w.attention, nHead);
        return work(norm(y, w.norm2), w.feedForward);
      },
    },
    {
      name: "adds x twice",
      message: "transformerBlock.shortcutFromStart",
      answer: (x: Tensor3D, w: Block, nHead: number) => {
        const y: Tensor3D = x.add(attention(norm(x, w.norm1), w.attention, nHead));
        return x.add(work(norm(y, w.norm2), w.feedForward));
      },
    },
    {
      name: "both halves beside each other",
      message: "transformerBlock.sameInput",
      answer: (x: Tensor3D, w: Block, nHead: number) =>
        x.add<Tensor3D>(attention(norm(x, w.norm1), w.attention, nHead)).add(work(norm(x, w.norm2), w.feedForward)),
    },
    {
      name: "overwrites x with its norm",
      message: "transformerBlock.shortcutOfNormed",
      answer: (input: Tensor3D, w: Block, nHead: number) => {
        let x = norm(input, w.norm1);
        x = x.add(attention(x, w.attention, nHead));
        x = norm(x, w.norm2);
        return x.add(work(x, w.feedForward));
      },
    },
    {
      name: "the first transformer, of 2017",
      message: "transformerBlock.normAfter",
      answer: (x: Tensor3D, w: Block, nHead: number) => {
        const y = norm(x.add<Tensor>(attention(x, w.attention, nHead)), w.norm1);
        return norm(y.add<Tensor>(work(y, w.feedForward)), w.norm2);
      },
    },
    {
      name: "norm1 for both",
      message: "transformerBlock.firstNormTwice",
      answer: (x: Tensor3D, w: Block, nHead: number) => {
        const y: Tensor3D = x.add(attention(norm(x, w.norm1), w.attention, nHead));
        return y.add(work(norm(y, w.norm1), w.feedForward));
      },
    },
  ],

  gptForward: [
    {
      name: "forgets the positions",
      message: "gptForward.noPositions",
      answer: (ids: number[][], w: Weights, nHead: number) => {
        let x = tf.gather<Tensor3D>(w.tokens, tf.tensor2d(ids, [ids.length, ids[0]!.length], "int32"));
        for (const block of w.blocks) x = runBlock(x, block, nHead);
        return linearTransposed(norm(x, w.norm), w.head);
      },
    },
    {
      name: "forgets the last norm",
      message: "gptForward.noFinalNorm",
      answer: (ids: number[][], w: Weights, nHead: number) =>
        linearTransposed(w.blocks.reduce((x, block) => runBlock(x, block, nHead), embed(ids, w)), w.head), // biome-ignore format: one thought
    },
    {
      name: "result of each block thrown away",
      message: "gptForward.noBlocks",
      answer: (ids: number[][], w: Weights, nHead: number) => {
        const x = embed(ids, w);
        for (const block of w.blocks) runBlock(x, block, nHead);
        return linearTransposed(norm(x, w.norm), w.head);
      },
    },
    {
      name: "each block on the embeddings",
      message: "gptForward.lastBlockOnly",
      answer: (ids: number[][], w: Weights, nHead: number) => {
        const x = embed(ids, w);
        let y = x;
        for (const block of w.blocks) y = runBlock(x, block, nHead);
        return linearTransposed(norm(y, w.norm), w.head);
      },
    },
    {
      name: "always tied",
      message: "gptForward.tokensAsHead",
      answer: (ids: number[][], w: Weights, nHead: number) => {
        let x = embed(ids, w);
        for (const block of w.blocks) x = runBlock(x, block, nHead);
        return linearTransposed(norm(x, w.norm), w.tokens);
      },
    },
    {
      name: "adds softmax",
      message: "gptForward.softmax",
      answer: (ids: number[][], w: Weights, nHead: number) => {
        let x = embed(ids, w);
        for (const block of w.blocks) x = runBlock(x, block, nHead);
        return tf.softmax(linearTransposed(norm(x, w.norm), w.head));
      },
    },
    {
      name: "adds all positions",
      message: "check.shape",
      answer: (ids: number[][], w: Weights, nHead: number) => {
        const rows = tf.gather<Tensor3D>(w.tokens, tf.tensor2d(ids, [ids.length, ids[0]!.length], "int32"));
        let x: Tensor3D = rows.add(w.positions);
        for (const block of w.blocks) x = runBlock(x, block, nHead);
        return linearTransposed(norm(x, w.norm), w.head);
      },
    },
  ],

  countParameters: [
    {
      name: "weights only",
      message: "countParameters.noBiases",
      answer: ({ vocabSize, blockSize, nLayer, nEmbd: C }: Sizes, tied = true) =>
        (vocabSize * (tied ? 1 : 2) + blockSize) * C + nLayer * (12 * C * C + 4 * C) + 2 * C,
    },
    {
      name: "always two tables",
      message: "countParameters.headAlways",
      answer: ({ vocabSize, blockSize, nLayer, nEmbd: C }: Sizes) =>
        (2 * vocabSize + blockSize) * C + nLayer * (12 * C * C + 13 * C) + 2 * C,
    },
    {
      name: "never a head",
      message: "countParameters.headNever",
      answer: ({ vocabSize, blockSize, nLayer, nEmbd: C }: Sizes) =>
        (vocabSize + blockSize) * C + nLayer * (12 * C * C + 13 * C) + 2 * C,
    },
    {
      name: "no biases in qkv, as in many programs",
      message: "countParameters.noQkvBias",
      answer: ({ vocabSize, blockSize, nLayer, nEmbd: C }: Sizes, tied = true) =>
        (vocabSize * (tied ? 1 : 2) + blockSize) * C + nLayer * (12 * C * C + 10 * C) + 2 * C,
    },
    {
      name: "each head has its own projections",
      message: "countParameters.blocksTimesHeads",
      answer: ({ vocabSize, blockSize, nLayer, nHead, nEmbd: C }: Sizes, tied = true) =>
        (vocabSize * (tied ? 1 : 2) + blockSize) * C + nLayer * nHead * (12 * C * C + 13 * C) + 2 * C,
    },
    {
      name: "no norm at the end",
      message: "countParameters.noFinalNorm",
      answer: ({ vocabSize, blockSize, nLayer, nEmbd: C }: Sizes, tied = true) =>
        (vocabSize * (tied ? 1 : 2) + blockSize) * C + nLayer * (12 * C * C + 13 * C),
    },
    { name: "a text", message: "check.type", answer: () => "124M" },
  ],

  greedyDecode: [
    {
      name: "reads row 0",
      message: "greedyDecode.firstRow",
      answer: async (forward: Forward, ids: number[], count: number, blockSize: number) => {
        const all = [...ids];
        for (let i = 0; i < count; i++) all.push((await forward(all.slice(-blockSize)).argMax(1).data())[0]!);
        return all;
      },
    },
    {
      name: "only what is new",
      message: "greedyDecode.onlyNew",
      answer: async (forward: Forward, ids: number[], count: number, blockSize: number) => {
        const [all, made] = [[...ids], [] as number[]];
        while (made.length < count) {
          const best = Array.from(await forward(all.slice(-blockSize)).argMax(1).data()).pop()!;
          all.push(best);
          made.push(best);
        }
        return made;
      },
    },
    {
      name: "forgets blockSize",
      message: "greedyDecode.noCrop",
      answer: async (forward: Forward, ids: number[], count: number) => {
        const all = [...ids];
        for (let i = 0; i < count; i++) all.push(Array.from(await forward(all).argMax(1).data()).pop()!);
        return all;
      },
    },
    {
      name: "cuts the text itself",
      message: "greedyDecode.windowPlusOne",
      answer: async (forward: Forward, ids: number[], count: number, blockSize: number) => {
        let all = [...ids];
        for (let i = 0; i < count; i++) {
          all = all.slice(-blockSize);
          all.push(Array.from(await forward(all).argMax(1).data()).pop()!);
        }
        return all;
      },
    },
    {
      name: "shows the beginning",
      message: "greedyDecode.cropsEnd",
      answer: async (forward: Forward, ids: number[], count: number, blockSize: number) => {
        const all = [...ids];
        for (let i = 0; i < count; i++)
          all.push(Array.from(await forward(all.slice(0, blockSize)).argMax(1).data()).pop()!);
        return all;
      },
    },
    {
      name: "appends to the prompt of its caller",
      message: "check.changedInput",
      answer: async (forward: Forward, ids: number[], count: number, blockSize: number) => {
        for (let i = 0; i < count; i++)
          ids.push(Array.from(await forward(ids.slice(-blockSize)).argMax(1).data()).pop()!);
        return ids;
      },
    },
    {
      name: "never appends",
      message: "greedyDecode.neverGrows",
      answer: async (forward: Forward, ids: number[], count: number, blockSize: number) => {
        const made: number[] = [];
        for (let i = 0; i < count; i++)
          made.push(Array.from(await forward(ids.slice(-blockSize)).argMax(1).data()).pop()!);
        return [...ids, ...made];
      },
    },
  ],
};
