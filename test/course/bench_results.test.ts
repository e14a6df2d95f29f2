/** @file What the benchmark calls the same work: equal ids, nearly equal losses. The programs themselves run in `make bench` only. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Outcome } from "../../bench/harness.ts";
import { sameWork } from "../../bench/results.ts";

const test = suite("results of the benchmark");
const made = (first: Outcome["first"], name = "PyTorch"): Outcome => ({
  name,
  rival: true,
  ...(first ? { first } : {}),
});

test("ids are the same work only if all of them are equal, however near they are", () => {
  const ours = made([
    [50000, 7],
    [50000, 7],
  ]);
  assert.is(sameWork(ours, made([...ours.first!])), true);
  assert.is(sameWork(ours, made([ours.first![0]!, [50001, 7]])), false);
  assert.is(sameWork(ours, made([ours.first![0]!, [50000, 7, 9]])), false);
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

test.run();
