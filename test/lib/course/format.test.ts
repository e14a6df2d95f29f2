/** @file Values as short text. */
import { createRequire } from "node:module";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { format, formatCall, kindOf } from "../../../lib/dist/course/format.js";

const { tf } = createRequire(import.meta.url)("gptlab") as typeof import("gptlab");
await tf.setBackend("cpu");
const test = suite("format()");

test("format() writes values as a programmer would, numbers with six digits", () => {
  const cases: [unknown, string][] = [
    [1 / 3, "0.333333"],
    [123456789.123, "123457000"],
    [1e-9 / 3, "3.33333e-10"],
    [50256, "50256"],
    [Number.NaN, "NaN"],
    [-Infinity, "-Infinity"],
    [12n, "12n"],
    ["a\nb", '"a\\nb"'],
    [undefined, "undefined"],
    [null, "null"],
    [[1, "a", [true]], '[1, "a", [true]]'],
    [Array.from({ length: 100 }, (_, i) => i), "[0, 1, 2, 3, 4, 5, 6, 7, … 100 in all]"],
    [Float32Array.of(0.5, 1), "Float32Array [0.5, 1]"],
    [new Map([["1,2", 2]]), 'Map {"1,2" => 2}'],
    [new Set([1]), "Set {1}"],
    [{ a: 1, f: () => 1 }, "{a: 1}"],
    [
      new (class Value {
        data = 2;
      })(),
      "Value {data: 2}",
    ],
    [(x: number) => x, "function"],
    [Math.max, "function max"],
    [new RangeError("no"), "RangeError: no"],
    [tf.tensor2d([[1, 2, 3]]), "tensor of shape [1, 3]: [1, 2, 3]"],
  ];
  for (const [value, text] of cases) assert.is(format(value), text);
});

test("format() is short and never throws, whatever it is given", () => {
  const ring: unknown[] = [];
  ring.push(ring);
  assert.is(format(ring), "[…]");
  assert.is(
    format(
      new Proxy(
        {},
        {
          get: () => {
            throw new Error("no");
          },
        },
      ),
    ),
    "…",
  );
  assert.is(
    format({
      get a(): never {
        throw new Error("no");
      },
    }),
    "…",
  );
  assert.ok(format(new Array(4e9)).length <= 72);
  fc.assert(
    fc.property(
      fc.anything({
        withMap: true,
        withSet: true,
        withTypedArray: true,
        withSparseArray: true,
        withNullPrototype: true,
      }),
      (value) => format(value).length <= 72,
    ),
  );
});

test("formatCall() shows the call, each argument cut when it is long", () => {
  assert.is(formatCall("mergePair", [[1, 2], [1, 2], 9]), "mergePair([1, 2], [1, 2], 9)");
  assert.ok(formatCall("f", [new Array(1000).fill(7), "x".repeat(1000)]).length < 120);
});

test("kindOf() says in one word what a value is", () => {
  const cases: [unknown, string][] = [
    [1, "number"],
    [null, "null"],
    [undefined, "undefined"],
    [[], "array"],
    [new Map(), "Map"],
    [Uint8Array.of(1), "Uint8Array"],
    [{}, "object"],
    [tf.scalar(1), "tensor"],
    [Promise.resolve(), "Promise"],
    [() => 1, "function"],
    [Object.create(null), "object"],
  ];
  for (const [value, kind] of cases) assert.is(kindOf(value), kind);
});

test.run();
