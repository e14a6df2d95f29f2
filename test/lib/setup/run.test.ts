import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lastLine, run } from "../../../lib/dist/setup/run.js";

const test = suite("run()");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-run-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const node = (program: string, options = {}) => run(process.execPath, ["-e", program], options);

test("run() gives the exit code and both channels", async () => {
  const { code, output, signal } = await node("console.log('out'); console.error('err'); process.exitCode = 3");
  assert.is(code, 3);
  assert.match(output, "out");
  assert.match(output, "err");
  assert.is(signal, undefined);
});

test("run() says of a missing program that it is missing, and throws nothing", async () => {
  const { code, output } = await run("gptlab-no-such-program", []);
  assert.is(code, -1);
  assert.match(output, "ENOENT");
});

test("run() ends a program that takes too long, and what it started", async () => {
  const file = path.join(folder, "grandchild");
  const grandchild = `require("fs").writeFileSync(${JSON.stringify(file)}, String(process.pid)); setInterval(() => {}, 1000)`;
  const child = `require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(grandchild)}]); setInterval(() => {}, 1000)`;
  // A busy machine may need longer than the limit to start both programs.
  for (const limit of [2, 8, 30]) {
    const { code, output } = await node(child, { limit });
    assert.is(code, -1);
    assert.is(lastLine(output), `ended after ${limit} seconds`);
    if (existsSync(file) && readFileSync(file, "utf8")) break;
  }
  const pid = Number(readFileSync(file, "utf8"));
  // A process that has ended may stay as an entry until it is collected: state Z.
  const alive = () => existsSync(`/proc/${pid}/stat`) && !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  for (let i = 0; i < 100 && alive(); i++) await new Promise((resolve) => setTimeout(resolve, 50)); // a signal takes its time
  assert.is(alive(), false);
});

test("lastLine() gives the last line that says something", () => {
  assert.is(lastLine("first\nERROR: disk full\n\n"), "ERROR: disk full");
  assert.is(lastLine(" \n"), "it said nothing");
});

test.run();
