/** @file Learning rates by step: the re-warmed one meets the rate before it, the usual one, and its own end. */
import { rewarmCosine, warmupCosine } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { near } from "../support/near.ts";

const test = suite("schedules");
const plan = { warmupSteps: 4, totalSteps: 20, maxLr: 1e-3, minLr: 1e-4 };
const steps = Array.from({ length: 25 }, (_, step) => step);

test("rewarmCosine() rises in equal steps from the last rate to the highest, then falls to the lowest and stays", () => {
  const rate = rewarmCosine({ ...plan, lastLr: 2e-4 });
  near([2e-4, ...steps.slice(0, 4).map(rate)], [2e-4, 4e-4, 6e-4, 8e-4, 1e-3], 1e-12);
  assert.is(rate(4), 1e-3);
  for (const step of steps.slice(5, 20)) assert.ok(rate(step) < rate(step - 1), `step ${step}`);
  near([rate(19), rate(20), rate(200)], [1e-4, 1e-4, 1e-4], 1e-12);
});

test("after a training that ended at 0 it is warmupCosine(), and without warm-up it begins at the highest rate", () => {
  const [again, usual] = [rewarmCosine(plan), warmupCosine(plan)];
  near(steps.map(again), steps.map(usual), 1e-15);
  assert.is(rewarmCosine({ ...plan, warmupSteps: 0, lastLr: 5e-4 })(0), 1e-3);
});

test("rewarmCosine() refuses a warm-up that fills the run, and a last rate above the highest", () => {
  assert.throws(() => rewarmCosine({ ...plan, warmupSteps: 20 }), /more steps than warm-up steps, but found 20 and 20/);
  assert.throws(() => rewarmCosine({ ...plan, lastLr: 2e-3 }), /but found 0\.002 and 0\.001/);
  assert.throws(() => rewarmCosine({ ...plan, lastLr: Number.NaN }), RangeError);
});

test.run();
