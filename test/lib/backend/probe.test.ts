/** @file probeBackend(): an engine that works, one that cannot start, and one that takes its process with it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { probeBackend } from "../../../lib/dist/backend/probe.js";

const test = suite("probeBackend()");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-probe-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** The child runs this line first. */
function withLine(line: string): NodeJS.ProcessEnv {
  const file = path.join(folder, "first.cjs");
  writeFileSync(file, line);
  return { ...process.env, NODE_OPTIONS: `--require ${file}` };
}

test("probeBackend() multiplies with an engine that works", async () => {
  const { name, report, gigaflops, error } = await probeBackend("cpu", { size: 16 });
  assert.is(name, "cpu");
  assert.is(report?.name, "cpu");
  assert.ok(gigaflops && gigaflops > 0);
  assert.is(error, undefined);
});

test("probeBackend() gives the reason of an engine that cannot start", async () => {
  const env = withLine(
    'process.env.GPTLAB_BACKEND = ""; WebAssembly.instantiate = () => Promise.reject(new Error("no wasm here"));',
  );
  const { report, error } = await probeBackend("wasm", { size: 16, env });
  assert.is(report, undefined);
  assert.ok(error && !error.includes("\n"), error);
});

test("probeBackend() survives an engine that kills its process", async () => {
  const illegal = await probeBackend("cpu", {
    env: withLine('process.kill(process.pid, "SIGILL"); setInterval(() => {}, 1000);'),
  });
  assert.is(illegal.error, "its process ended with SIGILL (the processor lacks an instruction that this build uses)");
  const died = await probeBackend("cpu", { env: withLine('console.error("GLIBC_2.27 not found"); process.exit(3);') });
  assert.is(died.error, "its process ended with exit code 3 (GLIBC_2.27 not found)");
});

test.run();
