/** @file @backends tf: that our types say the truth about TensorFlow.js (the compiler checks this file), and that what they name computes. */
import * as real from "@tensorflow/tfjs";
import {
  initBackend,
  type SaveFunction,
  type Scalar,
  type Tensor,
  type Tensor2D,
  type TensorFlow,
  tf,
  type Variable,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("tf");
test.before(async () => {
  await initBackend();
});

// Each line is the proof of lib/src/tf.ts with one lie told on purpose; a lie that goes through is an error of the compiler here.
type Honest = Omit<TensorFlow, "customGrad">;
export const lies = [
  // @ts-expect-error a function that TensorFlow.js does not have
  () => real as Honest & { attention(x: Tensor): Tensor },
  // @ts-expect-error another result
  () => real as Omit<Honest, "getBackend"> & { getBackend(): number },
  // @ts-expect-error a result that no tensor has
  () => real as Omit<Honest, "scalar"> & { scalar(value: number): Tensor & { gradient: Tensor } },
  // @ts-expect-error another argument
  () => real as Omit<Honest, "range"> & { range(name: { text: string }): Tensor },
  // @ts-expect-error the rank of a product must not be taken for granted in the other direction
  (x: tf.Tensor3D): Tensor2D => x,
];

const close = (found: ArrayLike<number>, expected: readonly number[]) => {
  assert.is(found.length, expected.length);
  // Float32 arithmetic of a few steps: relative error below 1e-6 × the magnitudes, which are at most 40.
  for (let i = 0; i < expected.length; i++) assert.ok(Math.abs(found[i]! - expected[i]!) < 5e-5, `${i}: ${found[i]}`);
};

test("a result takes the type that is asked for, and arrays come back as deep as the tensor", () => {
  tf.tidy(() => {
    const x: Tensor2D = tf.tensor2d([
      [1, 2],
      [3, 4],
    ]);
    const product: Tensor2D = tf.softmax(x.matMul(x, false, true).div(10));
    const rows: number[][] = product.arraySync();
    close(rows.flat(), [0.354344, 0.645656, 0.197816, 0.802184]);
    const sum: number = x.sum<Scalar>().arraySync();
    assert.is(sum, 10);
    assert.equal(x.relu().arraySync() satisfies number[][], [
      [1, 2],
      [3, 4],
    ]);
    assert.equal(
      tf.tensor([5, 6], undefined, "int32").dataSync<"int32">() satisfies Int32Array,
      new Int32Array([5, 6]),
    );
  });
});

test("tf.variableGrads() gives gradients by the variables' names", () => {
  const weights: Variable = tf.variable(tf.tensor1d([1, 2, 3]));
  const { value, grads } = tf.variableGrads(() => weights.square().sum());
  close(value.dataSync(), [14]);
  close(grads[weights.name]!.dataSync(), [2, 4, 6]);
  tf.dispose([value, grads, weights]);
});

test("tf.customGrad() uses the gradient that is written, with what was saved", () => {
  tf.tidy(() => {
    const cube = tf.customGrad((x: Tensor, save: SaveFunction) => {
      save([x]);
      return { value: x.pow(3), gradFunc: (dy: Tensor, [saved]: Tensor[]) => dy.mul(saved!.square().mul(30)) };
    });
    // Ten times the true gradient, so that tfjs's own cannot be taken for it.
    close(
      tf
        .grad((x) => cube(x).sum())(tf.tensor1d([1, -2]))
        .dataSync(),
      [30, 120],
    );
  });
});

test("an optimizer of tf.train changes the variables that the loss reads", () => {
  const weight = tf.variable(tf.scalar(4));
  const sgd = tf.train.sgd(0.25);
  const cost = sgd.minimize(() => weight.square().asScalar(), true);
  close(weight.dataSync(), [2]);
  close(cost!.dataSync(), [16]);
  tf.dispose([weight, cost]);
  sgd.dispose();
});

test("tf.tidy() frees what it does not return", () => {
  const before = tf.memory().numTensors;
  const kept = tf.tidy(() =>
    tf
      .ones([2, 2])
      .add(1)
      .matMul(tf.ones([2, 2])),
  );
  assert.is(tf.memory().numTensors, before + 1);
  close(kept.dataSync(), [4, 4, 4, 4]);
  kept.dispose();
  assert.is(kept.isDisposed, true);
});

test("the element-wise functions, reductions and selections that chapters use compute", () => {
  tf.tidy(() => {
    const x = tf.tensor2d([
      [1, -2, 3],
      [0.5, 0, -1],
    ]);
    close(x.max(1).dataSync(), [3, 0.5]);
    close(x.argMax(1).dataSync<"int32">(), [2, 0]);
    close(x.logSumExp(1).dataSync(), [3.132845, 1.104131]);
    close(tf.where(x.greater(0), x, tf.zerosLike(x)).dataSync(), [1, 0, 3, 0.5, 0, 0]);
    close(tf.gather(x, tf.tensor1d([1, 0, 1], "int32")).dataSync(), [0.5, 0, -1, 1, -2, 3, 0.5, 0, -1]);
    close(tf.oneHot(tf.tensor1d([2, 0], "int32"), 3).dataSync(), [0, 0, 1, 1, 0, 0]);
    close(tf.concat([x, x], 0).slice([1, 1], [2, 2]).dataSync(), [0, -1, -2, 3]);
    close(x.transpose().reshape([6]).dataSync(), [1, 0.5, -2, 0, 3, -1]);
    close(x.cumsum(1).dataSync(), [1, -1, 2, 0.5, 0.5, -0.5]);
    close(x.erf().dataSync(), [0.842701, -0.995322, 0.999978, 0.5205, 0, -0.842701]);
    assert.equal(
      tf.split(x, 3, 1).map((part) => part.shape),
      [
        [2, 1],
        [2, 1],
        [2, 1],
      ],
    );
  });
});

test.run();
