/** @file What the benchmark calls the same work, and when it gives no verdict. The programs themselves run in `make bench` only. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cases } from "../../bench/cases.ts";
import { digest, type Outcome } from "../../bench/harness.ts";
import { type Kept, sameWork, verdict } from "../../bench/results.ts";

const test = suite("results of the benchmark");
const made = (first: Outcome["first"], name = "PyTorch"): Outcome => ({
  name,
  rival: true,
  ...(first ? { first } : {}),
});

test("ids are the same work only if all of them are equal, however near they are", () => {
  const ids = [50000, 7];
  const ours = made([digest(ids), digest(ids)]);
  assert.is(sameWork(ours, made([digest([...ids]), digest(ids)])), true);
  assert.is(sameWork(ours, made([digest(ids), digest([50001, 7])])), false);
  assert.is(sameWork(ours, made([digest(ids), digest([50000, 7, 9])])), false);
  assert.is(sameWork(ours, made([ours.first![0]!])), false);
});

test("losses may differ by a thousandth; of another update only the first counts", () => {
  const ours = made([8.3926, 7.7854]);
  assert.is(sameWork(ours, made([8.393, 7.785])), true);
  assert.is(sameWork(ours, made([8.3926, 7.9])), false);
  assert.is(sameWork(ours, made([8.3926])), false);
  assert.is(sameWork(ours, made([8.3926, 7.9], "TensorFlow.js, plain operations")), true);
  assert.is(sameWork(ours, made([8.6, 7.7854], "TensorFlow.js, plain operations")), false);
});

test("without results of both nothing is said", () => {
  assert.is(sameWork(undefined, made([1])), undefined);
  assert.is(sameWork(made([1]), made(undefined)), undefined);
});

/** gptlab and rivals, each with its ids and how many times as fast gptlab is. */
const compared = (...rivals: readonly (readonly [ids: number[], ratio: number])[]): Kept => ({
  outcomes: [[[7, 8], 1] as const, ...rivals].map(([ids, median], i) => ({
    ...made([digest(ids)], i === 0 ? "gptlab" : `rival ${i}`),
    rival: i > 0,
    ratio: { median, low: median, high: median },
  })),
  rounds: 1,
  foreignLoad: 0,
  date: "2026-11-22",
  machine: "",
  busy: false,
});
const target = { accepted: 1, goal: 1.5 };

test("verdict() compares gptlab with the fastest rival", () => {
  assert.is(verdict(target, compared([[7, 8], 2], [[7, 8], 0.9])), "missed");
  assert.is(verdict(target, compared([[7, 8], 2], [[7, 8], 1.1])), "accepted");
  assert.is(verdict(target, compared([[7, 8], 2], [[7, 8], 1.6])), "goal reached");
  assert.is(verdict(target, compared()), undefined);
});

test("verdict() refuses when a rival made other ids, also when the fastest did not", () => {
  assert.is(verdict(target, compared([[7, 9], 2])), "refused: not the same work: rival 1");
  assert.is(verdict(target, compared([[7, 8], 1.1], [[7, 9], 2])), "refused: not the same work: rival 2");
  assert.is(verdict(target, { ...compared([[7, 9], 2]), busy: true }), "refused: not the same work: rival 1");
});

test("verdict() says nothing of a busy machine", () => {
  assert.is(verdict(target, { ...compared([[7, 8], 2]), busy: true }), "not judged: busy machine");
});

test("SmolLM2 is measured at batch 1 and 8 against transformers only, and must be as fast", () => {
  const smollm2 = cases.filter(({ pretrained }) => pretrained === "smollm2");
  assert.equal(
    smollm2.map(({ id, batchSize, target }) => [id, batchSize, target?.accepted]),
    [
      ["generate-smollm2-1", 1, 1],
      ["generate-smollm2-8", 8, 1],
    ],
  );
  for (const { contestants } of smollm2) {
    const rivals = contestants.slice(1);
    assert.ok(rivals.length > 0 && rivals.every(({ rival, worker }) => rival && worker === "transformers_generate.py"));
  }
});

test.run();
