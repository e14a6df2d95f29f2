/** @file Watches of the interrupt that nobody closes: of generators that were dropped in the midst, or that an error ended. What an interrupt does is in loop.test.ts and train/interrupt.test.ts. */
import { AdamW, GPT, generate, initBackend, presets, Random, train, watchInterrupt } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { collected } from "../support/garbage.ts";

const test = suite("the watch for interrupts");
const listeners = () => process.listenerCount("SIGINT");
let model: GPT;
let optimizer: AdamW;
test.before(async () => {
  await initBackend({ prefer: ["cpu"] });
  model = new GPT({ ...presets.course, vocabSize: 11, blockSize: 8, nLayer: 1, nHead: 2, nEmbd: 8 }, new Random(4));
  optimizer = new AdamW(model.parameters());
});

const batch = { ids: [Int32Array.of(1, 2)], targets: [Int32Array.of(2, 3)] };
const begin = {
  "train()": () => train({ model, optimizer, batches: [batch], steps: 50 }),
  "generate()": () => generate(model, [[1]], { maxNewTokens: 5 }),
};

test("a watch that nobody holds any more ends by itself, and one that was closed ends once", async () => {
  await (async () => {
    await watchInterrupt();
  })();
  await collected(() => listeners() === 0);
  assert.is(listeners(), 0);

  const closed = await (async () => {
    const watch = await watchInterrupt();
    watch.close();
    return new WeakRef(watch);
  })();
  const open = await watchInterrupt();
  await collected(() => closed.deref() === undefined);
  await new Promise((resolve) => setTimeout(resolve, 10)); // the finaliser
  assert.is(listeners(), 1);
  open.close();
  assert.is(listeners(), 0);
});

for (const [name, start] of Object.entries(begin)) {
  test(`${name} listens from its first step to its end`, async () => {
    const events = start();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.is(listeners(), 0, "nobody has asked for a step yet");
    await events.next();
    assert.is(listeners(), 1);
    await events.return(undefined as never);
    assert.is(listeners(), 0);
  });

  test(`${name} that was dropped in the midst does not keep Ctrl-C for itself`, async () => {
    await (async () => {
      await start().next();
    })();
    await collected(() => listeners() === 0);
    assert.is(listeners(), 0);
  });
}

test("an error at the very end of train() leaves no listener", async () => {
  const onProgress = () => {
    throw new Error("no place to draw");
  };
  const error = await train({ model, optimizer, batches: [batch], steps: 1, onProgress })
    .next()
    .then(
      () => undefined,
      (reason: Error) => reason.message,
    );
  assert.is(error, "no place to draw");
  assert.is(listeners(), 0);
});

test.run();
