import * as fc from "fast-check";
import { CharTokenizer } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { anyText } from "../../support/text.ts";

const test = suite("CharTokenizer");

test("CharTokenizer.train() orders characters by code point", () => {
  const tokenizer = CharTokenizer.train("b🙂aé\ufb01b");
  assert.equal(tokenizer.characters, ["a", "b", "é", "\ufb01", "🙂"]);
  assert.is(tokenizer.vocabSize, 5);
});

test("decode() gives the training text and any part of it back", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const tokenizer = CharTokenizer.train(text);
      assert.is(tokenizer.decode(tokenizer.encode(text)), text);
      assert.is(tokenizer.encode(text).length, [...text].length);
    }),
  );
});

test("encode() names a character that it does not know", () => {
  assert.throws(
    () => CharTokenizer.train("abc").encode("abz"),
    /knows the 3 characters of the training text, but found "z" at character 2/,
  );
});

test("decode() names an id that it does not have", () => {
  assert.throws(() => CharTokenizer.train("abc").decode([0, 3]), /0 to 2, but found 3/);
});

test("encode() has no special tokens to allow", () => {
  const tokenizer = CharTokenizer.train("abc");
  assert.equal(tokenizer.encode("a", { allowedSpecial: "all" }), [0]);
  assert.throws(() => tokenizer.encode("a", { allowedSpecial: ["<|end|>"] }), /but this tokenizer has none/);
});

test("CharTokenizer takes back its characters, and refuses what is no list of characters", () => {
  const tokenizer = CharTokenizer.train("hello");
  assert.equal(new CharTokenizer(tokenizer.characters).encode("hello"), tokenizer.encode("hello"));
  assert.throws(() => new CharTokenizer(["a", "bc"]), /found "bc"/);
  assert.throws(() => new CharTokenizer(["a", ""]), /found ""/);
  assert.throws(() => new CharTokenizer(["a", "a"]), /only 1 of 2/);
});

test.run();
