/** @file @backends tensorflow wasm cpu. compile(): captured equals eager, state stays right, and what cannot be captured is said. */
import {
  AdamW,
  type Compiled,
  compile,
  crossEntropy,
  dropout,
  gelu,
  initBackend,
  linear,
  Random,
  type Tensor,
  tf,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("compile()");
let native = false;
test.before(async () => {
  native = (await initBackend()).name === "tensorflow";
});
const onlyNative = (name: string, body: () => void) => test(name, () => (native ? body() : undefined));

/** A small network with Adam in plain operations: gradients, moments, a step counter, all in variables. */
function trainer(seed: number, rate = 0) {
  const random = new Random(seed);
  const shapes = [[6, 16], [16], [16, 4], [4]];
  const make = (values: (size: number) => Float32Array) =>
    shapes.map((shape) => tf.variable(tf.tensor(values(shape.reduce((a, b) => a * b, 1)), shape)));
  const weights = make((size) => random.normal(size, 0, 0.3));
  const [first, second] = [make((size) => new Float32Array(size)), make((size) => new Float32Array(size))];
  const masks = new Random(seed);
  const step = ({ x, y, lr }: { x: Tensor; y: Tensor; lr: Tensor }): Tensor[] => {
    const loss = () => {
      const [w1, b1, w2, b2] = weights as unknown as [tf.Tensor2D, tf.Tensor1D, tf.Tensor2D, tf.Tensor1D];
      return crossEntropy(linear(dropout(gelu(linear(x, w1, b1)), rate, masks), w2, b2), y) as tf.Scalar;
    };
    const { value, grads } = tf.variableGrads(loss, weights);
    let norm: Tensor = tf.scalar(0);
    weights.forEach((weight, i) => {
      const gradient = grads[weight.name]!;
      norm = norm.add(gradient.square().sum());
      const [m, v] = [first[i]!, second[i]!];
      m.assign(m.mul(0.9).add(gradient.mul(0.1)));
      v.assign(v.mul(0.99).add(gradient.square().mul(0.01)));
      weight.assign(weight.sub(m.mul(lr).div(v.sqrt().add(1e-6))));
    });
    return [value, norm.sqrt()];
  };
  const free = () => tf.dispose([...weights, ...first, ...second]);
  return { step, weights, free };
}

function batches(count: number, size = 8) {
  const random = new Random(5);
  return Array.from({ length: count }, (_, i) => ({
    x: tf.tensor2d(random.normal(size * 6), [size, 6]),
    y: tf.tensor1d(
      Int32Array.from({ length: size }, () => random.integer(4)),
      "int32",
    ),
    lr: tf.scalar(0.05 / (1 + i / 10)),
  }));
}

const runSteps = (step: (feeds: { x: Tensor; y: Tensor; lr: Tensor }) => Tensor[], steps: ReturnType<typeof batches>) =>
  steps.map((feeds) => tf.tidy(() => step(feeds).map((t) => t.dataSync()[0]!)));
const values = (variables: readonly Tensor[]) => variables.map((variable) => Array.from(variable.dataSync()));
const largest = (a: readonly (readonly number[])[], b: readonly (readonly number[])[]) =>
  Math.max(...a.flatMap((row, i) => row.map((v, j) => Math.abs(v - b[i]![j]!))));

test("a captured trainer equals the eager one over 50 steps", () => {
  const [eager, captured] = [trainer(1), trainer(1)];
  const data = batches(50);
  const compiled = compile(captured.step);
  const difference = largest(runSteps(eager.step, data), runSteps(compiled, data));
  assert.ok(difference < 1e-5, `losses differ by ${difference}`); // 50 steps of float32 in another order
  assert.ok(largest(values(eager.weights), values(captured.weights)) < 1e-5);
  assert.is(compiled.stats().recordings, native ? 1 : 0);
  compiled.dispose();
  for (const { free } of [eager, captured]) free();
});

test("the same captured run gives the same bits twice", () => {
  const runs = [1, 2].map(() => {
    const { step, weights, free } = trainer(3, 0.2);
    const compiled = compile(step);
    const losses = runSteps(compiled, batches(20));
    const end = values(weights);
    compiled.dispose();
    free();
    return { losses, end };
  });
  assert.equal(runs[0], runs[1]);
});

test("dropout draws a new mask at each call, the same as without compile()", () => {
  const mask = (seed: number) => {
    const random = new Random(seed);
    return ({ x }: { x: Tensor }) => dropout(x, 0.5, random);
  };
  const x = tf.ones([200]);
  const compiled = compile(mask(9));
  const plain = mask(9);
  const [a, b] = [compiled({ x }).dataSync(), compiled({ x }).dataSync()];
  assert.not.equal(a, b);
  assert.equal([a, b], [plain({ x }).dataSync(), plain({ x }).dataSync()]);
  compiled.dispose();
});

test("a variable can be read, changed and shared between calls", () => {
  const w = tf.variable(tf.scalar(1));
  const double = compile(({ x }: { x: Tensor }) => {
    w.assign(w.mul(2));
    return w.add(x) as Tensor;
  });
  const read = compile(({ x }: { x: Tensor }) => w.mul(x));
  const joined = compile(({ x }: { x: Tensor }) => w.mul(x), { share: double as unknown as Compiled });
  const zero = tf.scalar(0);
  const one = tf.scalar(1);
  double({ x: zero });
  assert.is(w.dataSync()[0], 2);
  const old = w.clone();
  double({ x: zero });
  assert.is(old.dataSync()[0], 2, "a clone keeps the value of its time");
  assert.is(read({ x: one }).dataSync()[0], 4);
  assert.is(joined({ x: one }).dataSync()[0], 4);
  w.assign(tf.scalar(10));
  assert.is(double({ x: one }).dataSync()[0], 21);
  assert.is(joined({ x: one }).dataSync()[0], 20);
  double.sync();
  assert.is(w.dataSync()[0], 20);
  double({ x: zero });
  double.dispose();
  assert.is(w.dataSync()[0], 40, "dispose() keeps the newest value");
  assert.throws(() => double({ x: zero }), /disposed/);
  for (const other of [read, joined]) other.dispose();
});

test("a feed given twice, or a variable as a feed, is not mixed up later", () => {
  const w = tf.variable(tf.scalar(3));
  const subtract = compile(({ a, b }: { a: Tensor; b: Tensor }) => a.sub(b) as Tensor);
  const same = tf.scalar(5);
  assert.is(subtract({ a: same, b: same }).dataSync()[0], 0);
  assert.is(subtract({ a: same, b: w }).dataSync()[0], 2);
  assert.is(subtract({ a: w, b: same }).dataSync()[0], -2);
  subtract.dispose();
});

test("other shapes are recorded again, and old recordings are given up", () => {
  const sum = compile(({ x }: { x: Tensor }) => x.sum() as Tensor);
  for (let size = 1; size <= 12; size++) assert.is(sum({ x: tf.ones([size]) }).dataSync()[0], size);
  assert.is(sum({ x: tf.ones([1]) }).dataSync()[0], 1);
  assert.is(sum.stats().recordings, native ? 13 : 0);
  sum.dispose();
});

test("a large tensor from outside may be used, and a gathered row may be fed", () => {
  const table = tf.tensor2d(new Random(1).normal(6000), [100, 60]);
  const pick = compile(({ ids }: { ids: Tensor }) => tf.gather(table, ids));
  const expected = (row: number) => Array.from(table.slice([row, 0], [1, 60]).dataSync());
  for (const row of [3, 99])
    assert.equal(Array.from(pick({ ids: tf.tensor1d([row], "int32") }).dataSync()), expected(row));
  pick.dispose();
});

test("no tensors are left behind, call after call", () => {
  const { step, free } = trainer(2, 0.1);
  const compiled = compile(step);
  const data = batches(12);
  const native_ = tf.backend() as unknown as { getNumOfTFTensors?: () => number };
  runSteps(compiled, data.slice(0, 2));
  const [tensors, handles] = [tf.memory().numTensors, native_.getNumOfTFTensors?.()];
  runSteps(compiled, data.slice(0, 2));
  runSteps(compiled, data.slice(0, 2));
  assert.is(tf.memory().numTensors, tensors);
  assert.is(native_.getNumOfTFTensors?.(), handles);
  compiled.dispose();
  free();
});

const bad: [string, (feeds: { x: Tensor }) => Tensor | Tensor[], RegExp][] = [
  ["reads values", ({ x }) => (x.dataSync()[0]! > 0 ? x.add(1) : x), /reads the values of a tensor/],
  ["reads computed values", ({ x }) => tf.scalar(x.add(1).sum().dataSync()[0]!), /reads the values of a tensor/],
  ["draws in JavaScript", () => tf.randomNormal([2]), /draws random numbers/],
  ["draws in the engine", ({ x }) => tf.multinomial(x as tf.Tensor1D, 1), /random|draws/],
  ["creates variables", ({ x }) => tf.variable(x).add(1), /creates 1 variables/],
  ["returns nothing", () => [], /empty list/],
];
for (const [what, fn, message] of bad) {
  onlyNative(`a function that ${what} is refused, and nothing has changed`, () => {
    tf.dispose(Object.values(tf.engine().registeredVariables));
    const x = tf.tensor1d([1, 2]);
    const before = tf.memory().numTensors;
    assert.throws(() => compile(fn)({ x }), message);
    tf.dispose(Object.values(tf.engine().registeredVariables));
    assert.is(tf.memory().numTensors, before);
    assert.is(tf.gather(x, tf.tensor1d([1], "int32")).dataSync()[0], 2, "the engine works as before");
  });
}

test("an error of the function itself comes through, and variables keep their values", () => {
  const w = tf.variable(tf.scalar(1));
  const failing = compile(({ x }: { x: Tensor }): Tensor => {
    w.assign(w.add(x));
    throw new RangeError("mine");
  });
  if (native) {
    assert.throws(() => failing({ x: tf.scalar(1) }), /mine/);
    assert.is(w.dataSync()[0], 1);
  }
});

test("a second session sees each value that the first one writes", () => {
  const w = tf.variable(tf.zeros([3]));
  const rise = compile(() => {
    w.assign(w.add(1));
    return w.sum();
  });
  const read = compile(() => w.mul(2));
  for (let i = 1; i <= 4; i++) {
    tf.dispose([rise({}), rise({})]);
    const output = read({});
    assert.equal(Array.from(output.dataSync()), [4 * i, 4 * i, 4 * i]);
    output.dispose();
  }
  rise.dispose();
  read.dispose();
  w.dispose();
});

test("prepare() records without running; dispose() of one function leaves the others of its session their values", () => {
  const [a, b] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(10))];
  const first = compile(({ x }) => {
    a.assign(a.add(x!));
    return a.mul(1);
  });
  const second = compile(
    ({ x }) => {
      b.assign(b.add(x!));
      return a.add(b);
    },
    { share: first as Compiled },
  );
  const x = tf.scalar(2);
  first.prepare({ x });
  second.prepare({ x });
  assert.is(first.stats().recordings, native ? 1 : 0);
  assert.is(first.stats().calls, 0);
  tf.dispose([first({ x }), second({ x })]);
  assert.is(first.stats().recordings, native ? 1 : 0);
  first.dispose();
  a.assign(a.add(1)); // 4
  const sum = second({ x });
  assert.is(sum.dataSync()[0], 4 + 14);
  second.dispose();
  assert.is(b.dataSync()[0], 14);
  tf.dispose([sum, x, a, b]);
});

