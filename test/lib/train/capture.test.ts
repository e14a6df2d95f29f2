/** @file @backends tensorflow wasm. train() captured equals train() eager, and neither leaves tensors behind. */
import { crossEntropy, initBackend, type LossFunction, tf, train, warmupCosine } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { smallRun, steps, weights } from "../../support/small_run.ts";

const test = suite("train() captured and eager");
test.before(async () => void (await initBackend()));

const LR = 0.003; // with 0.01 rounding grows to 2e-6 in a run without dropout, whole batch or parts

/** Trains 50 steps; the mean losses and norms, and the weights at the end. */
async function trained(options: { compile: boolean; dropout: number }) {
  const { dropout, compile } = options;
  const { model, optimizer, batches, random } = smallRun("unused", { dropout });
  const events = await steps({
    ...{ model, optimizer, batches, random, compile },
    steps: 50,
    accumulate: 2,
    maxGradNorm: 0.5, // below most norms of this run, so that it clips
    schedule: warmupCosine({ warmupSteps: 5, totalSteps: 50, maxLr: LR, minLr: LR / 10 }),
  });
  const end = weights(model);
  model.dispose();
  optimizer.dispose();
  return { events, end };
}

type Trained = Awaited<ReturnType<typeof trained>>;
function requireEqual(one: Trained, other: Trained, tolerance: number): void {
  assert.ok(other.events.filter(({ gradNorm }) => gradNorm > 0.5).length > 10);
  const differences = one.events.map(({ loss }, i) => Math.abs(loss - other.events[i]!.loss));
  assert.ok(Math.max(...differences) <= tolerance, `losses differ by ${Math.max(...differences)}`);
  for (const [i, [name, values]] of one.end.entries()) {
    // The bias of the keys has no gradient but rounding: it shifts all scores of a query alike. Adam makes steps of it all the same.
    const keys = name.endsWith("qkv.bias") ? [values.length / 3, (2 * values.length) / 3] : [0, 0];
    const differences = values.map((value, j) =>
      j >= keys[0]! && j < keys[1]! ? 0 : Math.abs(value - other.end[i]![1][j]!),
    );
    assert.ok(Math.max(...differences) <= tolerance, `${name} differs by ${Math.max(...differences)}`);
  }
}

test("captured training equals eager training over 50 steps with dropout, accumulation and clipping", async () => {
  requireEqual(await trained({ compile: true, dropout: 0.1 }), await trained({ compile: false, dropout: 0.1 }), 1e-6);
});

test("so it does where a batch is computed in parts, and the parts give what the whole batch gives", async () => {
  const captured = await trained({ compile: true, dropout: 0 });
  requireEqual(captured, await trained({ compile: false, dropout: 0 }), 1e-6);
  const { model, batches, optimizer } = smallRun("unused", { dropout: 0 });
  // A loss of one's own may depend on several rows, so the batch stays whole.
  const loss: LossFunction = ({ ids, targets }) => crossEntropy(model.forward(ids), targets, { reduction: "sum" });
  const options = { model, batches, optimizer, loss, steps: 50, accumulate: 2, maxGradNorm: 0.5 };
  const schedule = warmupCosine({ warmupSteps: 5, totalSteps: 50, maxLr: LR, minLr: LR / 10 });
  const events = await steps({ ...options, schedule });
  requireEqual(captured, { events, end: weights(model) }, 1e-6);
  model.dispose();
  optimizer.dispose();
});

/** Tensors of the library, and on tensorflow also those of the engine itself. */
function counts(): number[] {
  const engine = tf.backend() as { getNumOfTFTensors?: () => number };
  return [tf.memory().numTensors, engine.getNumOfTFTensors?.() ?? 0];
}

for (const [compile, dropout] of [
  [true, 0.1],
  [true, 0],
  [false, 0.1],
] as const) {
  for (const accumulate of [1, 2]) {
    test(`no tensors are left behind by a step, nor by a run (compile ${compile}, dropout ${dropout}, ${accumulate} micro-batches)`, async () => {
      const { model, batches, optimizer } = smallRun("unused", { dropout });
      const run = async () => {
        let before: number[] = [];
        for await (const event of train({ model, batches, optimizer, compile, accumulate, steps: 6 })) {
          if (event.step === 2) before = counts();
          if (event.step > 2) assert.equal(counts(), before, `step ${event.step}`);
        }
      };
      await run();
      const before = counts();
      await run();
      assert.equal(counts(), before, "a second run");
      model.dispose();
      optimizer.dispose();
    });
  }
}

test.run();
