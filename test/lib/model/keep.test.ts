/** @file @backends. What is kept with a model to run it faster: dropped in one place, made anew at the next use. */
import { GPT, generate, initBackend, presets, Random, scoreIds, type Tensor3D, tf } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("GPT.dropKept()");
test.before(async () => void (await initBackend()));
const size = { vocabSize: 50, blockSize: 16, nLayer: 1, nHead: 2, nEmbd: 8 };
const small = () => new GPT({ ...presets.course, ...size }, new Random(1));

async function firstIds(model: GPT): Promise<number[]> {
  const ids: number[] = [];
  for await (const step of generate(model, [[1, 2, 3]], { maxNewTokens: 4, temperature: 0 })) ids.push(step.ids[0]!);
  return ids;
}

test("dropKept() frees all that generate() and scoreIds() keep", async () => {
  const model = small();
  const before = tf.memory().numTensors;
  const [ids, score] = [await firstIds(model), await scoreIds(model, [1, 2, 3])];
  model.dropKept();
  assert.is(tf.memory().numTensors, before);
  assert.equal([await firstIds(model), await scoreIds(model, [1, 2, 3])], [ids, score]);
  model.dispose();
});

test("after dropKept() a change of what the model computes is seen", async () => {
  const model = small();
  const score = await scoreIds(model, [1, 2, 3]);
  await firstIds(model);
  const { logits } = model;
  model.logits = function (hidden: Tensor3D) {
    const bonus = tf.oneHot(tf.scalar(7, "int32"), 50).mul(100);
    return logits.call(this, hidden).add(bonus) as Tensor3D;
  };
  model.dropKept();
  assert.equal(await firstIds(model), [7, 7, 7, 7]);
  assert.ok((await scoreIds(model, [1, 2, 3])).loss > score.loss + 50);
  model.dispose();
});

test("a decoder in use when all is dropped is not given out again", async () => {
  const model = small();
  const before = tf.memory().numTensors;
  const running = generate(model, [[1]], { maxNewTokens: 6, temperature: 0 });
  await running.next();
  model.dropKept();
  await firstIds(model);
  for await (const _ of running);
  model.dropKept();
  assert.is(tf.memory().numTensors, before);
  model.dispose();
});

test.run();
