/** @file Says whether numbers agree but for rounding, and if not, which is the first that does not. */
import type { Tensor } from "gptlab";
import * as assert from "uvu/assert";

/** Each number is as expected, but for `tolerance` times one plus its size. 1e-5 is some last places of float32. NaN agrees with nothing. */
export function near(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5, what = ""): void {
  assert.is(found.length, expected.length, what || undefined);
  const far = Array.from(expected).findIndex(
    (value, i) => !(Math.abs(found[i]! - value) <= tolerance * (1 + Math.abs(value))),
  );
  assert.is(far, -1, `${what && `${what}: `}value ${far} is ${found[far]}, expected ${expected[far]}`);
}

/** The same of two tensors, which must have one shape. */
export function nearTensors(found: Tensor, expected: Tensor, tolerance = 1e-5, what = ""): void {
  assert.equal(found.shape, expected.shape, what || undefined);
  near(found.dataSync(), expected.dataSync(), tolerance, what);
}
