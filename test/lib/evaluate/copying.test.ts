/** @file @backends tensorflow wasm. copyAccuracy(): what a model gets that copies, that never does, and that always says the same. */
import { copyAccuracy, GPT, initBackend, presets, Random, randomSpans, type Tensor3D, tf } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("copyAccuracy()");
test.before(async () => void (await initBackend()));

const V = 12;

/** A GPT whose forward pass is a rule: (B, T) ids -> the id that gets the highest logit at each place. */
function ruled(rule: (ids: readonly number[]) => number[]): GPT {
  const model = new GPT({ ...presets.course, vocabSize: V, blockSize: 32, nLayer: 1, nEmbd: 6 }, new Random(1));
  Object.defineProperty(model, "forward", {
    value: (ids: { arraySync(): number[][] }): Tensor3D =>
      tf.oneHot(tf.tensor2d(ids.arraySync().map(rule), undefined, "int32"), V) as Tensor3D,
  });
  return model;
}

/** Without graph capture a rule may read the ids: these tests run on an engine of that kind only. */
const capturing = process.env.GPTLAB_BACKEND === "tensorflow";
const spans = randomSpans(
  Array.from({ length: 200 }, (_, i) => 1 + ((i * i) % 11)),
  {
    count: 5,
    length: 8,
    random: new Random(3),
  },
);

test("randomSpans() cuts where the generator says, each span whole", () => {
  const ids = [5, 6, 7, 8];
  for (const span of randomSpans(ids, { count: 20, length: 3, random: new Random(1) }))
    assert.ok(["5,6,7", "6,7,8"].includes(span.join()), span.join());
  assert.throws(() => randomSpans(ids, { count: 1, length: 5, random: new Random(1) }), /has 4/);
});

test("a model that copies from L places before gets all of the second copy and little of the first", async () => {
  if (capturing) return;
  const copier = ruled((ids) => ids.map((_, t) => ids[t + 1 - 8] ?? 0));
  const { accuracy, withoutCopy, tokens } = await copyAccuracy(copier, spans, { startId: 0, batchSize: 2 });
  assert.is(accuracy, 1);
  assert.is(withoutCopy, 0);
  assert.is(tokens, 40);
});

test("a model that always says the same gets that token's share, in both copies", async () => {
  if (capturing) return;
  const share = spans.flat().filter((id) => id === 5).length / 40;
  const { accuracy, withoutCopy } = await copyAccuracy(
    ruled((ids) => ids.map(() => 5)),
    spans,
    { startId: 0 },
  );
  assert.ok(Math.abs(accuracy - share) < 1e-12 && Math.abs(withoutCopy - share) < 1e-12); // ratios of whole numbers
});

test("an untrained model copies nothing, whatever the batch size, and nothing leaks", async () => {
  const model = new GPT({ ...presets.course, vocabSize: V, blockSize: 32, nLayer: 1, nEmbd: 6 }, new Random(1));
  const first = await copyAccuracy(model, spans, { startId: 0, batchSize: 5 });
  assert.ok(first.accuracy < 0.5, String(first.accuracy));
  const before = tf.memory().numTensors;
  assert.equal(await copyAccuracy(model, spans, { startId: 0, batchSize: 2 }), first);
  assert.is(tf.memory().numTensors, before);
});

test("spans of different lengths are refused", async () => {
  const model = ruled((ids) => [...ids]);
  const refused = await copyAccuracy(model, [[1, 2], [3]], { startId: 0 }).catch((error: Error) => error);
  assert.ok(refused instanceof RangeError);
  assert.match(refused.message, /span 1 has 1/);
});

test.run();
