/** @file @backends tensorflow wasm cpu. The functions that a learner writes in chapter 05 give what the library's give, on files and on random input. The chapter says so. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import {
  bfloat16ToFloat32,
  GPT,
  type HostTensor,
  initBackend,
  Random,
  readSafetensors,
  rmsNorm,
  rotary,
  rotaryAngles,
  swiglu,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
  tf,
  writeSafetensors,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { dequantize } from "../../lib/dist/files/blocks.js";
import { repeatHeads } from "../../lib/dist/model/attention.js";
import { solutionsOf } from "../support/chapter_solution.ts";
import { nearTensors } from "../support/near.ts";
import { root } from "../support/repository.ts";

interface RawTensor {
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

await initBackend();
const solution = solutionsOf("05");
const own = {
  parseSafetensors: await solution<(bytes: Uint8Array) => Map<string, RawTensor>>("parseSafetensors"),
  bf16ToFloat32: await solution<(halves: Uint16Array) => Float32Array>("bf16ToFloat32"),
  mapWeightNames: await solution<(names: string[]) => Map<string, string>>("mapWeightNames"),
  rmsNorm: await solution<(x: Tensor, gain: Tensor1D, epsilon?: number) => Tensor>("rmsNorm"),
  rotaryEmbedding: await solution<(x: Tensor4D, theta?: number) => Tensor4D>("rotaryEmbedding"),
  swiglu: await solution<(gate: Tensor, up: Tensor) => Tensor>("swiglu"),
  repeatKv: await solution<(x: Tensor4D, times: number) => Tensor4D>("repeatKv"),
  dequantizeQ4_1: await solution<(bytes: Uint8Array) => Float32Array>("dequantizeQ4_1"),
};

const fixture = (name: string): string => path.join(root, "test/fixtures/hf", name, "model.safetensors");
const normal = <T extends Tensor>(seed: number, ...shape: number[]): T =>
  tf.tensor<T>(new Random(seed).normal(shape.reduce((a, b) => a * b, 1)), shape);
/** The values of a tensor of the chapter's reader. */
function valuesOf({ dtype, bytes }: RawTensor): ArrayLike<number> {
  const { buffer } = Uint8Array.from(bytes);
  if (dtype === "U8") return bytes;
  if (dtype === "I32") return new Int32Array(buffer);
  return dtype === "BF16" ? own.bf16ToFloat32(new Uint16Array(buffer)) : new Float32Array(buffer);
}
const seeds = fc.integer({ min: 0, max: 1e6 });
const small = fc.integer({ min: 1, max: 4 });
const runs = { numRuns: 20 };

const test = suite("chapter 05 equals the library");

test("parseSafetensors() finds in files of the library's writer what the library's reader finds", async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "gptlab-chapter05-"));
  const file = path.join(folder, "model.safetensors");
  const name = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => text !== "__metadata__");
  const type = fc.constantFrom("F32" as const, "BF16" as const, "I32" as const, "U8" as const);
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, fc.tuple(type, small, small), { maxKeys: 5 }), seeds, async (wanted, seed) => {
      const tensors = Object.entries(wanted).map(([key, [dtype, rows, columns]]): [string, HostTensor] => {
        const values = new Random(seed).normal(rows * columns, 0, 50);
        const data = dtype === "U8" ? Uint8Array.from(values) : dtype === "I32" ? Int32Array.from(values) : values;
        return [key, { dtype, shape: [rows, columns], data }];
      });
      await writeSafetensors(file, new Map(tensors), { format: "pt" });
      const mine = own.parseSafetensors(readFileSync(file));
      const library = (await readSafetensors(file)).tensors;
      assert.equal([...mine.keys()].sort(), [...library.keys()].sort());
      for (const [key, { dtype, shape, data }] of library) {
        const found = mine.get(key)!;
        assert.equal([found.dtype, found.shape], [dtype, shape]);
        assert.equal(Array.from(valuesOf(found)), Array.from(data as ArrayLike<number>));
      }
    }),
    runs,
  );
  rmSync(folder, { recursive: true });
});

test("bf16ToFloat32() is the library's for all 65,536 numbers, bit for bit", () => {
  const halves = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  const bits = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer);
  assert.equal(bits(own.bf16ToFloat32(halves)), bits(bfloat16ToFloat32(halves)));
});

test("mapWeightNames() gives each parameter of a GPT-2 the tensor that the library gives it, in both layouts of names", async () => {
  for (const layout of ["gpt2-tiny", "gpt2-tiny-hubnames"]) {
    const raw = own.parseSafetensors(readFileSync(fixture(layout)));
    const names = own.mapWeightNames([...raw.keys()]);
    const model = await GPT.fromPretrained(path.dirname(fixture(layout)));
    const parameters = model.parameters();
    assert.equal([...names.values()].sort(), [...parameters.keys()].sort(), layout);
    for (const [theirs, ours] of names) {
      assert.equal(raw.get(theirs)!.shape, parameters.get(ours)!.shape, ours);
      assert.equal(Array.from(valuesOf(raw.get(theirs)!)), Array.from(parameters.get(ours)!.dataSync()), ours);
    }
    model.dispose();
  }
});

test("rmsNorm() and swiglu() of the chapter are the library's", () => {
  fc.assert(
    fc.property(seeds, small, small, fc.constantFrom(1e-6, 1e-5, 0.1), (seed, rows, columns, epsilon) => {
      tf.tidy(() => {
        const [x, y] = [normal(seed, rows, 3, columns), normal(seed + 1, rows, 3, columns)];
        const gain = normal<Tensor1D>(seed + 2, columns);
        nearTensors(own.rmsNorm(x, gain, epsilon), rmsNorm(x, gain, epsilon));
        nearTensors(own.swiglu(x, y), swiglu(x, y));
      });
    }),
    runs,
  );
});

test("rotaryEmbedding() of the chapter is the library's, also far along and with another theta", () => {
  fc.assert(
    fc.property(seeds, small, fc.integer({ min: 1, max: 40 }), small, (seed, H, T, half) => {
      tf.tidy(() => {
        const x = normal<Tensor4D>(seed, 2, H, T, 2 * half);
        const positions = Array.from({ length: T }, (_, t) => t);
        for (const theta of [undefined, 100_000])
          nearTensors(own.rotaryEmbedding(x, theta), rotary(x, rotaryAngles(positions, 2 * half, theta)));
      });
    }),
    runs,
  );
});

test("repeatKv() of the chapter is the library's", () => {
  fc.assert(
    fc.property(seeds, small, small, small, (seed, B, K, times) => {
      tf.tidy(() => {
        const x = normal<Tensor4D>(seed, B, K, 3, 2);
        nearTensors(own.repeatKv(x, times), repeatHeads(x, times), 0);
      });
    }),
    runs,
  );
});

test("dequantizeQ4_1() of the chapter is the library's on random blocks", () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 30 }), (seed, blocks) => {
      const random = new Random(seed);
      const bytes = Uint8Array.from(
        { length: 20 * blocks },
        (_, i) => (i % 20 === 1 || i % 20 === 3 ? 2 * random.integer(62) : random.integer(256)), // no NaN and no infinity in d and m
      );
      assert.equal(Array.from(own.dequantizeQ4_1(bytes)), Array.from(dequantize("Q4_1", bytes)));
    }),
  );
});

test.run();
