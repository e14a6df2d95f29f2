/** @file @backends tensorflow wasm cpu. The numbers that the prose of chapter 00 states are those that the chapter prints, on every engine. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { numbersAfter, runChapter } from "../support/chapter_run.ts";

const { output, warnings, status } = runChapter("00");

/** The number behind these words in what the chapter printed. */
const printed = (words: string): number => numbersAfter(output, words)[0] ?? Number.NaN;

const test = suite("the numbers of chapter 00");

test("the chapter runs to its end without a warning", () => {
  assert.equal(warnings, []);
  assert.is(status, 0);
});

test("float32 loses the last digit of 16,777,217", () => {
  assert.is(printed("number:"), 16_777_217);
  assert.is(printed("tensor:"), 16_777_216);
});

test("shapes that do not fit are an error, and (3) with (3, 1) is not", () => {
  assert.match(output, /^2, 3 +2 +error: /m);
  assert.match(output, /^3 +3, 1 +3, 3$/m);
  assert.is(printed("mean square:"), 1.33);
});

test("leaky leaves two tensors behind at each call, tidied none", () => {
  assert.match(output, /After 10 calls, leaky has left 20 tensors in memory.*tidied has left 0\./);
});

test("the slopes of the toy are about 2.36, 1.57 and 0.79, and nudging comes near", () => {
  assert.match(output, /L, nudged slopes: \[ 0\.4621 \] \[ 2\.3561, 1\.5714, 0\.7861 \]/);
  assert.match(output, /by hand: \[ 2\.3593, 1\.5729, 0\.7864 \]/);
});

test("the gradient check tells a right gradient from one that is replaced instead of added up", () => {
  assert.match(output, /with \+= : 6 {2}with = : 3/);
  assert.ok(printed("backward():   error") < 1e-6);
  assert.ok(Math.abs(printed("with the bug: error") - 0.5) < 1e-6);
  assert.match(output, /The central difference is best at h = 1e-5/);
});

test("the gradients by Value and by the engine agree to 1e-6", () => {
  assert.ok(printed("largest difference of Value and tf.grads:") < 1e-6);
  assert.ok(printed("largest difference of the slopes:") < 1e-6);
  assert.ok(printed("gradient check: error") < 1e-6);
});

test("the loss has 3,814 numbers; 33 of 60 points have the label 1", () => {
  assert.is(printed("numbers in the graph:"), 3814);
  assert.is(printed("label 1:"), 33);
});

test("training lowers the loss, stays together on both ways, and leaves no tensor behind", () => {
  assert.ok(printed("loss: 1.422 ->") < 0.5); // about 0.36 after the 40 steps of this profile
  assert.ok(printed("largest difference of the losses:") < 1e-2); // rounding grows from step to step: about 1e-4
  assert.is(printed("tensors left behind:"), 0);
});

test("a learning rate of 30 ends at 27 · 2² / 60 = 1.8", () => {
  assert.match(output, /and 1\.80 with 30\./);
});

test.run();
