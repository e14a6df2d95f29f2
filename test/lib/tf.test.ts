/** @file @backends. tf: that our types say the truth about TensorFlow.js (the compiler checks this file), and that what they name computes. */
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

/** Compares what `make` computes; read without waiting, because WebGPU can only be read so. */
async function computes(make: () => Tensor, expected: readonly number[]): Promise<void> {
  const result = tf.tidy(make);
  const found = await result.data();
  result.dispose();
  assert.is(found.length, expected.length);
  // Float32 arithmetic of a few steps on numbers up to 120: 1e-6 of that, and six digits written here.
  for (let i = 0; i < expected.length; i++) {
    assert.ok(Math.abs(found[i]! - expected[i]!) < 1e-4, `${make}: ${found} instead of ${expected}`);
  }
}

const x = () =>
  tf.tensor2d([
    [1, -2, 3],
    [0.5, 0, -1],
  ]);

test("a result takes the type that is asked for, and arrays come back as deep as the tensor", async () => {
  const softened: Tensor2D = tf.tidy(() => tf.softmax(x().matMul(x(), false, true).div(10)));
  const rows: number[][] = await softened.array();
  assert.equal(
    rows.map((row) => row.map((value) => value.toFixed(4))),
    [
      ["0.8389", "0.1611"],
      ["0.4073", "0.5927"],
    ],
  );
  const sum = tf.tidy(() => x().sum<Scalar>());
  const total: number = await sum.array();
  assert.is(total, 1.5);
  const ids: Int32Array = await tf.tensor([5, 6], undefined, "int32").data<"int32">();
  assert.equal(ids, new Int32Array([5, 6]));
});

test("tf.variableGrads() gives gradients by the variables' names", async () => {
  const weights: Variable = tf.variable(tf.tensor1d([1, 2, 3]));
  const { value, grads } = tf.variableGrads(() => weights.square().sum());
  await computes(() => value.clone(), [14]);
  await computes(() => grads[weights.name]!.clone(), [2, 4, 6]);
  tf.dispose([value, grads, weights]);
});

test("tf.customGrad() uses the gradient that is written, with what was saved", async () => {
  const cube = tf.customGrad((input: Tensor, save: SaveFunction) => {
    save([input]);
    return { value: input.pow(3), gradFunc: (dy: Tensor, [saved]: Tensor[]) => dy.mul(saved!.square().mul(30)) };
  });
  // Ten times the true gradient, so that tfjs's own cannot be taken for it.
  await computes(() => tf.grad((input) => cube(input).sum())(tf.tensor1d([1, -2])), [30, 120]);
});

test("an optimizer of tf.train changes the variables that the loss reads", async () => {
  const weight = tf.variable(tf.scalar(4));
  const sgd = tf.train.sgd(0.25);
  const cost = sgd.minimize(() => weight.square().asScalar(), true);
  await computes(() => weight.clone(), [2]);
  await computes(() => cost!.clone(), [16]);
  tf.dispose([weight, cost]);
  sgd.dispose();
});

test("tf.tidy() frees what it does not return", async () => {
  const before = tf.memory().numTensors;
  const kept = tf.tidy(() =>
    tf
      .ones([2, 2])
      .add(1)
      .matMul(tf.ones([2, 2])),
  );
  assert.is(tf.memory().numTensors, before + 1);
  assert.equal([...(await kept.data())], [4, 4, 4, 4]);
  kept.dispose();
  assert.is(kept.isDisposed, true);
});

test("the element-wise functions, reductions and selections that chapters use compute", async () => {
  await computes(() => x().max(1), [3, 0.5]);
  await computes(() => x().argMax(1), [2, 0]);
  await computes(() => x().logSumExp(1), [3.132845, 1.104131]);
  await computes(() => tf.where(x().greater(0), x(), tf.zerosLike(x())), [1, 0, 3, 0.5, 0, 0]);
  await computes(() => tf.gather(x(), tf.tensor1d([1, 0, 1], "int32")), [0.5, 0, -1, 1, -2, 3, 0.5, 0, -1]);
  await computes(() => tf.oneHot(tf.tensor1d([2, 0], "int32"), 3), [0, 0, 1, 1, 0, 0]);
  await computes(() => tf.concat([x(), x()], 0).slice([1, 1], [2, 2]), [0, -1, -2, 3]);
  await computes(() => x().transpose().reshape([6]), [1, 0.5, -2, 0, 3, -1]);
  await computes(() => x().cumsum(1), [1, -1, 2, 0.5, 0.5, -0.5]);
  await computes(() => x().erf(), [0.842701, -0.995322, 0.999978, 0.5205, 0, -0.842701]);
  await computes(() => tf.stack(tf.split(x(), 3, 1)).max(0), [3, 0.5]);
});

test.run();
