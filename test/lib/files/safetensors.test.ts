import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as fc from "fast-check";
import { type HostTensor, openSafetensors, Random, readSafetensors, writeSafetensors } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("safetensors");
let folder = "";
const file = (name: string) => path.join(folder, name);
test.before(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gptlab-safetensors-"));
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

const f32 = (shape: number[], values: number[]): HostTensor => ({
  dtype: "F32",
  shape,
  data: Float32Array.from(values),
});
const small = new Map<string, HostTensor>([
  ["b", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 255) }],
  ["w", f32([2, 2], [1, -2, 3.5, 0])],
  ["big", { dtype: "I64", shape: [2], data: BigInt64Array.of(-1n, 2n ** 40n) }],
  ["ids", { dtype: "I32", shape: [], data: Int32Array.of(-7) }],
  ["half", { dtype: "F16", shape: [3], data: Float32Array.of(0.5, -2, 1) }],
  ["brain", { dtype: "BF16", shape: [2], data: Float32Array.of(0.5, -3) }],
  ["none", f32([0, 4], [])],
]);

test("readSafetensors() gives back what writeSafetensors() wrote, metadata too", async () => {
  await writeSafetensors(file("small"), small, { format: "pt" });
  const { tensors, metadata } = await readSafetensors(file("small"));
  assert.equal(metadata, { format: "pt" });
  assert.is(tensors.size, small.size);
  for (const [name, tensor] of small) assert.equal(tensors.get(name), tensor, name);
});

test("writeSafetensors() gives the same bytes whatever the order of the map", async () => {
  await writeSafetensors(file("one"), small);
  await writeSafetensors(file("two"), new Map([...small].reverse()));
  assert.ok(readFileSync(file("one")).equals(readFileSync(file("two"))));
});

test("writeSafetensors() aligns every tensor and pads the header to 8 bytes", async () => {
  await writeSafetensors(file("aligned"), small);
  const bytes = readFileSync(file("aligned"));
  const length = Number(bytes.readBigUInt64LE());
  assert.is(length % 8, 0);
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<
    string,
    { dtype: string; data_offsets: [number, number] }
  >;
  const width: Record<string, number> = { I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, U8: 1 };
  for (const [name, { dtype, data_offsets }] of Object.entries(header))
    assert.is(data_offsets[0] % width[dtype]!, 0, name);
});

test("writeSafetensors() leaves the old file and no other when it fails", async () => {
  await writeSafetensors(file("kept"), small);
  const before = readFileSync(file("kept"));
  const wrong = new Map<string, HostTensor>([["w", f32([3], [1, 2])]]);
  try {
    await writeSafetensors(file("kept"), wrong);
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /RangeError: .*2 values for "w" of shape \[3\], expected 3/);
  }
  assert.ok(readFileSync(file("kept")).equals(before));
  assert.is(readdirSync(folder).filter((name) => name.endsWith(".part")).length, 0);
});

test("openSafetensors() reads one tensor and says which names there are", async () => {
  await writeSafetensors(file("open"), small);
  const opened = await openSafetensors(file("open"));
  assert.equal(opened.info("w"), { dtype: "F32", shape: [2, 2] });
  assert.equal((await opened.read("ids")).data, Int32Array.of(-7));
  assert.throws(() => opened.info("x"), /has no tensor "x"/);
  await opened.close();
});

test("a broken or hostile file is refused with a reason, whatever byte was changed", async () => {
  await writeSafetensors(file("whole"), small, { format: "pt" });
  const whole = readFileSync(file("whole"));
  const random = new Random(1);
  const headerEnd = 8 + Number(whole.readBigUInt64LE());
  let refused = 0;
  for (let i = 0; i < 500; i++) {
    const mutated = Buffer.from(i % 3 === 0 ? whole.subarray(0, random.integer(whole.length)) : whole);
    for (let k = 0; i % 3 && k <= i % 4; k++) mutated[random.integer(headerEnd)] = random.integer(256);
    writeFileSync(file("mutated"), mutated);
    await readSafetensors(file("mutated")).then(
      ({ tensors }) => {
        for (const { shape, data } of tensors.values())
          assert.is(
            shape.reduce((a, b) => a * b, 1),
            data.length,
          );
      },
      (error: unknown) => {
        refused++;
        assert.ok(error instanceof Error && error.message.includes("is not a whole safetensors file"), String(error));
      },
    );
  }
  assert.ok(refused > 300, `only ${refused} of 500 were refused`);
});

test("a header that promises too much is refused before any large allocation", async () => {
  const huge = Buffer.alloc(16);
  huge.writeBigUInt64LE(2n ** 62n);
  writeFileSync(file("huge"), huge);
  const overlap = JSON.stringify({
    a: { dtype: "U8", shape: [4], data_offsets: [0, 4] },
    b: { dtype: "U8", shape: [4], data_offsets: [2, 6] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(overlap.length));
  writeFileSync(file("overlap"), Buffer.concat([length, Buffer.from(overlap), Buffer.alloc(6)]));
  for (const [name, reason] of [
    ["huge", /header should have/],
    ["overlap", /"b" begins at 2, expected 4/],
  ] as const) {
    try {
      await readSafetensors(file(name));
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), reason);
    }
  }
});

test("any float32 values and any name survive", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), fc.array(fc.float(), { maxLength: 20 })), {
        maxLength: 5,
        selector: ([name]) => name,
      }),
      async (values) => {
        const tensors = new Map(
          values.filter(([name]) => name !== "__metadata__").map(([name, list]) => [name, f32([list.length], list)]),
        );
        await writeSafetensors(file("any"), tensors);
        // Bytes, because NaN is not equal to itself and -0 is equal to 0.
        const bytes = (found: Map<string, HostTensor>) =>
          Array.from(found, ([name, { dtype, shape, data }]) => [
            name,
            dtype,
            shape,
            Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex"),
          ]).sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1));
        assert.equal(bytes((await readSafetensors(file("any"))).tensors), bytes(tensors));
      },
    ),
    { numRuns: 60, examples: [[[[" ", [Number.NaN, -0]]]], [[["__proto__", [1]]]]] },
  );
});

test.run();
