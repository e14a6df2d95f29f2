import { readFileSync } from "node:fs";
import path from "node:path";
import { nextTokenProbabilities, Random, sample } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("sampling");
interface Golden {
  logits: number[][];
  history_ids: number[][];
  cases: { logits: number; settings: Record<string, number>; probs: number[] }[];
}
const golden = JSON.parse(
  readFileSync(path.resolve(import.meta.dirname, "../../fixtures/hf/sampling.json"), "utf8"),
) as Golden;
const NAMES: Record<string, string> = {
  temperature: "temperature",
  top_k: "topK",
  top_p: "topP",
  min_p: "minP",
  repetition_penalty: "repetitionPenalty",
};

test("nextTokenProbabilities() equals Hugging Face's processors for every setting", () => {
  assert.ok(golden.cases.length > 20);
  for (const { logits, settings, probs } of golden.cases) {
    const options = Object.fromEntries(Object.entries(settings).map(([name, value]) => [NAMES[name]!, value]));
    const found = nextTokenProbabilities(golden.logits[logits]!, options, golden.history_ids[logits]);
    for (const [id, p] of probs.entries()) {
      assert.ok(
        Math.abs(found[id]! - p) < 1e-6,
        `${JSON.stringify(settings)}: id ${id} has ${found[id]}, expected ${p}`,
      ); // the fixture's tolerance
    }
  }
});

test("nextTokenProbabilities() does not change its input", () => {
  const logits = [3, 1, 2];
  nextTokenProbabilities(logits, { topK: 1, temperature: 0.5, repetitionPenalty: 2 }, [0]);
  assert.equal(logits, [3, 1, 2]);
});

test("huge logits stay finite", () => {
  const found = nextTokenProbabilities([1e4, 1e4, -1e4], { temperature: 0.1, topP: 0.9 });
  assert.equal(Array.from(found), [0.5, 0.5, 0]);
});

test("sample() draws each token as often as its probability says", () => {
  const random = new Random(1);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 20_000; i++) counts[sample([0, 1, 2, -Infinity], {}, random)]!++;
  const expected = nextTokenProbabilities([0, 1, 2, -Infinity], {});
  for (const [id, count] of counts.entries()) {
    const sigma = Math.sqrt(20_000 * expected[id]! * (1 - expected[id]!));
    assert.ok(Math.abs(count - 20_000 * expected[id]!) <= 5 * sigma, `id ${id}: ${count}`);
  }
});

test("settings outside their range are refused by name", () => {
  assert.throws(() => nextTokenProbabilities([1, 2], { topP: 0 }), /topP above 0/);
  assert.throws(() => nextTokenProbabilities([1, 2], { topK: 0 }), /topK/);
  assert.throws(() => nextTokenProbabilities([1, 2], { temperature: -1 }), /temperature/);
});

test.run();
