/** @file locked(): one process at a time at a piece of work. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { locked } from "../../lib/dist/lock.js";
import { afterReading } from "../support/rival.ts";

const test = suite("locked()");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-lock-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const lock = path.join(folder, "lock");

test("locked() keeps others out while a process is at work, and lets go after an error", async () => {
  const owner = process.ppid;
  writeFileSync(lock, `${owner}\n`);
  const error = await locked(lock, "gptlab setup", async () => assert.unreachable("two at once")).catch(
    (e: Error) => e.message,
  );
  assert.is(
    error,
    `Another gptlab setup is at work (process ${owner}). Wait for it; if there is none, delete ${lock}.`,
  );
  rmSync(lock);
  await locked(lock, "gptlab setup", async () => Promise.reject(new Error("broke"))).catch(() => {});
  assert.is(existsSync(lock), false);
});

test("locked() takes over a file that was left without a number, once it is not new", async () => {
  writeFileSync(lock, "");
  const error = await locked(lock, "gptlab setup", async () => assert.unreachable("two at once")).catch(
    (e: Error) => e.message,
  );
  assert.match(String(error), "Another gptlab setup is at work");
  const minuteAgo = Date.now() / 1000 - 60;
  utimesSync(lock, minuteAgo, minuteAgo);
  assert.is(await locked(lock, "gptlab setup", async () => "worked"), "worked");
});

test("locked() takes over from a process that was killed", async () => {
  const { pid } = spawnSync(process.execPath, ["-e", "0"]);
  writeFileSync(lock, `${pid}\n`);
  assert.is(await locked(lock, "gptlab setup", async () => readFileSync(lock, "utf8")), `${process.pid}\n`);
  assert.is(existsSync(lock), false);
});

test("locked() does not take a file away from another process that has taken it over first", async () => {
  const { pid } = spawnSync(process.execPath, ["-e", "0"]);
  writeFileSync(lock, `${pid}\n`);
  afterReading(lock, () => {
    rmSync(lock);
    writeFileSync(lock, `${process.ppid}\n`);
  });
  const error = await locked(lock, "gptlab setup", async () => assert.unreachable("two at once")).catch(
    (e: Error) => e.message,
  );
  assert.match(String(error), `at work (process ${process.ppid})`);
  assert.is(readFileSync(lock, "utf8"), `${process.ppid}\n`);
  rmSync(lock);

  writeFileSync(lock, `${pid}\n`);
  afterReading(lock, () => rmSync(lock)); // it has finished already
  assert.is(await locked(lock, "gptlab setup", async () => "worked"), "worked");
  assert.equal(
    readdirSync(folder).filter((name) => name.startsWith("lock")),
    [],
  );
});

test.run();
