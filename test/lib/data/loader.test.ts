import * as fc from "fast-check";
import { type Batch, DataLoader, type DataLoaderState, Random, stackWindows, TokenDataset } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("DataLoader");
/** n windows of one id each, so that a batch can be read as the indices of its examples. */
const windows = (n: number): TokenDataset =>
  new TokenDataset(
    Array.from({ length: n + 1 }, (_, i) => i),
    { blockSize: 1 },
  );
const indices = (batch: Batch): number[] => batch.ids.map((row) => row[0]!);
const epoch = (loader: Iterable<Batch>): number[][] => [...loader].map(indices);
const take = (loader: Iterable<Batch>, count: number): number[][] => {
  const taken: number[][] = [];
  if (count === 0) return taken;
  for (const batch of loader) {
    taken.push(indices(batch));
    if (taken.length === count) break;
  }
  return taken;
};

test("one loop is one epoch, in order, the last batch smaller", () => {
  const loader = new DataLoader(windows(5), { batchSize: 2 });
  assert.is(loader.batchesPerEpoch, 3);
  assert.equal(epoch(loader), [[0, 1], [2, 3], [4]]);
  assert.equal(epoch(loader), [[0, 1], [2, 3], [4]]);
});

test("dropLast leaves the smaller batch out", () => {
  const loader = new DataLoader(windows(5), { batchSize: 2, dropLast: true });
  assert.is(loader.batchesPerEpoch, 2);
  assert.equal(epoch(loader), [
    [0, 1],
    [2, 3],
  ]);
});

test("a batch holds rows of ids and targets", () => {
  const [batch] = new DataLoader(new TokenDataset([5, 6, 7, 8, 9], { blockSize: 2 }), { batchSize: 2 });
  assert.equal(
    batch!.ids.map((row) => [...row]),
    [
      [5, 6],
      [7, 8],
    ],
  );
  assert.equal(
    batch!.targets.map((row) => [...row]),
    [
      [6, 7],
      [8, 9],
    ],
  );
});

test("shuffle gives PyTorch's order: two u64 drawn, the low half of the last seeds the permutation", () => {
  const words = new Random(123);
  const orders = [0, 1, 2].map(() => {
    const four = [words.word(), words.word(), words.word(), words.word()];
    return [...new Random(four[3]!).permutation(7)];
  });
  const loader = new DataLoader(windows(7), { batchSize: 7, shuffle: new Random(123) });
  for (const order of orders) assert.equal(epoch(loader), [order]);
});

test("shuffle and Random give the published training run of PyTorch: 2-30-20-2 network, seed 123, SGD 0.5", () => {
  const inputs = [
    [-1.2, 3.1],
    [-0.9, 2.9],
    [-0.5, 2.6],
    [2.3, -1.1],
    [2.7, -1.5],
  ];
  const labels = [0, 0, 0, 1, 1];
  const random = new Random(123); // one generator makes the weights, then the orders
  const layers = [
    [2, 30],
    [30, 20],
    [20, 2],
  ].map(([fanIn = 0, fanOut = 0]) => {
    const bound = 1 / Math.sqrt(fanIn);
    const weights = random.uniform(fanIn * fanOut, -bound, bound); // (out, in), as nn.Linear
    return {
      fanIn,
      fanOut,
      weights: Float64Array.from(weights),
      bias: Float64Array.from(random.uniform(fanOut, -bound, bound)),
    };
  });
  /** Activations of every layer: the input first, the logits last, ReLU between. */
  const forward = (input: number[]): number[][] => {
    const all = [input];
    for (const [depth, { fanIn, fanOut, weights, bias }] of layers.entries()) {
      const below = all[depth]!;
      const sums = Array.from({ length: fanOut }, (_, o) =>
        below.reduce((sum, value, i) => sum + value * weights[o * fanIn + i]!, bias[o]!),
      );
      all.push(depth < 2 ? sums.map((sum) => Math.max(0, sum)) : sums);
    }
    return all;
  };
  const loader = new DataLoader([0, 1, 2, 3, 4], {
    batchSize: 2,
    dropLast: true,
    shuffle: random,
    collate: (examples) => ({ ids: examples.map((example) => Int32Array.of(example)), targets: [] }),
  });
  const losses: string[] = [];
  for (let epochs = 0; epochs < 3; epochs++) {
    for (const batch of loader) {
      const steps = indices(batch).map((example) => {
        const activations = forward(inputs[example]!);
        const exponentials = activations[3]!.map(Math.exp);
        const sum = exponentials.reduce((a, b) => a + b);
        const probabilities = exponentials.map((value) => value / sum);
        return {
          activations,
          loss: -Math.log(probabilities[labels[example]!]!) / 2,
          gradient: probabilities.map((p, o) => (p - (o === labels[example] ? 1 : 0)) / 2),
        };
      });
      losses.push(steps.reduce((sum, step) => sum + step.loss, 0).toFixed(2));
      for (let depth = 2; depth >= 0; depth--) {
        const { fanIn, weights, bias } = layers[depth]!;
        const before = weights.slice();
        for (const step of steps) {
          const below = step.activations[depth]!;
          for (const [o, gradient] of step.gradient.entries()) {
            bias[o]! -= 0.5 * gradient;
            for (const [i, value] of below.entries()) weights[o * fanIn + i]! -= 0.5 * gradient * value;
          }
          step.gradient = below.map((value, i) =>
            value > 0 ? step.gradient.reduce((sum, gradient, o) => sum + gradient * before[o * fanIn + i]!, 0) : 0,
          );
        }
      }
    }
  }
  assert.equal(losses, ["0.75", "0.65", "0.44", "0.13", "0.03", "0.00"]);
  assert.equal(
    forward(inputs[0]!)[3]!.map((logit) => logit.toFixed(4)),
    ["2.8569", "-4.1618"],
  );
});

