/** @file The examples run with the library as npm would pack it, from a folder outside the repository. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { rollUpDeclarations } from "../../tools/notebook/declarations.ts";

const root = path.resolve(import.meta.dirname, "../..");
const test = suite("examples");
let outside = "";

const runNode = (file: string, ...args: string[]): string =>
  execFileSync(process.execPath, [file, ...args], {
    cwd: outside,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });

test.before(() => {
  outside = mkdtempSync(path.join(tmpdir(), "gptlab-outside-"));
  rollUpDeclarations();
  const tarball = execFileSync("npm", ["pack", "--workspace", "lib", "--pack-destination", outside, "--silent"], {
    cwd: root,
    encoding: "utf8",
  });
  // What npm install would do, without a connection: the package from the tarball, its dependencies from here.
  const modules = path.join(outside, "node_modules");
  mkdirSync(path.join(modules, "gptlab"), { recursive: true });
  execFileSync("tar", [
    "-xzf",
    path.join(outside, tarball.trim()),
    "--strip-components=1",
    "-C",
    path.join(modules, "gptlab"),
  ]);
  for (const name of readdirSync(path.join(root, "node_modules"))) {
    if (name !== "gptlab" && !name.startsWith("."))
      symlinkSync(path.join(root, "node_modules", name), path.join(modules, name));
  }
  for (const name of readdirSync(path.join(root, "examples")))
    cpSync(path.join(root, "examples", name), path.join(outside, name));
});
test.after(() => rmSync(outside, { recursive: true, force: true }));

test("count-tokens.mjs shows GPT-2's tokens", () => {
  assert.is(runNode("count-tokens.mjs", "Every effort moves you").trim(), "4 tokens: [Every][ effort][ moves][ you]");
});

test("train-tokenizer.mjs writes a tokenizer that describes its own vocabulary", () => {
  writeFileSync(path.join(outside, "text.txt"), "the cat sat on the mat and the rat sat on the cat\n".repeat(20));
  assert.match(runNode("train-tokenizer.mjs", "text.txt", "tokenizer", "270"), /270 tokens in tokenizer/);
  const saved = JSON.parse(readFileSync(path.join(outside, "tokenizer/tokenizer.json"), "utf8"));
  assert.is(Object.keys(saved.model.vocab).length, 270);
});

test("train-tokenizer.mjs says in one line that a file is not there", () => {
  const { status, stderr } = spawnSync(process.execPath, ["train-tokenizer.mjs", "missing.txt"], {
    cwd: outside,
    encoding: "utf8",
  });
  assert.is(status, 1);
  assert.match(stderr, /^missing\.txt cannot be read: .*\n$/);
});

test("the package holds every file that its package.json names for types", () => {
  const folder = path.join(outside, "node_modules/gptlab");
  const text = readFileSync(path.join(folder, "package.json"), "utf8");
  const named = text.match(/\.\/dist\/[^"]*\.d\.ts/g) ?? [];
  assert.ok(named.length >= 4);
  for (const name of named) assert.ok(existsSync(path.join(folder, name)), name);
});

test("fit-line.mjs finds the line", () => {
  const [, slope, offset] = /y = ([\d.]+) x \+ ([\d.]+)/.exec(runNode("fit-line.mjs")) ?? [];
  assert.ok(Math.abs(Number(slope) - 2) < 0.05, `slope ${slope}`); // 64 points with noise 0.05: standard error about 0.01
  assert.ok(Math.abs(Number(offset) - 1) < 0.05, `offset ${offset}`);
});

test("every example is named in examples/README.md and tested here", () => {
  const readme = readFileSync(path.join(root, "examples/README.md"), "utf8");
  const self = readFileSync(import.meta.filename, "utf8");
  for (const name of readdirSync(path.join(root, "examples")).filter((file) => file.endsWith(".mjs"))) {
    assert.ok(readme.includes(`\`${name}\``) && self.includes(`"${name}"`), name);
  }
});

test.run();
