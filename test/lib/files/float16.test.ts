import * as fc from "fast-check";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("float16");
const every = Uint16Array.from({ length: 65_536 }, (_, i) => i);
const isNaN16 = (half: number) => (half & 0x7c00) === 0x7c00 && (half & 0x3ff) !== 0;
const isNaNB16 = (half: number) => (half & 0x7f80) === 0x7f80 && (half & 0x7f) !== 0;

test("float32ToFloat16() gives back every float16 pattern", () => {
  const back = float32ToFloat16(float16ToFloat32(every));
  for (let i = 0; i < every.length; i++) assert.ok(back[i] === i || isNaN16(i), `pattern ${i} came back as ${back[i]}`);
});

test("float32ToBfloat16() gives back every bfloat16 pattern", () => {
  const back = float32ToBfloat16(bfloat16ToFloat32(every));
  for (let i = 0; i < every.length; i++)
    assert.ok(back[i] === i || isNaNB16(i), `pattern ${i} came back as ${back[i]}`);
});

test("float16ToFloat32() knows the values of the standard", () => {
  // IEEE 754-2019, binary16: one, smallest subnormal, largest, smallest normal, infinities
  const values = float16ToFloat32(Uint16Array.of(0x3c00, 0x0001, 0x7bff, 0x0400, 0x7c00, 0xfc00, 0x3555));
  assert.equal(Array.from(values), [1, 2 ** -24, 65504, 2 ** -14, Infinity, -Infinity, 0.333251953125]);
  assert.ok(Number.isNaN(float16ToFloat32(Uint16Array.of(0x7e00))[0]));
});

test("float32ToFloat16() takes the nearest value, ties to even", () => {
  const table = float16ToFloat32(every.subarray(0, 0x7c00)); // all finite values ≥ 0, ascending
  fc.assert(
    fc.property(fc.float({ min: 0, max: 65504, noNaN: true }), (x) => {
      const found = float32ToFloat16(Float32Array.of(x))[0]!;
      const distance = (half: number) => Math.abs(table[half]! - x);
      const better = [found - 1, found + 1].find(
        (half) =>
          half >= 0 &&
          half < 0x7c00 &&
          (distance(half) < distance(found) || (distance(half) === distance(found) && found % 2 === 1)),
      );
      assert.is(better, undefined, `${x} became pattern ${found}, but ${better} is nearer`);
    }),
    { numRuns: 2000 },
  );
});

test("float32ToBfloat16() rounds to nearest, ties to even, and keeps NaN", () => {
  // 1 + 2^-8 lies between 1 (even) and 1 + 2^-7; 1 + 3·2^-8 between 1 + 2^-7 (odd) and 1 + 2^-6
  assert.equal(
    Array.from(float32ToBfloat16(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20))),
    [0x3f80, 0x3f82, 0x3f81],
  );
  assert.ok(Number.isNaN(bfloat16ToFloat32(float32ToBfloat16(Float32Array.of(Number.NaN)))[0]));
});

test.run();
