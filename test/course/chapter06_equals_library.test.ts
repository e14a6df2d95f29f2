/** @file @backends tensorflow. The functions that a learner writes in chapter 06 give what the library's give, on random input. The chapter says so. */
import fc from "fast-check";
import {
  BpeTokenizer,
  forgettingTable,
  GPT,
  initBackend,
  Mixture,
  presets,
  Random,
  rewarmCosine,
  scoreText,
  TokenDataset,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { solutionsOf } from "../support/chapter_solution.ts";
import { near } from "../support/near.ts";

type Rewarming = Required<Parameters<typeof rewarmCosine>[0]>;
type Bits = Record<string, number>;
type Row = { run: string; forgotten: number; gained: number; kept: number };

await initBackend();
const solution = solutionsOf("06");
const own = {
  mixBatches: await solution<(shares: number[], batchSize: number, batches: number) => number[][]>("mixBatches"),
  rewarmSchedule: await solution<(step: number, schedule: Rewarming) => number>("rewarmSchedule"),
  bitsPerByte: await solution<(losses: number[], tokens: number[], texts: string[]) => number>("bitsPerByte"),
  forgettingTable:
    await solution<(before: Bits, runs: Record<string, Bits>, newDomain: string) => Row[]>("forgettingTable"),
};

const test = suite("chapter 06 equals the library");
const positive = (max: number) => fc.double({ min: 0.01, max, noNaN: true });

test("mixBatches() of the chapter is the order in which a Mixture takes its rows", () => {
  fc.assert(
    fc.property(
      fc.array(positive(5), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 0, max: 12 }),
      (shares, batchSize, batches) => {
        const sources = shares.map((weight, i) => ({
          name: `source ${i}`,
          weight,
          examples: new TokenDataset(Array(9).fill(i), { blockSize: 2 }),
        }));
        const mixture = new Mixture(sources, { batchSize, random: new Random(1) });
        const rows = Array.from({ length: batches }, () => mixture.next().ids.map((row) => row[0]));
        assert.equal(own.mixBatches(shares, batchSize, batches), rows);
      },
    ),
  );
});

test("rewarmSchedule() of the chapter is rewarmCosine() at every step, and after the last", () => {
  fc.assert(
    fc.property(
      fc.nat(10),
      fc.integer({ min: 2, max: 20 }),
      positive(1),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (warmupSteps, more, maxLr, part) => {
        const totalSteps = warmupSteps + more;
        const schedule = { lastLr: part * maxLr, warmupSteps, totalSteps, maxLr, minLr: maxLr / 10 };
        const rate = rewarmCosine(schedule);
        for (let step = 0; step < totalSteps + 3; step++)
          near([own.rewarmSchedule(step, schedule)], [rate(step)], 1e-12);
      },
    ),
  );
});

test("bitsPerByte() of several texts is what scoreText() says of all of them", async () => {
  const texts = ["hello hello hello", "سلام سلام", "日本 🙂 hello", "naïve"];
  const tokenizer = BpeTokenizer.train(texts, { vocabSize: 270 });
  const model = new GPT(
    { ...presets.course, vocabSize: tokenizer.vocabSize, blockSize: 8, nLayer: 1, nHead: 1, nEmbd: 8 },
    new Random(1),
  );
  const whole = await scoreText(model, tokenizer, texts);
  const parts = [];
  for (const one of texts) parts.push(await scoreText(model, tokenizer, [one]));
  const found = own.bitsPerByte(
    parts.map(({ loss }) => loss),
    parts.map(({ tokens }) => tokens),
    texts,
  );
  near([found], [whole.bitsPerByte], 1e-9);
  model.dispose();
});

test("forgettingTable() of the chapter is the library's", () => {
  const names = ["a", "b", "c"];
  const bits = fc.tuple(positive(8), positive(8), positive(8), positive(8));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), fc.array(bits, { minLength: 2, maxLength: 5 }), (count, values) => {
      const [before, ...after] = values.map((one): Bits => {
        const old = names.slice(0, count).map((name, i): [string, number] => [name, one[i]!]);
        return Object.fromEntries([...old, ["new", one[3]]]);
      });
      const runs = Object.fromEntries(after.map((one, i) => [`run ${i}`, one]));
      const mine = own.forgettingTable(before!, runs, "new");
      const library = forgettingTable(before!, runs, { newDomain: "new" });
      assert.equal(
        mine.map(({ run }) => run),
        library.map(({ run }) => run),
      );
      for (const [i, { forgotten, gained, kept }] of library.entries()) {
        near([mine[i]!.forgotten, mine[i]!.gained], [forgotten, gained], 1e-12);
        if (library[0]!.gained !== 0) near([mine[i]!.kept], [kept], 1e-12);
      }
    }),
  );
});

test.run();
