/** @file @backends. GPT-2, Llama and Qwen3 as one decoder on every engine: padding changes nothing, training is PyTorch's, nothing is left behind. */
import { AdamW, GPT, type GPTConfig, generate, initBackend, nextTokenBatch, presets, Random, tf, train } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkpoint } from "../../support/checkpoints.ts";
import { near } from "../../support/near.ts";
import { skip } from "../../support/skip.ts";

const test = suite("families of decoders");
let engine = "";
test.before(async () => {
  engine = (await initBackend()).name;
});

/** Where a processor plays GPU, one family is enough, except in CI. */
const unlessSlow = (name: string, body: () => Promise<void>) =>
  process.env.GPTLAB_BACKEND === "webgpu" && !process.env.CI && !name.startsWith("llama")
    ? skip("on webgpu only llama is tested; CI=true takes the others too")
    : body;

const FAMILIES: Record<string, Partial<GPTConfig>> = {
  gpt2: {},
  llama: { architecture: "llama", nKvHead: 2, tieWeights: false, bias: true },
  qwen3: { architecture: "qwen3", nKvHead: 1, headSize: 6 },
};
const make = (config: Partial<GPTConfig>) => {
  const small = { ...presets.course, vocabSize: 17, blockSize: 16, nLayer: 2, nHead: 4, nEmbd: 16, nInner: 24 };
  return new GPT({ ...small, ...config }, new Random(5));
};

for (const [family, config] of Object.entries(FAMILIES)) {
  const compare = async () => {
    const model = make(config);
    const logitsOf = async (ids: number[][], options = {}) => {
      const logits = model.forward(ids, options);
      const values = await logits.data(); // webgpu reads no other way
      logits.dispose();
      return values;
    };
    const rows = [[1, 2, 3, 4, 5, 6], [7, 8, 9], [10]];
    const alone: ArrayLike<number>[] = [];
    for (const row of rows) alone.push(await logitsOf([row]));
    for (const side of ["left", "right"]) {
      const pad = (row: number[], value: number) => {
        const padding = new Array<number>(6 - row.length).fill(value);
        return side === "left" ? [...padding, ...row] : [...row, ...padding];
      };
      const ids = rows.map((row) => pad(row, 16));
      const attentionMask = rows.map(({ length }) => pad(new Array<number>(length).fill(1), 0));
      const logits = await logitsOf(ids, { attentionMask }); // (3, 6, 17)
      for (const [b, row] of rows.entries()) {
        const first = side === "left" ? 6 - row.length : 0;
        const real = logits.slice((6 * b + first) * 17, (6 * b + first + row.length) * 17);
        near(real, alone[b]!, 1e-5, `row ${b} padded on the ${side}`);
      }
    }
    model.dispose();
  };
  test(`${family}: rows of a batch padded on either side are the rows alone`, unlessSlow(family, compare));
}

/**
 * Losses before each of four steps of AdamW (rate 0.002, no decay) on two rows, by PyTorch 2.15.0 and transformers 5.23.0 in float64,
 * for the checkpoints of the fixtures.
 */
const LOSSES: Record<string, number[]> = {
  "gpt2-tiny": [7.1479303, 4.4438047, 3.1046831, 2.1796169],
  "llama-tiny": [5.0336589, 3.0778513, 2.1059291, 1.4505929],
  "qwen3-tiny": [5.4880259, 4.2496204, 3.3019102, 2.6536234],
};
const rows = [
  [1, 2, 3, 4, 5, 6, 7, 8],
  [9, 8, 7, 6],
];

async function losses(name: string, compile: boolean): Promise<number[]> {
  const model = await GPT.fromPretrained(checkpoint(name));
  const optimizer = new AdamW(model.parameters(), { lr: 0.002, weightDecay: 0 });
  const found: number[] = [];
  const steps = engine === "webgpu" ? 2 : 4; // each is slow where a processor plays GPU
  let before = 0;
  const batches = [nextTokenBatch(rows, { padId: 0 })];
  for await (const event of train({ model, batches, optimizer, steps, compile })) {
    if (event.kind !== "step") continue;
    found.push(event.loss);
    if (event.step === 2) before = tf.memory().numTensors;
    if (event.step > 2) assert.is(tf.memory().numTensors, before, `step ${event.step} leaves tensors behind`);
  }
  optimizer.dispose();
  model.dispose();
  return found;
}

for (const [name, expected] of Object.entries(LOSSES)) {
  const compare = async () => {
    const before = tf.memory().numTensors;
    for (const compile of engine === "tensorflow" ? [true, false] : [false]) {
      const found = await losses(name, compile);
      near(found, expected.slice(0, found.length), 1e-4);
    }
    assert.is(tf.memory().numTensors, before);
  };
  test(`${name}: the first steps of training are PyTorch's, captured or not`, unlessSlow(name, compare));
}

test("a token outside the vocabulary, and a width that the heads do not share, are said in words", async () => {
  const model = new GPT(
    { ...presets.course, vocabSize: 20, blockSize: 8, nLayer: 1, nHead: 2, nEmbd: 8 },
    new Random(1),
  );
  for (const id of [20, -1, 1.5, Number.NaN]) {
    const message = new RegExp(`Token ${id} is not in this model's vocabulary of 20\\. Does the tokenizer belong`);
    assert.throws(() => model.forward([[1, id]]), message);
    const problem = await generate(model, [[1], [id]], { maxNewTokens: 2 })
      .next()
      .catch((error: Error) => error.message);
    assert.match(String(problem), message);
  }
  model.dispose();
  const wide = { ...presets.course, nHead: 3, nEmbd: 32 };
  assert.throws(() => new GPT(wide, new Random(1)), /nEmbd must be a multiple of nHead, but found 32 and 3/);
});

test.run();
