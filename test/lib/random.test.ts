import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { Random } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("random");
const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });

interface SeedNumbers {
  readonly words: number[];
  readonly word_1300: number;
  readonly rand_6: number[];
  readonly "uniform_5_from_-0.5_to_0.25": number[];
  readonly normal_18: number[];
  readonly normal_16_next: number[];
  readonly normal_37: number[];
}
const torch: { seeds: Record<string, SeedNumbers> } = JSON.parse(
  readFileSync(new URL("../fixtures/torch_rng.json", import.meta.url), "utf8"),
);

/** numpy and V8 may round log, sin and cos differently in the last of float32's 24 bits; a factor of 4 is allowed. */
function assertNear(found: ArrayLike<number>, expected: readonly number[], what: string): void {
  assert.is(found.length, expected.length, what);
  expected.forEach((value, i) => {
    const tolerance = 4 * 2 ** -24 * Math.max(1, Math.abs(value));
    assert.ok(Math.abs(found[i]! - value) <= tolerance, `${what}[${i}] is ${found[i]}, expected ${value}`);
  });
}

for (const [name, expected] of Object.entries(torch.seeds)) {
  const seed = Number(name);

  test(`word() gives mt19937's numbers, across two refills, seed ${seed}`, () => {
    const random = new Random(seed);
    const words = Array.from({ length: 1301 }, () => random.word());
    assert.equal(words.slice(0, 8), expected.words);
    assert.is(words[1300], expected.word_1300);
  });

  test(`uniform() gives torch.rand's numbers exactly, seed ${seed}`, () => {
    assert.equal(Array.from(new Random(seed).uniform(6)), expected.rand_6.map(Math.fround));
    assert.equal(
      Array.from(new Random(seed).uniform(5, -0.5, 0.25)),
      expected["uniform_5_from_-0.5_to_0.25"].map(Math.fround),
    );
  });

  test(`normal() gives torch.randn's numbers from 16 values on, the last 16 drawn again, seed ${seed}`, () => {
    const random = new Random(seed);
    assertNear(random.normal(18), expected.normal_18, "normal_18");
    assertNear(random.normal(16), expected.normal_16_next, "normal_16_next");
    assertNear(new Random(seed).normal(37), expected.normal_37, "normal_37");
  });
}

test("normal() gives torch.randn's numbers below 16 values too", () => {
  // torch.manual_seed(123); torch.randn(2, 5), as printed in the book's chapter 4
  const printed = [-0.1115, 0.1204, -0.3696, -0.2404, -1.1969, 0.2093, -0.9724, -0.755, 0.3239, -0.1085];
  const found = new Random(123).normal(10);
  for (const [i, value] of printed.entries()) assert.ok(Math.abs(found[i]! - value) <= 0.00005, `${i}: ${found[i]}`);
});

test("normal() keeps the second value of a pair for the next call", () => {
  const inOne = new Random(5).normal(6);
  const inParts = new Random(5);
  assert.equal([...inParts.normal(1), ...inParts.normal(3), ...inParts.normal(2)], [...inOne]);
});

test("normal() applies mean and standard deviation", () => {
  for (const count of [7, 40]) {
    const plain = new Random(1).normal(count);
    const scaled = new Random(1).normal(count, 3, 0.5);
    for (const [i, value] of plain.entries())
      assert.ok(Math.abs(scaled[i]! - (3 + 0.5 * value)) < 1e-6, `${count}: ${i}`);
  }
});

test("normal() gives the first row of torch's Embedding(6, 3) for seed 123", () => {
  const [a, b, c] = new Random(123).normal(18);
  assert.equal(
    [a, b, c].map((value) => value!.toFixed(4)),
    ["0.3374", "-0.1778", "-0.1690"],
  );
});

test("choice() counts as torch.multinomial does for seed 123, at three temperatures", () => {
  const logits = [4.51, 0.89, -1.9, 6.75, 1.63, -1.62, -1.89, 6.28, 1.79];
  const published: Record<string, number[]> = {
    1: [73, 0, 0, 582, 2, 0, 0, 343, 0],
    0.1: [0, 0, 0, 985, 0, 0, 0, 15, 0],
    5: [165, 75, 42, 239, 71, 46, 32, 227, 103],
  };
  for (const [temperature, expected] of Object.entries(published)) {
    const weights = logits.map((logit) => Math.exp(logit / Number(temperature)));
    const sum = weights.reduce((a, b) => a + b);
    const random = new Random(123);
    const counts = logits.map(() => 0);
    for (let i = 0; i < 1000; i++) counts[random.choice(weights.map((weight) => weight / sum))]!++;
    assert.equal(counts, expected, `temperature ${temperature}`);
  }
});

test("choice() never gives an index of probability 0", () => {
  fc.assert(
    fc.property(seeds, fc.array(fc.constantFrom(0, 1e-30, 0.2, 5), { minLength: 1, maxLength: 9 }), (seed, weights) => {
      fc.pre(weights.some((weight) => weight > 0));
      assert.ok(weights[new Random(seed).choice(weights)]! > 0);
    }),
  );
});

test("choice() refuses probabilities that are not", () => {
  const random = new Random(1);
  assert.throws(() => random.choice([0.5, -0.1]), /found -0.1 at index 1/);
  assert.throws(() => random.choice([Number.NaN]), /found NaN/);
  assert.throws(() => random.choice([1, Number.POSITIVE_INFINITY]), /found Infinity/);
  assert.throws(() => random.choice([0, 0]), /found none among 2/);
  assert.throws(() => random.choice([]), /found none among 0/);
});

