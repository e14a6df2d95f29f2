/** @file @backends tensorflow wasm. Published numbers of the book "Build a Large Language Model (From Scratch)" that need no weights, from this library's own functions. The big model's are in facts.slow.test.ts. */
import {
  causalAttention,
  crossEntropy,
  GPT,
  gelu,
  initBackend,
  linear,
  nextTokenProbabilities,
  presets,
  Random,
  type Tensor,
  tf,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { torchLinear } from "../support/torch_model.ts";

const test = suite("published facts");
test.before(async () => void (await initBackend()));
const fixed = (values: ArrayLike<number>, digits = 4) => Array.from(values, (value) => value.toFixed(digits));

// Six words of three numbers each, as in its chapter 3.
const words = [
  [0.43, 0.15, 0.89],
  [0.55, 0.87, 0.66],
  [0.57, 0.85, 0.64],
  [0.22, 0.58, 0.33],
  [0.77, 0.25, 0.1],
  [0.05, 0.8, 0.55],
];
const everything = () => tf.zeros([6, 6]); // a mask that hides nothing
/** One head or several side by side: (6, nHead · hs) -> (6, nHead · hs). */
function attend(q: Tensor, k: Tensor, v: Tensor, nHead: number, mask?: Tensor): Tensor {
  const heads = (x: Tensor) => x.reshape([1, 6, nHead, -1]).transpose([0, 2, 1, 3]) as tf.Tensor4D;
  const mixed = causalAttention(heads(q), heads(k), heads(v), mask ? { mask } : {});
  return mixed.transpose([0, 2, 1, 3]).reshape([6, -1]);
}

test("attention of chapter 3's toy: the vector of the second word", () => {
  // Its first version has no scale; the library divides by sqrt(3), so the queries are multiplied by it.
  const x = tf.tensor2d(words);
  const mixed = attend(x.mul(Math.sqrt(3)), x, x, 1, everything()).arraySync() as number[][];
  assert.equal(fixed(mixed[1]!), ["0.4419", "0.6515", "0.5683"]);
});

test("attention with seeded weights: one head with 123 and 789, two causal heads with 123", () => {
  const x = tf.tensor2d(words);
  const first = (result: Tensor) => fixed((result.arraySync() as number[][])[0]!);
  const uniform = new Random(123);
  const [q, k, v] = [1, 2, 3].map(() => x.matMul(tf.tensor2d(uniform.uniform(6), [3, 2])));
  assert.equal(first(attend(q!, k!, v!, 1, everything())), ["0.2996", "0.8053"]);

  const layers = (seed: number) => {
    const random = new Random(seed);
    return { random, products: [1, 2, 3].map(() => linear(x, torchLinear(random, 3, 2, false).weight)) };
  };
  const second = layers(789).products;
  assert.equal(first(attend(second[0]!, second[1]!, second[2]!, 1, everything())), ["-0.0739", "0.0713"]);

  const { random, products } = layers(123);
  const { weight, bias } = torchLinear(random, 2, 2, true);
  assert.equal(first(linear(attend(products[0]!, products[1]!, products[2]!, 2), weight, bias)), ["0.3190", "0.4858"]);
});

test("crossEntropy() gives the published losses of chapter 7, with and without targets that do not count", () => {
  const rows = [
    [-1, 1],
    [-0.5, 1.5],
    [-0.5, 1.5],
  ];
  const loss = (logits: number[][], targets: number[]) => crossEntropy(tf.tensor2d(logits), targets).dataSync()[0]!;
  assert.is(loss(rows.slice(0, 2), [0, 1]).toFixed(4), "1.1269");
  assert.is(loss(rows, [0, 1, 1]).toFixed(4), "0.7936");
  assert.is(loss(rows, [0, 1, -100]).toFixed(4), "1.1269");
});

test("crossEntropy() of two classes is the binary loss of appendix A, with its gradients", () => {
  const [w, b] = [tf.variable(tf.scalar(2.2)), tf.variable(tf.scalar(0))];
  const loss = () => {
    const z = w.mul(1.1).add(b).reshape([1, 1]);
    return crossEntropy(tf.concat([tf.zeros([1, 1]), z], 1), [1]) as tf.Scalar; // softmax of (0, z) is the sigmoid of z
  };
  const { value, grads } = tf.variableGrads(loss, [w, b]);
  const numbers = [value, grads[w.name]!, grads[b.name]!].map((tensor) => tensor.dataSync()[0]!);
  assert.equal(fixed(numbers), ["0.0852", "-0.0898", "-0.0817"]);
});

test("nextTokenProbabilities() gives chapter 5's numbers for temperature 5 and for the three best", () => {
  const logits = [4.51, 0.89, -1.9, 6.75, 1.63, -1.62, -1.89, 6.28, 1.79];
  assert.is(nextTokenProbabilities(logits, { temperature: 5 })[6]!.toFixed(4), "0.0430");
  const best = nextTokenProbabilities(logits, { topK: 3 });
  assert.equal(fixed([best[3]!, best[7]!, best[0]!]), ["0.5775", "0.3610", "0.0615"]);
});

test("gradients of chapter 4's deep network, with and without shortcuts, seed 123", () => {
  const published: Record<string, number[]> = {
    without: [2.0174e-4, 1.2011e-4, 7.152e-4, 1.39887e-3, 5.04965e-3],
    with: [0.2217, 0.20694, 0.32897, 0.26657, 1.32585],
  };
  for (const [kind, expected] of Object.entries(published)) {
    const random = new Random(123);
    const layers = [3, 3, 3, 3, 1].map((outputs) => {
      const { weight, bias } = torchLinear(random, 3, outputs, true);
      return { weight: tf.variable(weight), bias: tf.variable(bias as Tensor) };
    });
    const loss = () => {
      let x: Tensor = tf.tensor2d([[1, 0, -1]]);
      for (const { weight, bias } of layers) {
        const y = gelu(linear(x, weight as Tensor as tf.Tensor2D, bias as Tensor as tf.Tensor1D));
        x = kind === "with" && y.size === x.size ? x.add(y) : y;
      }
      return x.square().mean() as tf.Scalar; // the target is 0
    };
    const { grads } = tf.variableGrads(
      loss,
      layers.map(({ weight }) => weight),
    );
    for (const [i, { weight }] of layers.entries()) {
      const size = grads[weight.name]!.abs().mean().dataSync()[0]!;
      assert.ok(Math.abs(size / expected[i]! - 1) < 5e-5, `${kind}, layer ${i}: ${size}, published ${expected[i]}`); // 5 digits are printed
    }
  }
});

test("GPT has the published numbers of parameters at four sizes", () => {
  // A model of one block over one token has every kind of parameter; what is repeated is added by hand.
  const published = {
    gpt2: [124_439_808, 163_009_536, 124_412_160],
    "gpt2-medium": [354_823_168, 406_212_608, 354_749_440],
    "gpt2-large": [774_030_080, 838_220_800, 773_891_840],
    "gpt2-xl": [1_557_611_200, 1_637_792_000, 1_557_380_800],
  } as const;
  for (const [name, [tied, untiedNoBias, tiedNoBias]] of Object.entries(published)) {
    const config = presets[name as keyof typeof published];
    const { vocabSize: V, blockSize, nLayer, nEmbd: C } = config;
    const model = new GPT({ ...config, vocabSize: 1, blockSize: 1, nLayer: 1 }, new Random(1));
    const block = Array.from(model.parameters()).reduce(
      (sum, [at, { size }]) => sum + (at.startsWith("blocks.0.") ? size : 0),
      0,
    );
    const total = model.parameterCount() + (nLayer - 1) * block + (V - 1) * C + (blockSize - 1) * C;
    model.dispose();
    assert.is(total, tied, name);
    const biases = nLayer * 3 * C; // of queries, keys and values, which the book leaves out
    assert.equal([total - biases + V * C, total - biases], [untiedNoBias, tiedNoBias], name);
    if (name === "gpt2") assert.is(block, 4_722_432 + 2_360_064 + 3 * C + 4 * C); // feed-forward, attention, biases, two norms
  }
});

test.run();
