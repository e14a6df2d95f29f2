/** @file tools/alone.mjs: two set-ups at once do their work one after the other. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../support/repository.ts";
import { afterReading } from "../support/rival.ts";

type Alone = (file: string, work: () => Promise<unknown>, onWait: () => void) => Promise<void>;
const { alone } = (await import(pathToFileURL(path.join(root, "tools/alone.mjs")).href)) as { alone: Alone };

const test = suite("alone()");
const folder = mkdtempSync(path.join(os.tmpdir(), "gptlab-alone-"));
const file = path.join(folder, "made/setup.lock");
test.after(() => rmSync(folder, { recursive: true, force: true }));
const noWait = () => assert.unreachable("nobody is at work");

/** The file of a process that was killed. */
function leave(): void {
  writeFileSync(file, String(spawnSync(process.execPath, ["-e", "0"]).pid));
}

test("alone() names this process while it works, and lets go after an error", async () => {
  await alone(file, async () => assert.is(readFileSync(file, "utf8"), String(process.pid)), noWait);
  await alone(file, async () => Promise.reject(new Error("broke")), noWait).catch(() => {});
  assert.is(existsSync(file), false);
});

test("alone() waits for another process, and says so once", async () => {
  writeFileSync(file, String(process.ppid));
  let told = 0;
  let worked = false;
  const end = alone(
    file,
    async () => (worked = true),
    () => told++,
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal([told, worked], [1, false]);
  rmSync(file);
  await end;
  assert.equal([told, worked], [1, true]);
});

test("alone() takes over from a process that was killed, also before it had written its number", async () => {
  leave();
  await alone(file, async () => assert.is(readFileSync(file, "utf8"), String(process.pid)), noWait);
  writeFileSync(file, "");
  const minuteAgo = Date.now() / 1000 - 60;
  utimesSync(file, minuteAgo, minuteAgo);
  await alone(file, async () => assert.is(readFileSync(file, "utf8"), String(process.pid)), noWait);
  assert.equal(readdirSync(path.dirname(file)), []);
});

test("alone() does not take the file away from another process that has taken it over first", async () => {
  leave();
  afterReading(file, () => {
    rmSync(file);
    writeFileSync(file, String(process.ppid));
  });
  let worked = false;
  const end = alone(
    file,
    async () => (worked = true),
    () => {
      assert.is(readFileSync(file, "utf8"), String(process.ppid));
      assert.is(worked, false, "two at once");
      rmSync(file);
    },
  );
  await end;
  assert.is(worked, true);
  assert.equal(readdirSync(path.dirname(file)), []);
});

test.run();
