/** @file Progress reports reach the installed reporter and nobody else. */
import { type Progress, report, setProgressReporter } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("progress");
const news: Progress = { label: "Reading", done: 2, total: 5, seconds: 0.5, note: "loss 2.3" };

test.after.each(() => setProgressReporter(undefined));

test("report() without a reporter does nothing", () => {
  assert.is(report(news), undefined);
});

test("report() hands the same object to the installed reporter, each time", () => {
  const seen: Progress[] = [];
  setProgressReporter((p) => seen.push(p));
  report(news);
  report(news);
  assert.is(seen.length, 2);
  assert.is(seen[0], news);
});

test("setProgressReporter() replaces the earlier reporter, and undefined silences it", () => {
  const first: Progress[] = [];
  const second: Progress[] = [];
  setProgressReporter((p) => first.push(p));
  setProgressReporter((p) => second.push(p));
  report(news);
  setProgressReporter(undefined);
  report(news);
  assert.equal([first.length, second.length], [0, 1]);
});

test.run();
