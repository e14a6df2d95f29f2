import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Merge, mergePiece } from "../../../lib/dist/tokenizer/encode.js";
import { Heap } from "../../../lib/dist/tokenizer/heap.js";
import { PairMap } from "../../../lib/dist/tokenizer/pairs.js";

const test = suite("encode");

/** The definition: look at every pair, merge the one of lowest rank, the leftmost first, and start again. */
function mergeByDefinition(ids: readonly number[], merges: PairMap<Merge>): number[] {
  const current = ids.slice();
  for (;;) {
    let best: { at: number; merge: Merge } | undefined;
    for (let at = 0; at + 1 < current.length; at++) {
      const merge = merges.get(current[at]!, current[at + 1]!);
      if (merge !== undefined && (best === undefined || merge.rank < best.merge.rank)) best = { at, merge };
    }
    if (best === undefined) return current;
    current.splice(best.at, 2, best.merge.newId);
  }
}

test("mergePiece() equals the definition, for any merges", () => {
  const merge = fc.tuple(fc.nat(7), fc.nat(7), fc.nat(7));
  fc.assert(
    fc.property(fc.array(fc.nat(5), { maxLength: 40 }), fc.array(merge, { maxLength: 12 }), (ids, list) => {
      const merges = new PairMap<Merge>();
      for (const [rank, [left, right, newId]] of list.entries()) merges.set(left, right, { rank, newId });
      const before = ids.slice();
      assert.equal(mergePiece(ids, merges), mergeByDefinition(ids, merges));
      assert.equal(ids, before);
    }),
    { numRuns: 1000 },
  );
});

test("mergePiece() looks at each pair a few times only, however long the piece is", () => {
  const merges = new PairMap<Merge>();
  for (let level = 0; level < 20; level++) merges.set(level, level, { rank: level, newId: level + 1 });
  let lookUps = 0;
  const get = merges.get.bind(merges);
  merges.get = (left, right) => {
    lookUps++;
    return get(left, right);
  };
  const length = 2 ** 16;
  assert.equal(mergePiece(new Array<number>(length).fill(0), merges), [16]);
  assert.ok(lookUps < 8 * length, `${lookUps} look-ups for ${length} bytes`); // the square would be 4 billion
});

test("mergePiece() handles no ids and one id", () => {
  assert.equal(mergePiece([], new PairMap()), []);
  assert.equal(mergePiece([3], new PairMap()), [3]);
});

test("Heap gives its entries out in order, whatever comes in between", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(20), { nil: undefined }), { maxLength: 60 }), (steps) => {
      const heap = new Heap<number>((a, b) => a < b);
      const sorted: number[] = [];
      for (const step of steps) {
        if (step === undefined) {
          assert.is(heap.pop(), sorted.shift());
        } else {
          heap.push(step);
          sorted.push(step);
          sorted.sort((a, b) => a - b);
        }
      }
      for (const expected of sorted) assert.is(heap.pop(), expected);
      assert.is(heap.pop(), undefined);
    }),
  );
});

test.run();
