/** @file run(): a program's end, its output, its time limit. locked(): one at a time. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { locked } from "../../../lib/dist/setup/lock.js";
import { lastLine, run } from "../../../lib/dist/setup/run.js";
import { afterReading } from "../../support/rival.ts";

const test = suite("run() and locked()");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-run-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const lock = path.join(folder, "lock");
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

test("locked() keeps others out while a process is at work, and lets go after an error", async () => {
  const owner = process.ppid;
  writeFileSync(lock, `${owner}\n`);
  const error = await locked(lock, async () => assert.unreachable("two at once")).catch((e: Error) => e.message);
  assert.is(
    error,
    `Another gptlab setup is at work (process ${owner}). Wait for it; if there is none, delete ${lock}.`,
  );
  rmSync(lock);
  await locked(lock, async () => Promise.reject(new Error("broke"))).catch(() => {});
  assert.is(existsSync(lock), false);
});

test("locked() takes over a file that was left without a number, once it is not new", async () => {
  writeFileSync(lock, "");
  const error = await locked(lock, async () => assert.unreachable("two at once")).catch((e: Error) => e.message);
  assert.match(String(error), "Another gptlab setup is at work");
  const minuteAgo = Date.now() / 1000 - 60;
  utimesSync(lock, minuteAgo, minuteAgo);
  assert.is(await locked(lock, async () => "worked"), "worked");
});

test("locked() takes over from a process that was killed", async () => {
  const { pid } = spawnSync(process.execPath, ["-e", "0"]);
  writeFileSync(lock, `${pid}\n`);
  assert.is(await locked(lock, async () => readFileSync(lock, "utf8")), `${process.pid}\n`);
  assert.is(existsSync(lock), false);
});

test("locked() does not take a file away from another process that has taken it over first", async () => {
  const { pid } = spawnSync(process.execPath, ["-e", "0"]);
  writeFileSync(lock, `${pid}\n`);
  afterReading(lock, () => {
    rmSync(lock);
    writeFileSync(lock, `${process.ppid}\n`);
  });
  const error = await locked(lock, async () => assert.unreachable("two at once")).catch((e: Error) => e.message);
  assert.match(String(error), `at work (process ${process.ppid})`);
  assert.is(readFileSync(lock, "utf8"), `${process.ppid}\n`);
  rmSync(lock);

  writeFileSync(lock, `${pid}\n`);
  afterReading(lock, () => rmSync(lock)); // it has finished already
  assert.is(await locked(lock, async () => "worked"), "worked");
  assert.equal(
    readdirSync(folder).filter((name) => name.startsWith("lock")),
    [],
  );
});

test.run();
