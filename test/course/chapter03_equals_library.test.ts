/** @file @backends tensorflow wasm cpu. The functions that a learner writes in chapter 03 give what the library's fast ones give, on random input. The chapter says so. */
import fc from "fast-check";
import { GPT, gelu, generate, initBackend, layerNorm, presets, Random, type Tensor, tf } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { solutionsOf } from "../support/chapter_solution.ts";
import { nearTensors } from "../support/near.ts";

type Chapter<F extends (...args: never[]) => unknown> = F;
interface Sizes {
  readonly vocabSize: number;
  readonly blockSize: number;
  readonly nLayer: number;
  readonly nHead: number;
  readonly nEmbd: number;
}

await initBackend();
const solution = solutionsOf("03");
const own = {
  layerNorm: await solution<Chapter<typeof layerNorm>>("layerNorm"),
  gelu: await solution<Chapter<typeof gelu>>("gelu"),
  feedForward: await solution<(x: Tensor, weights: unknown) => Tensor>("feedForward"),
  transformerBlock: await solution<(x: Tensor, weights: unknown, nHead: number) => Tensor>("transformerBlock"),
  gptForward: await solution<(ids: number[][], weights: unknown, nHead: number) => Tensor>("gptForward"),
  countParameters: await solution<(sizes: Sizes, tied?: boolean) => number>("countParameters"),
  greedyDecode:
    await solution<
      (forward: (ids: number[]) => Tensor, ids: number[], count: number, blockSize: number) => Promise<number[]>
    >("greedyDecode"),
};

/** Two tensors agree to 2e-5 of their size: float32, added up in another order. Frees both. */
function near(found: Tensor, expected: Tensor): void {
  nearTensors(found, expected, 2e-5);
  tf.dispose([found, expected]);
}

/** A small model whose every weight, gain and bias is random: at first biases are 0, and would not be tested. */
function randomModel(seed: number, tieWeights: boolean): GPT {
  const random = new Random(seed);
  const nHead = 1 + random.integer(3);
  const sizes = { vocabSize: 20 + random.integer(30), blockSize: 8, nLayer: 1 + random.integer(3), nHead };
  const model = new GPT({ architecture: "gpt2", ...sizes, nEmbd: nHead * (2 + random.integer(6)), tieWeights }, random);
  for (const variable of model.parameters().values()) {
    const value = tf.tensor(random.normal(variable.size, 0.1, 0.3), variable.shape);
    variable.assign(value);
    value.dispose();
  }
  return model;
}

/** The weights of a model as the chapter keeps them. */
function weightsOf(model: GPT) {
  const named = model.parameters();
  const linear = (name: string) => ({ weight: named.get(`${name}.weight`), bias: named.get(`${name}.bias`) });
  const norm = (name: string) => ({ gain: named.get(`${name}.gain`), bias: named.get(`${name}.bias`) });
  const blocks = model.blocks.map((_, i) => ({
    norm1: norm(`blocks.${i}.norm1`),
    norm2: norm(`blocks.${i}.norm2`),
    attention: { qkv: linear(`blocks.${i}.attention.qkv`), out: linear(`blocks.${i}.attention.projection`) },
    feedForward: { up: linear(`blocks.${i}.feedForward.up`), down: linear(`blocks.${i}.feedForward.down`) },
  }));
  const tokens = named.get("tokens.weight");
  const head = model.head ? tf.transpose(model.head.weight) : tokens; // the library keeps a head of its own as (C, V)
  return { tokens, positions: named.get("positions.weight"), blocks, norm: norm("norm"), head };
}

const seeds = fc.integer({ min: 0, max: 1e6 });
const few = { numRuns: 8 };
const test = suite("chapter 03 equals the library");

test("layerNorm() and gelu() of the chapter are the library's, gradients too", () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 2, max: 9 }), (seed, rows, C) => {
      const random = new Random(seed);
      const x = tf.tensor3d(random.normal(2 * rows * C, 0.5, 3), [2, rows, C]);
      const [gain, bias] = [tf.tensor1d(random.normal(C)), tf.tensor1d(random.normal(C))];
      near(own.layerNorm(x, gain, bias), layerNorm(x, gain, bias));
      near(own.gelu(x), gelu(x));
      near(tf.grad((t) => own.gelu(t))(x), tf.grad((t) => gelu(t))(x));
      const weight = tf.tensor1d(random.normal(C)); // the gradient of a plain sum would be 0
      const slope = (norm: typeof layerNorm) => tf.grad((t) => norm(t, gain, bias).mul(weight))(x);
      near(slope(own.layerNorm).mul(0.1), slope(layerNorm).mul(0.1)); // divided by small variances: larger rounding
    }),
    few,
  );
});

test("feedForward(), transformerBlock() and gptForward() of the chapter are those of GPT, tied and not", () => {
  fc.assert(
    fc.property(seeds, fc.boolean(), (seed, tied) => {
      const model = randomModel(seed, tied);
      const { nHead, nEmbd, vocabSize } = model.config;
      const [weights, random] = [weightsOf(model), new Random(seed + 1)];
      const x = tf.tensor3d(random.normal(2 * 5 * nEmbd), [2, 5, nEmbd]);
      const block = model.blocks[0]!;
      near(own.feedForward(x, weights.blocks[0]!.feedForward), block.feedForward.forward(x));
      const hidden = tf.linalg
        .bandPart(tf.ones<Tensor>([5, 5]), -1, 0)
        .sub<Tensor>(1)
        .mul<Tensor>(1e9);
      near(own.transformerBlock(x, weights.blocks[0], nHead), block.forward(x, { mask: hidden }));
      const ids = [0, 1].map(() => Array.from({ length: 5 }, () => random.integer(vocabSize)));
      near(own.gptForward(ids, weights, nHead), model.forward(ids));
      model.dispose();
    }),
    few,
  );
});

test("countParameters() of the chapter is parameterCount() of a model", () => {
  fc.assert(
    fc.property(seeds, fc.boolean(), (seed, tied) => {
      const model = randomModel(seed, tied);
      assert.is(own.countParameters(model.config, tied), model.parameterCount());
      model.dispose();
    }),
    few,
  );
});

test("countParameters() of the chapter gives the published sizes of GPT-2", () => {
  const names = ["gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"] as const;
  const counts = [124_439_808, 354_823_168, 774_030_080, 1_557_611_200];
  assert.equal(
    names.map((name) => own.countParameters(presets[name])),
    counts,
  );
});

test("greedyDecode() of the chapter writes what generate() writes at temperature 0", async () => {
  for (const seed of [1, 2, 3]) {
    const model = randomModel(seed, seed > 1);
    const prompt = [3, 1];
    const forward = (ids: number[]) => model.forward([ids]).reshape<Tensor>([ids.length, model.config.vocabSize]);
    const steps = generate(model, [prompt], { maxNewTokens: 6, temperature: 0 });
    let step = await steps.next();
    while (!step.done) step = await steps.next();
    assert.equal(await own.greedyDecode(forward, prompt, 6, 8), [...prompt, ...step.value[0]!]);
    model.dispose();
  }
});

test.run();
