import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { BpeTokenizer, GPT2_PATTERN, mergePair, splitPieces, utf8Decode, utf8Encode } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { anyText } from "../../support/text.ts";

const test = suite("BpeTokenizer");
const fixture = (name: string): string => readFileSync(new URL(`../../fixtures/hf/${name}`, import.meta.url), "utf8");
interface Golden {
  readonly cases: { readonly text: string; readonly ids: number[] }[];
  readonly corpus_ids_count: number;
  readonly corpus_ids_sha256_of_comma_joined: string;
  readonly first_100_corpus_ids: number[];
}
const golden: Golden = JSON.parse(fixture("bpe_train.json"));
const corpus = fixture("corpus.txt");
const tokenizer = BpeTokenizer.train([corpus], { vocabSize: 400, specialTokens: ["<|endoftext|>"] });

for (const { text, ids } of golden.cases) {
  test(`encode() gives Hugging Face's ids of ${JSON.stringify(text).slice(0, 40)}, and decode() the text`, () => {
    assert.equal(tokenizer.encode(text, { allowedSpecial: "all" }), ids);
    assert.is(tokenizer.decode(ids), text);
  });
}

test("encode() gives Hugging Face's ids of the whole corpus", () => {
  const ids = tokenizer.encode(corpus);
  assert.is(ids.length, golden.corpus_ids_count);
  assert.equal(ids.slice(0, 100), golden.first_100_corpus_ids);
  assert.is(createHash("sha256").update(ids.join(",")).digest("hex"), golden.corpus_ids_sha256_of_comma_joined);
});

/** The slow way: each merge in turn, over all of a piece. */
function encodeByDefinition(text: string): number[] {
  const bytes = new BpeTokenizer({
    tokens: Array.from({ length: 257 }, (_, id) => tokenizer.tokenBytes(id)),
    merges: [],
    specialTokens: tokenizer.specialTokens,
    pattern: GPT2_PATTERN,
  });
  return [...splitPieces(text)].flatMap((piece) =>
    tokenizer.merges.reduce((ids, pair, rank) => mergePair(ids, pair, 257 + rank), bytes.encode(piece)),
  );
}

test("encode() equals the merges applied one after the other", () => {
  fc.assert(
    fc.property(anyText, (text) => assert.equal(tokenizer.encode(text), encodeByDefinition(text))),
    { numRuns: 200 },
  );
});

test("decode() gives any text back", () => {
  fc.assert(
    fc.property(anyText, fc.boolean(), (text, special) => {
      const ids = tokenizer.encode(text, special ? { allowedSpecial: "all" } : {});
      assert.is(tokenizer.decode(ids), text);
      assert.ok(ids.every((id) => Number.isInteger(id) && id >= 0 && id < 400));
    }),
    { numRuns: 500 },
  );
});

test("decodeBytes() gives any bytes back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      assert.equal(tokenizer.decodeBytes(tokenizer.encodeBytes(bytes)), bytes);
    }),
    { numRuns: 500 },
  );
});

test("encodeBytes() of a text's bytes equals encode() of the text", () => {
  fc.assert(
    fc.property(anyText, (text) => assert.equal(tokenizer.encodeBytes(utf8Encode(text)), tokenizer.encode(text))),
  );
});

test("encode() of any ids' text gives that text again, though often other ids", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(399)), (ids) => {
      const bytes = tokenizer.decodeBytes(ids);
      assert.is(tokenizer.decode(ids), utf8Decode(bytes));
      assert.equal(tokenizer.decodeBytes(tokenizer.encodeBytes(bytes)), bytes);
    }),
  );
});

test("encode() gives the same ids when a piece comes from its cache", () => {
  const text = "the optimiser measured the rain again";
  assert.equal(tokenizer.encode(text), tokenizer.encode(text));
  const first = tokenizer.encode(text);
  first[0] = -1; // the caller may change what it got
  assert.is.not(tokenizer.encode(text)[0], -1);
});

test("encode() takes special text as plain text unless it is allowed", () => {
  const text = "a<|endoftext|>";
  assert.ok(!tokenizer.encode(text).includes(0));
  assert.ok(!tokenizer.encode(text, { allowedSpecial: [] }).includes(0));
  assert.is(tokenizer.encode(text, { allowedSpecial: "all" }).at(-1), 0);
  assert.is(tokenizer.encode(text, { allowedSpecial: ["<|endoftext|>"] }).at(-1), 0);
  assert.is(tokenizer.decode(tokenizer.encode(text)), text);
});

test("encode() allows one special token without the others", () => {
  const two = BpeTokenizer.train(["ab"], { vocabSize: 258, specialTokens: ["<|a|>", "<|b|>"] });
  const ids = two.encode("<|a|><|b|>", { allowedSpecial: ["<|b|>"] });
  assert.ok(!ids.includes(0));
  assert.is(ids.at(-1), 1);
});

test("encode() refuses to allow a special token that does not exist", () => {
  assert.throws(
    () => tokenizer.encode("a", { allowedSpecial: ["<|pad|>"] }),
    /"<\|pad\|>", but this tokenizer has "<\|endoftext\|>"/,
  );
});

test("encode() turns half of a surrogate pair into U+FFFD, as UTF-8 must", () => {
  assert.is(tokenizer.decode(tokenizer.encode("a\ud83d!")), "a\ufffd!");
});

test("decode() names an id that the vocabulary lacks", () => {
  for (const id of [400, -1, 1.5, Number.NaN]) {
    assert.throws(
      () => tokenizer.decode([5, id]),
      (error: unknown) =>
        error instanceof RangeError && error.message.includes(`0 to 399`) && error.message.includes(`found ${id}`),
    );
  }
  assert.throws(() => tokenizer.tokenBytes(400), /found 400/);
});

test("decode() shows bytes that are no text as U+FFFD and decodeBytes() keeps them", () => {
  const [id = -1] = tokenizer.encodeBytes(Uint8Array.of(0xff));
  assert.is(tokenizer.decode([id]), "\ufffd");
  assert.equal([...tokenizer.decodeBytes([id])], [0xff]);
});

test("decode() and encode() of nothing are nothing", () => {
  assert.is(tokenizer.decode([]), "");
  assert.equal(tokenizer.encode(""), []);
  assert.equal(tokenizer.encodeBytes(new Uint8Array()), []);
});

test("decode() takes typed arrays", () => {
  assert.is(tokenizer.decode(Uint16Array.of(0, 69)), "<|endoftext|>e");
});

test("tokenBytes() is a copy", () => {
  tokenizer.tokenBytes(300).fill(0);
  assert.ok(tokenizer.tokenBytes(300).some((byte) => byte !== 0));
});

test("encode() keeps pieces of another pattern apart", () => {
  const digits = BpeTokenizer.train(["2024 2024 2024"], { vocabSize: 300, pattern: /\d| ?\p{L}+|[^\d]/gu });
  assert.is(digits.encode("2024").length, 4);
  assert.is(digits.merges.length, 0);
});

test("BpeTokenizer refuses parts that do not fit together", () => {
  const tokens = Array.from({ length: 257 }, (_, id) => tokenizer.tokenBytes(id));
  const parts = { tokens, merges: [], specialTokens: tokenizer.specialTokens, pattern: GPT2_PATTERN };
  assert.throws(() => new BpeTokenizer({ ...parts, merges: [[1, 2]] }), /needs a token spelt "!""/);
  assert.throws(
    () => new BpeTokenizer({ ...parts, tokens: tokens.slice(0, 256) }),
    /needs a token spelt "Ń", but has none/,
  );
});

test.run();
