/** @file @backends tensorflow wasm cpu. Scores: equal to the model's own log-probabilities, and independent of the batch size. */
import {
  BpeTokenizer,
  GPT,
  initBackend,
  presets,
  Random,
  scoreDomains,
  scoreIds,
  scoreText,
  tf,
  tokenLogProbs,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nativeCalls } from "../../support/native_calls.ts";
import { refusal } from "../../support/refusal.ts";

const test = suite("perplexity");
test.before(async () => void (await initBackend()));
const model = () =>
  new GPT({ ...presets.course, vocabSize: 300, blockSize: 16, nLayer: 1, nHead: 2, nEmbd: 16 }, new Random(2));
const close = (a: number, b: number, tolerance: number) => assert.ok(Math.abs(a - b) < tolerance, `${a} and ${b}`);

test("scoreIds() is the mean of the log-probabilities", async () => {
  const gpt = model();
  const ids = [5, 9, 2, 7, 7, 1];
  const own = tf.tidy(() => tokenLogProbs(gpt, [ids]).dataSync());
  const { loss, tokens, perplexity } = await scoreIds(gpt, ids);
  assert.is(tokens, 5);
  close(loss, -own.reduce((a, b) => a + b, 0) / 5, 1e-5);
  close(perplexity, Math.exp(loss), 1e-9);
  gpt.dispose();
});

test("the result does not depend on the batch size, and every token but the first counts once", async () => {
  const gpt = model();
  const random = new Random(3);
  for (const length of [2, 16, 17, 18, 33, 100]) {
    const ids = Array.from({ length }, () => random.integer(300));
    const scores = await Promise.all([1, 3, 8].map((batchSize) => scoreIds(gpt, ids, { batchSize })));
    for (const { loss, tokens } of scores) {
      assert.is(tokens, length - 1);
      close(loss, scores[0]!.loss, 1e-5); // float32 sums of one window, in another layout
    }
  }
  gpt.dispose();
});

test("scoreDomains() gives each text what scoreIds() gives it alone, and leaves no tensor", async () => {
  const gpt = model();
  const random = new Random(5);
  const of = (length: number) => Array.from({ length }, () => random.integer(300));
  const domains = { long: of(70), short: of(5), other: of(33) };
  await scoreDomains(gpt, domains);
  const { numTensors } = tf.memory();
  const scores = await scoreDomains(gpt, domains, { batchSize: 2 });
  assert.is(tf.memory().numTensors, numTensors);
  for (const name of ["long", "short", "other"] as const) {
    const alone = await scoreIds(gpt, domains[name]);
    assert.is(scores[name].tokens, alone.tokens);
    close(scores[name].loss, alone.loss, 1e-5);
  }
  assert.match(await refusal(scoreDomains(gpt, { fine: of(4), empty: [1] })), /at least two tokens/);
  gpt.dispose();
});

test("scoreText() counts bytes, not characters, and adds texts up", async () => {
  const gpt = model();
  const tokenizer = BpeTokenizer.train(["سلام hello ".repeat(30)], { vocabSize: 270 });
  const [first, second] = ["سلام سلام", "hello hello"];
  const together = await scoreText(gpt, tokenizer, [first!, second!]);
  assert.is(together.bytes, Buffer.byteLength(first! + second!));
  const apart = await Promise.all([first!, second!].map((text) => scoreText(gpt, tokenizer, [text])));
  close(
    together.bitsPerByte * together.bytes,
    apart.reduce((sum, { bitsPerByte, bytes }) => sum + bitsPerByte * bytes, 0),
    1e-4,
  );
  gpt.dispose();
});

test("nothing to predict is an error, and nothing is left behind", async () => {
  const gpt = model();
  const before = tf.memory().numTensors;
  try {
    await scoreIds(gpt, [4]);
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /at least two tokens/);
  }
  await scoreIds(gpt, [4, 5, 6]);
  assert.is(tf.memory().numTensors, before);
  gpt.dispose();
});

test("a second score of a model records nothing, and sees the weights as they are then", async () => {
  const gpt = model();
  const ids = [5, 9, 2, 7];
  const before = await scoreIds(gpt, ids);
  for (const weight of gpt.parameters().values()) weight.assign(weight.mul(3));
  let after = before;
  const loads = await nativeCalls("loadSavedModel", async () => {
    after = await scoreIds(gpt, [...ids]);
  });
  assert.is(loads, 0);
  const own = tf.tidy(() => tokenLogProbs(gpt, [ids]).mean().dataSync()[0]!);
  close(after.loss, -own, 1e-5);
  assert.ok(Math.abs(after.loss - before.loss) > 1e-3);
  const tensors = tf.memory().numTensors;
  gpt.dispose();
  assert.is(tf.memory().numTensors, tensors - gpt.parameters().size);
});

test.run();
