/** @file The runner of a check: its order, its messages, and that nothing an answer does breaks or stops it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { judge, type Verdict } from "../../../lib/dist/course/check.js";
import type { AnyFunction, Exercise, Verify } from "../../../lib/dist/course/exercise.js";
import { plain } from "../../../lib/dist/course/messages.js";

const test = suite("judge()");

const sorted: Exercise<(numbers: number[]) => number[]> = {
  reference: (numbers) => [...numbers].sort((a, b) => a - b),
  examples: [
    { input: [[2, 1]], expected: [1, 2] },
    { input: [[]], expected: [] },
  ],
  random: (random, i) => [Array.from(random.normal(i + 1))],
  extremes: [[[10, 9, 100]]],
  mistakes: {
    asText: (numbers) => [...numbers].sort(),
    descending: (numbers) => [...numbers].sort((a, b) => b - a),
    breaks: () => {
      throw new Error("this mistake is never the one");
    },
  },
};

const keys = (verdict: Verdict): string[] => verdict.messages.map(({ key }) => key);
async function keyOf<F extends AnyFunction>(exercise: Exercise<F>, answer: unknown): Promise<string> {
  return (await judge("ordered", exercise, answer)).messages[0]?.key ?? "passed";
}

/** An exercise whose reference is asynchronous: only there may an answer be. */
const later: Exercise<(numbers: number[]) => Promise<number[]>> = {
  ...(sorted as never as Exercise<(numbers: number[]) => Promise<number[]>>),
  reference: async (numbers) => sorted.reference(numbers),
};

test("judge() passes a right answer; an asynchronous one only where the reference is asynchronous too", async () => {
  const waiting = async (numbers: number[]) => sorted.reference(numbers);
  assert.is(await keyOf(sorted, sorted.reference), "passed");
  assert.is(await keyOf(later, waiting), "passed");
  assert.is(await keyOf(sorted, waiting), "check.promise");
});

test("judge() gives a plain verdict as long as the answer gives plain values, so that a notebook can interrupt it", () => {
  assert.not.instance(judge("ordered", sorted, sorted.reference), Promise);
  assert.instance(
    judge("ordered", later, async () => []),
    Promise,
  );
});

test("judge() names what is wrong in general", async () => {
  const cases: [string, unknown][] = [
    ["check.notFunction", undefined],
    ["check.notFunction", [1, 2]],
    ["check.type", () => "1, 2"],
    ["check.type", () => Float32Array.of(1, 2)],
    ["check.value", () => [1, 2, 3]], // short lists are shown whole, which says more than their lengths
    ["check.value", () => [[1], [2]]],
    ["check.shape", () => new Array(500).fill(1)],
    ["check.value", () => [1, 3]],
    ["check.nan", () => [1, Number.NaN]],
    [
      "check.threw",
      () => {
        throw new RangeError("too short");
      },
    ],
    [
      "check.threw",
      () => {
        throw null;
      },
    ],
    ["check.threw", class Sorted {}],
    ["check.promise", () => Promise.reject(new Error("later"))],
  ];
  for (const [key, answer] of cases) assert.is(await keyOf(sorted, answer), key, String(answer));
});

test("judge() recognises a mistake by its value on the same input, and keeps the facts beside it", async () => {
  const verdict = await judge("ordered", sorted, (numbers: number[]) => [...numbers].sort());
  assert.equal(keys(verdict), ["ordered.asText", "check.value"]);
  assert.equal(keys(await judge("ordered", sorted, (numbers: number[]) => [...numbers].sort((a, b) => b - a))), [
    "ordered.descending",
    "check.value",
  ]);
});

