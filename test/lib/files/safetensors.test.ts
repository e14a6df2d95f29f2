import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as fc from "fast-check";
import {
  bfloat16ToFloat32,
  FormatError,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
  type HostTensor,
  nonFinite,
  openSafetensors,
  readSafetensors,
  writeSafetensors,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { refusal } from "../../support/refusal.ts";

const test = suite("safetensors");
let folder = "";
const file = (name: string) => path.join(folder, name);
const fixture = (name: string) => path.resolve(import.meta.dirname, "../../fixtures", name);
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

/** A file with this header, whose length is right unless it is given, and `size` bytes of data. */
function writeRaw(name: string, header: string | Buffer, size = 0, length = Buffer.byteLength(header)): string {
  const first = Buffer.alloc(8);
  first.writeBigUInt64LE(BigInt(length));
  writeFileSync(file(name), Buffer.concat([first, Buffer.from(header), Buffer.alloc(size)]));
  return file(name);
}
const entry = (shape: unknown, offsets: unknown, dtype: unknown = "U8") =>
  JSON.stringify({ dtype, shape, data_offsets: offsets });

const hostile: readonly (readonly [
  what: string,
  header: string | Buffer,
  bytes: number,
  reason: RegExp,
  length?: number,
])[] = [
  [
    "a header longer than any file",
    "{}",
    0,
    /header should have 4611686018427388000 bytes, but the file has 10/,
    2 ** 62,
  ],
  ["a header longer than this file", "{}", 0, /header should have 11 bytes, but the file has 10/, 11],
  ["a header that is not UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), 0, /not UTF-8 text/],
  ["a header that is not JSON", "{]", 0, /not JSON/],
  ["a header that is a list", "[]", 0, /not a JSON object/],
  ["an endless nesting", `{"a":${"[".repeat(1e5)}`, 0, /nested more than 8 deep/],
  ["a list without end", `{"a":[${"0,".repeat(2e6)}0]}`, 0, /has more than 2000000 values/],
  [
    "more names than any model has",
    `{${Array.from({ length: 250_001 }, (_, i) => `"${i}":0`)}}`,
    0,
    /has more than 250000 names/,
  ],
  ["an entry that is a number", '{"a":1}', 0, /entry "a" is not an object/],
  ["a name twice", `{"a":${entry([1], [0, 1])},"a":${entry([1], [0, 1])}}`, 1, /has the name "a" twice/],
  ["a name twice in disguise", `{"a":${entry([1], [0, 1])},"\\u0061":${entry([0], [1, 1])}}`, 1, /the name "a" twice/],
  ["a field twice", '{"a":{"dtype":"U8","dtype":"I8","shape":[],"data_offsets":[0,1]}}', 1, /the name "dtype" twice/],
  ["a type that nobody knows", `{"a":${entry([1], [0, 1], "F7")}}`, 1, /the type "F7", expected one of I64, F32/],
  ["a type from the prototype", `{"a":${entry([1], [0, 1], "constructor")}}`, 1, /the type "constructor"/],
  ["a shape of texts", `{"a":${entry(["1"], [0, 1])}}`, 1, /the shape \[string\], expected sizes/],
  ["a negative shape", `{"a":${entry([-1, -1], [0, 1])}}`, 1, /the shape \[-1, -1\]/],
  [
    "a shape beyond all numbers",
    `{"a":${entry([2 ** 52, 2 ** 52], [0, 1])}}`,
    1,
    /needs 2.*e\+31 bytes, but has 0 to 1/,
  ],
  ["a shape that is not its length", `{"a":${entry([2, 2], [0, 3])}}`, 3, /needs 4 bytes, but has 0 to 3 of 3/],
  ["three offsets", `{"a":${entry([1], [0, 1, 2])}}`, 1, /the offsets \[0, 1, 2\], expected two/],
  ["offsets that go back", `{"a":${entry([1], [1, 0])}}`, 1, /needs 1 bytes, but has 1 to 0/],
  ["data beyond the end", `{"a":${entry([9], [0, 9])}}`, 8, /has 0 to 9 of 8/],
  ["an overlap", `{"a":${entry([4], [0, 4])},"b":${entry([4], [2, 6])}}`, 6, /"b" begins at 2, expected 4/],
  ["a hole", `{"a":${entry([2], [0, 2])},"b":${entry([2], [4, 6])}}`, 6, /"b" begins at 4, expected 2/],
  ["bytes of nobody", `{"a":${entry([2], [0, 2])}}`, 6, /need 2 bytes, but there are 6/],
  ["metadata that is not text", '{"__metadata__":{"a":[]}}', 0, /metadata "a" is not a text/],
];
for (const [what, header, bytes, reason, length] of hostile)
  test(`openSafetensors() refuses ${what}`, async () => {
    const path = writeRaw("hostile", header, bytes, length);
    const error = await openSafetensors(path).catch((found: unknown) => found);
    assert.instance(error, FormatError);
    assert.is((error as FormatError).path, path);
    assert.match((error as FormatError).message, reason);
    assert.match((error as FormatError).message, /is not a whole safetensors file: .*\. Fetch or write it again$/);
  });

test("a message is short, however long what it names", async () => {
  const error = await refusal(openSafetensors(writeRaw("long", JSON.stringify({ ["x".repeat(1e5)]: 1 }))));
  assert.match(error, /the entry "x{60}…" is not an object/);
  assert.ok(error.length < 300, error.slice(0, 400));
});

test("what is not a file, and what is not there, is refused in words", async () => {
  assert.match(await refusal(openSafetensors(folder)), /cannot be opened: it is a folder/);
  assert.match(
    await refusal(openSafetensors(file("none"))),
    /cannot be opened: there is no such file\. Check the path/,
  );
  const path = writeRaw("cut", `{"a":${entry([8], [0, 8])}}`, 8);
  const opened = await openSafetensors(path);
  const { size } = statSync(path);
  truncateSync(path, size - 3);
  assert.match(
    await refusal(opened.read("a")),
    new RegExp(`FormatError: .* ended at byte ${size - 3}, expected ${size}`),
  );
  await opened.close();
});

test("readSafetensors() reads what PyTorch wrote, and rounds as PyTorch does", async () => {
  const opened = await openSafetensors(fixture("safetensors/types.safetensors"));
  const values = (await opened.read("values")).data as Float32Array;
  // Object.is tells -0 from 0 and lets NaN be NaN.
  const same = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).findIndex((x, i) => !Object.is(x, b[i]));
  const [bf16, f16] = [(await opened.read("bf16")).data, (await opened.read("f16")).data] as Float32Array[];
  assert.is(values.length, 256);
  assert.is(same(bfloat16ToFloat32(float32ToBfloat16(values)), bf16!), -1);
  assert.is(same(float16ToFloat32(float32ToFloat16(values)), f16!), -1);
  assert.equal(nonFinite(values.subarray(0, 26)), { nan: 1, infinite: 2 });
  assert.equal((await opened.read("i64")).data, BigInt64Array.of(2n ** 53n + 1n, -1n));
  assert.equal((await opened.read("i32")).data, Int32Array.of(7, -7));
  assert.equal((await opened.read("u8")).data, Uint8Array.of(0, 255));
  assert.equal(await opened.read("scalar"), f32([], [2.5]));
  assert.equal(await opened.read("empty"), f32([0, 3], []));
  assert.equal(opened.metadata, { format: "pt" });
  await opened.close();
});

test("a tensor of another type has a name and a shape, and read() says what can be read", async () => {
  const opened = await openSafetensors(fixture("safetensors/types.safetensors"));
  assert.equal(opened.info("bool"), { dtype: "BOOL", shape: [2] });
  assert.match(
    await refusal(opened.read("bool")),
    /"bool" of type BOOL, which cannot be read\. Convert it to one of F32,/,
  );
  await opened.close();
});

test("a half-precision tensor of many pieces takes the memory of its values and of one piece", async () => {
  const length = 3_000_001; // 6 MB in the file, 12 in memory
  const data = Float32Array.from({ length }, (_, i) => i % 2048);
  await writeSafetensors(file("pieces"), new Map([["w", { dtype: "F16", shape: [length], data }]]));
  const opened = await openSafetensors(file("pieces"));
  const before = process.memoryUsage().arrayBuffers;
  const found = (await opened.read("w")).data;
  const taken = process.memoryUsage().arrayBuffers - before;
  assert.ok(Buffer.from(found.buffer).equals(Buffer.from(data.buffer)));
  assert.ok(taken < 4 * length + 2 ** 21, `reading ${4 * length} bytes of values took ${taken}`);
  await opened.close();
});

test("writeSafetensors() refuses the format's own name and impossible shapes", async () => {
  const write = (name: string, shape: number[]) =>
    refusal(writeSafetensors(file("never"), new Map([[name, f32(shape, [1])]])));
  assert.match(await write("__metadata__", [1]), /RangeError: .*cannot name a tensor __metadata__/);
  assert.match(await write("a", [-1, -1]), /RangeError: .*1 values for "a" of shape \[-1, -1\]/);
  assert.not(existsSync(file("never")));
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
