/** @file @backends tensorflow wasm. generate(): Hugging Face's greedy continuations, with and without the cache, batched and alone. */
import { readFileSync } from "node:fs";
import path from "node:path";
import {
  AdamW,
  BpeTokenizer,
  type GenerationStep,
  GPT,
  type GPTConfig,
  generate,
  generateText,
  Interrupted,
  initBackend,
  KVCache,
  nextTokenBatch,
  presets,
  Random,
  type SamplingOptions,
  tf,
  tokenLogProbs,
  train,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nativeCalls } from "../../support/native_calls.ts";

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
  const several = await collect(model, [[5], [6]], { maxNewTokens: 8, temperature: 0, eosId: [-1, eosId] });
  assert.equal(several.rows, rows);
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
  const texts = async () => {
    await collect(model, [[1, 2]], { maxNewTokens: 3 });
    for await (const _ of generate(model, [[1, 2]], { maxNewTokens: 3 })) break;
  };
  await texts();
  const kept = tf.memory();
  for (let i = 0; i < 3; i++) await texts();
  assert.is(tf.memory().numTensors, kept.numTensors, "tensors of one decoder are kept, and no more");
  assert.is(tf.memory().numBytes, kept.numBytes);
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
  assert.is(tf.memory().numTensors, kept.numTensors);
  const weights = model.parameters().size;
  model.dispose();
  assert.is(tf.memory().numTensors, before - weights, "the decoders are disposed with their model");
});

const FAMILIES: Record<string, Partial<GPTConfig>> = {
  gpt2: {},
  llama: { architecture: "llama", nHead: 4, nKvHead: 2, tieWeights: false },
  qwen3: { architecture: "qwen3", nHead: 4, nKvHead: 1, headSize: 8 },
};
for (const [family, config] of Object.entries(FAMILIES)) {
  const make = (blockSize: number) =>
    new GPT({ ...presets.course, vocabSize: 40, blockSize, nLayer: 2, nHead: 2, nEmbd: 24, ...config }, new Random(7));

  test(`${family}: a cache that is filled in pieces gives the logits of the whole text`, () => {
    const model = make(90);
    const ids = [0, 1].map((row) => Array.from({ length: 80 }, (_, i) => (i * 7 + row * 11) % 40));
    const attentionMask = ids.map((row, b) => row.map((_, t) => (t < 5 * b ? 0 : 1)));
    for (const mask of [undefined, attentionMask]) {
      tf.tidy(() => {
        const whole = model.forward(ids, mask ? { attentionMask: mask } : {});
        const cache = new KVCache({ capacity: 8 });
        const pieces: tf.Tensor[] = [];
        for (const [from, to] of [
          [0, 6],
          [6, 7],
          [7, 20],
          [20, 21],
          [21, 80],
        ] as [number, number][]) {
          const sliced = mask ? { attentionMask: mask.map((row) => row.slice(0, to)) } : {};
          pieces.push(
            model.forward(
              ids.map((row) => row.slice(from, to)),
              { cache, ...sliced },
            ),
          );
        }
        assert.is(cache.length, 80);
        const difference = tf
          .concat(pieces, 1)
          .slice([0, 5, 0])
          .sub(whole.slice([0, 5, 0]))
          .abs()
          .max()
          .dataSync()[0]!;
        assert.ok(difference < 1e-5, `logits differ by ${difference}`); // float32, other order of sums
        cache.dispose();
      });
    }
    model.dispose();
  });

  test(`${family}: batched texts are the same with and without the cache, also where the cache grows`, async () => {
    const model = make(330);
    const prompts = [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17], [30], [8, 9]];
    const options = { maxNewTokens: 8, temperature: 1.3, seed: 3 };
    const cached = await collect(model, prompts, options);
    const plain = await collect(model, prompts, { ...options, useCache: false });
    assert.equal(cached.rows, plain.rows);
    for (const [i, { logProbs }] of cached.steps.entries())
      for (const [row, value] of logProbs.entries()) assert.ok(Math.abs(value - plain.steps[i]!.logProbs[row]!) < 1e-5);
    const long = (await collect(model, [[1, 2]], { maxNewTokens: 300, temperature: 0 })).rows[0]!;
    const last = (
      await collect(model, [[1, 2, ...long.slice(0, 298)]], { maxNewTokens: 2, temperature: 0, useCache: false })
    ).rows[0];
    assert.equal(long.slice(298), last);
    model.dispose();
  });
}

test("weights that training changed are seen, and a second text of the same size records nothing", async () => {
  const model = small(40);
  const options = { maxNewTokens: 6, temperature: 0 };
  const batch = nextTokenBatch([[5, 6, 7, 8, 9, 10, 11, 12]], { padId: 0 });
  let loads = 0;
  for (let round = 0; round < 3; round++) {
    const before = (await collect(model, [[5, 6, 7]], options)).steps;
    const optimizer = new AdamW(model.parameters(), { lr: 0.01 });
    for await (const _ of train({ model, batches: [batch], optimizer, steps: 4 })) {
      const during = (await collect(model, [[5, 6, 7]], options)).steps;
      const uncached = (await collect(model, [[5, 6, 7]], { ...options, useCache: false })).steps;
      assert.not.equal(during[0]!.logProbs, before[0]!.logProbs);
      for (const [i, { ids, logProbs }] of during.entries()) {
        assert.equal(ids, uncached[i]!.ids);
        assert.ok(Math.abs(logProbs[0]! - uncached[i]!.logProbs[0]!) < 1e-5);
      }
    }
    optimizer.dispose();
    loads += await nativeCalls("loadSavedModel", () => collect(model, [[9, 8, 7, 6]], options));
  }
  assert.is(loads, 0);
  model.dispose();
});

test("two texts of one model at the same time do not disturb each other", async () => {
  const model = small();
  const options = { maxNewTokens: 9, temperature: 1, seed: 8 };
  const alone = [await collect(model, [[5, 6]], options), await collect(model, [[100]], options)];
  const together = await Promise.all([collect(model, [[5, 6]], options), collect(model, [[100]], options)]);
  assert.equal(
    together.map(({ rows }) => rows),
    alone.map(({ rows }) => rows),
  );
  model.dispose();
});

test("a signal ends a text early; an interrupt is an error; the model goes on", async () => {
  const model = small();
  const controller = new AbortController();
  const iterator = generate(model, [[5]], { maxNewTokens: 20, signal: controller.signal });
  await iterator.next();
  controller.abort();
  const end = await iterator.next();
  assert.ok(end.done);
  assert.is((end.value as number[][])[0]!.length, 1);

  let steps = 0;
  try {
    for await (const _ of generate(model, [[5]], { maxNewTokens: 20 })) if (++steps === 3) process.emit("SIGINT");
    assert.unreachable();
  } catch (error) {
    assert.instance(error, Interrupted);
    assert.match(String(error), /after 3 of 20 new tokens/);
  }
  assert.is(process.listenerCount("SIGINT"), 0);
  assert.is((await collect(model, [[5]], { maxNewTokens: 4 })).rows[0]!.length, 4);
  model.dispose();
});

test.run();
