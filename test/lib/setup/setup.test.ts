/** @file setUp(): every machine that a user may have, and that a second set-up does no work on any of them. */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type SetupResult, setUp } from "../../../lib/dist/setup/setup.js";
import { engineFiles } from "../../../lib/dist/setup/wheels.js";
import { Machine } from "../../support/machine.ts";

const test = suite<{ machine: Machine }>("setUp()");
test.before.each((context) => {
  context.machine = new Machine();
});
test.after.each(({ machine }) => machine.remove());

/** Sets up and gives the result and what was done for it. */
async function run(machine: Machine, force = false): Promise<SetupResult & { log: string[] }> {
  machine.log = [];
  const result = await setUp({ force, tools: machine.tools });
  return { ...result, log: machine.log };
}

/** A second set-up: nothing is done, the line is the same. */
async function secondDoesNothing(machine: Machine, line: string): Promise<void> {
  const again = await run(machine);
  assert.is(again.line, line);
  assert.equal(again.log, []);
  assert.is(again.worked, false);
}

const READY = "native TensorFlow is ready: libtensorflow 2.21.0 on the CPU, 2 threads";
const SCRIPT = "scripts/install.js cpu download (at most 120 s)";
const BUILD = ["download tensorflow-cpu", "compile with c++", "probe"];
const BUILD_FAILED =
  "; going on with WebAssembly; remedy: npx gptlab doctor shows the state; when the cause is mended, run npx gptlab setup --force";
const NOT_REACHED = "the prebuilt download failed: getaddrinfo ENOTFOUND host";

test("setUp() fetches libtensorflow, compiles, tries it; the second time it does nothing", async ({ machine }) => {
  const { line, outcome, log, worked } = await run(machine);
  assert.is(line, READY);
  assert.is(outcome, "native");
  assert.is(worked, true);
  assert.equal(log, BUILD);
  assert.is(readFileSync(machine.addon, "utf8"), "add-on");
  const engine = path.join(machine.cache, "engine/tensorflow-cpu-2.21.0-linux-x64");
  assert.equal(
    readdirSync(path.join(machine.cache, "engine")).sort(),
    ["state.json", path.basename(engine)],
    "nothing is left over",
  );
  assert.is(existsSync(path.join(engine, "packed")), false, "the wheel is removed");
  await secondDoesNothing(machine, READY);
});

test("setUp() puts the add-on back after node_modules was made anew, from the cache alone", async ({ machine }) => {
  await run(machine);
  machine.makePackage();
  machine.index = machine.python = false;
  machine.compilers = [];
  const { line, log, worked } = await run(machine);
  assert.is(line, `${READY} (put back from the cache)`);
  assert.equal(log, []);
  assert.is(worked, true);
  assert.is(readFileSync(machine.addon, "utf8"), "add-on");
});

