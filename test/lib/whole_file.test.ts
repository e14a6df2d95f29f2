import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { writeWhole } from "../../lib/dist/whole_file.js";
import { withFullDisk } from "../support/small_files.ts";

const test = suite("writeWhole");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-whole-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const fresh = (): string => mkdtempSync(path.join(folder, "w"));

test("writeWhole() writes text and bytes, and leaves nothing else behind", async () => {
  const dir = fresh();
  await writeWhole([
    { path: path.join(dir, "a"), chunks: ["é", Uint8Array.of(33), ""] },
    { path: path.join(dir, "b"), chunks: [] },
  ]);
  assert.is(readFileSync(path.join(dir, "a"), "utf8"), "é!");
  assert.is(readFileSync(path.join(dir, "b"), "utf8"), "");
  assert.equal(readdirSync(dir), ["a", "b"]);
});

test("writeWhole() changes no file when the content of one breaks off", async () => {
  const dir = fresh();
  for (const name of ["a", "b"]) writeFileSync(path.join(dir, name), "old");
  function* broken(): Generator<string> {
    yield "half";
    throw new Error("the disk is full");
  }
  await writeWhole([
    { path: path.join(dir, "a"), chunks: ["new"] },
    { path: path.join(dir, "b"), chunks: broken() },
  ]).then(
    () => assert.unreachable("it was written"),
    (error: unknown) => assert.match(String(error), "the disk is full"),
  );
  assert.equal(readdirSync(dir), ["a", "b"]);
  for (const name of ["a", "b"]) assert.is(readFileSync(path.join(dir, name), "utf8"), "old");
});

if (process.platform !== "win32")
  test("writeWhole() changes nothing when there is no room, and names the file and the remedy", async () => {
    const dir = fresh();
    writeFileSync(path.join(dir, "a"), "old");
    const big = JSON.stringify(path.join(dir, "a"));
    const said = await withFullDisk(
      64,
      `const { writeSafetensors } = require("gptlab");
       const tensors = new Map([["w", { dtype: "F32", shape: [50000], data: new Float32Array(50000) }]]);
       writeSafetensors(${big}, tensors).catch((error) => console.log(String(error)));`,
    );
    assert.match(said, /a could not be written: there is no room left \(EFBIG\)\. No file was changed\. Make room/);
    assert.equal(readdirSync(dir), ["a"]);
    assert.is(readFileSync(path.join(dir, "a"), "utf8"), "old");
  });

test("writeWhole() says which folder is missing", async () => {
  await writeWhole([{ path: path.join(folder, "nowhere/a"), chunks: ["x"] }]).then(
    () => assert.unreachable("it was written"),
    (error: unknown) => assert.match(String(error), /ENOENT.*nowhere/),
  );
  mkdirSync(path.join(folder, "nowhere")); // and that it made none
});

test.run();
