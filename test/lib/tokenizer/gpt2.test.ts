import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { BpeTokenizer, gpt2Tokenizer } from "gptlab";
import { getEncoding } from "js-tiktoken";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { skip } from "../../support/skip.ts";
import { anyText } from "../../support/text.ts";
import { noVerdict, readVerdict } from "../../support/verdict.ts";

const test = suite("gpt2Tokenizer");
const reference: { cases: { text: string; ids: number[] }[] } = JSON.parse(
  readFileSync(new URL("../../fixtures/gpt2_ids.json", import.meta.url), "utf8"),
);
const gpt2 = gpt2Tokenizer();
const tiktoken = getEncoding("gpt2");
const encode = (text: string): number[] => gpt2.encode(text, { allowedSpecial: "all" });
/** JavaScript's `\s` and Unicode's White_Space differ in these two characters; js-tiktoken follows JavaScript. */
const DIFFERENT_BLANK = /[\u0085\ufeff]/;

test("gpt2Tokenizer() gives tiktoken's ids of every hard string, and the text back", () => {
  assert.is(reference.cases.length, 60);
  for (const { text, ids } of reference.cases) {
    assert.equal(encode(text), ids, JSON.stringify(text));
    assert.is(gpt2.decode(ids), text);
  }
});

test("gpt2Tokenizer() gives the published ids", () => {
  const published: Record<string, number[]> = {
    "Hello, do you like tea? <|endoftext|> In the sunlit terracesof someunknownPlace.": [
      15496, 11, 466, 345, 588, 8887, 30, 220, 50256, 554, 262, 4252, 18250, 8812, 2114, 1659, 617, 34680, 27271, 13,
    ],
    "Akwirw ier": [33901, 86, 343, 86, 220, 959],
    "Hello, I am": [15496, 11, 314, 716],
    "Every effort moves you": [6109, 3626, 6100, 345],
    "<|user|>": [27, 91, 7220, 91, 29],
    "café naïve 日本語 🙂": [66, 1878, 2634, 41492, 10545, 245, 98, 17312, 105, 45739, 252, 32485],
  };
  for (const [text, ids] of Object.entries(published)) assert.equal(encode(text), ids, text);
});

test("gpt2Tokenizer() equals js-tiktoken's own encoder on every hard string without the two odd blanks", () => {
  const same = reference.cases.filter(({ text }) => !DIFFERENT_BLANK.test(text));
  assert.ok(same.length >= 50);
  for (const { text } of same) assert.equal(encode(text), tiktoken.encode(text, "all"), JSON.stringify(text));
});

test("gpt2Tokenizer() equals js-tiktoken's own encoder on any Unicode text without the two odd blanks", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const usual = text.replaceAll(new RegExp(DIFFERENT_BLANK, "gu"), "");
      assert.equal(encode(usual), tiktoken.encode(usual, "all"));
      assert.equal(gpt2.encode(usual), tiktoken.encode(usual, [], []));
    }),
    { numRuns: 300 },
  );
});

test("js-tiktoken still differs on the two odd blanks, so the exception is still needed", () => {
  const different = reference.cases.filter(({ text, ids }) => tiktoken.encode(text, "all").join() !== ids.join());
  assert.equal(
    different.map(({ text }) => text),
    ["  \ufeffx", "  \u0085x"],
  );
});

test("gpt2Tokenizer() is built once", () => {
  assert.is(gpt2Tokenizer(), gpt2);
});

test("gpt2Tokenizer() has 50,257 tokens, 50,000 merges and one special token", () => {
  assert.is(gpt2.vocabSize, 50257);
  assert.is(gpt2.merges.length, 50000);
  assert.equal([...gpt2.specialTokens], [["<|endoftext|>", 50256]]);
});

test("gpt2Tokenizer() gives any text back", () => {
  fc.assert(
    fc.property(anyText, (text) => assert.is(gpt2.decode(encode(text)), text)),
    { numRuns: 300 },
  );
});

test("BpeTokenizer.fromRanks() refuses a table with a token that nothing makes", () => {
  const bytes = Array.from({ length: 256 }, (_, byte) => Buffer.of(byte).toString("base64"));
  const table = (tokens: string[]) => ({
    pat_str: "\\S+|\\s+",
    special_tokens: { "<|end|>": 256 + tokens.length },
    bpe_ranks: `! 0 ${[...bytes, ...tokens].join(" ")}`,
  });
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  assert.throws(() => BpeTokenizer.fromRanks(table([base64("abc")])), /Token 256 .* "abc" is 3/);
  const small = BpeTokenizer.fromRanks(table([base64("bc"), base64("abc")]));
  assert.equal(small.encode("abc<|end|>", { allowedSpecial: "all" }), [257, 258]);
  assert.equal(small.merges, [
    [98, 99],
    [97, 256],
  ]);
});

const verdict = readVerdict();
test(
  "gpt2Tokenizer() gives 5,145 tokens of The Verdict",
  verdict === undefined
    ? skip(noVerdict)
    : () => {
        assert.is(verdict.length, 20479);
        const ids = gpt2.encode(verdict);
        assert.is(ids.length, 5145);
        assert.equal(ids.slice(0, 5), [40, 367, 2885, 1464, 1807]);
        assert.equal(ids.slice(50, 55), [290, 4920, 2241, 287, 257]);
      },
);

test.run();
