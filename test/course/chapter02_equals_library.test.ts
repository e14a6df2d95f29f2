/** @file @backends tensorflow wasm cpu. The functions that a learner writes in chapter 02 give what the library's fast ones give, on random input, gradients included. The chapter says so. */
import {
  causalAttention,
  causalMask,
  dropoutMask,
  GPT,
  initBackend,
  linear,
  Random,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tf,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { solutionsOf } from "../support/chapter_solution.ts";
import { nearTensors } from "../support/near.ts";

await initBackend();
const solution = solutionsOf("02");
const chapters = {
  dotScores: await solution<(query: number[], keys: number[][]) => number[]>("dotScores"),
  stableSoftmax: await solution<(scores: number[]) => number[]>("stableSoftmax"),
  scaledDotProduct: await solution<(q: Tensor, k: Tensor, v: Tensor, mask?: Tensor) => Tensor>("scaledDotProduct"),
  causalMask: await solution<(T: number) => Tensor2D>("causalMask"),
  splitHeads: await solution<(x: Tensor3D, nHead: number) => Tensor4D>("splitHeads"),
  mergeHeads: await solution<(x: Tensor4D) => Tensor3D>("mergeHeads"),
  multiHeadAttention:
    await solution<(x: Tensor3D, weights: { qkv: Tensor2D; out: Tensor2D }, nHead: number) => Tensor3D>(
      "multiHeadAttention",
    ),
};

const random = new Random(2);
const normals = <T extends Tensor>(...shape: number[]): T =>
  tf.tensor<T>(random.normal(shape.reduce((a, b) => a * b, 1)), shape);
/** float32 sums in another order: values are of size 1 to 10, so that 1e-5 is some units in the last place. */
const same = (found: Tensor, expected: Tensor, what: string): void => nearTensors(found, expected, 1e-5, what);
/** Batch, heads, positions, head size: all different, and the edges. */
const sizes = [
  [1, 1, 1, 1],
  [2, 3, 5, 4],
  [3, 2, 7, 8],
  [1, 4, 16, 2],
] as const;
const visible = (mask: Tensor): number[] => Array.from(mask.dataSync(), (value) => (value === 0 ? 1 : 0));

const test = suite("chapter 02 equals the library");

test("causalMask() of the chapter hides what causalMask() of the library hides, and as strongly", () => {
  for (const T of [1, 2, 3, 8, 33]) {
    assert.equal(visible(chapters.causalMask(T)), visible(causalMask(T)), `T = ${T}`);
    const x = normals<Tensor2D>(T, T);
    same(tf.softmax(x.add(chapters.causalMask(T))), tf.softmax(x.add(causalMask(T))), `softmax of ${T} rows`);
  }
});

test("scaledDotProduct() of the chapter with its mask is causalAttention()", () => {
  for (const [B, H, T, hs] of sizes) {
    const [q, k, v] = [0, 1, 2].map(() => normals<Tensor4D>(B, H, T, hs)) as [Tensor4D, Tensor4D, Tensor4D];
    const mask = chapters.causalMask(T);
    same(chapters.scaledDotProduct(q, k, v, mask), causalAttention(q, k, v), `${[B, H, T, hs]}`);
    const large = q.mul<Tensor4D>(1000);
    same(chapters.scaledDotProduct(large, k, v, mask), causalAttention(large, k, v), `${[B, H, T, hs]}, scores × 1000`);
  }
});

test("scaledDotProduct() of the chapter has the gradients of causalAttention()", () => {
  for (const [B, H, T, hs] of sizes) {
    const inputs = [0, 1, 2].map(() => normals<Tensor4D>(B, H, T, hs));
    const dy = normals<Tensor4D>(B, H, T, hs);
    const mask = chapters.causalMask(T);
    const theirs = tf.grads((q, k, v) => causalAttention(q as Tensor4D, k as Tensor4D, v as Tensor4D))(inputs, dy);
    const ours = tf.grads((q, k, v) => chapters.scaledDotProduct(q!, k!, v!, mask))(inputs, dy);
    for (const [i, gradient] of ours.entries()) same(gradient, theirs[i]!, `${[B, H, T, hs]}: gradient of ${"qkv"[i]}`);
  }
});

test("dropout on the weights is the option keep of causalAttention()", () => {
  const [q, k, v] = [0, 1, 2].map(() => normals<Tensor4D>(2, 3, 5, 4)) as [Tensor4D, Tensor4D, Tensor4D];
  const keep = dropoutMask([2, 3, 5, 5], 0.5, new Random(1));
  const eye = tf.eye(5, 5, [2, 3]) as Tensor as Tensor4D; // the mean of one-hot rows is the weights
  const weights = chapters.scaledDotProduct(q, k, eye, chapters.causalMask(5));
  same(tf.matMul(weights.mul(keep), v), causalAttention(q, k, v, { keep }), "dropped weights");
});

test("multiHeadAttention() of the chapter is the library's SelfAttention, values and gradients", () => {
  for (const [B, H, T, hs] of sizes.slice(1)) {
    const nEmbd = H * hs;
    const shape = {
      architecture: "gpt2",
      vocabSize: 5,
      blockSize: T,
      nLayer: 1,
      nHead: H,
      nEmbd,
      bias: false,
    } as const;
    const model = new GPT(shape, new Random(3));
    const layer = model.blocks[0]!.attention;
    const x = normals<Tensor3D>(B, T, nEmbd);
    const [qkv, out] = [layer.qkv.weight, layer.projection.weight].map((weight) => weight.mul<Tensor2D>(20));
    layer.qkv.weight.assign(qkv!); // GPT-2 starts with tiny weights, which would make all scores alike
    layer.projection.weight.assign(out!);
    same(
      chapters.multiHeadAttention(x, { qkv: qkv!, out: out! }, H),
      layer.forward(x, { mask: causalMask(T) }),
      `${[B, H, T, hs]}`,
    );
    const ours = tf.grads((input, a, b) =>
      chapters.multiHeadAttention(input as Tensor3D, { qkv: a as Tensor2D, out: b as Tensor2D }, H),
    )([x, qkv!, out!]);
    const theirs = tf.grads((input, a, b) => {
      const [q, k, v] = tf.split<Tensor3D>(linear(input!, a as Tensor2D), 3, 2).map((part) => heads(part, H));
      const mixed = causalAttention(q!, k!, v!).transpose<Tensor>([0, 2, 1, 3]).reshape<Tensor3D>([B, T, nEmbd]);
      return linear(mixed, b as Tensor2D);
    })([x, qkv!, out!]);
    for (const [i, gradient] of ours.entries())
      same(gradient, theirs[i]!, `${[B, H, T, hs]}: gradient of ${["x", "qkv", "out"][i]}`);
    model.dispose();
  }
});

/** As the library's model cuts into heads. */
function heads(x: Tensor3D, nHead: number): Tensor4D {
  const [B, T, C] = x.shape;
  return x.reshape<Tensor4D>([B, T, nHead, C / nHead]).transpose([0, 2, 1, 3]);
}

test("splitHeads() and mergeHeads() of the chapter undo each other", () => {
  for (const [B, H, T, hs] of sizes) {
    const x = normals<Tensor3D>(B, T, H * hs);
    assert.equal(Array.from(chapters.mergeHeads(chapters.splitHeads(x, H)).dataSync()), Array.from(x.dataSync()));
    assert.equal(Array.from(chapters.splitHeads(x, H).dataSync()), Array.from(heads(x, H).dataSync()));
  }
});

test("dotScores() and stableSoftmax() of the chapter, in loops, give what tensors give", () => {
  const [query, keys] = [normals<Tensor2D>(1, 6), normals<Tensor2D>(9, 6)];
  const scores = chapters.dotScores(query.arraySync()[0]!, keys.arraySync());
  same(tf.tensor1d(scores), tf.matMul<Tensor2D>(query, keys, false, true).flatten(), "scores");
  same(tf.tensor1d(chapters.stableSoftmax(scores)), tf.softmax(tf.tensor1d(scores)), "weights");
});

test("no solution of the chapter leaves a tensor behind", () => {
  const x = normals<Tensor3D>(2, 3, 4);
  const weights = { qkv: normals<Tensor2D>(4, 12), out: normals<Tensor2D>(4, 4) };
  const before = tf.memory().numTensors;
  chapters.multiHeadAttention(x, weights, 2).dispose();
  assert.is(tf.memory().numTensors, before);
});

test.run();