test("bernoulli() gives torch's dropout mask of ones(6, 6) for seed 123, p 0.5", () => {
  const kept = ["110110", "000101", "111101", "011001", "010101", "011110"]; // chapter 3's printed mask: 2 where kept
  assert.is(new Random(123).bernoulli(36, 0.5).join(""), kept.join(""));
});

test("bernoulli() keeps none at 0, all at 1, and a share near its probability", () => {
  assert.is(new Random(3).bernoulli(500, 0).indexOf(1), -1);
  assert.is(new Random(3).bernoulli(500, 1).indexOf(0), -1);
  const ones = new Random(3).bernoulli(10_000, 0.3).reduce((sum, bit) => sum + bit, 0);
  assert.ok(Math.abs(ones - 3000) < 5 * Math.sqrt(10_000 * 0.3 * 0.7), String(ones)); // 5 standard deviations
});

test("permutation() holds each number once", () => {
  fc.assert(
    fc.property(seeds, fc.nat(60), (seed, n) => {
      assert.equal(
        [...new Random(seed).permutation(n)].sort((a, b) => a - b),
        Array.from({ length: n }, (_, i) => i),
      );
    }),
  );
});

test("permutation() gives torch.randperm's order for seeds 0 and 42", () => {
  // as PyTorch prints them after torch.manual_seed(0) and torch.manual_seed(42)
  assert.equal([...new Random(0).permutation(10)], [4, 1, 7, 5, 3, 9, 0, 8, 6, 2]);
  assert.equal([...new Random(42).permutation(10)], [2, 6, 1, 8, 4, 5, 0, 9, 3, 7]);
  assert.equal([...new Random(1).permutation(0)], []);
});

test("uniform() stays in its range and fills it evenly", () => {
  const values = new Random(11).uniform(10_000, -2, 3);
  const bins = new Array<number>(10).fill(0);
  for (const value of values) {
    assert.ok(value >= -2 && value < 3);
    bins[Math.floor((value + 2) * 2)]!++;
  }
  // chi-square with 9 degrees of freedom is above 27.9 once in a thousand seeds
  const chiSquare = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  assert.ok(chiSquare < 27.9, String(chiSquare));
});

test("normal() has the moments of a normal distribution, both ways", () => {
  const serial = new Random(17);
  const samples = {
    vectorised: new Random(17).normal(20_000),
    serial: Float32Array.from({ length: 20_000 }, () => serial.normal(1)[0]!),
  };
  for (const [name, values] of Object.entries(samples)) {
    const moment = (k: number): number => values.reduce((sum, value) => sum + value ** k, 0) / values.length;
    // five standard errors of each moment: variances of z, z^2, z^3, z^4 are 1, 2, 15, 96
    [0, 1, 0, 3].forEach((expected, i) => {
      const error = 5 * Math.sqrt([1, 2, 15, 96][i]! / values.length);
      assert.ok(Math.abs(moment(i + 1) - expected) < error, `${name}: moment ${i + 1} is ${moment(i + 1)}`);
    });
  }
});

test("integer() stays below its bound and reaches every value", () => {
  const random = new Random(2);
  assert.equal([...new Set(Array.from({ length: 200 }, () => random.integer(6)))].sort(), [0, 1, 2, 3, 4, 5]);
});

test("fork() takes nothing from its parent and depends on seed and label only", () => {
  const parent = new Random(9);
  const early = parent.fork("dropout").uniform(4);
  const first = parent.uniform(4);
  assert.equal([...first], [...new Random(9).uniform(4)]);
  assert.equal([...parent.fork("dropout").uniform(4)], [...early]);
});

test("fork() gives streams that differ from each other and from their parent", () => {
  const streams = [
    new Random(9),
    new Random(9).fork(""),
    new Random(9).fork("a"),
    new Random(9).fork("b"),
    new Random(10).fork("a"),
    new Random(9).fork("a").fork("a"),
  ];
  assert.is(new Set(streams.map((stream) => stream.uniform(4).join())).size, streams.length);
});

test("fromState() goes on exactly, after a trip through JSON", () => {
  fc.assert(
    fc.property(seeds, fc.nat(700), fc.boolean(), (seed, draws, oddNormals) => {
      const random = new Random(seed);
      for (let i = 0; i < draws; i++) random.word();
      if (oddNormals) random.normal(3); // leaves one half of a pair
      const restored = Random.fromState(JSON.parse(JSON.stringify(random.state())));
      assert.equal([...restored.normal(5), restored.word()], [...random.normal(5), random.word()]);
      assert.equal(restored.fork("x").word(), random.fork("x").word());
    }),
    { numRuns: 30 },
  );
});

test("state() is a copy", () => {
  const random = new Random(4);
  const before = random.state();
  const kept = JSON.stringify(before);
  random.uniform(1000);
  assert.is(JSON.stringify(before), kept);
});

test("Random refuses seeds, counts and bounds that it cannot honour", () => {
  for (const seed of [-1, 0.5, 2 ** 32, Number.NaN]) assert.throws(() => new Random(seed), /seed must be an integer/);
  const random = new Random(1);
  assert.throws(() => random.uniform(-1), /uniform\(\) needs a count/);
  assert.throws(() => random.normal(1.5), /normal\(\) needs a count/);
  assert.throws(() => random.normal(1, 0, -1), /at least 0, but found -1/);
  assert.throws(() => random.integer(0), /integer from 1 to 4294967296, but found 0/);
  assert.throws(() => random.bernoulli(1, 1.5), /from 0 to 1, but found 1.5/);
  assert.throws(() => Random.fromState({ ...random.state(), words: [1] }), /624 words .* found 1 words/);
});

test.run();
