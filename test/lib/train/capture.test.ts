/** @file @backends tensorflow wasm. train() captured equals train() eager, and neither leaves tensors behind. */
import { initBackend, tf, train, warmupCosine } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { smallRun, steps, weights } from "../../support/small_run.ts";

const test = suite("train() captured and eager");
test.before(async () => void (await initBackend()));

test("captured training equals eager training over 50 steps with dropout, accumulation and clipping", async () => {
  const run = async (compile: boolean) => {
    const { model, optimizer, batches, random } = smallRun("unused");
    const events = await steps({
      ...{ model, optimizer, batches, random, compile },
      steps: 50,
      accumulate: 2,
      maxGradNorm: 0.5, // below most norms of this run, so that it clips
      schedule: warmupCosine({ warmupSteps: 5, totalSteps: 50, maxLr: 0.01, minLr: 0.001 }),
    });
    const end = weights(model);
    model.dispose();
    optimizer.dispose();
    return { events, end };
  };
  const [captured, eager] = [await run(true), await run(false)];
  assert.ok(eager.events.filter(({ gradNorm }) => gradNorm > 0.5).length > 10);
  const differences = captured.events.map(({ loss }, i) => Math.abs(loss - eager.events[i]!.loss));
  assert.ok(Math.max(...differences) <= 1e-6, `losses differ by ${Math.max(...differences)}`);
  for (const [i, [name, values]] of captured.end.entries()) {
    // The bias of the keys has no gradient but rounding: it shifts all scores of a query alike. Adam makes steps of it all the same.
    const keys = name.endsWith("qkv.bias") ? [values.length / 3, (2 * values.length) / 3] : [0, 0];
    const differences = values.map((value, j) =>
      j >= keys[0]! && j < keys[1]! ? 0 : Math.abs(value - eager.end[i]![1][j]!),
    );
    assert.ok(Math.max(...differences) <= 1e-6, `${name} differs by ${Math.max(...differences)}`);
  }
});

/** Tensors of the library, and on tensorflow also those of the engine itself. */
function counts(): number[] {
  const engine = tf.backend() as { getNumOfTFTensors?: () => number };
  return [tf.memory().numTensors, engine.getNumOfTFTensors?.() ?? 0];
}

for (const compile of [true, false]) {
  for (const accumulate of [1, 2]) {
    test(`no tensors are left behind by a step, nor by a run (compile ${compile}, ${accumulate} micro-batches)`, async () => {
      const { model, batches, optimizer } = smallRun("unused");
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
