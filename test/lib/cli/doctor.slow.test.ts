/** @file gptlab doctor: every part is named, each defect with its remedy, and the exit code is about whether one can work. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Inspection } from "../../../lib/dist/setup/inspect.js";
import { makeProject } from "../../support/project.ts";

const test = suite("gptlab doctor");
const cache = mkdtempSync(path.join(tmpdir(), "gptlab-doctor-"));
test.after(() => rmSync(cache, { recursive: true, force: true }));
const bare = { GPTLAB_CACHE: cache, PATH: "/nowhere", CXX: undefined, PYTHON: undefined, VIRTUAL_ENV: undefined };

test("gptlab doctor --json on a machine without a compiler names each defect with its remedy, and wasm works", async () => {
  const project = makeProject("unbuilt");
  const { code, stdout } = await project.gptlab(["doctor", "--json"], bare);
  project.remove();
  assert.is(code, 0);
  const { findings, backends, usable } = JSON.parse(stdout) as Inspection;
  assert.is(usable, true);
  const remedies = Object.fromEntries(findings.map(({ part, remedy }) => [part, remedy]));
  assert.match(remedies["C++ compiler"]!, /install g\+\+.*then npx gptlab setup/);
  assert.match(remedies["Python with pip"]!, /install python3 with pip.*then npx gptlab setup/);
  assert.is(remedies["native add-on"], "npx gptlab setup");
  assert.is(remedies["set-up"], "npx gptlab setup");
  assert.is(remedies["Node"], undefined);
  const found = Object.fromEntries(findings.map(({ part, found }) => [part, found]));
  assert.match(found["Node"]!, process.versions.node);
  assert.match(found["cache"]!, cache);
  assert.match(found["npm packages"]!, /tfjs 4\.22\.0, tfjs-backend-wasm 4\.22\.0, .*tfjs-node-gpu 4\.22\.0/);
  const [tensorflow, , wasm, cpu] = backends;
  assert.is(tensorflow?.error, "the native add-on is not built; remedy: run npx gptlab setup");
  assert.ok(wasm!.report && wasm!.gigaflops! > 0);
  assert.ok(cpu!.report && cpu!.gigaflops! > 0);
});

test("gptlab doctor ends with 1 where no engine works, and each engine has its reason in one line", async () => {
  const project = makeProject("broken");
  const env = { ...bare, NODE_OPTIONS: "--require ./break.cjs" };
  // Every process of the doctor that would start an engine ends at once.
  writeFileSync(
    path.join(project.folder, "break.cjs"),
    'if (process.argv[1]?.endsWith("probe_child.js")) process.exit(9);',
  );
  const { code, stdout, stderr } = await project.gptlab(["doctor"], env);
  project.remove();
  assert.is(code, 1);
  assert.is(stderr, "");
  for (const name of ["tensorflow", "webgpu", "wasm", "cpu"]) {
    assert.match(stdout, new RegExp(`^  ${name} +no: its process ended with exit code 9$`, "m"));
  }
  assert.match(stdout, /^No engine works\.$/m);
  assert.match(stdout, /^To mend:\n {2}\S/m);
});

test.run();
