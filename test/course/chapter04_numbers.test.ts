/** @file @backends tensorflow wasm. The numbers that the prose of chapter 04 states are those that the chapter prints, on the native engine and on WebAssembly; what only the laptop profile prints is read from the solution. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { numbersAfter, runChapter, solutionText } from "../support/chapter_run.ts";

const { output, warnings, status } = runChapter("04");

/** The numbers behind these words in what the chapter printed, or in another text. */
const printed = (words: string, text = output): number[] => numbersAfter(text, words);
const within = (value: number | undefined, low: number, high: number, what: string): void =>
  assert.ok(value !== undefined && value >= low && value <= high, `${what} is ${value}, expected ${low} to ${high}`);

const test = suite("the numbers of chapter 04");

test("the chapter runs to its end without a warning", () => {
  assert.equal(warnings, []);
  assert.is(status, 0);
});

test("a model that knows nothing begins near ln V, in both profiles", () => {
  within(printed("loss of the model:")[0]! - printed("ln 320 =")[0]!, -0.1, 0.1, "the distance");
  const laptop = solutionText("04");
  within(printed("loss of the model:", laptop)[0]! - Math.log(1024), -0.1, 0.1, "the distance");
});

test("gradient descent stays in the valley, AdamW comes down", () => {
  const [, sgd, adam] =
    /gradient descent is at a loss of ([\d.e-]+), and AdamW, which swings, at ([\d.e-]+)\./.exec(output) ?? [];
  within(Number(sgd), 5, 7, "gradient descent"); // 12.5 · 0.9981^400
  within(Number(adam), 0, 1e-4, "AdamW");
});

test("more than half of a batch of sentences is padding, in both profiles", () => {
  const share = (text: string): number => Number(/(\d+) % of the places are padding/.exec(text)?.[1]);
  within(share(output), 51, 75, "the padding");
  within(share(solutionText("04")), 51, 75, "the padding");
});

test("token by token with the cache gives what attention gives at once", () => {
  within(printed("largest difference:")[0], 0, 1e-5, "the difference"); // float32
});

test("top-k and top-p are the library's", () => {
  assert.match(output, /top-k as in the library: true, top-p: true/);
});

test("the resumed run equals the unbroken one bit for bit, in both profiles; the one with only the weights does not", () => {
  for (const text of [output, solutionText("04")]) {
    const [equal, all, difference] = printed("resumed ", text);
    assert.is(equal, all);
    assert.is(difference, 0);
    within(printed("onlyWeights", text)[2], 1e-4, 1, "the difference with only the weights");
  }
});

test("in the laptop profile the GPT beats the pairs by far, and the cache is several times as fast", () => {
  const laptop = solutionText("04");
  const pairs = printed("has counted pairs", laptop.slice(laptop.indexOf("bits per byte")));
  const yours = printed("your GPT", laptop);
  within(pairs[0]! - yours[0]!, 0.4, 1, "the gain in nats");
  within(yours[2], 1.7, 2.1, "bits per byte");
  const wide = printed("wide ", laptop); // tokens, without, with, factor
  assert.ok(wide[3]! >= 2, `the factor is ${wide[3]}`);
});

test.run();
