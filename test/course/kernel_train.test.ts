/** @file train() in the real kernel: the interrupt button ends the cell after the current step, the run is saved, the model of an earlier cell is usable, and the last picture of the chart is shown. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { checkpointSteps } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Kernel, startKernel } from "../support/kernel.ts";

const test = suite("train() in the kernel");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-kernel-train-"));
let kernel: Kernel;
test.before(async () => {
  process.env.GPTLAB_BACKEND = "cpu"; // it starts at once; what is tested does not depend on the engine
  kernel = await startKernel(path.resolve(import.meta.dirname, "../../chapters"));
});
test.after(async () => {
  await kernel.close();
  rmSync(folder, { recursive: true, force: true });
});

test("the button stops training and leaves a usable model, a saved run and the chart", async () => {
  const prepared = await kernel.execute(
    `import { AdamW, GPT, initBackend, presets, Random, train } from "gptlab";
     import { watch } from "gptlab/course";
     await initBackend();
     const model = new GPT({ ...presets.course, vocabSize: 11, blockSize: 8, nLayer: 1, nHead: 2, nEmbd: 8 }, new Random(4));
     const row = Int32Array.of(1, 2, 3, 4);
     let steps = 0;`,
  );
  assert.ok(prepared.ok, prepared.stderr);
  let pressed = false;
  const cell = await kernel.execute(
    `const run = train({
       model: model, // not \`model\` alone: the kernel loses names of earlier cells there
       optimizer: new AdamW(model.parameters()), batches: [{ ids: [row], targets: [row] }], steps: 100000,
       checkpoint: { dir: ${JSON.stringify(folder)}, every: 50000 },
     });
     async function follow() {
       for await (const event of watch(run)) { steps = event.step; if (steps === 5) console.log("go"); }
     }
     await follow();`,
    (text) => {
      if (pressed || !text.includes("go")) return;
      pressed = true;
      kernel.interrupt();
    },
  );
  assert.ok(kernel.alive(), "the interrupt killed the kernel");
  assert.not(cell.ok);
  const stopped = Number(
    /^\[Interrupted: Stopped after (\d+) of 100000 steps\. .* resume: true/.exec(cell.stderr)?.[1],
  );
  assert.equal(await checkpointSteps(folder), [stopped], cell.stderr);
  const next = await kernel.execute(
    `await new Promise(setImmediate);
     console.log([steps, Number.isFinite(model.forward([[1, 2]]).sum().dataSync()[0]), process.listenerCount("SIGINT")].join());`,
  );
  assert.is(next.stdout, `${stopped},true,1\n`, "the run does not go on behind the cell");
});

test.run();
