/** @file GGUF files: every type equal to the reference de-quantiser, metadata equal to another reader's, and broken headers refused before memory is taken. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gguf as readByHub } from "@huggingface/gguf";
import { blockSize, dequantize, FormatError, openGguf, openTensors, readGguf, readSafetensors } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { text, u32, u64 } from "../../support/gguf_file.ts";
import { refusal } from "../../support/refusal.ts";

const test = suite("gguf");
const fixture = (name: string) => path.resolve(import.meta.dirname, "../../fixtures/gguf", name);
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-gguf-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const [U8, U32, STRING, ARRAY] = [0, 4, 8, 9];
const [F32, Q4_1, Q8_0] = [0, 3, 8];
interface RawTensor {
  name?: string;
  axes?: (number | bigint)[];
  type?: number;
  offset?: number | bigint;
}
/** A GGUF file as bytes; what is not given is as it should be. */
function bytesOf(parts: {
  version?: number;
  tensors?: RawTensor[];
  pairs?: Buffer[];
  tensorCount?: number | bigint;
  pairCount?: number | bigint;
  data?: Buffer;
}): Buffer {
  const { version = 3, tensors = [], pairs = [], data = Buffer.alloc(0) } = parts;
  const infos = tensors.map(({ name = "w", axes = [8], type = F32, offset = 0 }) =>
    Buffer.concat([text(name), u32(axes.length), ...axes.map(u64), u32(type), u64(offset)]),
  );
  const counts = [u64(parts.tensorCount ?? tensors.length), u64(parts.pairCount ?? pairs.length)];
  const header = Buffer.concat([Buffer.from("GGUF"), u32(version), ...counts, ...pairs, ...infos]);
  return Buffer.concat([header, Buffer.alloc(-header.length & 31), data]);
}
const pair = (key: string, type: number, ...value: Buffer[]) => Buffer.concat([text(key), u32(type), ...value]);
function write(bytes: Buffer): string {
  const at = path.join(folder, "written.gguf");
  writeFileSync(at, bytes);
  return at;
}

test("read() gives the values of the reference de-quantiser, bit for bit", async () => {
  const { tensors: expected } = await readSafetensors(fixture("quants.safetensors"));
  const file = await openGguf(fixture("quants.gguf"));
  assert.is(expected.size, 16);
  for (const [name, { shape, data }] of expected) {
    const found = await file.read(name);
    const type = name.replace(".bits", "");
    assert.equal(file.info(name), { dtype: type, shape }, name);
    assert.is(found.dtype, ["F16", "BF16"].includes(type) ? type : "F32");
    assert.equal(found.shape, shape);
    assert.ok(Buffer.from(found.data.buffer).equals(Buffer.from(data.buffer)), `${name} has other values`);
  }
  assert.equal((await file.read("i32")).data, Int32Array.of(1, -2, 2 ** 31 - 1));
  assert.equal((await file.read("i64")).data, BigInt64Array.of(2n ** 40n, -1n));
  await file.close();
});

test("a tensor of a type that is not read has a name and a shape, and read() says what can be read", async () => {
  const file = await openGguf(fixture("quants.gguf"));
  assert.equal(file.info("unreadable"), { dtype: "Q2_K", shape: [2, 256] });
  assert.match(
    await refusal(file.read("unreadable")),
    /FormatError: .*of type Q2_K, which cannot be read\. Convert it to one of F32,/,
  );
  assert.match(await refusal(file.read("none")), /FormatError: .*no tensor "none"; it has 19, among them "F32",/);
  await file.close();
});

test("the metadata of every type is read: integers as numbers where they fit, else as bigint", async () => {
  const file = await openGguf(fixture("quants.gguf"));
  await file.close();
  const { metadata } = file;
  assert.equal(metadata["test.uint64"], 2n ** 63n + 1n);
  assert.equal(metadata["test.int64"], -(2 ** 40));
  assert.equal(metadata["test.float32"], Math.fround(1e-5));
  assert.equal(metadata["test.bool"], true);
  assert.equal(metadata["test.string"], "متن 😀");
  assert.equal(metadata["test.strings"], ["a", "", "Ġthe"]);
  assert.equal(metadata["test.numbers"], [1, -2, 3]);
});

