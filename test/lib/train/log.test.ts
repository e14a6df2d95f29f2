/** @file The log of a run: TensorBoard's own bytes, and each step once after a resume. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TrainEvent } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RunLog } from "../../../lib/dist/train/log.js";
import { fileHead, scalarRecord } from "../../../lib/dist/train/tensorboard.js";
import { readScalars } from "../../support/event_file.ts";

const test = suite("log of a run");
const fixture = path.resolve(import.meta.dirname, "../../fixtures/tensorboard/scalars.tfevents");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-log-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

test("event files are, byte for byte, those that TensorBoard's own writer makes", () => {
  const wanted = readFileSync(fixture);
  const head = fileHead(1700000000.25);
  assert.equal(head, wanted.subarray(0, head.length));
  // The session's start has the time of the file's version; in the fixture it comes a quarter of a second later.
  const start = fileHead(1700000000.5, 301).subarray(head.length);
  const scalars = [
    scalarRecord(1700000001.5, 301, { "train/loss": 4.158883 }),
    scalarRecord(1700000002.5, 70000, { "train/lr": 0 }),
    scalarRecord(1700000003.5, 5_000_000_000, { "evaluate/ماژول": -1e-30 }),
  ];
  assert.equal(Buffer.concat([head, start, ...scalars]), wanted);
});

test("the tests' reader, written apart, finds in TensorBoard's file what was put in", () => {
  assert.equal(
    readScalars([fixture]),
    new Map([
      ["train/loss", new Map([[301, Math.fround(4.158883)]])],
      ["train/lr", new Map([[70000, 0]])],
      ["evaluate/ماژول", new Map([[5_000_000_000, Math.fround(-1e-30)]])],
    ]),
  );
  const broken = readFileSync(fixture);
  broken[40]! ^= 1;
  assert.throws(() => readScalars([broken]), /checksum/);
});

const stepAt = (step: number, loss: number): TrainEvent => ({
  kind: "step",
  step,
  loss,
  lr: 0.5,
  gradNorm: 2,
  tokens: step * 10,
  tokensPerSecond: 100,
});
const lines = (home: string) =>
  readFileSync(path.join(home, "log.jsonl"), "utf8")
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as TrainEvent);
const eventFiles = (home: string) =>
  readdirSync(home)
    .filter((name) => name.includes("tfevents"))
    .sort()
    .map((name) => path.join(home, name));

test("after a kill and a resume each step is there once, with its last value, for both readers", async () => {
  const home = path.join(folder, "killed");
  const first = await RunLog.open(home, 0);
  for (let step = 1; step <= 5; step++) await first.write(stepAt(step, 10 - step));
  await first.write({ kind: "evaluate", step: 4, metrics: { bits: 1.5 } });
  appendFileSync(path.join(home, "log.jsonl"), '{"kind":"step","st'); // the kill
  appendFileSync(eventFiles(home)[0]!, scalarRecord(1, 6, { "train/loss": 1 }).subarray(0, 20));
  const second = await RunLog.open(home, 3); // the checkpoint was of step 3
  for (let step = 4; step <= 6; step++) await second.write(stepAt(step, 20 - step));
  await second.write({ kind: "checkpoint", step: 6, path: "somewhere" });

  assert.equal(
    lines(home).map((event) => [event.kind, event.step]),
    [...[1, 2, 3, 4, 5, 6].map((step) => ["step", step]), ["checkpoint", 6]],
  );
  const scalars = readScalars(eventFiles(home));
  assert.equal([...scalars.get("train/loss")!.values()], [9, 8, 7, 16, 15, 14]);
  assert.equal(
    [...scalars.keys()],
    ["train/loss", "train/lr", "train/gradNorm", "train/tokensPerSecond", "evaluate/bits"],
  );
  assert.is(scalars.get("evaluate/bits")!.size, 0, "of a step that is trained again");
});

test("a new run begins the log anew", async () => {
  const home = path.join(folder, "anew");
  for (const loss of [7, 8]) await (await RunLog.open(home, 0)).write(stepAt(1, loss));
  assert.equal(lines(home), [stepAt(1, 8)]);
  assert.equal(readScalars(eventFiles(home)).get("train/loss"), new Map([[1, 8]]));
});

test.run();
