/** @file The interrupt button in the real kernel: loop() stops after the current step, the cell ends with a short message, the kernel and the variables live on. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Kernel, startKernel } from "../support/kernel.ts";

const chapters = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../chapters");
const test = suite("interrupt in the kernel");
let kernel: Kernel;
test.before(async () => {
  kernel = await startKernel(chapters);
});
test.after(() => kernel.close());

/** Runs a cell and presses the button once it has printed `cue`. */
function interruptAt(cue: string, code: string) {
  let pressed = false;
  return kernel.execute(code, (text) => {
    if (pressed || !text.includes(cue)) return;
    pressed = true;
    kernel.interrupt();
  });
}

const pause = "await new Promise((resolve) => setTimeout(resolve, 20))";

test("loop() stops in the kernel and leaves the state of a whole number of steps", async () => {
  // tslab forgets the names that a failed cell declares, so they are declared before. The cell that is interrupted
  // imports on purpose: its synchronous part is where a listener would be lost.
  await kernel.execute("let begun = 0, finished = 0;");
  const cell = await interruptAt(
    "go",
    `import { Interrupted, loop } from "gptlab";
     await loop(100000, async (i) => { begun++; ${pause}; finished++; if (i === 3) console.log("go"); });`,
  );
  assert.ok(kernel.alive(), "the interrupt killed the kernel");
  assert.not(cell.ok);
  assert.match(
    cell.stderr,
    /^\[Interrupted: Stopped after \d+ of 100000 steps\. What was computed so far can be used\.\]\n$/,
  );
  const count = /after (\d+)/.exec(cell.stderr)?.[1];
  await new Promise((resolve) => setTimeout(resolve, 250)); // the loop must not move in this time
  const next = await kernel.execute(
    "await new Promise(setImmediate); console.log([begun, finished, process.listenerCount('SIGINT')].join())",
  );
  assert.is(next.stdout, `${count},${count},1\n`);
});

test("a cell can catch Interrupted and go on, and the next interrupt works as well", async () => {
  for (let round = 0; round < 2; round++) {
    const cell = await interruptAt(
      "go",
      `import { Interrupted, loop } from "gptlab";
       try { await loop(100000, async () => { ${pause}; console.log("go"); }); }
       catch (error) { console.log("caught", error instanceof Interrupted); }`,
    );
    assert.ok(cell.ok, cell.stderr);
    assert.match(cell.stdout, "caught true");
  }
});

test("a second interrupt ends a cell whose step does not end", async () => {
  const cell = await interruptAt(
    "go",
    `setTimeout(() => process.kill(process.pid, "SIGINT"), 400);
     await loop(10, async () => { console.log("go"); await new Promise(() => undefined); });`,
  );
  assert.not(cell.ok);
  assert.match(cell.stderr, "Interrupted asynchronously");
  assert.ok(kernel.alive());
  assert.is((await kernel.execute("console.log(1 + 1)")).stdout, "2\n");
});

test.run();
