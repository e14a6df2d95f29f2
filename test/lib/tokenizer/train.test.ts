import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import {
  BpeTokenizer,
  countPairs,
  GPT2_PATTERN,
  mergePair,
  type Pair,
  type Progress,
  printableFromBytes,
  splitPieces,
  trainBasicBpe,
  utf8Encode,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { anyText } from "../../support/text.ts";

const test = suite("train");
const fixture = (name: string): string => readFileSync(new URL(`../../fixtures/hf/${name}`, import.meta.url), "utf8");
const golden: {
  merges: [string, string][];
  merges_decided_by_the_tie_rule: number;
  vocab_size: number;
  special_tokens: string[];
} = JSON.parse(fixture("bpe_train.json"));
const spell = (tokenizer: BpeTokenizer, id: number): string => printableFromBytes(tokenizer.tokenBytes(id));

/** The slow way over pieces: count everything anew for each merge. Ids as in `BpeTokenizer.train` without special tokens. */
function trainByDefinition(texts: readonly string[], merges: number): string[] {
  const tokens = new BpeTokenizer({ ...partsOfBytes(), merges: [], specialTokens: new Map(), pattern: GPT2_PATTERN });
  const spellings = Array.from({ length: 256 }, (_, id) => spell(tokens, id));
  let words = texts.flatMap((text) => [...splitPieces(text)].map((piece) => tokens.encode(piece)));
  const learnt: string[] = [];
  for (let i = 0; i < merges; i++) {
    const counts = new Map<string, number>();
    for (const word of words)
      for (const [key, count] of countPairs(word)) counts.set(key, (counts.get(key) ?? 0) + count);
    const ranked = [...counts].map(([key, count]) => ({ pair: key.split(",").map(Number), count }));
    ranked.sort((a, b) => b.count - a.count || a.pair[0]! - b.pair[0]! || a.pair[1]! - b.pair[1]!);
    const best = ranked[0];
    if (best === undefined) break;
    const [left = 0, right = 0] = best.pair;
    const spelling = `${spellings[left]}${spellings[right]}`;
    if (!spellings.includes(spelling)) spellings.push(spelling);
    words = words.map((word) => mergePair(word, [left, right], spellings.indexOf(spelling)));
    learnt.push(`${spellings[left]} ${spellings[right]}`);
  }
  return learnt;
}

function partsOfBytes(): { tokens: Uint8Array[] } {
  const trained = BpeTokenizer.train([], { vocabSize: 256 });
  return { tokens: Array.from({ length: 256 }, (_, id) => trained.tokenBytes(id)) };
}

test("BpeTokenizer.train() learns Hugging Face's merges, those decided by the tie rule too", () => {
  const tokenizer = BpeTokenizer.train([fixture("corpus.txt")], {
    vocabSize: golden.vocab_size,
    specialTokens: golden.special_tokens,
  });
  const merges = tokenizer.merges.map(([left, right]) => [spell(tokenizer, left), spell(tokenizer, right)]);
  assert.equal(merges, golden.merges);
  assert.is(golden.merges_decided_by_the_tie_rule, 70);
  assert.is(tokenizer.vocabSize, 400);
});

test("BpeTokenizer.train() gives special tokens the first ids, then the bytes by code point, then the merges", () => {
  const tokenizer = BpeTokenizer.train(["aab aab"], { vocabSize: 260, specialTokens: ["<|b|>", "<|a|>"] });
  assert.equal(
    [...tokenizer.specialTokens],
    [
      ["<|b|>", 0],
      ["<|a|>", 1],
    ],
  );
  assert.is(spell(tokenizer, 2), "!");
  assert.is(spell(tokenizer, 257), "Ń");
  assert.is(spell(tokenizer, 258), "aa");
  assert.is(spell(tokenizer, 259), "aab");
});

test("BpeTokenizer.train() equals counting everything anew", () => {
  const words = fc
    .array(fc.constantFrom("a", "b", "ab", "aaa", " ", "é", "\n", "ba"), { maxLength: 40 })
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.array(fc.oneof(words, anyText), { maxLength: 4 }), fc.nat(25), (texts, merges) => {
      const tokenizer = BpeTokenizer.train(texts, { vocabSize: 256 + merges });
      const found = tokenizer.merges.map(([left, right]) => `${spell(tokenizer, left)} ${spell(tokenizer, right)}`);
      assert.equal(found, trainByDefinition(texts, merges));
    }),
    { numRuns: 60 },
  );
});

