/** @file @backends tensorflow wasm. The numbers that the prose of chapter 05 states are those that the chapter prints, on the native engine and on WebAssembly; what only the laptop profile prints is read from the solution. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { numbersAfter, runChapter, solutionText } from "../support/chapter_run.ts";
import { read } from "../support/repository.ts";

const { output, warnings, status } = runChapter("05");

/** The numbers behind these words in what the chapter printed, or in another text. */
const printed = (words: string, text = output): number[] => numbersAfter(text, words);
const within = (value: number | undefined, low: number, high: number, what: string): void =>
  assert.ok(value !== undefined && value >= low && value <= high, `${what} is ${value}, expected ${low} to ${high}`);

const test = suite("the numbers of chapter 05");

test("the chapter runs to its end without a warning", () => {
  assert.equal(warnings, []);
  assert.is(status, 0);
});

test("the file made by hand is read by the chapter's reader, and the library finds the same tensors", () => {
  assert.match(output, /the file made by hand: F32, shape 2,3, 24 bytes/);
  assert.match(output, new RegExp(`the first of ${printed("tensors that the library finds:")[0]} tensors`));
});

test("bfloat16 keeps the range, float16 does not", () => {
  assert.match(output, /3\.14159 +3\.14063 +3\.14063/); // six digits of 3.140625 both times
  assert.match(output, /100000 +99840 +Infinity/);
  assert.match(output, /1e-8 +\S+ +0$/m);
});

test("every parameter has a tensor, and the masks are none", () => {
  assert.match(output, /No parameter: h\.0\.attn\.bias, h\.1\.attn\.bias/);
  assert.match(output, /without a tensor: \[\]/);
});

test("the logits lie where the chapter says", () => {
  const { cases } = JSON.parse(read("test/fixtures/hf/gpt2-tiny/expected.json")) as {
    cases: { dense: { logits: number[][][] } };
  };
  for (const logit of cases.dense.logits.flat(2)) within(logit, -6, 5, "a logit");
});

test("both loaders agree with transformers, and a transposed square matrix shows at once", () => {
  for (const loader of ["yours", "library"]) {
    within(printed(`${loader}: largest difference`)[0], 0, 2e-4, `the difference of ${loader}`);
    assert.match(output, new RegExp(`${loader}: .* same 12 tokens: true`));
  }
  within(printed("with the square matrices transposed: largest difference")[0], 1, 1000, "the transposed one");
});

test("rotary scores depend on the distance only, and the Llama of the chapter is that of transformers", () => {
  within(printed("largest difference of the two lines:")[0], 0, 1e-3, "the difference"); // scores of about 60
  within(printed("largest difference from transformers:")[0], 0, 2e-4, "the difference");
});

test("by hand: RMSNorm, a turned pair, SwiGLU, steps of Q4_1, and the loss of a model that knows nothing", () => {
  const root = Math.sqrt((1 + 4 + 36) / 3);
  assert.equal(
    [1 / root, 2 / root, 6 / root].map((x) => x.toFixed(2)),
    ["0.27", "0.54", "1.62"],
  );
  assert.is(root.toFixed(2), "3.70");
  assert.equal([Math.cos(1).toFixed(2), Math.sin(1).toFixed(2)], ["0.54", "0.84"]);
  assert.is((2 / (1 + Math.exp(-1))).toFixed(2), "1.46");
  assert.is(Math.round((0.33 + 0.8) / (1.5 / 15)), 11);
  assert.is((-0.8 + 11 * 0.1).toFixed(1), "0.3");
  assert.is(Math.log(49_152).toFixed(1), "10.8");
});

test("a block by hand, and all blocks of a matrix as the library reads them", () => {
  assert.match(output, /d = 0\.0131, m = -0\.0903/);
  assert.match(output, /byte 4 is bf: weight 0 is step 15, weight 16 is step 11/);
  const [weights] = printed("blk.0.attn_v.weight:");
  assert.is(printed("weights equal to the library's:")[0], weights);
});

test("without SmolLM2 one line says so", () => {
  assert.is(output.match(/takes the place of SmolLM2/g)?.length, 1);
  assert.match(output, /^chat-tiny\.gguf$/m);
});

test("in the laptop profile four bits cost the model almost nothing", () => {
  const [coarse, exact] = printed("loss with all matrices of the blocks in 4 bits:", solutionText("05"));
  within(coarse! - exact!, -0.2, 0.2, "the difference of the losses");
});

test("in the laptop profile rows as they lie in the file make SmolLM2 worse, but far better than one that knows nothing", () => {
  const [good, bad] = printed("[figure] On the speech the loss is", solutionText("05"));
  within(bad! - good!, 0.5, 4, "what the mistake costs");
  within(bad, 0, Math.log(49_152) - 3, "the loss with the mistake");
});

test("in the laptop profile SmolLM2 answers, and without template or end token does what the chapter says", () => {
  const text = solutionText("05");
  assert.match(text, /^without template: ".{0,5}<\|im_end\|>\\n<\|im_start\|>assistant\\n/m);
  assert.match(text, /^without end token: "[^"]*<\|im_end\|>.*<\|im_start\|>user/m);
  assert.match(text, /^<\|im_start\|>system$/m);
  assert.match(text, /^You: What is the capital of France\?\nModel: .*Paris/m);
});

test.run();
