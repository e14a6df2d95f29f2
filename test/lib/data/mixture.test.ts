/** @file Mixture: exact shares, one seed one order, and a cursor that goes on bit for bit. */
import fc from "fast-check";
import { type Batch, Mixture, type MixtureSource, Random, TokenDataset } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("Mixture");

/** Windows of two ids: the source's number and the window's. */
const source = (number: number, weight: number, windows: number): MixtureSource => ({
  name: `source ${number}`,
  weight,
  examples: {
    length: windows,
    at: (i: number) => ({ ids: Int32Array.of(number, i), targets: Int32Array.of(i, number) }),
  },
});
const rows = (batch: Batch) => batch.ids.map((row) => Array.from(row));
const take = (mixture: Mixture, count: number) => Array.from({ length: count }, () => rows(mixture.next())).flat();

const weights = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });

test("the shares hold from the first rows on, to within fewer rows than there are sources", () => {
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 120 }), (parts, count) => {
      const mixture = new Mixture(
        parts.map((weight, i) => source(i, weight, 7)),
        { batchSize: 1, random: new Random(1) },
      );
      const total = parts.reduce((a, b) => a + b);
      const drawn = take(mixture, count);
      for (const [i, weight] of parts.entries()) {
        const found = drawn.filter(([number]) => number === i).length;
        const limit = Math.max(1, parts.length - 1) + 1e-9; // of two sources neither is ever more than a row off
        assert.ok(Math.abs(found - (count * weight) / total) <= limit, `${found} of weight ${weight}`);
      }
    }),
  );
});

test("one epoch of a source gives each of its windows once, in another order than the next", () => {
  const mixture = new Mixture([source(0, 1, 30)], { batchSize: 5, random: new Random(4) });
  const epochs = [take(mixture, 6), take(mixture, 6)].map((all) => all.map(([, i]) => i));
  for (const epoch of epochs)
    assert.equal(
      [...epoch].sort((a, b) => a - b),
      Array.from({ length: 30 }, (_, i) => i),
    );
  assert.not.equal(epochs[0], epochs[1]);
});

test("one seed gives one order, another seed another", () => {
  const make = (seed: number) =>
    take(new Mixture([source(0, 2, 9), source(1, 1, 9)], { batchSize: 4, random: new Random(seed) }), 8);
  assert.equal(make(1), make(1));
  assert.not.equal(make(1), make(2));
});

test("restore() goes on exactly where state() was taken, through JSON, at any place and over epochs", () => {
  fc.assert(
    fc.property(weights, fc.nat(40), fc.integer({ min: 1, max: 5 }), (parts, before, batchSize) => {
      const make = () =>
        new Mixture(
          parts.map((weight, i) => source(i, weight, 3 + i)),
          { batchSize, random: new Random(9) },
        );
      const unbroken = make();
      take(unbroken, before);
      const resumed = make();
      resumed.restore(JSON.parse(JSON.stringify(unbroken.state())));
      assert.equal(take(resumed, 20), take(unbroken, 20));
    }),
  );
});

test("a source may give other windows in each epoch, and one without an end is read in order", () => {
  const tokens = Uint16Array.from({ length: 20 }, (_, i) => i);
  const shifted: MixtureSource = {
    name: "shifted",
    weight: 1,
    examples: (epoch) => new TokenDataset(tokens.subarray(epoch), { blockSize: 18 }),
  };
  const mixture = new Mixture([shifted], { batchSize: 1, random: new Random(1) });
  assert.equal(
    [mixture.next(), mixture.next()].map((batch) => batch.ids[0]?.[0]),
    [0, 1],
  );
  const endless = new Mixture([source(0, 1, Number.POSITIVE_INFINITY)], { batchSize: 3, random: new Random(1) });
  assert.equal(
    take(endless, 2).map(([, i]) => i),
    [0, 1, 2, 3, 4, 5],
  );
});

test("what makes no mixture is refused in words", () => {
  const random = new Random(1);
  const options = { batchSize: 1, random };
  assert.throws(() => new Mixture([], options), /at least one source/);
  assert.throws(() => new Mixture([source(0, 0, 3)], options), /weights above 0/);
  assert.throws(() => new Mixture([source(0, 1, 3), source(0, 1, 3)], options), /different names/);
  assert.throws(() => new Mixture([source(0, 1, 0)], options), /none in epoch 0/);
  assert.throws(() => new Mixture([source(0, 1, 3)], { batchSize: 0, random }), /batchSize/);
  const mixture = new Mixture([source(0, 1, 3)], options);
  assert.throws(() => mixture.restore({}), /a state of nothing/);
  assert.throws(() => mixture.restore({ "source 0": { drawn: 9, epoch: 0, next: 9 } }), /place 9/);
});

test.run();
