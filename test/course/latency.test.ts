/**
 * @file A chapter's first cell is quick because gptlab hides TensorFlow.js behind types of its own. Measured as processor time
 * against the same cells with TensorFlow.js's own types, in one run and one after the other: a ratio, never seconds.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cellTimes, FIRST_CELLS } from "../support/cell_times.ts";

const test = suite("latency of the first cell");

test("importing from gptlab and using a tensor takes less than half of what TensorFlow.js's own types take", () => {
  const ours = cellTimes(FIRST_CELLS.gptlab);
  const theirs = cellTimes(FIRST_CELLS.tensorFlowJs);
  const sum = (times: readonly number[]) => times.reduce((a, b) => a + b);
  const shown = (times: readonly number[]) => times.map((time) => `${Math.round(time)} ms`).join(" + ");
  const ratio = sum(ours) / sum(theirs);
  console.log(`gptlab ${shown(ours)}, TensorFlow.js ${shown(theirs)}: ratio ${ratio.toFixed(2)}`);
  assert.ok(ratio < 0.5, `${shown(ours)} against ${shown(theirs)}`);
});

test.run();
