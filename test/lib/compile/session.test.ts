/** @file @backends tensorflow. The sessions behind compile(): recording changes nothing, clones and second sessions see the right values, nothing is loaded or kept needlessly. */
import { existsSync, readFileSync } from "node:fs";
import { AdamW, type Compiled, compile, initBackend, Random, type Tensor, tf } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nativeBackend } from "../../../lib/dist/backend/native.js";
import { inGroups, Session } from "../../../lib/dist/compile/session.js";
import { replaceRows } from "../../../lib/dist/ops/kernels.js";
import { readState } from "../../../lib/dist/setup/state.js";
import { collected } from "../../support/garbage.ts";
import { nativeCalls } from "../../support/native_calls.ts";
import { near } from "../../support/near.ts";
import { skip } from "../../support/skip.ts";

const test = suite("sessions of compile()");
test.before(async () => void (await initBackend()));

const first = (x: Tensor): number => {
  const value = x.dataSync()[0]!;
  x.dispose();
  return value;
};

for (const rows of [3, 70_000]) {
  test(`recording leaves a table of ${rows} rows that is written in place as it was`, () => {
    const table = tf.variable(tf.ones([rows, 2]));
    const write = ({ x }: { x: Tensor }) => {
      const all = replaceRows(table as Tensor as tf.Tensor2D, tf.tensor1d([1], "int32"), x as tf.Tensor2D);
      table.assign(all);
      return all.sum();
    };
    const [x, y] = [tf.tensor2d([[7, 8]]), tf.tensor2d([[0, 0]])];
    const compiled = compile(write);
    compiled.prepare({ x });
    assert.is(first(table.sum()), 2 * rows);
    assert.is(first(compiled({ x })), 2 * rows + 13);
    assert.is(first(compiled({ x: y })), 2 * rows - 2);
    const failing = compile((feeds: { x: Tensor }): Tensor => {
      write(feeds);
      throw new Error("mine");
    });
    assert.throws(() => failing({ x }), /mine/);
    assert.is(first(table.sum()), 2 * rows - 2);
    compiled.dispose();
    tf.dispose([table, x, y]);
  });
}

test("the end of one function loads nothing again; the others of its session go on, its variables keep their values", async () => {
  const [a, b] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(10))];
  const rise = compile(() => {
    a.assign(a.add(1));
    b.assign(b.add(a));
    return a.mul(1);
  });
  const read = compile(() => a.mul(2), { share: rise as Compiled });
  rise.prepare({});
  assert.is(first(read({})), 2);
  assert.is(first(rise({})), 2);
  const loads = await nativeCalls("loadSavedModel", () => {
    rise.dispose();
    assert.equal([first(read({})), a.dataSync()[0], b.dataSync()[0]], [4, 2, 12]);
    a.assign(tf.scalar(5));
    assert.is(first(read({})), 10);
  });
  assert.is(loads, 0);
  const again = compile(() => b.add(a), { share: read as Compiled });
  assert.is(first(again({})), 17);
  for (const compiled of [read, again]) compiled.dispose();
  tf.dispose([a, b]);
});

test("a clone keeps its value when the variable gets another, inside the function or outside, as without compile()", () => {
  const results = [false, true].map((captured) => {
    const w = tf.variable(tf.tensor1d([1, 2]));
    const optimizer = new AdamW(new Map([["w", w]]), { lr: 0.5 });
    const step = ({ g }: { g: Tensor }) => {
      const before = w.clone();
      w.assign(w.mul(3));
      const between = w.clone();
      optimizer.apply(new Map([["w", g]]));
      return [before.mul(1), between.mul(1), w.mul(1)];
    };
    const call = captured ? compile(step) : (feeds: { g: Tensor }) => tf.tidy(() => step(feeds));
    const g = tf.tensor1d([1, -1]);
    const seen = call({ g }).flatMap((tensor) => [...tensor.dataSync()]);
    const clone = w.clone(); // of a value that only the session has
    w.assign(tf.tensor1d([20, 30]));
    call({ g }); // the session takes the new value, and changes it
    seen.push(...clone.dataSync());
    const second = w.clone();
    call({ g });
    w.assign(tf.tensor1d([0, 0]));
    call({ g });
    return [...seen, ...second.dataSync(), ...w.dataSync()].map((value) => value.toFixed(4));
  });
  assert.equal(results[1], results[0]);
});

