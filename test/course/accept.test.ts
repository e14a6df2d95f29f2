/** @file The acceptance run of continued pretraining was made for the sources, the profile and the base model as they are, and every seed passed. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { currentSources, laptop, readContinued, verdicts } from "../accept/result.ts";

const test = suite("acceptance of continued pretraining");
const result = readContinued();

test("bench/continued.json holds for these sources", async () => {
  assert.ok(result, "there is no bench/continued.json: run `make accept`");
  assert.is(
    result.sources,
    await currentSources(),
    "continued pretraining, chapter 06's laptop profile or the base model has changed since: run `make accept`",
  );
});

test("with each of three seeds replay keeps 95 % of the gain, and a third of the forgetting at most is left", () => {
  const said = verdicts(result!);
  assert.equal(
    said.map(({ seed }) => seed),
    [1, 1, 2, 2, 3, 3],
  );
  for (const { seed, replay, times, kept, accepted } of said)
    assert.ok(
      accepted,
      `seed ${seed}, ${replay}: ${times} times as much forgotten without it, ${kept} of the gain kept`,
    );
});

test("what the chapter says of the gentle rate and of the steps holds with each seed", () => {
  for (const seed of [1, 2, 3]) {
    const of = (name: string) => result!.trainings.find((one) => one.seed === seed && one.run === name)!;
    const [naive, replay, high, low] = ["naive", "replay", "replay, re-warmed", "replay, gentle"].map(of) as [
      ReturnType<typeof of>,
      ReturnType<typeof of>,
      ReturnType<typeof of>,
      ReturnType<typeof of>,
    ];
    assert.is(replay.steps, Math.ceil(naive.steps / (1 - laptop().replay!) - 1e-9));
    const old = Object.keys(result!.before).filter((name) => name !== "jsdoc");
    const mean = ({ bits }: typeof naive): number => old.reduce((sum, name) => sum + bits[name]!, 0) / old.length;
    assert.ok(mean(low) < mean(high), `seed ${seed}: the gentle rate forgets less`);
    assert.ok(low.bits.jsdoc! > high.bits.jsdoc! + 0.05, `seed ${seed}: the gentle rate learns less`);
  }
});

test.run();
