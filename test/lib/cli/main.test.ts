/** @file The command gptlab: its help, its errors, and `gptlab setup` where it has nothing to do. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { makeProject } from "../../support/project.ts";
import { skip } from "../../support/skip.ts";

const test = suite("gptlab");
const project = makeProject("unbuilt");
const cache = mkdtempSync(path.join(tmpdir(), "gptlab-main-"));
test.after(() => {
  project.remove();
  rmSync(cache, { recursive: true, force: true });
});
/** A machine without a compiler and without Python. */
const bare = { GPTLAB_CACHE: cache, PATH: "/nowhere", CXX: undefined, PYTHON: undefined, VIRTUAL_ENV: undefined };

test("gptlab --help lists the commands", async () => {
  const { code, stdout } = await project.gptlab(["--help"]);
  assert.is(code, 0);
  for (const command of ["setup", "doctor", "data", "pretrain", "continue", "generate", "chat", "export"])
    assert.match(stdout, new RegExp(`^  ${command} `, "m"));
});

test("gptlab refuses an unknown command and says where the list is", async () => {
  const { code, stdout, stderr } = await project.gptlab(["setpu"]);
  assert.is(code, 1);
  assert.is(stdout, "");
  assert.match(stderr, "unknown command 'setpu'");
  assert.match(stderr, "gptlab --help");
});

test(
  "gptlab setup says again in one line what the last one said, and ends well",
  process.platform === "linux" && process.arch === "x64"
    ? async () => {
        const line =
          "native TensorFlow is not available (no C++ compiler); going on with WebAssembly; remedy: install g++";
        const wanted = "tensorflow-cpu-2.21.0-linux-x64";
        const state = { format: 1, wanted, packageVersion: "4.22.0", outcome: "wasm" };
        mkdirSync(path.join(cache, "engine"), { recursive: true });
        const text = JSON.stringify({ ...state, missing: ["compiler"], line, compilers: [] });
        writeFileSync(path.join(cache, "engine/state.json"), text);
        const ended = await project.gptlab(["setup"], { ...bare, CUDA_VISIBLE_DEVICES: "-1" });
        assert.equal(ended, { code: 0, stdout: `${line}\n`, stderr: "" });
      }
    : skip("the state written here is that of Linux on x64; setup.test.ts covers the others"),
);

test("gptlab pretrain refuses at once what cannot be done: no engine is started, no data are fetched", async () => {
  const run = path.join(cache, "run");
  const early = await project.gptlab(["pretrain", "--finish", "--run", run], bare);
  assert.is(early.code, 1);
  assert.is(early.stdout, "");
  assert.match(early.stderr, /^gptlab: finish lets [^\n]* holds none\. Train without it first\n$/);
  const both = await project.gptlab(["pretrain", "--finish", "--steps", "300", "--run", run], bare);
  assert.is(both.code, 1);
  assert.match(both.stderr, /'--finish' cannot be used with option '--steps <number>'/);
  assert.not(existsSync(run));
});

test("an error is one line without a stack trace; DEBUG=gptlab shows where it arose", async () => {
  const file = path.join(cache, "no-folder");
  writeFileSync(file, "a file where a folder should be");
  const env = { ...bare, GPTLAB_CACHE: file };
  const { code, stderr } = await project.gptlab(["setup"], env);
  assert.is(code, 1);
  assert.match(stderr, /^gptlab: [^\n]*no-folder[^\n]*\n$/);
  assert.match((await project.gptlab(["setup"], { ...env, DEBUG: "gptlab" })).stderr, /\n {4}at /);
});

test.run();