test("BpeTokenizer.train() equals trainBasicBpe() when the pattern keeps the text whole", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 60 }).map((parts) => parts.join("")),
      (text) => {
        const tokenizer = BpeTokenizer.train([text], { vocabSize: 266, pattern: /[\s\S]+/gu });
        const basic = trainBasicBpe(utf8Encode(text), 10);
        const byteOf = (id: number): number => (id < 256 ? tokenizer.encode(String.fromCharCode(id))[0]! : id);
        assert.equal(
          tokenizer.merges,
          basic.map(([left, right]): Pair => [byteOf(left), byteOf(right)]),
        );
      },
    ),
  );
});

test("BpeTokenizer.train() is deterministic and reads each text once", () => {
  const read: number[] = [];
  function* texts(): Generator<string> {
    for (let i = 0; i < 3; i++) {
      read.push(i);
      yield "the cat and the hat ".repeat(i + 1);
    }
  }
  const streamed = BpeTokenizer.train(texts(), { vocabSize: 280 });
  const again = BpeTokenizer.train([...texts()], { vocabSize: 280 });
  assert.equal(streamed.merges, again.merges);
  assert.equal(read, [0, 1, 2, 0, 1, 2]);
});

test("BpeTokenizer.train() stops when no pair is left, and says so", () => {
  const reports: Progress[] = [];
  const tokenizer = BpeTokenizer.train(["abc"], { vocabSize: 1000, onProgress: (p) => reports.push(p) });
  assert.is(tokenizer.vocabSize, 258);
  assert.is(reports.at(-1)?.note, "no pair left: the vocabulary has 258 tokens, not 1000");
  assert.is(reports.at(-1)?.done, 2);
  assert.is(reports.at(-1)?.total, 744);
});

test("BpeTokenizer.train() reports the end when all went as asked", () => {
  const reports: Progress[] = [];
  BpeTokenizer.train(["abab cdcd"], { vocabSize: 258, onProgress: (p) => reports.push(p) });
  const last = reports.at(-1)!;
  assert.equal([last.label, last.done, last.total, last.note], ["Learning merges", 2, 2, undefined]);
});

test("BpeTokenizer.train() with 256 tokens knows bytes alone", () => {
  const tokenizer = BpeTokenizer.train(["aaaa"], { vocabSize: 256 });
  assert.is(tokenizer.merges.length, 0);
  assert.is(tokenizer.encode("aaaa").length, 4);
});

test("BpeTokenizer.train() refuses what it cannot do, and says why", () => {
  const train = (options: Partial<Parameters<typeof BpeTokenizer.train>[1]>, texts: Iterable<string> = ["a"]) =>
    BpeTokenizer.train(texts, { vocabSize: 300, ...options });
  assert.throws(
    () => train({ vocabSize: 257, specialTokens: ["<|a|>", "<|b|>"] }),
    /at least 258 \(256 bytes and 2 special tokens\), but found 257/,
  );
  assert.throws(() => train({ vocabSize: 300.5 }), /found 300.5/);
  assert.throws(() => train({ pattern: /a/g }), /needs the flags g and u/);
  assert.throws(() => train({ specialTokens: ["<|a|>", "<|a|>"] }), /given twice/);
  assert.throws(() => train({ specialTokens: [""] }), /specialTokens\[0\] is ""/);
  assert.throws(() => train({ specialTokens: ["\ud83d"] }), /at least one whole character/);
  assert.throws(() => train({ specialTokens: ["a"] }), /one of "a" is one of the 256 byte characters/);
  assert.throws(() => train({ specialTokens: ["the"] }, ["the the the"]), /one of "the" is "the"/);
  assert.throws(() => train({}, "one string"), /Write \[text\] instead of text/);
  assert.throws(() => train({}, JSON.parse('["a", 7]')), /text 1 is of type number/);
});

test.run();
