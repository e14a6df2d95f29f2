import * as fc from "fast-check";
import { countPairs, encodeBasicBpe, mergePair, trainBasicBpe, utf8Encode } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("basic BPE");
const ids = fc.array(fc.nat(4), { maxLength: 30 });

test("countPairs() counts neighbours, overlapping ones too", () => {
  assert.equal(
    [...countPairs([7, 7, 7, 8])],
    [
      ["7,7", 2],
      ["7,8", 1],
    ],
  );
  assert.is(countPairs([1]).size, 0);
  assert.is(countPairs([]).size, 0);
});

test("countPairs() counts one pair fewer than there are ids", () => {
  fc.assert(
    fc.property(ids, (list) => {
      const sum = [...countPairs(list).values()].reduce((a, b) => a + b, 0);
      assert.is(sum, Math.max(0, list.length - 1));
    }),
  );
});

test("mergePair() goes from left to right", () => {
  assert.equal(mergePair([1, 1, 1], [1, 1], 9), [9, 1]);
  assert.equal(mergePair([1, 2, 1, 2, 1], [1, 2], 9), [9, 9, 1]);
  assert.equal(mergePair([2, 1], [1, 2], 9), [2, 1]);
});

test("mergePair() does not change its input and leaves no pair behind", () => {
  fc.assert(
    fc.property(ids, fc.nat(4), fc.nat(4), (list, left, right) => {
      const before = list.slice();
      const merged = mergePair(list, [left, right], 99);
      assert.equal(list, before);
      assert.ok(!merged.some((id, i) => id === left && merged[i + 1] === right));
      assert.equal(
        merged.flatMap((id) => (id === 99 ? [left, right] : [id])),
        list,
      );
    }),
  );
});

test("trainBasicBpe() learns the merges of the textbook example", () => {
  // aaabdaaabac: aa 4 times -> Z, then Za and ab twice each: the smaller left id wins, then ZY
  assert.equal(trainBasicBpe(utf8Encode("aaabdaaabac"), 3), [
    [97, 97],
    [97, 98],
    [256, 257],
  ]);
  assert.equal(
    encodeBasicBpe(utf8Encode("aaabdaaabac"), [
      [97, 97],
      [97, 98],
      [256, 257],
    ]),
    [258, 100, 258, 97, 99],
  );
});

test("trainBasicBpe() takes the smaller ids when counts are equal", () => {
  assert.equal(trainBasicBpe([3, 4, 1, 2], 1), [[1, 2]]);
  assert.equal(trainBasicBpe([1, 9, 0, 1, 2], 1), [[0, 1]]);
});

test("trainBasicBpe() stops when no pair is left", () => {
  assert.equal(trainBasicBpe([5, 6], 10), [[5, 6]]);
  assert.equal(trainBasicBpe([5], 10), []);
});

test.run();
