/**
 * @file Thousands of damaged files, always the same ones: each is read whole, or refused by FormatError in words. Never another
 * error, a long wait or much memory. Files made to fool one check each are in the tests of their format.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { FormatError, openTensors, Random, type TensorSource } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("hostile files");
const fixture = (name: string) => path.resolve(import.meta.dirname, "../../fixtures", name);
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-hostile-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const EXTREMES = [0n, 1n, 7n, 31n, 2n ** 31n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const JSON_VALUES = [
  "-1",
  "0",
  "1.5",
  "1e999",
  "18446744073709551616",
  "null",
  "true",
  '""',
  '"a"',
  "[]",
  "{}",
  "[[[[[[[[[]]]]]]]]]",
];
const NAMES = [
  '"../x"',
  '"/dev/zero"',
  '"x\\u0000"',
  '"__proto__"',
  '"__metadata__"',
  '"dtype"',
  '"weight_map"',
  '"F16"',
  '"2.safetensors"',
];
const pick = <T>(list: readonly T[], random: Random): T => list[random.integer(list.length)]!;

/** What can happen to bytes of any format. `header` is where most of the damage goes. */
const damages: readonly ((bytes: Buffer, random: Random, header: number) => Buffer)[] = [
  (bytes, random) => bytes.subarray(0, random.integer(bytes.length)),
  (bytes, random) => Buffer.concat([bytes, Buffer.alloc(1 + random.integer(99), random.integer(256))]),
  (bytes, random, header) => {
    for (let i = random.integer(4); i >= 0; i--) bytes[random.integer(header)] = random.integer(256);
    return bytes;
  },
  (bytes, random, header) => {
    bytes.writeBigUInt64LE(pick(EXTREMES, random), random.integer(header - 8));
    return bytes;
  },
  (bytes, random, header) => {
    bytes.writeUInt32LE(Number(pick(EXTREMES, random) % 2n ** 32n), random.integer(header - 4));
    return bytes;
  },
  (bytes, random, header) => {
    const [from, to] = [random.integer(header), random.integer(header)];
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from, from + random.integer(80)), bytes.subarray(to)]);
  },
  (bytes, random, header) => {
    const from = random.integer(header);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + random.integer(40))]);
  },
];

/** One value or name of a JSON text becomes another. */
function damageJson(text: string, random: Random): string {
  const plain = random.integer(4) > 0;
  const places = [...text.matchAll(plain ? /"[^"]*"|\d+/g : /\[[^[\]]*\]|\{[^{}]*\}/g)];
  if (places.length === 0) return text.slice(1);
  const place = pick(places, random);
  const value = random.integer(3) === 0 ? pick(places, random)[0] : pick([...JSON_VALUES, ...NAMES], random);
  return text.slice(0, place.index) + value + text.slice(place.index + place[0].length);
}

/** The JSON header damaged, its length right: checks behind the first are reached. */
function damageHeader(bytes: Buffer, random: Random): Buffer {
  const end = 8 + Number(bytes.readBigUInt64LE());
  const header = Buffer.from(damageJson(bytes.subarray(8, end).toString(), random));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, bytes.subarray(end)]);
}

interface Outcome {
  /** Why it was refused, without what differs from file to file; undefined when it was read. */
  readonly reason?: string;
}

/** Reads all of a file; whatever comes is whole, or a FormatError of ours. */
async function outcomeOf(at: string): Promise<Outcome> {
  const started = process.cpuUsage();
  let source: TensorSource | undefined;
  try {
    source = await openTensors(at);
    for (const name of source.names) {
      const { shape, data } = await source.read(name);
      const size = shape.reduce((product, length) => product * length, 1);
      assert.is(data.length, size, `"${name}" has ${data.length} values for the shape ${shape.join(", ")}`);
    }
    return {};
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    assert.ok(error.message.startsWith(error.path) && error.path.startsWith(folder), error.message);
    const said = error.message.slice(error.path.length);
    assert.match(said, /is not a whole |cannot be read|has no tensor|one of \d+ parts/);
    assert.ok(said.length < 500, said);
    return { reason: said.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.e+]*|\[.*?\]/g, "#") };
  } finally {
    await source?.close();
    const { user, system } = process.cpuUsage(started);
    assert.ok(user + system < 2e6, `${at} took ${(user + system) / 1e6} seconds`);
  }
}

