/** @file The functions that a learner writes in chapter 01 give what the library's fast ones give, on random input, and the numbers that its prose states hold. The chapter says so. */
import fc from "fast-check";
import {
  BpeTokenizer,
  BYTES_IN_ID_ORDER,
  countPairs,
  encodeBasicBpe,
  gpt2Tokenizer,
  isHeldOut,
  loadDataset,
  mergePair,
  splitPieces,
  TokenDataset,
  trainBasicBpe,
  utf8Encode,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { chapterOf, solutionsOf } from "../support/chapter_solution.ts";
import { skip } from "../support/skip.ts";

type Merges = Map<string, number>;
const solution = solutionsOf("01");
const chapters = {
  countPairs: await solution<(ids: number[]) => Map<string, number>>("countPairs"),
  mergePair: await solution<(ids: number[], pair: [number, number], newId: number) => number[]>("mergePair"),
  trainBpe: await solution<(ids: number[], mergeCount: number) => Merges>("trainBpe"),
  encodeBpe: await solution<(ids: number[], merges: Merges) => number[]>("encodeBpe"),
  decodeBytes: await solution<(ids: number[], vocabulary: Uint8Array[]) => string>("decodeBytes"),
  slidingWindows:
    await solution<(ids: number[], blockSize: number, stride: number) => { inputs: number[][]; targets: number[][] }>(
      "slidingWindows",
    ),
};

/** The library numbers the bytes as GPT-2 does. */
const idOfByte = new Map(BYTES_IN_ID_ORDER.map((byte, id) => [byte, id]));
const byteIds = (text: string): number[] => Array.from(utf8Encode(text), (byte) => idOfByte.get(byte)!);
const pairsOf = (merges: Merges): number[][] => [...merges.keys()].map((key) => key.split(",").map(Number));
const asMap = (merges: BpeTokenizer["merges"]): Merges =>
  new Map(merges.map(([left, right], i) => [`${left},${right}`, 256 + i]));

const fewIds = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 60 });
/** Texts whose pairs repeat: few different letters, of one to four bytes each. */
const texts = fc
  .array(fc.constantFrom("a", "b", "n", " ", "س", "ی", "\u200c", "日", "🙂", "\n", "'s", "7"), { maxLength: 80 })
  .map((parts) => parts.join(""));
const WHOLE = /[\s\S]+/gu; // the text as one piece, as in the chapter

const test = suite("chapter 01 equals the library");

test("countPairs() of the chapter is the library's", () => {
  fc.assert(fc.property(fewIds, (ids) => assert.equal(chapters.countPairs(ids), countPairs(ids))));
});

test("mergePair() of the chapter is the library's", () => {
  const id = fc.integer({ min: 0, max: 3 });
  fc.assert(
    fc.property(fewIds, id, id, (ids, left, right) =>
      assert.equal(chapters.mergePair(ids, [left, right], 9), mergePair(ids, [left, right], 9)),
    ),
  );
});

test("trainBpe() of the chapter learns the merges of trainBasicBpe() and of BpeTokenizer.train()", () => {
  fc.assert(
    fc.property(texts, fc.integer({ min: 0, max: 12 }), (text, mergeCount) => {
      const learnt = pairsOf(chapters.trainBpe(byteIds(text), mergeCount));
      assert.equal(learnt, trainBasicBpe(byteIds(text), mergeCount));
      assert.equal(
        learnt,
        BpeTokenizer.train([text], { vocabSize: 256 + mergeCount, pattern: WHOLE, onProgress: () => {} }).merges,
      );
    }),
  );
});

test("encodeBpe() of the chapter gives the ids of encodeBasicBpe() and of BpeTokenizer.encode()", () => {
  fc.assert(
    fc.property(texts, texts, (training, text) => {
      const tokenizer = BpeTokenizer.train([training], { vocabSize: 280, pattern: WHOLE, onProgress: () => {} });
      const ids = chapters.encodeBpe(byteIds(text), asMap(tokenizer.merges));
      assert.equal(ids, encodeBasicBpe(byteIds(text), tokenizer.merges));
      assert.equal(ids, tokenizer.encode(text));
    }),
  );
});

test("encodeBpe() of the chapter gives GPT-2's ids with GPT-2's merges", () => {
  const merges = asMap(gpt2Tokenizer().merges);
  fc.assert(
    fc.property(fc.oneof(texts, fc.string({ unit: "grapheme", maxLength: 40 })), (text) => {
      assert.equal(
        [...splitPieces(text)].flatMap((piece) => chapters.encodeBpe(byteIds(piece), merges)),
        gpt2Tokenizer().encode(text),
      );
    }),
  );
});

