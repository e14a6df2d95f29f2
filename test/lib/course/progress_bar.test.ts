/** @file The progress bar: in place, at most 5 drawings a second, complete at the end. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { progressBar, progressText } from "../../../lib/dist/course/progress_bar.js";
import { inKernel, onTerminal } from "../../support/display.ts";

const test = suite("progressBar()");
const at = (done: number, label = "Training") => ({
  label,
  done,
  total: 100,
  seconds: done / 10,
  note: `loss ${done}`,
});

test.before(() => {
  process.env.GPTLAB_LANG = "en";
});

test("progressText() says how far, how long, how long still, and the note", () => {
  assert.is(progressText(at(50)), "Training [##########----------] 50/100 · 5.0 s · 5.0 s left · loss 50");
  assert.is(progressText({ label: "Reading", done: 7, total: 0, seconds: 61.6 }), "Reading 7 · 1 min 2 s");
  assert.is(
    progressText({ label: "Reading", done: 7, total: 7, seconds: 59.99 }),
    "Reading [####################] 7/7 · 1 min 0 s",
  );
});

test("progressBar() draws in one place, at most 5 times a second, and always the end", async () => {
  let time = 0;
  const shown = await inKernel(() => {
    const report = progressBar(() => time);
    for (let done = 0; done <= 100; done++, time += 20) report(at(done)); // 101 reports in 2 seconds
  });
  assert.ok(shown.length >= 10 && shown.length <= 12, `${shown.length} drawings`);
  assert.is(new Set(shown.map(({ transient }) => transient.display_id)).size, 1);
  assert.equal(
    shown.map(({ update }) => update),
    [false, ...shown.slice(1).map(() => true)],
  );
  assert.match(String(shown.at(-1)?.data["text/plain"]), /100\/100/);
  assert.match(String(shown[0]?.data["text/html"]), /<progress max="100" value="0"/);
  assert.not.match(String(shown.at(-1)?.data["text/html"]), "[#", "the bar is there once");
});

test("progressBar() leaves the first step, which prepares much, out of the time that is left", async () => {
  let time = 0;
  const shown = await inKernel(() => {
    const report = progressBar(() => time);
    for (const [done, seconds] of [
      [10, 0],
      [11, 60],
      [12, 61],
      [22, 71],
    ] as const) {
      // taken up again at step 10
      report({ label: "Training", done, total: 100, seconds, from: 10 });
      time += 1000;
    }
  });
  const left = shown.map(({ data }) => /· ([^·]*) left/.exec(String(data["text/plain"]))?.[1]);
  assert.equal(left, [undefined, undefined, "1 min 28 s", "1 min 18 s"]);
});

test("progressBar() gives each piece of work its own place, also the same work a second time", async () => {
  const shown = await inKernel(() => {
    const report = progressBar();
    for (const label of ["A", "B", "A"]) for (const done of [0, 100]) report(at(done, label));
  });
  assert.equal(
    shown.map(({ update }) => update),
    [false, true, false, true, false, true],
  );
  assert.is(new Set(shown.map(({ transient }) => transient.display_id)).size, 3);
});

test("progressBar() prints one line at the end outside a notebook, and now and then in between", async () => {
  let time = 0;
  const printed = await onTerminal(() => {
    const report = progressBar(() => time);
    for (let done = 0; done <= 100; done++, time += 110) report(at(done)); // 11 seconds
  });
  assert.equal(printed.match(/\d+\/100/g), ["46/100", "92/100", "100/100"]);
});

test.run();