/** Damages and reads `count` times; the counts of the outcomes. */
async function attack(count: number, seed: number, damaged: (random: Random, i: number) => string) {
  const random = new Random(seed);
  const reasons = new Map<string, number>();
  let whole = 0;
  const before = process.resourceUsage().maxRSS; // in kB
  for (let i = 0; i < count; i++) {
    const { reason } = await outcomeOf(damaged(random, i));
    if (reason === undefined) whole++;
    else reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  const grown = (process.resourceUsage().maxRSS - before) / 1024;
  assert.ok(grown < 150, `the process grew by ${grown} MB`);
  return { whole, reasons };
}

const write = (name: string, bytes: Buffer | string): string => {
  writeFileSync(path.join(folder, name), bytes);
  return path.join(folder, name);
};

test("900 damaged safetensors files", async () => {
  const text = readFileSync(fixture("safetensors/types.safetensors"), "latin1");
  // All of its tensors can be read: what is refused is refused for the damage.
  const bytes = Buffer.from(text.replace('"BOOL"', '"U8"  ').replace('"F64"', '"I64"'), "latin1");
  const header = 8 + Number(bytes.readBigUInt64LE());
  const { whole, reasons } = await attack(900, 1, (random, i) => {
    const damage = i % 2 ? damageHeader : pick(damages, random);
    return write("model.bin", damage(Buffer.from(bytes), random, header));
  });
  assert.ok(
    reasons.size >= 18,
    `only ${reasons.size} reasons:\n${[...reasons].map(([why, count]) => `${count} ${why}`).join("\n")}`,
  );
  assert.ok(whole > 10 && whole < 450, `${whole} of 900 were read`);
});

test("600 damaged sets of shards", async () => {
  const shards = path.join(folder, "shards");
  mkdirSync(shards);
  const entry = (begin: number, end: number) => ({ dtype: "U8", shape: [end - begin], data_offsets: [begin, end] });
  const parts: Record<string, Buffer> = {};
  for (const [name, tensors] of Object.entries({
    "1.safetensors": { a: entry(0, 3), b: entry(3, 8) },
    "2.safetensors": { c: entry(0, 2) },
  })) {
    const header = Buffer.from(JSON.stringify(tensors));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    parts[name] = Buffer.concat([length, header, Buffer.alloc(name === "1.safetensors" ? 8 : 2, 1)]);
  }
  const map = { a: "1.safetensors", b: "1.safetensors", c: "2.safetensors" };
  const index = JSON.stringify({ metadata: { total_size: 10 }, weight_map: map });
  const { whole, reasons } = await attack(600, 2, (random, i) => {
    for (const name of readdirSync(shards)) rmSync(path.join(shards, name));
    for (const [name, bytes] of Object.entries(parts)) write(`shards/${name}`, bytes);
    if (i % 5 === 0) write("shards/1.safetensors", damageHeader(Buffer.from(parts["1.safetensors"]!), random));
    if (i % 7 === 0) rmSync(path.join(shards, `${1 + random.integer(2)}.safetensors`));
    const text = Buffer.from(i % 3 ? damageJson(index, random) : index);
    write("shards/model.safetensors.index.json", i % 4 ? text : pick(damages, random)(text, random, text.length));
    return shards;
  });
  assert.ok(
    reasons.size >= 18,
    `only ${reasons.size} reasons:\n${[...reasons].map(([why, count]) => `${count} ${why}`).join("\n")}`,
  );
  assert.ok(whole > 10 && whole < 300, `${whole} of 600 were read`);
});

test("900 damaged GGUF files", async () => {
  const bytes = readFileSync(fixture("gguf/quants.gguf"));
  const header = bytes.indexOf("unreadable") + 150; // what follows is data
  const end = bytes.indexOf("unreadable") + "unreadable".length; // then rank, two axes of 8 bytes, type
  bytes.writeUInt32LE(1, end + 4 + 8); // one row
  bytes.writeUInt32LE(2, end + 4 + 16); // of Q4_0
  const { whole, reasons } = await attack(900, 3, (random) =>
    write("model.gguf", pick(damages, random)(Buffer.from(bytes), random, header)),
  );
  assert.ok(
    reasons.size >= 25,
    `only ${reasons.size} reasons:\n${[...reasons].map(([why, count]) => `${count} ${why}`).join("\n")}`,
  );
  assert.ok(whole > 10 && whole < 450, `${whole} of 900 were read`);
});

test.run();
