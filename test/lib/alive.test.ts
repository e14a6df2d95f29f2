/** @file Whether a process is at work: a checkpoint takes away what killed processes left, and nothing else. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { saveCheckpoint } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isAlive } from "../../lib/dist/alive.js";

const test = suite("isAlive");
const { kill } = process;
test.after.each(() => {
  process.kill = kill;
});

async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "close");
  return child.pid as number;
}

/** Another user's process answers so. */
function forbid(): void {
  process.kill = () => {
    throw Object.assign(new Error("kill EPERM"), { code: "EPERM" });
  };
}

test("isAlive() knows living processes, dead ones, and those of other users", async () => {
  assert.ok(isAlive(process.pid) && isAlive(process.ppid));
  assert.not.ok(isAlive(await deadProcess()));
  forbid();
  assert.ok(isAlive(1));
});

test("saveCheckpoint() removes what a dead process left, and leaves alone what another user is writing", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "gptlab-alive-"));
  const left = `.step-00000001.${await deadProcess()}.part`;
  mkdirSync(path.join(folder, left));
  const save = (step: number) => saveCheckpoint(folder, { step, tensors: new Map(), state: {} });
  forbid();
  await save(1);
  assert.equal(readdirSync(folder), [left, "step-00000001"]);
  process.kill = kill;
  await save(2);
  assert.equal(readdirSync(folder), ["step-00000001", "step-00000002"]);
  rmSync(folder, { recursive: true });
});

test.run();
