/** @file How much processor time notebook cells take in tslab's executor, without Jupyter around it. Its parts are internal to tslab, whose version is exact. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { rollUpDeclarations } from "../../tools/notebook/declarations.ts";
import { root } from "./repository.ts";

rollUpDeclarations();

const tslab = path.dirname(createRequire(import.meta.url).resolve("tslab/package.json"));

const use = "const double = () => tf.tensor1d([1, 2]).mul(2);";

/** A chapter's first cells, and the same with TensorFlow.js's own types. */
export const FIRST_CELLS = {
  gptlab: [
    'import { initBackend, lineChart, loop, Random, tf } from "gptlab";\nimport { check, hint, show } from "gptlab/course";',
    use,
  ],
  tensorFlowJs: ['import * as tf from "@tensorflow/tfjs";', use],
} as const;

/** Processor milliseconds of each cell in a fresh kernel's executor, which has run one empty cell before. */
export function cellTimes(cells: readonly string[]): number[] {
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
  if (status !== 0 || !times) throw new Error(`the cells did not run:\n${stdout}${stderr}`);
  return JSON.parse(times) as number[];
}
