/** @file Stages: which mixture gives which batch, and a cursor that goes on exactly. */
import { Mixture, Random, Stages, TokenDataset } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("Stages");
const numbers = Array.from({ length: 61 }, (_, i) => i);
const mixture = (first: number) => () =>
  new Mixture(
    [
      {
        name: "text",
        weight: 1,
        examples: new TokenDataset(
          numbers.map((n) => n + first),
          { blockSize: 4 },
        ),
      },
    ],
    { batchSize: 2, random: new Random(first) },
  );
const make = () =>
  new Stages([
    { from: 0, open: mixture(0) },
    { from: 3, open: mixture(1000) },
    { from: 5, open: mixture(2000) },
  ]);
const take = (stages: Stages, count: number) => Array.from({ length: count }, () => stages.next());

test("each stage gives its own mixture from its batch on, from the mixture's beginning", () => {
  const [first, second, third] = [mixture(0)(), mixture(1000)(), mixture(2000)()];
  const expected = [first, first, first, second, second, third, third].map((source) => source.next());
  assert.equal(take(make(), 7), expected);
});

test("taken up after any batch, it goes on as if it had never stopped", () => {
  const whole = take(make(), 9);
  for (let stop = 0; stop <= 8; stop++) {
    const before = make();
    take(before, stop);
    const after = make();
    take(after, 8 - stop); // wherever it stood
    after.restore(JSON.parse(JSON.stringify(before.state())));
    assert.equal(take(after, 9 - stop), whole.slice(stop), `after ${stop} batches`);
  }
});

test("bad stages and states are refused", () => {
  assert.throws(() => new Stages([]), /must begin at batch 0.*none/);
  assert.throws(() => new Stages([{ from: 1, open: mixture(0) }]), /must begin at batch 0.*found 1/);
  const twice = [0, 4, 4].map((from) => ({ from, open: mixture(0) }));
  assert.throws(() => new Stages(twice), /0, 4, 4/);
  for (const given of [-1, 0.5, 2])
    assert.throws(() => make().restore({ given, mixture: null }), /how many batches were given/);
});

test.run();
