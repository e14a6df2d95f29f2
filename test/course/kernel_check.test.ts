/** @file check() in the real kernel: the interrupt button ends an endless loop in an answer, and the kernel lives on. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Kernel, startKernel } from "../support/kernel.ts";

const test = suite("check() in the kernel");
const folder = mkdtempSync(path.join(os.tmpdir(), "gptlab-check-"));
let kernel: Kernel;

test.before(async () => {
  process.env.GPTLAB_PROGRESS = path.join(folder, "progress.json");
  kernel = await startKernel(path.resolve(import.meta.dirname, "../../chapters"));
});
test.after(async () => {
  await kernel.close();
  rmSync(folder, { recursive: true });
});

test("check() lets the interrupt button end an endless loop in an answer", async () => {
  await kernel.execute('import { check } from "gptlab/course";');
  let pressed = false;
  const cell = await kernel.execute('await check("mulBackward", () => { console.log("go"); for (;;); });', () => {
    if (pressed) return;
    pressed = true;
    setTimeout(() => kernel.interrupt(), 300); // by then the loop runs
  });
  assert.not(cell.ok);
  assert.ok(kernel.alive(), "the interrupt killed the kernel");
  const next = await kernel.execute('console.log("still here")');
  assert.is(next.stdout, "still here\n");
});

test.run();