test("decodeBytes() of the chapter gives the text of BpeTokenizer.decode(), also where bytes are no UTF-8", () => {
  const tokenizer = BpeTokenizer.train(["سلام سلام banana bandana"], { vocabSize: 270, onProgress: () => {} });
  const vocabulary = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.tokenBytes(id));
  const ids = fc.array(fc.integer({ min: 0, max: tokenizer.vocabSize - 1 }), { maxLength: 30 });
  fc.assert(fc.property(ids, (some) => assert.is(chapters.decodeBytes(some, vocabulary), tokenizer.decode(some))));
  const byteOrderMark = tokenizer.encode("\ufeffA");
  assert.is(chapters.decodeBytes(byteOrderMark, vocabulary), "\ufeffA", "a byte order mark is text too");
});

test("slidingWindows() of the chapter cuts as TokenDataset does", () => {
  const size = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(fc.array(fc.nat(99), { maxLength: 40 }), size, size, (ids, blockSize, stride) => {
      const { inputs, targets } = chapters.slidingWindows(ids, blockSize, stride);
      if (ids.length <= blockSize) return assert.equal([inputs, targets], [[], []]); // TokenDataset refuses these
      const dataset = new TokenDataset(ids, { blockSize, stride });
      const windows = Array.from({ length: dataset.length }, (_, i) => dataset.at(i));
      assert.equal(
        inputs,
        windows.map((window) => Array.from(window.ids)),
      );
      assert.equal(
        targets,
        windows.map((window) => Array.from(window.targets)),
      );
    }),
  );
});

/** The records of a data set; without a connection and without a copy in the cache, the reason. */
async function records(name: string): Promise<{ readonly text: string; readonly [field: string]: unknown }[] | string> {
  try {
    return [...(await loadDataset(name, { onProgress: () => {} })).records];
  } catch (error) {
    return `the data set ${name} could not be loaded: ${(error as Error).message.split("\n")[0]}`;
  }
}
const declaration = await records("udhr");
const dialogues = await records("chatterbot");
const near = (found: number, expected: number, by: number, what: string): void =>
  assert.ok(Math.abs(found - expected) <= by, `${what} is ${found}, the prose says ${expected}`);
const wordsIn = (text: string): number => text.split(/\s+/).filter(Boolean).length;
const inLanguage = (language: string, from = 0): string =>
  typeof declaration === "string"
    ? ""
    : declaration
        .filter((record) => record.language === language && Number(record.article) >= from)
        .map((record) => record.text)
        .join("\n");

const tokens = (text: string): number => gpt2Tokenizer().encode(text).length;
test(
  "the costs that the prose states for GPT-2 hold",
  typeof declaration === "string"
    ? skip(declaration)
    : () => {
        const [english, arabic, persian] = ["en", "ar", "fa"].map((language) => inLanguage(language)) as [
          string,
          string,
          string,
        ];
        near(tokens(arabic) / tokens(english), 4, 0.3, "Arabic against English"); // "almost 4 times"
        near(tokens(persian) / tokens(english), 5, 0.3, "Persian against English");
        near((1024 * wordsIn(english)) / tokens(english), 900, 20, "English words in 1,024 tokens"); // "almost 900"
        for (const text of [arabic, persian])
          assert.ok((1024 * wordsIn(text)) / tokens(text) < 200, "fewer than 200 words in 1,024 tokens");
        assert.equal([tokens("ي"), tokens("ی")], [1, 2]);
      },
);

test(
  "the gain that the prose states for a tokenizer that has read the language holds",
  typeof declaration === "string" || typeof dialogues === "string"
    ? skip(String([declaration, dialogues].find((one) => typeof one === "string")))
    : () => {
        const pattern = / ?[\p{L}\p{M}\u200c]+| ?\p{N}+| ?[^\s\p{L}\p{M}\p{N}\u200c]+|\s+(?!\S)|\s+/gu;
        const spoken = dialogues
          .filter((record) => record.language === "fa" && !isHeldOut("chatterbot", record))
          .map((record) => record.text)
          .join("\n");
        const read = declaration
          .filter((record) => Number(record.article) <= 20)
          .map((record) => record.text)
          .join("\n");
        const vocabSize = chapterOf("01").entry.profiles.laptop?.ourVocabulary ?? 0;
        near(50_257 / vocabSize, 12, 0.5, "GPT-2's vocabulary against ours");
        const ours = BpeTokenizer.train([read, spoken], { vocabSize, pattern, onProgress: () => {} });
        for (const language of ["ar", "fa"]) {
          const exam = inLanguage(language, 21);
          assert.ok(ours.encode(exam).length < tokens(exam) / 2, `${language}: fewer than half of the tokens`);
        }
        assert.ok(ours.encode(inLanguage("en", 21)).length > tokens(inLanguage("en", 21)), "English lost");
        const clean = BpeTokenizer.train([spoken], { vocabSize, pattern, onProgress: () => {} });
        assert.ok(
          clean.encode(inLanguage("fa")).length < tokens(inLanguage("fa")) / 2,
          "Persian dialogues alone: the gain stays",
        );
      },
);

test.run();
