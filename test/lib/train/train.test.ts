/** @file @backends tensorflow wasm. train(): PyTorch's curve, accumulation by tokens, exact resume, divergence. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  AdamW,
  type Batch,
  checkpointPath,
  checkpointSteps,
  compile,
  GPT,
  initBackend,
  presets,
  Random,
  SGD,
  type Tensor,
  type TrainEvent,
  TrainingDiverged,
  type TrainOptions,
  tf,
  train,
  warmupCosine,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type SmallRun, smallRun, steps, weights } from "../../support/small_run.ts";

const test = suite("train()");
test.before(async () => void (await initBackend()));
const fixtures = path.resolve(import.meta.dirname, "../../fixtures/hf");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-train-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

interface Curve {
  batches: number[][][];
  loss: number[];
  grad_norm: number[];
  schedule: { lrs: number[] };
  "no_clipping(rule A)": { loss: number[] };
  unequal_tokens: Record<string, unknown>;
}
const curve = JSON.parse(readFileSync(path.join(fixtures, "train-curve.json"), "utf8")) as Curve;
const rowsOf = (rows: number[][]): Batch => ({
  ids: rows.map((row) => Int32Array.from(row.slice(0, -1))),
  targets: rows.map((row) => Int32Array.from(row.slice(1))),
});
const schedule = warmupCosine({ warmupSteps: 5, totalSteps: 30, maxLr: 0.002, minLr: 0.0002 });

test("warmupCosine() gives the rates of the reference run", () => {
  for (const [step, lr] of curve.schedule.lrs.entries())
    assert.ok(Math.abs(schedule(step) - lr) < 1e-11 + 1e-9 * lr, `step ${step}`); // printed with 9 or more digits
});

for (const compile of [true, false]) {
  for (const accumulate of [1, 2]) {
    test(`30 steps of AdamW follow PyTorch's curve (compile ${compile}, ${accumulate} micro-batches)`, async () => {
      const model = await GPT.fromPretrained(path.join(fixtures, "gpt2-tiny"));
      const optimizer = new AdamW(model.parameters(), { betas: [0.9, 0.95], weightDecay: 0.1 });
      const halves = (rows: number[][]) => [rows.slice(0, rows.length / 2), rows.slice(rows.length / 2)];
      const batches = curve.batches.flatMap((rows) => (accumulate === 1 ? [rows] : halves(rows))).map(rowsOf);
      const events = await steps({
        model,
        batches,
        optimizer,
        steps: compile ? 30 : 8,
        schedule,
        maxGradNorm: 1,
        accumulate,
        compile,
      });
      events.forEach(({ loss, gradNorm }, i) => {
        assert.ok(Math.abs(loss - curve.loss[i]!) < 1e-4, `step ${i}: loss ${loss}, PyTorch ${curve.loss[i]}`);
        assert.ok(
          Math.abs(gradNorm / curve.grad_norm[i]! - 1) < 1e-3,
          `step ${i}: norm ${gradNorm}, PyTorch ${curve.grad_norm[i]}`,
        );
      });
      model.dispose();
      optimizer.dispose();
    });
  }
}

test("AdamW refuses a rate and a decay that together take all of a weight, compiled or not, and changes nothing", () => {
  for (const captured of [true, false]) {
    const w = tf.variable(tf.tensor2d([[1, 2]]));
    const optimizer = new AdamW(new Map([["w", w]]), { lr: 2, weightDecay: 0.5 });
    const step = ({ g }: { g: Tensor }) => {
      optimizer.apply(new Map([["w", g]]));
      return g.mul(1);
    };
    const update = captured ? compile(step) : (feeds: { g: Tensor }) => tf.tidy(() => step(feeds));
    const g = tf.tensor2d([[1, 1]]);
    assert.throws(() => update({ g }), /lr · weightDecay = 2 · 0\.5 = 1/);
    assert.equal([...w.dataSync()], [1, 2]);
    assert.is(optimizer.state().step, 0);
    optimizer.lr = 0.1;
    update({ g }).dispose();
    assert.equal(
      [...w.dataSync()].map((value) => value.toFixed(4)),
      ["0.8500", "1.8000"],
    );
    optimizer.dispose();
  }
});

const newRun = (directory: string): SmallRun => smallRun(path.join(folder, directory));

test("a run that was stopped and resumed equals the unbroken run bit for bit", async () => {
  const whole = newRun("whole");
  const unbroken = (await steps(whole)).map(({ loss }) => loss);
  const losses: number[] = [];
  for (const stopAfter of [7, 3, 12]) {
    const part = newRun("parts"); // a new process would begin the same way
    let done = 0;
    for await (const event of train(part)) {
      if (event.kind === "step") {
        losses[event.step - 1] = event.loss;
        if (++done === stopAfter) break;
      }
    }
    if (stopAfter === 12) assert.equal(weights(part.model), weights(whole.model));
  }
  assert.equal(losses, unbroken);
  assert.equal(readdirSync(path.join(folder, "parts")).sort(), ["step-00000010", "step-00000012"]);
});

test("a damaged checkpoint says which one is whole before it, and how to go on from there", async () => {
  const run = newRun("damaged");
  await steps(run);
  const [older, newest] = (await checkpointSteps(run.checkpoint.dir)) as [number, number];
  const home = checkpointPath(run.checkpoint.dir, newest);
  const resume = async () => String(await steps(newRun("damaged")).catch((error: Error) => error.message));
  const state = readFileSync(path.join(home, "state.json"));
  rmSync(path.join(home, "state.json"));
  assert.match(await resume(), /ENOENT/);
  writeFileSync(path.join(home, "state.json"), state);
  truncateSync(path.join(home, "tensors.safetensors"), 1000);
  const message = await resume();
  assert.ok(message.startsWith(`The checkpoint of step ${newest} is damaged: `), message);
  assert.ok(message.endsWith(`Move ${home} away to go on from step ${older}`), message);
  rmSync(home, { recursive: true });
  assert.is((await steps(newRun("damaged"))).at(-1)!.step, newest);
});

test("a checkpoint of another optimiser, or of parameters that are frozen now, is refused, and nothing changes", async () => {
  await steps(newRun("other"));
  const resumed = async (change: (run: SmallRun) => TrainOptions & Pick<SmallRun, "model">) => {
    const run = change(newRun("other"));
    const before = weights(run.model);
    const problem = await steps({ ...run, steps: 20 }).catch((error: Error) => error.message);
    assert.equal(weights(run.model), before);
    return String(problem);
  };
  const sgd = await resumed((run) => ({ ...run, optimizer: new SGD(run.model.parameters()) }));
  assert.match(sgd, /has "optimizer\.[^"]+", which this run does not train\. Is it another model or optimiser/);
  const frozen = await resumed((run) => {
    run.model.freeze((name) => name === "norm.gain");
    return run;
  });
  assert.match(frozen, /has "model\.norm\.gain", which this run does not train/);
});

test("micro-batches with different numbers of targets count by their targets", async () => {
  const [first, second] = [rowsOf([[1, 2, 3, 4, 5]]), rowsOf([[6, 7, 8, 9, 10]])];
  const masked: Batch = { ids: second.ids, targets: [Int32Array.of(7, -100, -100, -100)] };
  const together: Batch = { ids: [...first.ids, ...masked.ids], targets: [...first.targets, ...masked.targets] };
  const run = async (batches: Batch[], accumulate: number) => {
    const model = new GPT(
      { ...presets.course, vocabSize: 11, blockSize: 8, nLayer: 1, nHead: 2, nEmbd: 16 },
      new Random(4),
    );
    const [event] = await steps({
      model,
      batches,
      accumulate,
      steps: 1,
      optimizer: new SGD(model.parameters(), { lr: 0.5 }),
    });
    return { event: event!, end: weights(model) };
  };
  const [apart, whole] = [await run([first, masked], 2), await run([together], 1)];
  assert.ok(Math.abs(apart.event.loss - whole.event.loss) < 1e-6); // the same 5 targets, summed in another order
  for (const [i, [name, values]] of apart.end.entries()) {
    for (const [j, value] of values.entries()) assert.ok(Math.abs(value - whole.end[i]![1][j]!) < 1e-6, name);
  }
  assert.is(apart.event.tokens, 5);
});

test("frozen parameters stay as they are", async () => {
  const { model, batches } = newRun("frozen");
  model.freeze((name) => !name.startsWith("norm"));
  const before = new Map(weights(model));
  await steps({ model, batches, steps: 2, optimizer: new AdamW(model.parameters({ trainable: true })) });
  for (const [name, values] of weights(model))
    assert.is(String(values) === String(before.get(name)), !name.startsWith("norm"), name);
});

test("a run that diverges says so, and the model is back at the last good checkpoint", async () => {
  for (const every of [1, 2]) {
    const run = newRun(`diverged-${every}`);
    const dir = run.checkpoint.dir;
    const good = new Map<number, ReturnType<typeof weights>>();
    try {
      // The step of the absurd rate has a fair loss itself; the next one tells what it did to the weights.
      const schedule = (step: number) => (step < 4 ? 0.01 : 1e30);
      for await (const event of train({ ...run, steps: 40, checkpoint: { dir, every }, schedule })) {
        if (event.kind === "checkpoint") good.set(event.step, weights(run.model));
      }
      assert.unreachable();
    } catch (error) {
      assert.instance(error, TrainingDiverged);
      const step = Number(/checkpoint, .*step-(\d+)\. .*lower learning rate/.exec(String(error))?.[1]);
      assert.is(step, 4, String(error));
      assert.equal(weights(run.model), good.get(step));
      assert.is((await checkpointSteps(dir)).at(-1), 4, "a resume begins there");
      if (every === 1) assert.ok(readdirSync(dir).includes("spoilt-step-00000005"), "nothing is thrown away");
    }
  }
});

test("without a checkpoint, a run that diverges says that the weights are spoilt", async () => {
  const { model, batches, optimizer } = newRun("no-checkpoint");
  try {
    await steps({ model, batches, optimizer, steps: 10, schedule: () => 1e30 });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TrainingDiverged);
    assert.match(String(error), /no good checkpoint .* make it anew/);
  }
});

test("a new run does not mix with the checkpoints of an earlier one", async () => {
  const run = { ...newRun("mixed"), steps: 1 };
  await steps(run);
  try {
    await steps({ ...newRun("mixed"), resume: false });
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /checkpoint of step 1 of an earlier run\. Say resume: true/);
  }
});

test("an abort stops after the step and leaves a usable model; the log has every event", async () => {
  const { model, batches, optimizer } = newRun("abort");
  const stop = new AbortController();
  const events: TrainEvent[] = [];
  for await (const event of train({
    model,
    batches,
    optimizer,
    steps: 100,
    signal: stop.signal,
    logDir: folder,
    evaluate: { every: 2, run: () => ({ accuracy: 0.5 }) },
  })) {
    events.push(event);
    if (event.step === 4) stop.abort();
  }
  assert.is(events.at(-1)!.step, 4);
  assert.equal(
    readFileSync(path.join(folder, "log.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
    events,
  );
  assert.ok(
    Number.isFinite(
      model
        .forward([[1, 2]])
        .sum()
        .dataSync()[0],
    ),
  );
});

test.run();
