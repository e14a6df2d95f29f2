/** @file @backends tensorflow wasm cpu. The numbers that the prose of chapter 04 states are those that the chapter prints, on every engine; what only the laptop profile prints is read from the solution. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const root = path.resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(path.join(os.tmpdir(), "gptlab-chapter04-"));
const env = {
  ...process.env,
  PROFILE: "ci",
  GPTLAB_LANG: "en",
  GPTLAB_STRICT: "1",
  GPTLAB_PROGRESS: path.join(folder, "progress.json"),
};
const run = spawnSync(process.execPath, ["--import", "tsx", "chapters/src/04_pretraining.ts"], {
  cwd: root,
  env,
  encoding: "utf8",
});
rmSync(folder, { recursive: true });
const output = run.stdout;

/** What the solution shows, all cells in one text. */
function solutionText(): string {
  const notebook = JSON.parse(readFileSync(path.join(root, "solutions/en/04_pretraining.ipynb"), "utf8")) as {
    cells: { outputs?: { text?: string[] | string; data?: Record<string, string[] | string> }[] }[];
  };
  const texts = notebook.cells.flatMap(({ outputs = [] }) =>
    outputs.map((o) => o.text ?? o.data?.["text/plain"] ?? ""),
  );
  return texts.flat().join("");
}

/** The numbers of the line that begins with these words. */
function printed(words: string, text = output): number[] {
  const line = text.split("\n").find((one) => one.startsWith(words));
  assert.ok(line, `the chapter does not print "${words}"`);
  return Array.from(line.slice(words.length).matchAll(/-?\d[\d,.]*(?:e[+-]?\d+)?/g), ([n]) =>
    Number(n.replaceAll(",", "")),
  );
}
const within = (value: number | undefined, low: number, high: number, what: string): void =>
  assert.ok(value !== undefined && value >= low && value <= high, `${what} is ${value}, expected ${low} to ${high}`);

const test = suite("the numbers of chapter 04");

test("the chapter runs to its end without a warning", () => {
  const lines = run.stderr
    .split("\n")
    .filter((line) => line && !/oneDNN|absl::|[\r█#\-\]]|Learning|Counting/.test(line)); // TensorFlow's own log, and bars
  assert.equal(lines, []);
  assert.is(run.status, 0);
});

test("a model that knows nothing begins near ln V, in both profiles", () => {
  within(printed("loss of the model:")[0]! - printed("ln 320 =")[0]!, -0.1, 0.1, "the distance");
  const laptop = solutionText();
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
  within(share(solutionText()), 51, 75, "the padding");
});

test("token by token with the cache gives what attention gives at once", () => {
  within(printed("largest difference:")[0], 0, 1e-5, "the difference"); // float32
});

test("top-k and top-p are the library's", () => {
  assert.match(output, /top-k as in the library: true, top-p: true/);
});

test("the resumed run equals the unbroken one bit for bit, in both profiles; the one with only the weights does not", () => {
  for (const text of [output, solutionText()]) {
    const [equal, all, difference] = printed("resumed ", text);
    assert.is(equal, all);
    assert.is(difference, 0);
    within(printed("onlyWeights", text)[2], 1e-4, 1, "the difference with only the weights");
  }
});

test("in the laptop profile the GPT beats the pairs by far, and the cache is several times as fast", () => {
  const laptop = solutionText();
  const pairs = printed("has counted pairs", laptop.slice(laptop.indexOf("bits per byte")));
  const yours = printed("your GPT", laptop);
  within(pairs[0]! - yours[0]!, 0.4, 1, "the gain in nats");
  within(yours[2], 1.7, 2.1, "bits per byte");
  const wide = printed("wide ", laptop); // tokens, without, with, factor
  assert.ok(wide[3]! >= 2, `the factor is ${wide[3]}`);
});

test.run();