for (const name of ["quants.gguf", "chat-tiny.gguf"])
  test(`the header of ${name} is what @huggingface/gguf reads`, async () => {
    const hub = await readByHub(fixture(name), { allowLocalFile: true });
    const { version, tensor_count, kv_count, ...pairs } = hub.metadata as unknown as Record<string, unknown>;
    const plain = (value: unknown) =>
      typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
    const file = await openGguf(fixture(name));
    assert.equal([version, Number(tensor_count), Number(kv_count)], [3, file.names.length, Object.keys(pairs).length]);
    assert.equal(
      file.metadata,
      Object.fromEntries(
        Object.entries(pairs).map(([key, value]) => [key, Array.isArray(value) ? value.map(plain) : plain(value)]),
      ),
    );
    assert.equal(
      file.names.map((tensor) => [tensor, file.info(tensor).shape]),
      hub.tensorInfos.map((tensor) => [tensor.name, tensor.shape.map(Number).reverse()]),
    );
    await file.close();
  });

test("dequantize() is the same in pieces: the seams of a large tensor are right", async () => {
  const { bytes: size, values } = blockSize("Q4_1");
  const blocks = Buffer.alloc(size * 110_000); // 2.2 MB: two seams
  for (let i = 0; i < blocks.length; i += 7) blocks[i] = i;
  const at = write(bytesOf({ tensors: [{ axes: [values, 110_000], type: Q4_1 }], data: blocks }));
  const file = await openTensors(at);
  const { shape, data } = await file.read("w");
  assert.equal(shape, [110_000, 32]);
  assert.ok(Buffer.from(data.buffer).equals(Buffer.from(dequantize("Q4_1", blocks).buffer)));
  await file.close();
});

test("dequantize() refuses half a block", () => {
  assert.throws(
    () => dequantize("Q8_0", new Uint8Array(35)),
    /needs 34 bytes of Q8_0 for each 32 values, but found 35 bytes/,
  );
  assert.throws(() => dequantize("Q8_0", new Uint8Array(34), new Float32Array(31)), /found 34 bytes for 31 values/);
});

test("a string across any boundary is whole, and a header of many windows is read", async () => {
  const tokens = Array.from({ length: 130_000 }, (_, i) => `token ${i}`); // 2.3 MB
  const list = pair("tokens", ARRAY, u32(STRING), u64(tokens.length), Buffer.concat(tokens.map(text)));
  const long = "x".repeat(2 ** 21);
  const { metadata } = await readGguf(write(bytesOf({ pairs: [list, pair("long", STRING, text(long))] })));
  assert.equal(metadata["tokens"], tokens);
  assert.is(metadata["long"], long);
});

test("names from the prototype are names like others", async () => {
  const pairs = [pair("__proto__", U32, u32(7)), pair("constructor", U32, u32(8))];
  const { metadata, tensors } = await readGguf(
    write(bytesOf({ pairs, tensors: [{ name: "__proto__" }], data: Buffer.alloc(32) })),
  );
  assert.equal(Object.entries(metadata), [
    ["__proto__", 7],
    ["constructor", 8],
  ]);
  assert.is(tensors.get("__proto__")?.data.length, 8);
});

