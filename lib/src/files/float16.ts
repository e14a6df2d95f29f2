/** @file Half-precision numbers in files: IEEE float16 and bfloat16 to float32 and back. Arithmetic is never done in them. */

const bits = new DataView(new ArrayBuffer(4));

/** The 65,536 float16 values as float32, made at the first use. */
let table: Float32Array | undefined;

/** The value of one bit pattern by the definition of IEEE 754 binary16. */
function valueOfHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24; // zero and subnormal numbers
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * Float16 bit patterns to float32 values. Exact: every float16 is a float32.
 *
 * @param halves bit patterns (N)
 * @param values where to (N); new memory by default
 * @returns values (N)
 * @example
 * import { float16ToFloat32 } from "gptlab";
 * Array.from(float16ToFloat32(Uint16Array.of(0x3c00, 0xc000, 0x7c00))); // => [1, -2, Infinity]
 */
export function float16ToFloat32(
  halves: Uint16Array,
  values: Float32Array = new Float32Array(halves.length),
): Float32Array {
  for (let i = 0; i < halves.length; i++) values[i] = float16ToNumber(halves[i]!);
  return values;
}

/**
 * One float16 bit pattern as a number.
 *
 * @example
 * import { float16ToNumber } from "gptlab";
 * float16ToNumber(0x3555); // => 0.333251953125
 */
export function float16ToNumber(half: number): number {
  table ??= Float32Array.from({ length: 65_536 }, (_, pattern) => valueOfHalf(pattern));
  return table[half]!;
}

/**
 * Float32 values to the nearest float16 bit patterns, ties to even. Beyond ±65,504 becomes infinite.
 *
 * @param values (N)
 * @returns bit patterns (N)
 * @example
 * import { float32ToFloat16 } from "gptlab";
 * Array.from(float32ToFloat16(Float32Array.of(1, -2, 1e6))); // => [15360, 49152, 31744]
 */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = numberToHalf(values[i]!);
  return halves;
}

function numberToHalf(value: number): number {
  bits.setFloat32(0, value);
  const word = bits.getUint32(0);
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds to infinity
  if (magnitude < 0x38800000) return sign | roundHalfEven(Math.abs(value) * 2 ** 24); // subnormal: a multiple of 2^-24
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1); // to nearest, ties to even
  return sign | ((rounded - 0x38000000) >>> 13);
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/**
 * Bfloat16 bit patterns to float32 values: the upper half of a float32. Exact.
 *
 * @param halves bit patterns (N)
 * @param values where to (N); new memory by default
 * @returns values (N)
 * @example
 * import { bfloat16ToFloat32 } from "gptlab";
 * Array.from(bfloat16ToFloat32(Uint16Array.of(0x3f80, 0xc040))); // => [1, -3]
 */
export function bfloat16ToFloat32(
  halves: Uint16Array,
  values: Float32Array = new Float32Array(halves.length),
): Float32Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
  return values;
}

/**
 * Float32 values to the nearest bfloat16 bit patterns, ties to even, as PyTorch rounds.
 *
 * @param values (N)
 * @returns bit patterns (N)
 * @example
 * import { float32ToBfloat16 } from "gptlab";
 * Array.from(float32ToBfloat16(Float32Array.of(1, -3))); // => [16256, 49216]
 */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    bits.setFloat32(0, values[i]!);
    const word = bits.getUint32(0);
    const notANumber = (word & 0x7fffffff) > 0x7f800000;
    halves[i] = notANumber ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}
