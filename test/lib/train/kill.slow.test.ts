/** @file A training run that is killed at random moments (30 times in CI) ends exactly as the one that was not. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { initBackend, Random, type TrainEvent } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readScalars } from "../../support/event_file.ts";

const test = suite("train() under kills");
const KILLS = process.env.CI ? 30 : 8; // a kill costs three seconds of processor time
const STEPS = 60;
const child = path.resolve(import.meta.dirname, "../../support/kill_child.mjs");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-kill-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

let engine = "";
test.before(async () => {
  engine = (await initBackend()).name;
});

/** When a process dies: at its n-th file operation, or so long after it has told so many events. */
type Death = { readonly operation: number } | { readonly events: number; readonly milliseconds: number };

/** Runs one process; gives how it ended and how many steps it did. */
function live(home: string, death?: Death): Promise<{ killed: boolean; steps: number }> {
  const args = death && "operation" in death ? [String(death.operation)] : [];
  const process_ = spawn(process.execPath, [child, home, String(STEPS), ...args], {
    env: { ...process.env, GPTLAB_BACKEND: engine },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [output, errors, armed] = ["", "", false];
  process_.stderr.on("data", (data: Buffer) => (errors += String(data)));
  process_.stdout.on("data", (data: Buffer) => {
    output += String(data);
    if (!death || "operation" in death || armed || output.split("\n").length <= death.events) return;
    armed = true;
    setTimeout(() => process_.kill("SIGKILL"), death.milliseconds);
  });
  return new Promise((resolve, reject) => {
    process_.on("close", (code, signal) => {
      if (code !== 0 && signal !== "SIGKILL") reject(new Error(`the process ended with ${code ?? signal}:\n${errors}`));
      resolve({ killed: signal === "SIGKILL", steps: output.split("step ").length - 1 });
    });
  });
}

const last = (home: string) => path.join(home, "checkpoints", `step-${String(STEPS).padStart(8, "0")}`);
const events = (home: string) =>
  readFileSync(path.join(home, "log.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as TrainEvent);
const halfWritten = (home: string) => {
  const checkpoints = path.join(home, "checkpoints");
  return existsSync(checkpoints) && readdirSync(checkpoints).some((name) => name.endsWith(".part"));
};
const losses = (home: string) =>
  events(home).flatMap((event) => (event.kind === "step" ? [[event.step, event.loss]] : []));

/** The end of a run that was killed is that of the whole one. */
function requireEqual(broken: string, whole: string): void {
  for (const file of ["tensors.safetensors", "state.json"])
    assert.ok(readFileSync(path.join(last(broken), file)).equals(readFileSync(path.join(last(whole), file))), file);
  assert.equal(losses(broken), losses(whole), "log.jsonl has every step once");
  const names = readdirSync(broken);
  const eventFiles = names.filter((name) => name.includes("tfevents")).sort();
  const scalars = readScalars(eventFiles.map((name) => path.join(broken, name)));
  const rounded = losses(whole).map(([step, loss]) => [step, Math.fround(loss!)]);
  assert.equal([...scalars.get("train/loss")!], rounded, "TensorBoard sees every step once");
  assert.equal(
    [...names, ...readdirSync(path.join(broken, "checkpoints"))].filter((name) => name.includes("part")),
    [],
    "nothing half written is left",
  );
}

test(`${KILLS} kills and resumes: weights, optimiser, random state and cursor equal the unbroken run's, bit for bit`, async () => {
  const whole = path.join(folder, "whole");
  assert.not((await live(whole)).killed);
  const seed = Number(process.env.GPTLAB_KILL_SEED ?? Date.now() % 1_000_000);
  const random = new Random(seed);
  let [kills, leftovers, steps, runs] = [0, 0, 0, 0];
  while (kills < KILLS) {
    const broken = path.join(folder, `broken-${runs++}`);
    for (let ended = false; !ended; ) {
      const death =
        kills % 2 === 0
          ? { operation: 1 + random.integer(60) } // a checkpoint is about 12 operations, a step 2
          : { events: 1 + random.integer(9), milliseconds: random.integer(12) };
      const part = await live(broken, kills < KILLS ? death : undefined);
      steps += part.steps;
      ended = !part.killed;
      if (part.killed) kills++;
      if (part.killed && halfWritten(broken)) leftovers++;
    }
    requireEqual(broken, whole);
  }
  console.log(
    `${kills} kills in ${runs} runs of ${STEPS} steps (${steps} were done); ${leftovers} left a checkpoint half written. GPTLAB_KILL_SEED=${seed} draws the same moments`,
  );
});

test.run();