test("a function does not keep the one whose session it joined", async () => {
  const w = tf.variable(tf.scalar(3));
  const { second, gone } = (() => {
    const one = compile(() => w.mul(2));
    const second = compile(() => w.mul(5), { share: one as Compiled });
    assert.is(first(one({})), 6);
    assert.is(first(second({})), 15);
    one.dispose();
    return { second, gone: new WeakRef(one) };
  })();
  await collected(() => gone.deref() === undefined);
  assert.is(gone.deref(), undefined);
  second.dispose();
  w.dispose();
});

test("a session that was overtaken by another does not bring its old values back", () => {
  const w = tf.variable(tf.scalar(1));
  const rise = () =>
    compile(() => {
      w.assign(w.add(1));
      return w.mul(1);
    });
  const [one, two] = [rise(), rise()];
  assert.is(first(one({})), 2);
  assert.is(first(two({})), 3);
  one.sync();
  assert.is(w.dataSync()[0], 3);
  assert.is(first(two({})), 4);
  one.dispose();
  assert.is(w.dataSync()[0], 4);
  assert.is(first(two({})), 5);
  two.dispose();
  assert.is(w.dataSync()[0], 5);
  w.dispose();
});

const state = readState();
const ownAddon =
  state?.outcome === "native" && state.source === "wheel"
    ? undefined
    : skip("the add-on is a ready-made one, not compiled with lib/native");

test(
  "a session of branches gives each operation one thread, and no structure changes a result",
  ownAddon ??
    (() => {
      const x = tf.tensor2d(new Random(1).normal(1200 * 1200), [1200, 1200]);
      const squared = (structure?: "branches" | "chain") => {
        const fn = compile(({ x }) => tf.matMul(x!, x!), structure && { structure });
        fn({ x }).dispose(); // warm
        const [started, before] = [performance.now(), process.cpuUsage()];
        const results = Array.from({ length: 4 }, () => fn({ x }));
        const { user, system } = process.cpuUsage(before);
        const threads = (user + system) / 1000 / (performance.now() - started);
        const values = results[0]!.dataSync();
        tf.dispose(results);
        fn.dispose();
        return { values, threads };
      };
      const [whole, branches, chain] = [squared(), squared("branches"), squared("chain")];
      // Other programs can only make it look like less.
      assert.ok(branches.threads < 1.25, `${branches.threads} processors were busy`);
      for (const { values } of [branches, chain]) near(values, whole.values, 1e-3);
      x.dispose();
    }),
);

test(
  "values from JavaScript are copied, wherever they lie in memory",
  ownAddon ??
    (() => {
      const buffer = new ArrayBuffer(4096);
      for (const offset of [0, 16, 32, 48]) {
        const values = new Float32Array(buffer, offset, 4).fill(1); // at one of these places TensorFlow would keep them
        const x = tf.tensor1d(values);
        x.square().dispose(); // uploads
        values.fill(2);
        assert.is(first(x.sum()), 4, `at ${offset}`);
        x.dispose();
      }
    }),
);

const hugePages = existsSync("/sys/kernel/mm/transparent_hugepage/enabled")
  ? undefined
  : skip("this system has no huge pages that a program may ask for");

test(
  "large values from JavaScript lie on huge pages, where the system has them",
  ownAddon ??
    hugePages ??
    (() => {
      const asked = () => (readFileSync("/proc/self/smaps", "utf8").match(/^VmFlags:.* hg\b/gm) ?? []).length;
      const before = asked();
      const x = tf.tensor1d(new Float32Array(3e6));
      const sum = x.sum(); // uploads
      assert.is(asked(), before + 1);
      tf.dispose([x, sum]);
      assert.is(asked(), before, "and they go back");
    }),
);

test("large states are uploaded one group after the other", async () => {
  const sized = (...sizes: number[]) => sizes.map((size) => ({ tensor: { size } }));
  const sizes = (groups: { tensor: { size: number } }[][]) =>
    groups.map((group) => group.map(({ tensor: { size } }) => size));
  assert.equal(sizes(inGroups(sized(1, 2, 3, 1, 9, 1), 16)), [[1, 2], [3, 1], [9], [1]]);

  const variables = [1, 2, 3].map((value) => tf.variable(tf.fill([3], value)));
  const session = new Session(nativeBackend()!, undefined, 16); // bytes: room for one of them
  const recording = session.add(() => tf.addN(variables).sum(), {});
  const runs = await nativeCalls("runSavedModel", () => assert.is(first(session.run(recording, {})[0]!), 18));
  assert.is(runs, 3 + 1);
  variables[1]!.assign(tf.fill([3], 4));
  assert.is(first(session.run(recording, {})[0]!), 24);
  session.remove(recording);
  tf.dispose(variables);
});

test.run();
