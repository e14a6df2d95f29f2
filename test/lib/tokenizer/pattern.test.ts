import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { GPT2_PATTERN, portablePattern, printableFromBytes, splitPieces, utf8Encode } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { anyText } from "../../support/text.ts";

const test = suite("pattern");
const golden: { cases: { text: string; pretokens: string[] }[] } = JSON.parse(
  readFileSync(new URL("../../fixtures/hf/bpe_train.json", import.meta.url), "utf8"),
);

for (const { text, pretokens } of golden.cases) {
  test(`splitPieces() cuts ${JSON.stringify(text).slice(0, 40)} as Hugging Face does`, () => {
    assert.equal(
      [...splitPieces(text)].map((piece) => printableFromBytes(utf8Encode(piece))),
      pretokens,
    );
  });
}

test("splitPieces() reads blanks as Unicode does, not as JavaScript's \\s", () => {
  assert.equal([..."a\u0085b".matchAll(/\s/gu)].length, 0); // what JavaScript alone would find
  assert.equal([...splitPieces("a\u0085b")], ["a", "\u0085", "b"]);
  assert.equal([...splitPieces("!\ufeff!")], ["!\ufeff!"]);
});

test("splitPieces() gives all of the text back, whatever the pattern leaves out", () => {
  const patterns = [GPT2_PATTERN, /a/gu, /x*/gu, /(?=b)/gu, /\p{L}+/gu];
  fc.assert(
    fc.property(anyText, fc.constantFrom(...patterns), (text, pattern) => {
      const pieces = [...splitPieces(text, pattern)];
      assert.is(pieces.join(""), text);
      assert.ok(!pieces.includes(""));
    }),
  );
});

test("splitPieces() leaves lastIndex of the caller's pattern alone", () => {
  const pattern = /b/gu;
  pattern.lastIndex = 2;
  assert.equal([...splitPieces("abab", pattern)], ["a", "b", "a", "b"]);
  assert.is(pattern.lastIndex, 2);
});

test("splitPieces() takes a million spaces in one go", () => {
  assert.equal(
    [...splitPieces(`${" ".repeat(1_000_000)}x`)].map((piece) => piece.length),
    [999_999, 2],
  );
});

test("portablePattern() spells \\s and \\S, and nothing else, as White_Space", () => {
  assert.is(
    portablePattern(/\S\s[^\s\S]\\s\d/gu).source,
    String.raw`\P{White_Space}\p{White_Space}[^\p{White_Space}\P{White_Space}]\\s\d`,
  );
});

test("portablePattern() refuses other flags", () => {
  for (const pattern of [/a/, /a/g, /a/u, /a/giu, /a/gsu])
    assert.throws(() => portablePattern(pattern), /flags g and u/);
});

test.run();
