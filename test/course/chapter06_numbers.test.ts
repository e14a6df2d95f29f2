/** @file @backends tensorflow. The numbers that the prose of chapter 06 states are those that the chapter prints; what only the laptop profile shows is read from the solution. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { numbersAfter, runChapter, solutionText } from "../support/chapter_run.ts";
import { read } from "../support/repository.ts";

const { output, warnings, status } = runChapter("06");
const within = (value: number | undefined, low: number, high: number, what: string): void =>
  assert.ok(value !== undefined && value >= low && value <= high, `${what} is ${value}, expected ${low} to ${high}`);

/** The last table with this title of its columns, as rows of numbers by their first words. */
function tableOf(text: string, head: string): string {
  const at = text.lastIndexOf(head);
  assert.ok(at >= 0, `the chapter shows no table with "${head}"`);
  return text.slice(at);
}
/** Steps, forgotten, gained and kept of a training, from the last table. */
const training = (text: string, name: string): number[] => numbersAfter(tableOf(text, "forgotten  gained"), `${name} `);

interface Chart {
  readonly data?: { readonly values: readonly { series: string; x: number; y: number }[] };
}
/** The points of a line in a plot of the solution, in the order of x. */
function lineOf(title: string, series: string): number[] {
  const { cells } = JSON.parse(read("solutions/en/06_continued_pretraining.ipynb")) as {
    cells: { outputs?: { data?: Record<string, unknown> }[] }[];
  };
  const charts = cells.flatMap(({ outputs = [] }) =>
    outputs.map((one) => one.data?.["application/vnd.vegalite.v5+json"]),
  );
  const chart = charts.find((one) => one && JSON.stringify(one).includes(title)) as Chart | undefined;
  assert.ok(chart?.data, `the solution has no plot "${title}"`);
  const points = chart.data.values.filter((point) => point.series === series).sort((a, b) => a.x - b.x);
  return points.map(({ y }) => y);
}

const test = suite("the numbers of chapter 06");

test("the chapter runs to its end without a warning", () => {
  assert.equal(warnings, []);
  assert.is(status, 0);
});

test("the plan has 30 % of old rows, and reading as much of the new domain takes 43 % more steps", () => {
  for (const [text, without, withReplay] of [
    [output, 7, 10],
    [solutionText("06"), 105, 150],
  ] as const) {
    assert.equal(numbersAfter(text, "steps without replay:"), [without, withReplay]);
    assert.equal(numbersAfter(tableOf(text, "in the plan"), "jsdoc "), [70, 70]);
  }
});

test("in the laptop profile the new domain is the hardest exam, by byte much more than by token", () => {
  const bits = tableOf(solutionText("06"), "bytes in a token");
  const [old, fresh] = [
    ["sotu", "wordnet", "moby-dick", "chatterbot"].map((name) => numbersAfter(bits, `${name} `)),
    numbersAfter(bits, "jsdoc "),
  ];
  const mean = (column: number): number => old.reduce((sum, row) => sum + row[column]!, 0) / old.length;
  for (const row of old) assert.ok(fresh[2]! > row[2]!, `${row}`);
  assert.ok(fresh[0]! < mean(0), "its tokens are shorter");
  within(fresh[2]! / mean(2), 1.5, 2.5, "the new domain's bits, divided by the old ones' mean,");
  assert.ok(fresh[2]! / mean(2) > fresh[1]! / mean(1) + 0.2);
});

test("in the laptop profile naive continuation makes every old domain worse and the new one better", () => {
  const losses = tableOf(solutionText("06"), "after naive continuation");
  for (const name of ["sotu", "wordnet", "moby-dick", "chatterbot"]) {
    const [base, naive] = numbersAfter(losses, `${name} `);
    assert.ok(naive! > base!, name);
  }
  const [base, naive] = numbersAfter(losses, "jsdoc ");
  assert.ok(naive! < base! - 0.5, "jsdoc");
});

test("in the laptop profile the line of the naive training is steepest at its start", () => {
  const line = lineOf("Forgetting, with and without replay", "naive");
  const rises = line.slice(1).map((loss, i) => loss - line[i]!);
  assert.ok(rises.length >= 5, `${line}`);
  assert.is(Math.max(...rises), rises[0]);
});

test("in the laptop profile replay forgets a third at most and keeps 95 % of the gain", () => {
  const text = solutionText("06");
  const [, naive] = training(text, "naive");
  const [, replay, , kept] = training(text, "replay");
  assert.ok(naive! >= 3 * replay!, `${naive} and ${replay}`);
  within(kept, 95, 120, "the share of the gain that is kept");
});

test("in the laptop profile re-warming forgets less and gains a little less, and the gentle rate is last in both", () => {
  const text = solutionText("06");
  const [, replay, gained] = training(text, "replay");
  const [, rewarmed, more] = training(text, "replay, re-warmed");
  const [, gentle, less] = training(text, "replay, gentle rate");
  assert.ok(rewarmed! < replay! && gentle! < rewarmed!, `${gentle} < ${rewarmed} < ${replay}`);
  assert.ok(less! < more! && more! < gained!, `${less} < ${more} < ${gained}`);
  within(more! / gained!, 0.85, 1, "the share of replay's gain that is left with re-warming");
});

test.run();
