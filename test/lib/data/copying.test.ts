/** @file CopyWindows: what they are made of, that they repeat, and what is not to be learnt. */
import { BpeTokenizer, CopyWindows, Random } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("CopyWindows");
const text =
  "the whale swims in the cold sea and the men of the ship look at the sea and wait for the whale to come up ".repeat(
    5,
  );
const entries = [
  { word: "whale", definition: "a large animal of the sea" },
  { word: "ship", definition: "a large boat" },
  { word: "cold sea", definition: "water in the north" },
];
const tokenizer = BpeTokenizer.train([text, ...entries.map(({ definition }) => definition)], {
  vocabSize: 300,
  specialTokens: ["<|endoftext|>", "<|pad|>"],
});
const tokens = tokenizer.encode(text);
const windows = new CopyWindows({ tokenizer, tokens, entries }, { blockSize: 128, random: new Random(2) });
const some = Array.from({ length: 60 }, (_, i) => windows.at(i));

test("window i is always the same, and others differ", () => {
  const again = new CopyWindows({ tokenizer, tokens, entries }, { blockSize: 128, random: new Random(2) });
  again.at(50);
  assert.equal(again.at(7), windows.at(7));
  assert.not.equal(windows.at(7), windows.at(8));
});

test("a target is the next id, or -100 where random tokens stand for the first time", () => {
  let masked = 0;
  let counted = 0;
  for (const { ids, targets } of some) {
    assert.is(ids.length, 128);
    assert.is(targets.length, 128);
    for (let t = 0; t < 127; t++) {
      if (targets[t] === -100) masked++;
      else {
        counted++;
        assert.is(targets[t], ids[t + 1]);
      }
    }
  }
  assert.ok(masked > 0 && masked < counted / 4, `${masked} of ${counted}`);
});

test("most of what is to be learnt can be found by copying", () => {
  // A rule that knows only this window: what followed the two present tokens when they stood before.
  let right = 0;
  let counted = 0;
  for (const { ids, targets } of some) {
    const followers = new Map<string, number>();
    for (let t = 1; t < 128; t++) {
      const key = `${ids[t - 1]} ${ids[t]}`;
      if (targets[t] !== -100) {
        counted++;
        if (followers.get(key) === targets[t]) right++;
      }
      if (t < 127) followers.set(key, ids[t + 1]!);
    }
  }
  assert.ok(right / counted > 0.4, `${right} of ${counted}`); // running text of this kind: below 0.2
});

test("words come from the entries only, and a spelling holds the letters of its word", () => {
  const all = Array.from({ length: 300 }, (_, i) => tokenizer.decode(windows.at(i).ids)).join("");
  const spelled = [...all.matchAll(/([a-z ]+) is spelled ([a-z](?:[ ,-]+[a-z])*)\.(?=\n|<)/g)];
  assert.ok(spelled.length > 3, `${spelled.length} spellings`);
  for (const [, word, letters] of spelled) {
    const known = entries.find((entry) => word?.endsWith(entry.word));
    assert.is(letters?.replace(/[^a-z]/g, ""), known?.word.replace(/ /g, ""));
  }
});

test("what cannot make windows is refused in words", () => {
  const options = { blockSize: 8, random: new Random(1) };
  assert.throws(() => new CopyWindows({ tokenizer, tokens: [1], entries }, options), /at least 8 tokens/);
  assert.throws(() => new CopyWindows({ tokenizer, tokens, entries: [] }, options), /an entry/);
  const plain = BpeTokenizer.train([text], { vocabSize: 260 });
  assert.throws(() => new CopyWindows({ tokenizer: plain, tokens, entries }, options), /endoftext/);
});

test.run();
