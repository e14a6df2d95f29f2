/** @file Copies and differences of values of every kind that an exercise uses. */
import { createRequire } from "node:module";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { copyOf, type Difference, differ } from "../../../lib/dist/course/compare.js";
import { drive } from "../../../lib/dist/course/steps.js";

const { tf } = createRequire(import.meta.url)("gptlab") as typeof import("gptlab");
await tf.setBackend("cpu");
const test = suite("differ() and copyOf()");

async function difference(found: unknown, expected: unknown, tolerance = 1e-6): Promise<string> {
  const result: Difference | undefined = await drive(differ(found, expected, tolerance));
  return result ? `${result.kind} ${result.path}` : "equal";
}

const jsonLike = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.double(),
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 3 }),
    fc.uint8Array({ maxLength: 4 }),
    fc.array(fc.tuple(fc.string(), tie("value")), { maxLength: 3 }).map((pairs) => new Map(pairs)),
  ),
})).value;

test("differ() finds a copy equal to its original, and copyOf() shares nothing that can change", async () => {
  await fc.assert(
    fc.asyncProperty(jsonLike, async (value) => {
      const copy = copyOf(value);
      assert.is(await difference(copy, value, 0), "equal");
      if (Array.isArray(value) && value.length > 0) {
        (copy as unknown[]).pop();
        assert.is(await difference(copy, value, 0), "shape ");
      }
    }),
  );
});

test("copyOf() copies a field of the name __proto__ as a field, and differ() asks for own fields", async () => {
  const named: unknown = JSON.parse('{"__proto__": {"x": 1}}');
  const copy = copyOf(named);
  assert.equal(Object.keys(copy as object), ["__proto__"]);
  assert.is(await difference(copy, named), "equal");
  assert.is(await difference({ y: 1 }, { constructor: Object }), "value ");
});

test("differ() says the kind and the place of the first difference", async () => {
  const cases: [unknown, unknown, string][] = [
    [1, 1 + 1e-9, "equal"],
    [Number.NaN, Number.NaN, "equal"],
    [Number.NaN, 1, "nan "],
    [1, Number.NaN, "value "],
    [Infinity, 5, "value "],
    [5, Infinity, "value "],
    [-Infinity, Infinity, "value "],
    [0, -0, "equal"],
    ["a", "b", "value "],
    [1n, 1n, "equal"],
    [undefined, null, "type "],
    ["1", 1, "type "],
    [[1, 2], [1, 2, 3], "shape "],
    [
      [[1, 2], [3]],
      [
        [1, 2],
        [3, 4],
      ],
      "shape ",
    ],
    [[1, [2, 3]], [1, [2, 4]], "value [1][1]"],
    [Float32Array.of(1), [1], "type "],
    [Float32Array.of(1, 2), Float32Array.of(1, 3), "value [1]"],
    [new Map([["a", 1]]), new Map([["a", 2]]), 'value .get("a")'],
    [new Map([["a", 1]]), new Map([["b", 1]]), "value "],
    [
      new Map([
        ["a", 1],
        ["b", 1],
      ]),
      new Map([["a", 1]]),
      "value ",
    ],
    [
      new Map([
        ["b", 1],
        ["a", 1],
      ]),
      new Map([
        ["a", 1],
        ["b", 1],
      ]),
      "equal",
    ],
    [new Set([1, 2]), new Set([2, 1]), "equal"],
    [new Set([1]), new Set([2]), "value "],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, "equal"],
    [{ a: 1 }, { a: 1, b: undefined }, "value "],
    [{ inputs: [[1]] }, { inputs: [[2]] }, "value .inputs[0][0]"],
    [{ a: () => 1 }, { a: () => 2 }, "equal"],
  ];
  for (const [found, expected, want] of cases) assert.is(await difference(found, expected), want);
});

test("differ() compares tensors by shape, then by values; an array is not a tensor", async () => {
  const tensor = tf.tensor2d([
    [1, 2],
    [3, 4],
  ]);
  assert.is(
    await difference(
      tensor,
      tf.tensor2d([
        [1, 2],
        [3, 4],
      ]),
    ),
    "equal",
  );
  assert.is(
    await difference(
      tensor,
      tf.tensor2d([
        [1, 2],
        [3, 5],
      ]),
    ),
    "value ",
  );
  assert.is(await difference(tensor, tf.tensor2d([[1, 2, 3, 4]])), "shape ");
  assert.is(await difference(tensor, [[1, 2]]), "type ", "the next cells need an array, not a tensor");
  assert.is(
    await difference(
      [
        [1, 2],
        [3, 4],
      ],
      tensor,
    ),
    "type ",
  );
  assert.is(await difference({ out: [tensor] }, { out: [tf.tensor1d([1])] }), "shape .out[0]");
  const gone = tf.tensor1d([1]);
  gone.dispose();
  assert.is(await difference(gone, tf.tensor1d([1])), "disposed ");
});

test("differ() waits for an engine that cannot read at once", async () => {
  const lazy = (values: number[]) => ({
    shape: [values.length],
    dtype: "float32",
    dataSync: () => {
      throw new Error("not on this engine");
    },
    data: async () => values,
  });
  assert.is(await difference(lazy([1, 2]), lazy([1, 2])), "equal");
  assert.is(await difference(lazy([1, 2]), lazy([1, 3])), "value ");
});

test("copyOf() keeps classes, shared parts, cycles and tensors", () => {
  class Node {
    parent: Node | undefined;
    constructor(readonly name: string) {}
    hello(): string {
      return `I am ${this.name}`;
    }
  }
  const shared = new Node("shared");
  const node = new Node("top");
  node.parent = node;
  const tensor = tf.scalar(1);
  const value = { pair: [shared, shared], node, tensor };
  const copy = copyOf(value);
  assert.is(copy.pair[0], copy.pair[1]);
  assert.is.not(copy.pair[0], shared);
  assert.is(copy.node.hello(), "I am top");
  assert.is(copy.node.parent, copy.node);
  assert.is(copy.tensor, tensor);
});

test.run();
