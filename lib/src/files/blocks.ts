/**
 * @file Quantised blocks of GGUF files to float32: a few bits a weight, and a scale for each block. Reading only.
 *
 * Layouts and order of operations as in the reference implementation: github.com/ggml-org/llama.cpp, ggml-common.h,
 * ggml-quants.c and gguf-py. The products below have at most 24 significant bits, so float32 holds them exactly and
 * only the last sum is rounded: the values are those of the reference, bit for bit.
 */
import { float16ToNumber } from "./float16";

/** The quantised types that can be read. In `Q4_1`, 4 is the bits of a weight; 0 has a scale, 1 also a minimum; K is a block of blocks. */
export type BlockType = "Q4_0" | "Q4_1" | "Q5_0" | "Q5_1" | "Q8_0" | "Q4_K" | "Q5_K" | "Q6_K";

/** Decodes one block: `bytes` from `at` on into `values` from `to` on. */
type Decode = (bytes: Uint8Array, at: number, values: Float32Array, to: number) => void;

const BLOCKS: Readonly<
  Record<BlockType, { readonly bytes: number; readonly values: number; readonly decode: Decode }>
> = {
  Q4_0: { bytes: 18, values: 32, decode: nibbles({ minimum: false, fifthBit: false }) },
  Q4_1: { bytes: 20, values: 32, decode: nibbles({ minimum: true, fifthBit: false }) },
  Q5_0: { bytes: 22, values: 32, decode: nibbles({ minimum: false, fifthBit: true }) },
  Q5_1: { bytes: 24, values: 32, decode: nibbles({ minimum: true, fifthBit: true }) },
  Q8_0: { bytes: 34, values: 32, decode: q80 },
  Q4_K: { bytes: 144, values: 256, decode: superBlock({ fifthBit: false }) },
  Q5_K: { bytes: 176, values: 256, decode: superBlock({ fifthBit: true }) },
  Q6_K: { bytes: 210, values: 256, decode: q6k },
};
/** All that `dequantize` knows. */
export const BLOCK_TYPES = Object.keys(BLOCKS) as readonly BlockType[];

/**
 * How many bytes hold how many weights.
 *
 * @example
 * import { blockSize } from "gptlab";
 * blockSize("Q4_1"); // => { bytes: 20, values: 32 }
 */
export function blockSize(type: BlockType): { readonly bytes: number; readonly values: number } {
  const { bytes, values } = BLOCKS[type];
  return { bytes, values };
}

/**
 * Quantised blocks to float32.
 *
 * @param bytes whole blocks, one after the other
 * @param values where to; new memory by default. Throws RangeError when the two lengths do not fit
 * @returns values: 32 or 256 a block
 * @example
 * import { dequantize } from "gptlab";
 * const block = new Uint8Array(20); // Q4_1: scale, minimum, 32 times 4 bits
 * block.set([0x00, 0x38, 0x00, 0xbc, 0x21]); // scale 0.5, minimum -1, first byte: weights 0 and 16
 * const weights = dequantize("Q4_1", block);
 * [weights[0], weights[16], weights[1]]; // => [-0.5, 0, -1]
 */
export function dequantize(type: BlockType, bytes: Uint8Array, values?: Float32Array): Float32Array {
  const block = BLOCKS[type];
  const count = (bytes.length / block.bytes) * block.values;
  const target = values ?? new Float32Array(Number.isInteger(count) ? count : 0);
  if (target.length !== count)
    throw new RangeError(
      `dequantize() needs ${block.bytes} bytes of ${type} for each ${block.values} values, but found ${bytes.length} bytes for ${target.length} values`,
    );
  for (let at = 0, to = 0; at < bytes.length; at += block.bytes, to += block.values)
    block.decode(bytes, at, target, to);
  return target;
}

function half(bytes: Uint8Array, at: number): number {
  return float16ToNumber(bytes[at]! | (bytes[at + 1]! << 8));
}

