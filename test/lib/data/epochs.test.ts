/** @file A text that is read several times: every window is of the text, the first epoch begins at its start, later ones elsewhere. */
import { epochWindows, Random } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("epochWindows");
const ids = Uint16Array.from({ length: 50 }, (_, i) => i);
const windows = (length = ids.length) =>
  epochWindows(ids.subarray(0, length), { blockSize: 8, name: "text", random: new Random(1) });
const starts = (epoch: number) => {
  const data = windows()(epoch);
  return Array.from({ length: data.length }, (_, i) => data.at(i).ids[0]!);
};

test("the first epoch begins with the first id; each epoch is the same whenever it is asked for, and cut elsewhere", () => {
  assert.equal(starts(0), [0, 8, 16, 24, 32, 40]);
  const first = [1, 2, 3, 4, 5, 6].map((epoch) => starts(epoch)[0]!);
  assert.equal(
    [1, 2, 3, 4, 5, 6].map((epoch) => starts(epoch)[0]!),
    first,
  );
  assert.ok(new Set(first).size > 1, String(first));
  assert.ok(
    first.every((start) => start < 8),
    String(first),
  );
});

test("a text of one window and little more is never cut so far that no window is left", () => {
  for (let epoch = 0; epoch < 20; epoch++) assert.is(windows(11)(epoch).length, 1);
  assert.throws(() => windows(8)(0), /needs 9 ids, but found 8/);
});

test.run();