test("setUp() compiles again what an older gptlab compiled from other sources, without fetching anything", async ({
  machine,
}) => {
  await run(machine);
  const file = path.join(machine.cache, "engine/state.json");
  const state = readFileSync(file, "utf8");
  const name = /tfjs_binding-[^"/]*\.node/.exec(state)![0];
  const older = "tfjs_binding-4.22.0-00000000.node";
  const folder = path.join(machine.cache, "engine/tensorflow-cpu-2.21.0-linux-x64");
  renameSync(path.join(folder, name), path.join(folder, older));
  writeFileSync(file, state.replaceAll(name, older));
  machine.index = false;
  const { log, worked } = await run(machine);
  assert.equal(log, ["compile with c++", "probe"]);
  assert.is(worked, true);
  await secondDoesNothing(machine, READY);
});

test("without a compiler and without a prebuilt download, setUp() names both and goes on with WebAssembly", async ({
  machine,
}) => {
  machine.compilers = [];
  const { line, outcome, log } = await run(machine);
  assert.is(outcome, "wasm");
  assert.is(
    line,
    `native TensorFlow is not available (no C++ compiler; ${NOT_REACHED}); going on with WebAssembly; remedy: install g++ and run npx gptlab setup again`,
  );
  assert.equal(log, [SCRIPT]);
  await secondDoesNothing(machine, line);
});

test("a compiler that has appeared since is used", async ({ machine }) => {
  machine.compilers = [];
  await run(machine);
  machine.compilers = ["g++"];
  const { line, log } = await run(machine);
  assert.is(line, READY);
  assert.equal(log, ["download tensorflow-cpu", "compile with g++", "probe"]);
});

test("without Python, setUp() says so; a Python that has appeared since is used", async ({ machine }) => {
  machine.python = false;
  const { line, log } = await run(machine);
  assert.match(line, "(no Python 3 with pip; ");
  assert.match(line, "remedy: install python3 with pip and run npx gptlab setup again");
  assert.equal(log, [SCRIPT]);
  await secondDoesNothing(machine, line);
  machine.python = true;
  assert.is((await run(machine)).line, READY);
});

test("without a compiler and Python, setUp() names both, so that one visit to the package manager is enough", async ({
  machine,
}) => {
  machine.compilers = [];
  machine.python = false;
  const { line } = await run(machine);
  assert.match(line, "remedy: install g++ and python3 with pip and run");
});

test("without a compiler, the npm package's own download serves where it can be had", async ({ machine }) => {
  machine.compilers = [];
  machine.prebuiltHost = true;
  const { line, log } = await run(machine);
  assert.is(line, READY);
  assert.equal(log, [SCRIPT, "probe"]);
  assert.is(readFileSync(machine.addon, "utf8"), "prebuilt add-on");
  const deps = path.join(machine.package, "deps");
  assert.ok(lstatSync(deps).isSymbolicLink(), "the libraries stay in the cache");
  assert.is(readFileSync(path.join(deps, "lib/libtensorflow.so.2"), "utf8"), "prebuilt library");
  await secondDoesNothing(machine, READY);
  machine.makePackage();
  assert.equal((await run(machine)).log, []);
  assert.is(readFileSync(path.join(deps, "lib/libtensorflow.so.2"), "utf8"), "prebuilt library");
});

test("a failed prebuilt download leaves the installed package as it was", async ({ machine }) => {
  machine.compilers = [];
  await run(machine);
  assert.equal(readdirSync(machine.package).sort(), ["package.json", "scripts"]);
  assert.equal(readdirSync(path.join(machine.cache, "engine")), ["state.json"]);
});

test("without a network, setUp() says so once; --force tries again", async ({ machine }) => {
  machine.index = false;
  const { line, log } = await run(machine);
  assert.match(line, `(pip could not download tensorflow-cpu: ERROR: No matching distribution; ${NOT_REACHED})`);
  assert.match(line, "remedy: see that pip reaches a package index, then run npx gptlab setup --force");
  assert.equal(log, ["download tensorflow-cpu", SCRIPT]);
  await secondDoesNothing(machine, line);
  machine.index = true;
  assert.is((await run(machine, true)).line, READY);
});

test("a compiler that fails is said with its first error; another one is tried", async ({ machine }) => {
  machine.compilers = ["c++", "clang++"];
  machine.compilerWorks = false;
  const { line, log } = await run(machine);
  assert.equal(log, ["download tensorflow-cpu", "compile with c++", "compile with clang++", SCRIPT]);
  assert.is(
    line,
    `native TensorFlow is not available (the add-on does not compile (c++: fatal error: node_api.h: No such file); ${NOT_REACHED})${BUILD_FAILED}`,
  );
  await secondDoesNothing(machine, line);
});

test("an engine that does not run is taken away again, so that no program loads it", async ({ machine }) => {
  machine.engineWorks = false;
  const { line } = await run(machine);
  assert.match(line, "libtensorflow does not run here: its process ended with SIGILL");
  assert.is(existsSync(machine.addon), false);
  await secondDoesNothing(machine, line);
});

test("setUp() installs the npm package where it is missing, and says when it cannot", async ({ machine }) => {
  machine.packageInstalled = false;
  machine.npmWorks = false;
  const { line, log } = await run(machine);
  assert.equal(log, ["npm install"]);
  assert.match(
    line,
    "(npm could not install it: no network); going on with WebAssembly; remedy: install @tensorflow/tfjs-node-gpu",
  );
  machine.npmWorks = true;
  assert.equal((await run(machine, true)).log, ["npm install", ...BUILD]);
});

test("with an NVIDIA GPU, setUp() takes the build with CUDA and keeps its parts where they find each other", async ({
  machine,
}) => {
  machine.gpu = true;
  const { line, log } = await run(machine);
  assert.is(line, READY);
  const wheels = engineFiles("linux", "x64", true)!.wheels.map((wheel) => `download ${wheel.package}`);
  assert.equal(log, [...wheels, "compile with c++", "probe"]);
  const engine = path.join(machine.cache, "engine/tensorflow-gpu-2.21.0-linux-x64");
  assert.ok(existsSync(path.join(engine, "tensorflow/libtensorflow_cc.so.2")));
  assert.ok(existsSync(path.join(engine, "nvidia/nvidia-cudnn-cu12/lib")));
  await secondDoesNothing(machine, READY);
});

test("a GPU that has appeared since gets its build", async ({ machine }) => {
  await run(machine);
  machine.gpu = true;
  assert.is((await run(machine)).log[0], "download tensorflow");
});

test("a set-up that was killed goes on after the last wheel that was done", async ({ machine }) => {
  machine.gpu = true;
  machine.dies = "nvidia-cudnn-cu12";
  // The test's error stands for the end of the process; what is on the disk is the same.
  await machine.tools.fetchEngine(engineFiles("linux", "x64", true)!, { onProgress() {} }).catch(() => {});
  machine.dies = "";
  const { log, line } = await run(machine);
  assert.is(log[0], "download nvidia-cudnn-cu12");
  assert.not.ok(log.includes("download tensorflow"));
  assert.is(line, READY);
});

test("when the build for the GPU cannot be had, the one for the CPU serves, and that is said loudly", async ({
  machine,
}) => {
  machine.gpu = true;
  machine.dies = "nvidia-cublas-cu12";
  const { line, warning, log } = await run(machine);
  assert.is(line, READY);
  assert.is(warning, "the GPU is not used (killed); remedy: npx gptlab setup --force");
  assert.equal(log, ["download tensorflow", "download nvidia-cublas-cu12", ...BUILD]);
  const again = await run(machine);
  assert.equal(again.log, []);
  assert.is(again.warning, warning, "it is said every time");
});

test("a library that was cut or lost is fetched again", async ({ machine }) => {
  await run(machine);
  const library = path.join(machine.cache, "engine/tensorflow-cpu-2.21.0-linux-x64/tensorflow/libtensorflow_cc.so.2");
  writeFileSync(library, "cut");
  assert.equal((await run(machine)).log, BUILD);
  assert.is(readFileSync(library, "utf8"), "library of tensorflow-cpu");
});

test("a state file that is damaged counts as none, and what is in the cache is used", async ({ machine }) => {
  await run(machine);
  writeFileSync(path.join(machine.cache, "engine/state.json"), '{ "format": 1, "outc');
  machine.compilers = [];
  machine.python = false;
  assert.equal((await run(machine)).log, ["probe"]);
});

test("a disk that is too full is said before anything is fetched", async ({ machine }) => {
  machine.free = 1e8;
  const { line, log } = await run(machine);
  assert.match(line, /needs 1\.3 GB of free disk, found 0\.1 GB; set GPTLAB_CACHE to a folder on another disk/);
  assert.equal(log, [SCRIPT]);
});

test("macOS and Windows take the npm package's own download", async ({ machine }) => {
  for (const platform of ["darwin", "win32"]) {
    machine.platform = platform;
    machine.prebuiltHost = true;
    assert.equal(
      (await run(machine, true)).log.filter((line) => !line.includes("probe")),
      [SCRIPT],
    );
  }
});

test("an add-on that npm's own install script had made is used where none can be built", async ({ machine }) => {
  machine.compilers = [];
  mkdirSync(path.dirname(machine.addon), { recursive: true });
  writeFileSync(machine.addon, "npm's own");
  const { line, log } = await run(machine);
  assert.is(line, READY);
  assert.equal(log, ["probe"]);
  await secondDoesNothing(machine, READY);
});

test.run();