test("shuffle gives each example once an epoch, in another order each epoch", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9 }), fc.nat(1000), (n, batchSize, seed) => {
      const loader = new DataLoader(windows(n), { batchSize, shuffle: new Random(seed) });
      const sorted = epoch(loader)
        .flat()
        .sort((a, b) => a - b);
      assert.equal(
        sorted,
        Array.from({ length: n }, (_, i) => i),
      );
    }),
  );
  const loader = new DataLoader(windows(40), { batchSize: 40, shuffle: new Random(1) });
  assert.is.not(String(epoch(loader)), String(epoch(loader)));
});

test("infinite goes on over the end of the epoch", () => {
  const loader = new DataLoader(windows(3), { batchSize: 2, infinite: true });
  assert.equal(take(loader, 5), [[0, 1], [2], [0, 1], [2], [0, 1]]);
  assert.is(loader.state().epoch, 2);
});

test("a loop that was left goes on where it stopped, also right at the end of an epoch", () => {
  const loader = new DataLoader(windows(4), { batchSize: 2 });
  assert.equal(take(loader, 1), [[0, 1]]);
  assert.equal(epoch(loader), [[2, 3]]);
  assert.equal(take(loader, 2), [
    [0, 1],
    [2, 3],
  ]);
  assert.equal(epoch(loader), [
    [0, 1],
    [2, 3],
  ]);
});

test("restore() goes on exactly, after a trip through JSON, at any place", () => {
  fc.assert(
    fc.property(
      fc.record({
        n: fc.integer({ min: 1, max: 20 }),
        batchSize: fc.integer({ min: 1, max: 6 }),
        before: fc.nat(30),
        shuffled: fc.boolean(),
        infinite: fc.boolean(),
      }),
      ({ n, batchSize, before, shuffled, infinite }) => {
        const make = (seed: number) =>
          new DataLoader(windows(n), { batchSize, infinite, ...(shuffled ? { shuffle: new Random(seed) } : {}) });
        const loader = make(7);
        for (let left = before; left > 0; ) left -= take(loader, left).length;
        const saved: DataLoaderState = JSON.parse(JSON.stringify(loader.state()));
        const restored = make(99);
        restored.restore(saved);
        for (let epochs = 0; epochs < 3; epochs++) assert.equal(take(restored, 25), take(loader, 25));
        assert.equal(restored.state(), loader.state());
      },
    ),
  );
});

test("state() taken inside the loop says what comes next", () => {
  const loader = new DataLoader(windows(4), { batchSize: 2, shuffle: new Random(5) });
  let saved: DataLoaderState | undefined;
  const all: number[][] = [];
  for (const batch of loader) {
    saved ??= loader.state();
    all.push(indices(batch));
  }
  const restored = new DataLoader(windows(4), { batchSize: 2, shuffle: new Random(0) });
  restored.restore(saved!);
  assert.equal(epoch(restored), all.slice(1));
});

test("the loader takes any examples, with a collate function of their own", () => {
  const words = ["a", "bcd", "ef"];
  const collate = (examples: readonly string[]): Batch => ({
    ids: examples.map((word) => Int32Array.of(word.length)),
    targets: [],
  });
  assert.equal(epoch(new DataLoader(words, { batchSize: 2, collate })), [[1, 3], [2]]);
  assert.throws(
    () => [...new DataLoader(words, { batchSize: 2 })],
    /example 0 of a batch has none. Give a collate function/,
  );
  assert.throws(() => stackWindows([null]), /Give a collate function/);
});

test("DataLoader refuses options and states that do not fit", () => {
  assert.throws(
    () => new DataLoader(windows(3), { batchSize: 0 }),
    /batchSize that is an integer of at least 1, but found 0/,
  );
  assert.throws(
    () => new DataLoader(windows(3), { batchSize: 4, dropLast: true }),
    /found 3 with batchSize 4 and dropLast true/,
  );
  assert.throws(() => new DataLoader([], { batchSize: 1 }), /found 0/);
  const plain = new DataLoader(windows(3), { batchSize: 1 });
  const shuffled = new DataLoader(windows(3), { batchSize: 1, shuffle: new Random(1) });
  assert.throws(() => plain.restore(shuffled.state()), /a state with shuffling, but this loader is made without it/);
  assert.throws(() => shuffled.restore(plain.state()), /a state without shuffling, but this loader is made with it/);
  assert.throws(() => plain.restore({ ...plain.state(), batch: 4 }), /a batch from 0 to 3, but found 4/);
});

test.run();
