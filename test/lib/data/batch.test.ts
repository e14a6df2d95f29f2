import * as fc from "fast-check";
import { IGNORE_INDEX, nextTokenBatch, padBatch } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("batch");
const rows = (list: ArrayLike<number>[]): number[][] => list.map((row) => Array.from(row));
const anyRows = fc.array(fc.array(fc.nat(99), { maxLength: 9 }), { minLength: 1, maxLength: 6 });

test("padBatch() pads on the right, or on the left", () => {
  const right = padBatch([[1, 2, 3], [4]], { padId: 9 });
  assert.equal(rows(right.ids), [
    [1, 2, 3],
    [4, 9, 9],
  ]);
  assert.equal(rows(right.attentionMask), [
    [1, 1, 1],
    [1, 0, 0],
  ]);
  const left = padBatch([[1, 2, 3], [4]], { padId: 9, side: "left" });
  assert.equal(rows(left.ids), [
    [1, 2, 3],
    [9, 9, 4],
  ]);
  assert.equal(rows(left.attentionMask), [
    [1, 1, 1],
    [0, 0, 1],
  ]);
});

test("padBatch() keeps a real id that equals the padding apart from it, by the mask", () => {
  const { ids, attentionMask } = padBatch([[9, 9], [9]], { padId: 9 });
  assert.equal(rows(ids), [
    [9, 9],
    [9, 9],
  ]);
  assert.equal(rows(attentionMask), [
    [1, 1],
    [1, 0],
  ]);
});

test("padBatch() gives each row back where the mask is 1", () => {
  fc.assert(
    fc.property(anyRows, fc.constantFrom("left" as const, "right" as const), fc.nat(3), (list, side, extra) => {
      const longest = Math.max(...list.map((row) => row.length));
      const { ids, attentionMask } = padBatch(list, { padId: 100, side, length: longest + extra });
      for (const [i, row] of list.entries()) {
        assert.is(ids[i]!.length, longest + extra);
        assert.equal(
          Array.from(ids[i]!).filter((_, t) => attentionMask[i]![t] === 1),
          row,
        );
        assert.ok(Array.from(ids[i]!).every((id, t) => attentionMask[i]![t] === 1 || id === 100));
      }
    }),
  );
});

test("padBatch() does not cut a row silently", () => {
  assert.throws(
    () => padBatch([[1], [1, 2, 3]], { padId: 0, length: 2 }),
    /Padding to 2 ids cannot hold row 1 with 3 ids/,
  );
});

test("padBatch() copies: a later change of the batch does not reach the rows", () => {
  const row = Int32Array.of(1, 2);
  padBatch([row], { padId: 0 }).ids[0]![0] = 7;
  assert.equal([...row], [1, 2]);
});

test("nextTokenBatch() gives the published collation: the end token is learnt once, padding never", () => {
  const end = 50256;
  const { ids, targets } = nextTokenBatch(
    [
      [0, 1, 2, 3, 4, end],
      [5, 6, end],
      [7, 8, 9, end],
    ],
    { padId: end },
  );
  assert.equal(rows(ids), [
    [0, 1, 2, 3, 4],
    [5, 6, end, end, end],
    [7, 8, 9, end, end],
  ]);
  assert.equal(rows(targets), [
    [1, 2, 3, 4, end],
    [6, end, -100, -100, -100],
    [8, 9, end, -100, -100],
  ]);
});

test("nextTokenBatch() teaches at each real position the id that follows it", () => {
  const twoOrMore = fc.array(fc.array(fc.nat(99), { minLength: 2, maxLength: 9 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(twoOrMore, fc.constantFrom("left" as const, "right" as const), (list, side) => {
      const { ids, targets, attentionMask } = nextTokenBatch(list, { padId: 100, side });
      for (const [i, row] of list.entries()) {
        const real = (values: Int32Array): number[] => Array.from(values).filter((_, t) => attentionMask![i]![t] === 1);
        assert.equal(real(ids[i]!), row.slice(0, -1));
        assert.equal(real(targets[i]!), row.slice(1));
        assert.is(Array.from(targets[i]!).filter((id) => id === IGNORE_INDEX).length, ids[i]!.length - row.length + 1);
      }
    }),
  );
});

test("nextTokenBatch() refuses a row without a next id", () => {
  assert.throws(() => nextTokenBatch([[1, 2], [3]], { padId: 0 }), /at least 2 ids, but row 1 has 1/);
});

test.run();
