/**
 * @file A chapter's first cell is quick because gptlab hides TensorFlow.js behind types of its own. Measured as processor time
 * against the same cells with TensorFlow.js's own types, in one run and one after the other: a ratio, never seconds.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../support/repository.ts";

const test = suite("latency of the first cell");
const tslab = path.dirname(createRequire(import.meta.url).resolve("tslab/package.json"));

/** Processor milliseconds of each cell in a fresh kernel's executor, which has run one empty cell before. */
function cellTimes(cells: readonly string[]): number[] {
  const program = `
    const { createConverter } = require(${JSON.stringify(`${tslab}/dist/converter`)});
    const { createExecutor } = require(${JSON.stringify(`${tslab}/dist/executor`)});
    const node = createConverter({ isJS: false, isBrowser: false });
    const executor = createExecutor(process.cwd(), { node, browser: node, close() {} }, console);
    (async () => {
      const times = [];
      for (const cell of ${JSON.stringify(["let first = 1;", ...cells])}) {
        const before = process.cpuUsage();
        if (!(await executor.execute(cell))) process.exit(1);
        const { user, system } = process.cpuUsage(before);
        times.push((user + system) / 1000);
      }
      console.log("times " + JSON.stringify(times.slice(1)));
      process.exit(0);
    })();`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["-e", program], {
    cwd: path.join(root, "chapters"),
    encoding: "utf8",
  });
  const times = /^times (.*)$/m.exec(stdout)?.[1];
  assert.ok(status === 0 && times, `the cells did not run:\n${stdout}${stderr}`);
  return JSON.parse(times) as number[];
}

test("importing from gptlab and using a tensor takes less than half of what TensorFlow.js's own types take", () => {
  const use = "const double = () => tf.tensor1d([1, 2]).mul(2);";
  const ours = cellTimes([
    'import { initBackend, lineChart, loop, Random, tf } from "gptlab";\nimport { check, hint, show } from "gptlab/course";',
    use,
  ]);
  const theirs = cellTimes(['import * as tf from "@tensorflow/tfjs";', use]);
  const sum = (times: readonly number[]) => times.reduce((a, b) => a + b);
  const shown = (times: readonly number[]) => times.map((time) => `${Math.round(time)} ms`).join(" + ");
  const ratio = sum(ours) / sum(theirs);
  console.log(`gptlab ${shown(ours)}, TensorFlow.js ${shown(theirs)}: ratio ${ratio.toFixed(2)}`);
  assert.ok(ratio < 0.5, `${shown(ours)} against ${shown(theirs)}`);
});

test.run();