test("judge() fails a right answer that changes its input, after all values were right", async () => {
  const inPlace = (numbers: number[]) => numbers.sort((a, b) => a - b);
  const verdict = await judge("ordered", sorted, inPlace);
  assert.equal(keys(verdict), ["check.changedInput"]);
  assert.is(
    plain(verdict.messages[0]!, "en"),
    "Your function changed its input: in `ordered([2, 1])`, `numbers` was `[2, 1]` and is now `[1, 2]`. Work on a copy.".replace(
      /`/g,
      "",
    ),
  );
});

test("judge() gives each call its own copy: an answer cannot spoil the examples", async () => {
  const spoil = (numbers: number[]) => {
    const result = sorted.reference(numbers);
    numbers.length = 0;
    return result;
  };
  for (let i = 0; i < 3; i++) assert.is(await keyOf(sorted, spoil), "check.changedInput");
  assert.is(await keyOf(sorted, sorted.reference), "passed");
});

test("judge() compares the changed arguments of an exercise that is meant to change them", async () => {
  const fill: Exercise<(list: number[], value: number) => void> = {
    reference: (list, value) => void list.fill(value),
    examples: [{ input: [[1, 2], 7], expected: undefined }],
    mistakes: {},
    mutatesInput: true,
  };
  assert.is(await keyOf(fill, (list: number[], value: number) => void list.fill(value)), "passed");
  assert.is(
    await keyOf(fill, (list: number[], value: number) => {
      list[0] = value;
    }),
    "check.effect",
  );
});

test("judge() tells an unsolved exercise from one that needs another", async () => {
  const { NotImplemented } = await import("../../../lib/dist/course/not_implemented.js");
  const stub = await judge("ordered", sorted, () => {
    throw new NotImplemented("ordered");
  });
  assert.is(stub.state, "todo");
  assert.is(
    await keyOf(sorted, () => {
      throw new NotImplemented("swap");
    }),
    "check.needs",
  );
});

test("judge() uses the tolerance relative to the size of a number, and 0 for exact", async () => {
  const root: Exercise<(x: number) => number> = {
    reference: Math.sqrt,
    examples: [{ input: [1e8], expected: 1e4 }],
    mistakes: {},
  };
  assert.is(await keyOf(root, (x: number) => Math.sqrt(x) + 5e-3), "passed"); // 5e-3 <= 1e-6 * (1 + 1e4)
  assert.is(await keyOf({ ...root, tolerance: 0 }, (x: number) => Math.sqrt(x) + 5e-3), "check.value");
});

test("judge() goes on to verify, which fails with the key of the exercise or compares like an example", async () => {
  const withVerify: Exercise<(numbers: number[]) => number[]> = {
    ...sorted,
    verify: (answer, verify: Verify) => {
      verify.equal(answer([3, 3]), [3, 3], "ordered([3, 3])");
      verify.that(verify.random.integer(10) < 10, "never");
      const [one, other] = [answer([5]), answer([5])];
      verify.that(one !== other, "shared", { list: [5] });
    },
  };
  assert.is(await keyOf(withVerify, sorted.reference), "passed");
  const kept = [5];
  const verdict = await judge("ordered", withVerify, (numbers: number[]) =>
    numbers[0] === 5 ? kept : sorted.reference(numbers),
  );
  assert.equal(verdict.messages, [{ key: "ordered.shared", values: { list: { code: "[5]" } } }]);
  assert.is(
    await keyOf({ ...withVerify, examples: [], random: undefined, extremes: [] } as never, () => [3]),
    "check.value",
  );
});

test("judge() lets verify see the error that the answer threw, and reports its own as such", async () => {
  const guarded: Exercise<(x: number) => number> = {
    reference: (x) => x,
    examples: [],
    mistakes: {},
    verify: (answer, verify: Verify) => {
      let error: unknown;
      try {
        answer(-1);
      } catch (thrown) {
        error = thrown;
      }
      verify.that(error instanceof RangeError, "noError");
    },
  };
  assert.is(
    await keyOf(guarded, () => {
      throw new RangeError("negative");
    }),
    "passed",
  );
  assert.is(await keyOf(guarded, (x: number) => x), "ordered.noError");
  assert.is(
    await keyOf({ ...guarded, verify: (answer) => void (answer(1) as never as string).at(0) }, () => 1),
    "check.unreadable",
  );
});

test("judge() gives up on a promise that never settles and on a check that takes too long", async () => {
  const slow = await judge("ordered", later, () => new Promise(() => {}), { wait: 20 });
  assert.equal(keys(slow), ["check.slow"]);
  const late = await judge("ordered", sorted, sorted.reference, { total: -1 });
  assert.equal(keys(late), ["check.slow"]);
});

test("judge() shows an error in one line without its stack", async () => {
  const verdict = await judge("ordered", sorted, () => {
    throw new Error(`first line\nsecond line ${"x".repeat(500)}`);
  });
  assert.equal(verdict.messages[0]?.values?.error, { code: "Error: first line" });
});

test("judge() follows nodes that point to each other, as deep as they go", async () => {
  interface Link {
    readonly name: number;
    next?: Link;
  }
  const chain = (length: number): Link => {
    let link: Link = { name: 0 };
    for (let i = 1; i < length; i++) link = { name: i, next: link };
    return link;
  };
  const last = (link: Link): Link => {
    let at = link;
    while (at.next) at = at.next;
    return at;
  };
  const ring: Link = { name: 1 };
  ring.next = ring;
  const exercise: Exercise<(link: Link) => Link> = {
    reference: last,
    examples: [],
    extremes: [[chain(30_000)]],
    mistakes: {},
  };
  assert.is(await keyOf(exercise, last), "passed");
  assert.is(await keyOf(exercise, (link: Link) => link.next), "check.value");
  assert.is(
    await keyOf(
      { reference: (link) => link, examples: [{ input: [ring], expected: ring }], mistakes: {} } as Exercise<
        (link: Link) => Link
      >,
      (link: Link) => link,
    ),
    "passed",
  );
});

test.run();
