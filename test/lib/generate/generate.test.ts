/** @file @backends tensorflow wasm cpu. generate(): Hugging Face's greedy continuations, with and without the cache, batched and alone. */
import { readFileSync } from "node:fs";
import path from "node:path";
import {
  BpeTokenizer,
  type GenerationStep,
  GPT,
  generate,
  generateText,
  initBackend,
  presets,
  Random,
  type SamplingOptions,
  tf,
  tokenLogProbs,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("generate()");
test.before(async () => void (await initBackend()));
const fixtures = path.resolve(import.meta.dirname, "../../fixtures/hf");
const expected = JSON.parse(readFileSync(path.join(fixtures, "gpt2-tiny/expected.json"), "utf8"));

async function collect(model: GPT, prompts: number[][], options: SamplingOptions) {
  const steps: GenerationStep[] = [];
  const iterator = generate(model, prompts, options);
  for (let next = await iterator.next(); ; next = await iterator.next()) {
    if (next.done) return { steps, rows: next.value };
    steps.push(next.value);
  }
}

for (const useCache of [true, false]) {
  test(`greedy text of gpt2-tiny equals Hugging Face's, alone and as a padded batch (cache ${useCache})`, async () => {
    const model = await GPT.fromPretrained(path.join(fixtures, "gpt2-tiny"));
    const options = { maxNewTokens: 12, temperature: 0, useCache };
    const cases = expected.greedy as { prompt: number[]; continuation: number[] }[];
    for (const { prompt, continuation } of cases)
      assert.equal((await collect(model, [prompt], options)).rows, [continuation]);
    const together = await collect(
      model,
      cases.map(({ prompt }) => prompt),
      options,
    );
    assert.equal(
      together.rows,
      cases.map(({ continuation }) => continuation),
    );
    const padded = expected.cases.left_padded as { input_ids: number[][]; attention_mask: number[][] };
    const prompts = padded.input_ids.map((row, b) => row.filter((_, t) => padded.attention_mask[b]![t] === 1));
    assert.equal((await collect(model, prompts, options)).rows, expected.greedy_left_padded_batch.continuation);
    model.dispose();
  });
}

const small = (vocabSize = 300) =>
  new GPT({ ...presets.course, vocabSize, blockSize: 32, nLayer: 2, nHead: 2, nEmbd: 24 }, new Random(3));

test("a row's text does not depend on the rows beside it, nor on the cache; another seed gives another text", async () => {
  const model = small();
  const options = { maxNewTokens: 10, temperature: 1.5, topK: 50, seed: 4 };
  const alone = (await collect(model, [[5, 6, 7]], options)).rows[0];
  assert.equal((await collect(model, [[5, 6, 7], [9], [1, 2]], options)).rows[0], alone);
  assert.equal((await collect(model, [[5, 6, 7]], { ...options, useCache: false })).rows[0], alone);
  assert.not.equal((await collect(model, [[5, 6, 7]], { ...options, seed: 5 })).rows[0], alone);
  model.dispose();
});

test("the log-probabilities are the model's own", async () => {
  const model = small();
  const { rows, steps } = await collect(model, [[5, 6, 7]], { maxNewTokens: 6, temperature: 0.7, topK: 20 });
  const own = tf.tidy(() => tokenLogProbs(model, [[5, 6, 7, ...rows[0]!]]).dataSync()).slice(2);
  for (const [i, { logProbs }] of steps.entries()) assert.ok(Math.abs(logProbs[0]! - own[i]!) < 2e-5, `token ${i}`);
  model.dispose();
});

test("a row ends with its end token; the others go on", async () => {
  const model = small();
  const free = (await collect(model, [[5], [6]], { maxNewTokens: 8, temperature: 0 })).rows;
  const eosId = free[0]![2]!;
  const { rows, steps } = await collect(model, [[5], [6]], { maxNewTokens: 8, temperature: 0, eosId });
  assert.equal(rows[0], free[0]!.slice(0, free[0]!.indexOf(eosId) + 1));
  const second = free[1]!.includes(eosId) ? free[1]!.indexOf(eosId) + 1 : 8;
  assert.is(rows[1]!.length, second);
  assert.is(steps.length, Math.max(rows[0]!.length, second));
  model.dispose();
});

test("generateText() streams whole characters and stops before a stop string", async () => {
  const tokenizer = BpeTokenizer.train(["سلام دنیا، this is a test of بایت‌ها 🙂 ".repeat(20)], { vocabSize: 300 });
  const model = small(tokenizer.vocabSize);
  const heard: string[] = [];
  const options = { maxNewTokens: 24, temperature: 1, seed: 2 };
  const text = await generateText(model, tokenizer, "this", { ...options, onToken: (part) => heard.push(part) });
  assert.is(heard.join(""), text);
  assert.is(
    heard.slice(0, -1).some((part) => part === ""),
    false,
  );
  const stop = Array.from(text)[3]!;
  const parts: string[] = [];
  const cut = await generateText(model, tokenizer, "this", {
    ...options,
    stop: [stop],
    onToken: (part) => parts.push(part),
  });
  assert.is(cut, text.slice(0, text.indexOf(stop)));
  assert.is(parts.join(""), cut);
  model.dispose();
});

test("prompts that do not fit are refused, and nothing is left behind", async () => {
  const model = small();
  const before = tf.memory().numTensors;
  for (const [prompts, message] of [
    [[[]], /one token in each/],
    [[new Array(30).fill(1)], /fit 32 tokens/],
    [[], /at least one prompt/],
  ] as [number[][], RegExp][]) {
    try {
      await collect(model, prompts, { maxNewTokens: 8 });
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), message);
    }
  }
  await collect(model, [[1, 2]], { maxNewTokens: 3 });
  for await (const _ of generate(model, [[1, 2]], { maxNewTokens: 9 })) break;
  assert.is(tf.memory().numTensors, before);
  model.dispose();
});

test.run();
