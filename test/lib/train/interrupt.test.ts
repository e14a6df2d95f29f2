/** @file train() under Ctrl-C: a whole number of steps, a checkpoint, a usable model, no listener left. The kernel's part is in test/course/kernel_train.test.ts. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { checkpointSteps, type Progress } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runInterrupted } from "../../support/interrupted.ts";

const test = suite("train() and the interrupt");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-interrupt-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** A program with a small model and `run(options)`, which trains it; cpu starts at once. */
const program = (body: string) =>
  runInterrupted(
    `const { AdamW, GPT, Interrupted, initBackend, loop, presets, Random, train } = gptlab;
     await initBackend();
     const model = new GPT({ ...presets.course, vocabSize: 11, blockSize: 8, nLayer: 1, nHead: 2, nEmbd: 8 }, new Random(4));
     const row = Int32Array.of(1, 2, 3, 4);
     const optimizer = new AdamW(model.parameters());
     const run = (options) => train({ model, optimizer, batches: [{ ids: [row], targets: [row] }], steps: 100000, ...options });
     const usable = () => Number.isFinite(model.forward([[1, 2]]).sum().dataSync()[0]);
     ${body}`,
    { GPTLAB_BACKEND: "cpu" },
  );

test("Ctrl-C ends it after the current step: it throws Interrupted, the model is usable, the run is saved", async () => {
  const dir = path.join(folder, "saved");
  const { lines, code } = await program(`
    let last = 0;
    try {
      for await (const { step } of run({ checkpoint: { dir: ${JSON.stringify(dir)}, every: 50000 } })) {
        last = step;
        if (step === 3) print("interrupt me");
      }
    } catch (error) {
      print(error instanceof Interrupted, error.message);
    }
    print(last, usable(), process.listenerCount("SIGINT"));
    for await (const { step } of run({ steps: last + 2, resume: true, checkpoint: { dir: ${JSON.stringify(dir)}, every: 50000 } })) {
      print("goes on with", step - last);
      break;
    }`);
  const step = Number(/after (\d+) of 100000 steps/.exec(lines[0]!)?.[1]);
  assert.ok(step >= 3 && step < 100_000);
  assert.is(
    lines[0],
    `true Stopped after ${step} of 100000 steps. The model keeps what it has learnt, and the run is saved in ${dir}: resume: true goes on with it.`,
  );
  assert.equal(lines.slice(1), [`${step} true 0`, "goes on with 1"]);
  assert.equal(await checkpointSteps(dir), [step]);
  assert.is(code, 0);
});

test("work of the caller between two events that is interrupted leaves a saved run too", async () => {
  const dir = path.join(folder, "body");
  const { lines } = await program(`
    try {
      for await (const { step } of run({ checkpoint: { dir: ${JSON.stringify(dir)}, every: 50000 } })) {
        if (step === 2) await loop(1000, async (i) => { if (i === 1) print("interrupt me"); await wait(5); });
      }
    } catch (error) {
      print(error.message.replace(/\\d+ of/, "n of"));
    }
    print(usable(), process.listenerCount("SIGINT"));`);
  assert.equal(lines, ["Stopped after n of 1000 steps. What was computed so far can be used.", "true 0"]);
  assert.equal(await checkpointSteps(dir), [2]);
});

test("an evaluation that is interrupted stops with the run", async () => {
  const { lines } = await program(`
    const measure = () => loop(1000, async (i) => { if (i === 1) print("interrupt me"); await wait(5); });
    const events = run({ evaluate: { every: 2, run: async () => ({ steps: await measure() }) } });
    try { for await (const event of events); } catch (error) { print(error.name, error.message.includes("of 1000 steps")); }
    print(process.listenerCount("SIGINT"));`);
  assert.equal(lines, ["Interrupted true", "0"]);
});

test("break leaves no listener behind, and the run is not saved", async () => {
  const dir = path.join(folder, "break");
  const { lines } = await program(`
    for await (const { step } of run({ checkpoint: { dir: ${JSON.stringify(dir)}, every: 50000 } })) if (step === 2) break;
    print(process.listenerCount("SIGINT"));`);
  assert.equal(lines, ["0"]);
  assert.equal(await checkpointSteps(dir), []);
});

test("progress says how far, the loss and the speed, at most five times a second", async () => {
  const { lines } = await program(`
    const seen = [];
    for await (const _ of run({ steps: 60, label: "Learning", onProgress: (p) => seen.push(p) }));
    print(JSON.stringify(seen));`);
  const seen = JSON.parse(lines[0]!) as Progress[];
  assert.equal([seen[0]!.done, seen.at(-1)!.done, seen[0]!.total], [0, 60, 60]);
  assert.match(seen.at(-1)!.note!, /^loss \d\.\d{3} · \d+ tokens\/s$/);
  assert.ok(seen.every(({ label }) => label === "Learning"));
  const between = seen.slice(0, -1);
  for (let i = 1; i < between.length; i++) assert.ok(between[i]!.seconds - between[i - 1]!.seconds >= 0.2);
});

test.run();
