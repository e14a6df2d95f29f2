/** @file @backends tensorflow wasm. The numbers that the prose of chapter 02 states are those that the chapter prints, on the native engine and on WebAssembly; what only the laptop profile shows is read from the kept solution. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { numbersAfter, runChapter, solutionText } from "../support/chapter_run.ts";

const { output, warnings, status } = runChapter("02");

/** The numbers behind these words in what the chapter printed, or in another text. */
const printed = (words: string, text = output): number[] => numbersAfter(text, words);

const test = suite("the numbers of chapter 02");

test("the chapter runs to its end without a warning", () => {
  assert.equal(warnings, []);
  assert.is(status, 0);
});

test("the parameters of GPT-2 are 38.6, 0.8, 28.3 and 56.7 million", () => {
  assert.match(output, /token table 38\.6, position table 0\.8, attention 28\.3, feed-forward 56\.7/);
});

test("scores, weights and vector of the toy are the published ones", () => {
  const scores = ["people", "read", "write", "at", "home", "together"].map(
    (word) => new RegExp(`^${word} .* ([\\d.]+)$`, "m").exec(output)?.[1], // the first table that names the word
  );
  assert.equal(scores, ["0.9544", "1.4950", "1.4754", "0.8434", "0.7070", "1.0865"]);
  assert.equal(printed("weights of read:"), [0.1385, 0.2379, 0.2333, 0.124, 0.1082, 0.1581]);
  assert.equal(printed("new vector of read:"), [0.4419, 0.6515, 0.5683]);
});

test("attention with the published seeds gives the published vectors", () => {
  assert.equal(printed("new vector of people:"), [0.2996, 0.8053]);
  assert.match(output, /^0\.3190 {2}0\.4858$/m);
});

test("naive softmax breaks at 1000, and zeroing afterwards leaves rows that do not add up to 1", () => {
  assert.match(output, /\[ NaN, NaN, NaN \]/);
  assert.match(output, /^together .* 1\.00$/m);
  assert.match(output, /^people .* 0\.16$/m);
});

test("without the division one weight nears 1, with it none does", () => {
  const [, without, , withDivision] = /rises to (\d\.\d+)(.*)ends at (\d\.\d+)/.exec(output) ?? [];
  assert.ok(Number(without) > 0.9, `largest weight ${without}`);
  assert.ok(Number(withDivision) < 0.4, `largest weight ${withDivision}`);
});

test("a change of the last word changes only the last row", () => {
  const change = printed("change in each row:");
  assert.equal(change.slice(0, 5), [0, 0, 0, 0, 0]);
  assert.ok((change[5] ?? 0) > 0.1);
});

test("dropout changes each sum and keeps the mean near 1", () => {
  assert.ok(printed("row sums, one time:").some((sum) => Math.abs(sum - 1) > 0.1));
  for (const sum of printed("row sums, mean of 500:")) assert.ok(Math.abs(sum - 1) < 0.2, `mean ${sum}`); // 1 / sqrt(500) = 0.045
});

test("reshape alone gives token 0 to head 0", () => {
  assert.match(output, /split: +\[\[\[\[1,2,3\],\[7,8,9\]\],\[\[4,5,6\],\[10,11,12\]\]\]\]/);
  assert.match(output, /only reshape: \[\[\[\[1,2,3\],\[4,5,6\]\],\[\[7,8,9\],\[10,11,12\]\]\]\]/);
});

test("the learner's attention and the library's agree to 1e-5, and split and merge lose nothing", () => {
  assert.ok((printed("largest difference:")[0] ?? 1) < 1e-5);
  assert.equal(printed("of the masks:"), [0]);
  assert.equal(printed("largest change after split and merge:"), [0]);
});

test("1,024 words take 50 MB of weights in a layer and 604 MB in 12", () => {
  assert.match(output, /^ +1024 {2}50 +604$/m);
});

test("a coin throw of one head is right in 0.70 of the answers", () => {
  const same = Array.from({ length: 8 }, (_, t) => 1 / (t + 1)).reduce((a, b) => a + b) / 8; // both questions name one card
  assert.ok(Math.abs(same - 0.34) < 0.005);
  assert.ok(Math.abs(same + (1 - same) * (0.1 + 0.9 * 0.5) - 0.7) < 0.005);
});

test("in the kept solution one head stops near 0.70 and two heads learn the game, each its own question", () => {
  const kept = solutionText("02");
  const [one, two] = printed("right answers with one head:", kept);
  assert.ok(Math.abs((one ?? 0) - 0.7) < 0.03, `one head: ${one}`);
  assert.ok((two ?? 0) > 0.98, `two heads: ${two}`);
  const shares = [...kept.matchAll(/of two\. Where[^,]*, (\d+) %[^%]*question and (\d+) %/g)].map(([, a, b]) =>
    [a, b].map(Number),
  );
  const distinct = shares.filter((pair, i) => shares.findIndex((other) => other.join() === pair.join()) === i);
  assert.is(distinct.length, 2);
  for (const pair of distinct) assert.ok(Math.max(...pair) > 80 && Math.min(...pair) < 20, `${pair}`);
  assert.is.not(distinct[0]!.indexOf(Math.max(...distinct[0]!)), distinct[1]!.indexOf(Math.max(...distinct[1]!)));
});

test.run();