const data = Buffer.alloc(64);
const alignment = (value: number) => [pair("general.alignment", U32, u32(value))];
const hostile: readonly (readonly [what: string, bytes: Buffer, reason: RegExp])[] = [
  ["nothing", Buffer.alloc(0), /ends at byte 0, in the middle of its first bytes/],
  [
    "another format",
    Buffer.from("PK\x03\x04 a zip archive, really"),
    /begins with "PK\\u0003\\u0004", expected "GGUF"/,
  ],
  ["the first version", bytesOf({ version: 1 }), /its version is 1, expected 2 or 3/],
  ["the other order of bytes", bytesOf({ version: 0x03000000 }), /its version is 50331648 \(big-endian\?\)/],
  [
    "ten million tensors in 24 bytes",
    bytesOf({ tensorCount: 1e7 }).subarray(0, 24),
    /should have 10000000 tensors, but 8 bytes have room for at most 0/,
  ],
  [
    "more tensors than numbers count",
    bytesOf({ tensorCount: 2n ** 64n - 1n }),
    /number of tensors is 18446744073709551615/,
  ],
  ["more pairs than bytes", bytesOf({ pairCount: 3 }), /should have 3 metadata pairs, but 8 bytes have room/],
  [
    "a key of 4 GB",
    bytesOf({ pairs: [Buffer.concat([u64(2 ** 32), Buffer.alloc(64)])] }),
    /ends at byte 96, in the middle of a metadata key/,
  ],
  [
    "a key twice",
    bytesOf({ pairs: [pair("a", U32, u32(1)), pair("a", U32, u32(2))] }),
    /metadata has the key "a" twice/,
  ],
  [
    "a value of an unknown type",
    bytesOf({ pairs: [pair("a", 13, u32(1))] }),
    /"a" has the value type 13, expected 0 to 12/,
  ],
  [
    "a list of a billion",
    bytesOf({ pairs: [pair("a", ARRAY, u32(U8), u64(1e9))] }),
    /should have 1000000000 values in "a", but \d+ bytes/,
  ],
  [
    "a list of lists",
    bytesOf({ pairs: [pair("a", ARRAY, u32(ARRAY), u64(1), u32(U8), u64(0))] }),
    /"a" is a list of the type 9, expected plain values/,
  ],
  [
    "a header cut in a value",
    bytesOf({ pairs: [pair("a", STRING, text("hello world"))] }).subarray(0, 50),
    /ends at byte 50, in the middle of the value of "a"/,
  ],
  [
    "a tensor of five axes",
    bytesOf({ tensors: [{ axes: [1, 1, 1, 1, 1] }], data }),
    /"w" has 5 axes, expected at most 4/,
  ],
  [
    "an axis beyond all numbers",
    bytesOf({ tensors: [{ axes: [2n ** 63n] }], data }),
    /an axis of "w" is 9223372036854775808/,
  ],
  [
    "axes whose product is beyond all numbers",
    bytesOf({ tensors: [{ axes: [2 ** 40, 2 ** 40] }], data }),
    /"w" has the shape \[1099511627776, 1099511627776\], more/,
  ],
  [
    "a type that ggml does not have",
    bytesOf({ tensors: [{ type: 99 }], data }),
    /"w" has the type 99, which ggml does not have/,
  ],
  [
    "half a block in a row",
    bytesOf({ tensors: [{ axes: [48, 2], type: Q8_0 }], data }),
    /of type Q8_0 has rows of 48 values, expected a multiple of 32/,
  ],
  ["a name twice", bytesOf({ tensors: [{}, { offset: 32 }], data }), /has the tensor "w" twice/],
  [
    "data beyond the end",
    bytesOf({ tensors: [{ axes: [17] }], data }),
    /"w" of shape \[17\] needs bytes 64 to 132, but the file has 128/,
  ],
  ["data that begin beyond the end", bytesOf({ tensors: [{ offset: 2 ** 52 }], data }), /needs bytes 4503599627370560/],
  ["data at an odd place", bytesOf({ tensors: [{ offset: 4 }], data }), /begins at 4, expected a multiple of 32/],
  [
    "two tensors in one place",
    bytesOf({ tensors: [{ axes: [9] }, { name: "v", offset: 32 }], data }),
    /"v" begins at 128, inside that of another tensor, which ends at 132/,
  ],
  [
    "an alignment of 0",
    bytesOf({ pairs: alignment(0), tensors: [{}], data }),
    /alignment is 0, expected a power of two/,
  ],
  [
    "an alignment of 3",
    bytesOf({ pairs: alignment(3), tensors: [{}], data }),
    /alignment is 3, expected a power of two/,
  ],
  [
    "an alignment in words",
    bytesOf({ pairs: [pair("general.alignment", STRING, text("x".repeat(99)))], data }),
    /alignment is "x{60}…", expected/,
  ],
];
for (const [what, bytes, reason] of hostile)
  test(`openGguf() refuses ${what}`, async () => {
    const at = write(bytes);
    const error = await openGguf(at).catch((found: unknown) => found);
    assert.instance(error, FormatError);
    assert.is((error as FormatError).path, at);
    assert.match((error as FormatError).message, reason);
    assert.match((error as FormatError).message, /is not a whole GGUF file: .*\. Fetch or write it again$/);
  });

test("openGguf() refuses one part of a split file, and says how to join them", async () => {
  const at = write(bytesOf({ pairs: [pair("split.count", 2, Buffer.of(3, 0))] }));
  assert.match(
    await refusal(openGguf(at)),
    /FormatError: .*one of 3 parts of a GGUF file\. Join them first: llama-gguf-split --merge/,
  );
});

test("openTensors() knows a GGUF file by its content, and a broken one by its name", async () => {
  const other = path.join(folder, "model.bin");
  writeFileSync(other, readFileSync(fixture("quants.gguf")));
  const file = await openTensors(other);
  assert.is(file.names.length, 19);
  await file.close();
  assert.match(await refusal(openTensors(write(Buffer.from("no")))), /is not a whole GGUF file/);
});

test.run();
