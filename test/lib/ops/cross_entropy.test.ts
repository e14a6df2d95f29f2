/** @file @backends tensorflow wasm cpu. crossEntropy() at its edges: targets that are no token, logits of -∞, a vocabulary of one. Its values are in gradients.test.ts. */
import { compile, crossEntropy, embedding, initBackend, type Tensor, tf } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { near } from "../../support/near.ts";

const test = suite("crossEntropy() at its edges");
test.before(async () => void (await initBackend()));

const NONE = Number.NEGATIVE_INFINITY;
const lossOf = (logits: Tensor, targets: number[]) => crossEntropy(logits, targets).dataSync()[0]!;

test("a target in an array that is no token of the vocabulary is a RangeError that names it", () => {
  tf.tidy(() => {
    const logits = tf.zeros([3, 4]);
    for (const [wrong, where] of [
      [4, 1],
      [-1, 2],
      [-101, 0],
    ] as const) {
      const targets = [1, 1, 1];
      targets[where] = wrong;
      assert.throws(
        () => crossEntropy(logits, targets),
        (error: Error) =>
          error instanceof RangeError &&
          error.message.startsWith(
            `crossEntropy() needs targets from 0 to 3, or -100 for those that do not count, but found ${wrong} at place ${where}.`,
          ),
      );
    }
    assert.is(crossEntropy(logits, [3, 0, -100]).dataSync()[0]!.toFixed(4), Math.log(4).toFixed(4));
    assert.is(crossEntropy(logits, [3, 0, -7], { ignoreIndex: -7 }).dataSync()[0]!.toFixed(4), Math.log(4).toFixed(4));
    assert.throws(() => crossEntropy(logits, [3, 0, -100], { ignoreIndex: -7 }), /or -7 for those/);
  });
});

test("a target in a tensor that is no token of the vocabulary is an error too, captured or not", () => {
  const logits = tf.zeros([3, 4]);
  const captured = compile(({ targets }: { targets: Tensor }) => crossEntropy(logits, targets));
  for (const wrong of [4, -1]) {
    const targets = tf.tensor1d([1, wrong, 1], "int32");
    assert.throws(() => tf.tidy(() => crossEntropy(logits, targets)), new RegExp(`\\D${wrong}\\b`));
    assert.throws(() => tf.tidy(() => captured({ targets })), new RegExp(`\\D${wrong}\\b`));
    targets.dispose();
  }
  captured.dispose();
  logits.dispose();
});

test("a logit of -∞ is a token that cannot come: the loss of the others is finite, its own is infinite", () => {
  tf.tidy(() => {
    const logits = tf.tensor2d([
      [1, NONE, 2],
      [NONE, NONE, 3],
    ]);
    near([lossOf(logits, [0, 2])], [Math.log(1 + Math.E) / 2]); // -log softmax([1, 2])[0], and 0
    assert.is(lossOf(logits, [1, 2]), Number.POSITIVE_INFINITY);
    const gradient = tf.grad((x: Tensor) => crossEntropy(x, [0, 2], { reduction: "sum" }))(logits);
    const p = 1 / (1 + Math.E);
    near(gradient.dataSync(), [p - 1, 0, 1 - p, 0, 0, 0]);
  });
});

test("an ignored row counts for nothing, whatever its logits are", () => {
  tf.tidy(() => {
    const logits = tf.tensor2d([
      [NONE, 1, 2],
      [0, 0, 0],
    ]);
    near([lossOf(logits, [-100, 1])], [Math.log(3)]);
    near(crossEntropy(logits, [-100, 1], { reduction: "none" }).dataSync(), [0, Math.log(3)]);
    const gradient = tf.grad((x: Tensor) => crossEntropy(x, [-100, 1]))(logits);
    near(gradient.dataSync(), [0, 0, 0, 1 / 3, -2 / 3, 1 / 3]);
  });
});

test("a vocabulary of one token has nothing to learn: loss and gradients are 0", () => {
  tf.tidy(() => {
    const table = tf.tensor2d([[1, 2]]);
    const ids = tf.tensor1d([0, 0], "int32");
    assert.is(lossOf(tf.tensor2d([[3], [-2]]), [0, 0]), 0);
    const gradient = tf.grad((x: Tensor) => {
      const logits = tf.matMul(embedding(x as tf.Tensor2D, ids), tf.ones([2, 1]));
      return crossEntropy(logits, [0, 0]);
    })(table);
    assert.equal(Array.from(gradient.abs().dataSync()), [0, 0]);
    assert.equal(embedding(table, ids).arraySync(), [
      [1, 2],
      [1, 2],
    ]);
  });
});

test.run();
