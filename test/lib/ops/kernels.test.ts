/** @file @backends tensorflow wasm cpu. The computations that the operations share, each against the same in plain JavaScript. */
import { compile, initBackend, Random, type Tensor, tf } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nativeBackend } from "../../../lib/dist/backend/native.js";
import { matMul, product, replaceRows, scatterRows } from "../../../lib/dist/ops/kernels.js";
import { near } from "../../support/near.ts";

const test = suite("kernels");
test.before(async () => void (await initBackend()));

const random = new Random(12);
const normal = (...shape: number[]) => tf.tensor(random.normal(shape.reduce((a, b) => a * b, 1)), shape);
const SIDES = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const;

type Matrix = number[][];
const turned = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!));
const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => turned(b).map((column) => row.reduce((sum, value, k) => sum + value * column[k]!, 0)));
const matrix = (x: Tensor) => x.arraySync() as Matrix;

test("product() with whole pages between the elements of a column equals sums in JavaScript, each side as it is or transposed", () => {
  tf.tidy(() => {
    for (const width of [512, 1024, 3072])
      for (const [transposeA, transposeB] of SIDES) {
        const a = (transposeA ? normal(3, width) : normal(width, 3)) as tf.Tensor2D; // M is the wide axis
        const b = (transposeB ? normal(5, 3) : normal(3, 5)) as tf.Tensor2D;
        const expected = times(transposeA ? turned(matrix(a)) : matrix(a), transposeB ? turned(matrix(b)) : matrix(b));
        const found = product(a, b, transposeA, transposeB);
        assert.equal(found.shape, [width, 5]);
        near(found.dataSync(), expected.flat(), 1e-5, `${width} ${transposeA} ${transposeB}`);
      }
    for (const [transposeA, transposeB] of SIDES) {
      const a = (transposeA ? normal(1024, 2) : normal(2, 1024)) as tf.Tensor2D; // K is
      const b = (transposeB ? normal(3, 1024) : normal(1024, 3)) as tf.Tensor2D;
      const expected = times(transposeA ? turned(matrix(a)) : matrix(a), transposeB ? turned(matrix(b)) : matrix(b));
      const found = product(a, b, transposeA, transposeB);
      near(found.dataSync(), expected.flat(), 5e-5, `sums of 1,024: ${transposeA} ${transposeB}`); // about 32 in size
    }
  });
});

test("product() is one operation on a GPU, whose memory has no such places", () => {
  const native = nativeBackend();
  if (!native) return;
  const operations = () => {
    const turn = compile(({ a, b }: { a: Tensor; b: Tensor }) => product(a as tf.Tensor2D, b as tf.Tensor2D, true));
    turn.prepare({ a: normal(2, 1024), b: normal(2, 3) });
    const { operations } = turn.stats();
    turn.dispose();
    return operations;
  };
  const device = native.isUsingGpuDevice;
  try {
    Reflect.set(native, "isUsingGpuDevice", false);
    assert.ok(operations() > 1);
    Reflect.set(native, "isUsingGpuDevice", true);
    assert.is(operations(), 1);
  } finally {
    Reflect.set(native, "isUsingGpuDevice", device);
  }
});

test("matMul() of batches equals the product of each pair, each side as it is or transposed", () => {
  tf.tidy(() => {
    for (const batch of [[1], [5], [2, 3]])
      for (const [transposeA, transposeB] of SIDES) {
        const a = normal(...batch, ...(transposeA ? [6, 4] : [4, 6]));
        const b = normal(...batch, ...(transposeB ? [7, 6] : [6, 7]));
        const found = matMul(a, b, transposeA, transposeB);
        assert.equal(found.shape, [...batch, 4, 7]);
        const pairs = (x: Tensor) => x.reshape([-1, ...x.shape.slice(-2)]).arraySync() as Matrix[];
        const right = pairs(b);
        const expected = pairs(a).map((left, i) =>
          times(transposeA ? turned(left) : left, transposeB ? turned(right[i]!) : right[i]!),
        );
        near(found.dataSync(), expected.flat(2), 1e-5, `${batch} ${transposeA} ${transposeB}`);
      }
  });
});

test("replaceRows() gives the table with the rows at their places, and nothing else changed", () => {
  tf.tidy(() => {
    const [table, rows] = [normal(6, 4) as tf.Tensor2D, normal(3, 4) as tf.Tensor2D];
    const expected = matrix(table);
    for (const [i, place] of [4, 0, 5].entries()) expected[place] = matrix(rows)[i]!;
    assert.equal(matrix(replaceRows(table, tf.tensor1d([4, 0, 5], "int32"), rows)), expected);
  });
});

test("scatterRows() adds up the rows of one place; the others are 0, also in a table of one row", () => {
  tf.tidy(() => {
    const rows = tf.tensor2d([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const sums = (ids: number[], size: number) => matrix(scatterRows(rows, tf.tensor1d(ids, "int32"), size));
    assert.equal(sums([3, 1, 3], 4), [
      [0, 0],
      [3, 4],
      [0, 0],
      [6, 8],
    ]);
    assert.equal(sums([0, 0, 0], 1), [[9, 12]]);
  });
});

test.run();
