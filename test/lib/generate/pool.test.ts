/** @file @backends tensorflow wasm. The decoders that are kept with a model: so many and no more, also in memory. */
import { GPT, initBackend, presets, Random } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { giveBack, leaseDecoder } from "../../../lib/dist/generate/pool.js";
import { collected } from "../../support/garbage.ts";

const test = suite("decoders of a model");
test.before(async () => void (await initBackend()));

const small = () =>
  new GPT({ ...presets.course, vocabSize: 9, blockSize: 16, nLayer: 1, nHead: 1, nEmbd: 4 }, new Random(3));

/** Uses decoders of these batch sizes, one after the other. */
async function use(model: GPT, sizes: readonly number[]) {
  const decoders: WeakRef<object>[] = [];
  for (const batch of sizes) {
    const decoder = leaseDecoder(model, batch, 16);
    const prompts = Array.from({ length: batch }, () => [1, 2]);
    await decoder.prefill(prompts, false);
    giveBack(decoder);
    decoders.push(new WeakRef(decoder));
  }
  return decoders;
}

test("of the decoders that were used four are kept, and the others can be collected", async () => {
  const model = small();
  const decoders = await use(model, [1, 2, 3, 4, 5, 6]);
  await collected(() => decoders.filter((one) => one.deref()).length <= 4);
  assert.equal(
    decoders.map((one) => one.deref() !== undefined),
    [false, false, true, true, true, true],
  );
  assert.is(leaseDecoder(model, 6, 16), decoders[5]!.deref());
  model.dispose();
});

test("a model's decoders go with it", async () => {
  const decoders = await (async () => {
    const model = small();
    const used = await use(model, [1, 2]);
    model.dispose();
    return used;
  })();
  await collected(() => decoders.every((one) => !one.deref()));
  assert.equal(
    decoders.map((one) => one.deref() !== undefined),
    [false, false],
  );
});

test.run();