/** Q4_0, Q4_1, Q5_0, Q5_1: scale, minimum if any, fifth bits if any, then 16 bytes; a low nibble is weight j, a high one weight j + 16. */
function nibbles({ minimum, fifthBit }: { minimum: boolean; fifthBit: boolean }): Decode {
  const bitsAt = minimum ? 4 : 2;
  const nibblesAt = fifthBit ? bitsAt + 4 : bitsAt;
  const middle = minimum ? 0 : fifthBit ? 16 : 8; // without a minimum, the numbers lie around 0
  return (bytes, at, values, to) => {
    const scale = half(bytes, at);
    const least = minimum ? half(bytes, at + 2) : -0; // x + -0 is x, for x = -0 too
    for (let j = 0; j < 16; j++) {
      const byte = bytes[at + nibblesAt + j]!;
      let low = byte & 15;
      let high = byte >> 4;
      if (fifthBit) {
        low |= ((bytes[at + bitsAt + (j >> 3)]! >> (j & 7)) & 1) << 4;
        high |= ((bytes[at + bitsAt + 2 + (j >> 3)]! >> (j & 7)) & 1) << 4;
      }
      values[to + j] = scale * (low - middle) + least;
      values[to + j + 16] = scale * (high - middle) + least;
    }
  };
}

/** Q8_0: scale, then 32 signed bytes. */
function q80(bytes: Uint8Array, at: number, values: Float32Array, to: number): void {
  const scale = half(bytes, at);
  for (let j = 0; j < 32; j++) values[to + j] = scale * signed(bytes[at + 2 + j]!);
}

/**
 * Q4_K, Q5_K: scale and minimum of the block, 12 bytes with a 6-bit scale and minimum for each of 8 parts, 32 bytes of
 * fifth bits (part p in bit p), then 128 bytes: 32 for two parts, in the low and in the high nibbles.
 */
function superBlock({ fifthBit }: { fifthBit: boolean }): Decode {
  const nibblesAt = fifthBit ? 48 : 16;
  return (bytes, at, values, to) => {
    const scale = half(bytes, at);
    const least = half(bytes, at + 2);
    for (let part = 0; part < 8; part++) {
      const byPart = scale * sixBits(bytes, at + 4, 0, part);
      const leastOfPart = least * sixBits(bytes, at + 4, 4, part);
      const from = at + nibblesAt + (part >> 1) * 32;
      for (let j = 0; j < 32; j++) {
        const nibble = part & 1 ? bytes[from + j]! >> 4 : bytes[from + j]! & 15;
        const fifth = fifthBit ? ((bytes[at + 16 + j]! >> part) & 1) << 4 : 0;
        values[to + part * 32 + j] = byPart * (nibble | fifth) - leastOfPart;
      }
    }
  };
}

/**
 * The 6-bit scale (`first` 0) or minimum (`first` 4) of a part, from 12 bytes. Parts 0 to 3: the lower six bits of byte
 * first + part. Parts 4 to 7: two upper bits from there, four lower ones from bytes 8 to 11: scales in the low nibbles.
 */
function sixBits(bytes: Uint8Array, at: number, first: 0 | 4, part: number): number {
  if (part < 4) return bytes[at + first + part]! & 63;
  const lower = first === 0 ? bytes[at + part + 4]! & 15 : bytes[at + part + 4]! >> 4;
  return lower | ((bytes[at + first + part - 4]! >> 6) << 4);
}

/** Q6_K: 128 bytes of low nibbles, 64 of upper bit pairs, 16 signed scales for 16 weights each, scale of the block. */
function q6k(bytes: Uint8Array, at: number, values: Float32Array, to: number): void {
  const scale = half(bytes, at + 208);
  for (let i = 0; i < 256; i++) {
    const side = i >> 7; // each half of the block has 64 bytes of nibbles, 32 of bit pairs
    const quarter = (i >> 5) & 3;
    const j = i & 31;
    const nibbleByte = bytes[at + side * 64 + (quarter & 1) * 32 + j]!;
    const nibble = quarter < 2 ? nibbleByte & 15 : nibbleByte >> 4;
    const upper = (bytes[at + 128 + side * 32 + j]! >> (quarter * 2)) & 3;
    values[to + i] = scale * signed(bytes[at + 192 + (i >> 4)]!) * ((nibble | (upper << 4)) - 32);
  }
}

function signed(byte: number): number {
  return (byte << 24) >> 24;
}