test("assignments, clones and an optimiser's changes in place mix in one function as they do without compile()", () => {
  const results = [false, true].map((captured) => {
    const w = tf.variable(tf.tensor1d([1, 2]));
    const optimizer = new AdamW(new Map([["w", w]]), { lr: 0.1 });
    const step = ({ g }: { g: Tensor }) => {
      w.assign(w.mul(10));
      const old = w.clone();
      optimizer.apply(new Map([["w", g]]));
      const moved = w.sub(old).abs().sum();
      w.assign(w.add(1));
      return moved;
    };
    const call = captured ? compile(step) : (feeds: { g: Tensor }) => tf.tidy(() => step(feeds));
    const g = tf.tensor1d([1, 1]);
    const moved = call({ g }).dataSync()[0]!;
    return [moved, ...call({ g }).dataSync(), ...w.dataSync()].map((value) => value.toFixed(5));
  });
  assert.equal(results[1], results[0]);
});

test("what is no tensor is refused by name, as a feed and as a result, on every engine", () => {
  const feeds = { x: tf.scalar(2) };
  const wrong: [unknown, RegExp][] = [
    [3, /must return a tensor or a list of tensors, but returned 3/],
    [undefined, /but returned undefined/],
    [{ a: feeds.x }, /but returned \[object Object\]/],
    [[feeds.x, "b"], /but returned b/],
    [Promise.resolve(feeds.x), /must not be async/],
  ];
  for (const [result, message] of wrong) assert.throws(() => compile(() => result as Tensor)(feeds), message);
  const double = compile(({ x }) => x.mul(2));
  assert.throws(
    () => double({ x: 3 as unknown as Tensor }),
    /is fed with tensors, but "x" is 3\. Make one: tf\.scalar/,
  );
  assert.throws(() => double.prepare({ x: [1] as unknown as Tensor }), /but "x" is 1/);
  assert.is(double(feeds).dataSync()[0], 4);
  double.dispose();
});

test("a function may divide by large whole numbers that it computes", () => {
  const a = tf.fill([70_000], 7, "int32");
  const divide = compile(({ a }) => a.floorDiv(a.sub(4)));
  assert.equal(Array.from(divide({ a }).dataSync().slice(0, 2)), [2, 2]);
});

test.run();
