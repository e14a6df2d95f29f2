/** @file @backends tensorflow wasm. The numbers that the prose of chapter 03 states are those that the chapter prints, on the native engine and on WebAssembly; what only the laptop profile prints is read from the solution. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runChapter, solutionText } from "../support/chapter_run.ts";

const { output, warnings, status } = runChapter("03");

const test = suite("the numbers of chapter 03");

test("the chapter runs to its end without a warning", () => {
  assert.equal(warnings, []);
  assert.is(status, 0);
});

test("the gradients of the toy are the published ones, without and with shortcuts", () => {
  // S. Raschka's repository (ch04), seed 123: five digits of each
  const published = [
    [2.0174e-4, 0.2217],
    [1.2011e-4, 0.20694],
    [7.152e-4, 0.32897],
    [1.39887e-3, 0.26657],
    [5.04965e-3, 1.32585],
  ];
  const start = output.indexOf("without shortcuts  with shortcuts");
  const rows = output.slice(start).split("\n").slice(2, 7);
  for (const [i, row] of rows.entries()) {
    const [layer, ...found] = row.trim().split(/\s+/).map(Number);
    assert.is(layer, i + 1);
    for (const [k, value] of published[i]!.entries())
      assert.ok(Math.abs(found[k]! - value) <= 3e-5 * value, `layer ${layer}: ${found[k]}, published ${value}`);
  }
});

test("two linear layers are one; words in another order change nothing in feed-forward", () => {
  assert.is(output.match(/^\[ \[ 21, 6 \] \]$/gm)?.length, 2);
  assert.match(output, /words in another order, largest difference: 0$/m);
});

test("feed-forward has two thirds of a block", () => {
  const [wide, attention] = [/^feed-forward +(\d+)$/m, /^attention +(\d+)$/m].map((row) =>
    Number(row.exec(output)?.[1]),
  );
  assert.equal([wide, attention], [4_722_432, 2_362_368]);
});

test("a block hides the future: a change at position 3 reaches 3 and 4 only", () => {
  const change = /change at positions 0 to 4: (.+)/.exec(output)?.[1]?.trim().split(/\s+/).map(Number);
  assert.equal(change?.slice(0, 3), [0, 0, 0]);
  assert.ok(change?.slice(3).every((value) => value > 0.01));
});

test("the chapter's model agrees with the library's; tied, all rows of the token table learn", () => {
  assert.ok(Number(/largest difference of the logits: (\S+)/.exec(output)?.[1]) < 1e-4);
  assert.match(output, /^own head +3$/m);
  assert.match(output, /^tied +100$/m);
});

test("all four sizes of GPT-2 are as published", () => {
  assert.is(output.match(/^GPT-2.* yes +\d+ %$/gm)?.length, 4);
});

test("the solution's untrained model writes the ten published tokens; tied, it repeats the last word", () => {
  const text = solutionText("03");
  assert.match(text, /27018 24086 47843 30961 42348 7267 49706 43231 47062 34657/);
  assert.match(text, /Hello, I am Featureiman Byeswickattribute argue logger Normandy Compton analogous/);
  assert.match(text, /Hello, I am( am){10}$/m);
});

test.run();
