/** @file A model in several files: read as one, and refused when the index and the files do not agree. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { FormatError, type HostTensor, openSharded, openTensors, writeSafetensors } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { refusal } from "../../support/refusal.ts";

const test = suite("sharded safetensors");
let folder = "";
const INDEX = "model.safetensors.index.json";
const bytes = (...values: number[]): HostTensor => ({
  dtype: "U8",
  shape: [values.length],
  data: Uint8Array.from(values),
});

test.before.each(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "gptlab-sharded-"));
  await writeSafetensors(
    path.join(folder, "model-1.safetensors"),
    new Map([
      ["a", bytes(1)],
      ["b", bytes(2, 3)],
    ]),
  );
  await writeSafetensors(
    path.join(folder, "model-2.safetensors"),
    new Map([
      ["c", bytes(4)],
      ["extra", bytes(5)],
    ]),
  );
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

const whole = { a: "model-1.safetensors", c: "model-2.safetensors", b: "model-1.safetensors" };
/** Writes the index; text as it is, anything else as JSON. */
function index(content: unknown): string {
  writeFileSync(path.join(folder, INDEX), typeof content === "string" ? content : JSON.stringify(content));
  return path.join(folder, INDEX);
}

test("openSharded() is one source of what the index names", async () => {
  const source = await openSharded(index({ metadata: { total_size: 4 }, weight_map: whole }));
  assert.equal(source.names, ["a", "c", "b"]);
  assert.equal(source.metadata, { total_size: 4 });
  assert.equal(source.info("b"), { dtype: "U8", shape: [2] });
  assert.equal(await source.read("b"), bytes(2, 3));
  assert.equal(await source.read("c"), bytes(4));
  assert.not(source.has("extra"));
  assert.throws(() => source.info("extra"), /index\.json has no tensor "extra"; it has 3, among them "a", "c", "b"/);
  await source.close();
});

test("openTensors() finds the index of a folder, and a single file before it", async () => {
  index({ weight_map: whole });
  const sharded = await openTensors(folder);
  assert.is(sharded.names.length, 3);
  await sharded.close();
  await writeSafetensors(path.join(folder, "model.safetensors"), new Map([["single", bytes(9)]]));
  const single = await openTensors(folder);
  assert.equal(single.names, ["single"]);
  await single.close();
});

test("openTensors() says what a folder without weights lacks", async () => {
  mkdirSync(path.join(folder, "empty"));
  const error = await openTensors(path.join(folder, "empty")).catch((found: unknown) => found);
  assert.instance(error, FormatError);
  assert.match(String(error), /neither model\.safetensors nor model\.safetensors\.index\.json\. Name a folder/);
});

const outside = (file: string) => ({ weight_map: { ...whole, b: file } });
const wrong: readonly (readonly [what: string, content: unknown, reason: RegExp])[] = [
  ["text that is not JSON", "{", /its text is not JSON/],
  ["no map", { metadata: {} }, /no "weight_map"/],
  ["a map that is a list", { weight_map: ["a"] }, /no "weight_map"/],
  ["a tensor twice", `{"weight_map":{"a":"model-1.safetensors","a":"model-2.safetensors"}}`, /the name "a" twice/],
  [
    "a file that is not there",
    outside("model-3.safetensors"),
    /the file "model-3\.safetensors", which it names, is missing\. Fetch/,
  ],
  [
    "a tensor that its file does not have",
    outside("model-2.safetensors"),
    /says that "b" is in "model-2\.safetensors", which does not have it/,
  ],
  [
    "a path to the folder above",
    outside("../model-1.safetensors"),
    /"b" is in "\.\.\/model-1\.safetensors", expected the name of a file beside it/,
  ],
  ["an absolute path", outside("/dev/zero"), /expected the name of a file beside it/],
  ["a path of Windows", outside("..\\model-1.safetensors"), /expected the name of a file beside it/],
  ["the folder above", outside(".."), /expected the name of a file beside it/],
  ["a name with a zero byte", outside("model-1.safetensors\0"), /expected the name of a file beside it/],
  ["no name", outside(""), /expected the name of a file beside it/],
  ["a number for a name", { weight_map: { a: 1 } }, /"a" is in 1, expected the name of a file beside it/],
  ["itself", outside(INDEX), /index\.json is not a whole safetensors file/],
];
for (const [what, content, reason] of wrong)
  test(`openSharded() refuses ${what}`, async () => {
    const error = await openSharded(index(content)).catch((found: unknown) => found);
    assert.instance(error, FormatError);
    assert.match((error as FormatError).message, reason);
  });

test("openSharded() names the broken one of its files, and leaves none open", async () => {
  writeFileSync(path.join(folder, "model-2.safetensors"), "broken!!!!");
  const open = () => (existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd").length : 0);
  const before = open();
  assert.match(
    await refusal(openSharded(index({ weight_map: whole }))),
    /model-2\.safetensors is not a whole safetensors file/,
  );
  assert.is(open(), before);
});

test.run();
