import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as fc from "fast-check";
import { BpeTokenizer, gpt2Tokenizer, loadTokenizer } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodeInPython, tokenizersMissing } from "../../support/python_tokenizers.ts";
import { root } from "../../support/repository.ts";
import { skip } from "../../support/skip.ts";
import { anyText } from "../../support/text.ts";

const test = suite("tokenizer.json");
const fixtures = path.join(root, "test/fixtures/hf");
const golden: { cases: { text: string; ids: number[] }[] } = JSON.parse(
  readFileSync(path.join(fixtures, "bpe_train.json"), "utf8"),
);
const texts = golden.cases.map((entry) => entry.text);
const corpus = readFileSync(path.join(fixtures, "corpus.txt"), "utf8");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-tokenizer-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const fresh = (): string => mkdtempSync(path.join(folder, "t"));

const trained = BpeTokenizer.train([corpus], { vocabSize: 400, specialTokens: ["<|endoftext|>"] });
const tokenizers: Record<string, BpeTokenizer> = {
  trained,
  "trained with four special tokens": BpeTokenizer.train([corpus], {
    vocabSize: 500,
    specialTokens: ["<|endoftext|>", "<|pad|>", "<|im_start|>", "<|im_end|>"],
  }),
  "trained with a pattern of its own": BpeTokenizer.train([corpus], {
    vocabSize: 400,
    specialTokens: ["<|e|>"],
    pattern: /\p{N}|\s?\p{L}+|\s+|[^\s\p{L}\p{N}]/gu,
  }),
  "gpt2Tokenizer()": gpt2Tokenizer(),
};

test("save() writes the file that Hugging Face writes", async () => {
  const dir = fresh();
  await trained.save(dir);
  const read = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));
  assert.equal(read(path.join(dir, "tokenizer.json")), read(path.join(fixtures, "tokenizer.json")));
  assert.equal(readdirSync(dir).sort(), ["tokenizer.json", "tokenizer_config.json"]);
});

test("save() names the tokens whose names say their role", async () => {
  const dir = fresh();
  await tokenizers["trained with four special tokens"]!.save(dir);
  assert.equal(JSON.parse(readFileSync(path.join(dir, "tokenizer_config.json"), "utf8")), {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: "<|endoftext|>",
    eos_token: "<|endoftext|>",
    pad_token: "<|pad|>",
    clean_up_tokenization_spaces: false,
    add_prefix_space: false,
  });
});

const saved = new Map(Object.entries(tokenizers).map(([name, tokenizer]) => [name, { tokenizer, dir: fresh() }]));
test.before(async () => {
  for (const { tokenizer, dir } of saved.values()) await tokenizer.save(dir);
});

for (const [name, { tokenizer, dir }] of saved) {
  test(`BpeTokenizer.load() restores what save() wrote: ${name}`, async () => {
    const loaded = await BpeTokenizer.load(dir);
    assert.equal(loaded.merges, tokenizer.merges);
    assert.equal(loaded.specialTokens, tokenizer.specialTokens);
    assert.is(loaded.vocabSize, tokenizer.vocabSize);
    assert.is(String(loaded.pattern), String(tokenizer.pattern));
    for (const text of texts)
      assert.equal(loaded.encode(text, { allowedSpecial: "all" }), tokenizer.encode(text, { allowedSpecial: "all" }));
    await loaded.save(path.join(dir, "again"));
    assert.is(
      readFileSync(path.join(dir, "again/tokenizer.json"), "utf8"),
      readFileSync(path.join(dir, "tokenizer.json"), "utf8"),
    );
  });

  test(`loadTokenizer() gives the ids of the tokenizer that save() wrote: ${name}`, async () => {
    const loaded = await loadTokenizer(dir);
    assert.is(loaded.vocabSize, tokenizer.vocabSize);
    assert.equal([...loaded.specialTokens], [...tokenizer.specialTokens]);
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...texts), anyText), fc.boolean(), (text, special) => {
        const options = special ? ({ allowedSpecial: "all" } as const) : {};
        const ids = tokenizer.encode(text, options);
        assert.equal(loaded.encode(text, options), ids);
        assert.is(loaded.decode(ids), text);
      }),
      { numRuns: 200 },
    );
  });
}

const missing = tokenizersMissing();
test(
  "Hugging Face's Python library gives the same ids from the files that save() wrote",
  missing === undefined
    ? async () => {
        const hard = [...texts, ...fc.sample(anyText, { numRuns: 100, seed: 7 })];
        const made = [...saved.values()];
        const found = encodeInPython(
          made.map((entry) => entry.dir),
          hard,
        );
        made.forEach(({ tokenizer }, i) => {
          hard.forEach((text, j) => {
            const [ids, decoded] = found[i]![j]!;
            assert.equal(ids, tokenizer.encode(text, { allowedSpecial: "all" }), `${i}: ${JSON.stringify(text)}`);
            assert.is(decoded, text, `${i}`);
          });
        });
      }
    : skip(missing),
);

test("BpeTokenizer.load() reads merges in the old spelling, and a file without a model type", async () => {
  const dir = fresh();
  const file = JSON.parse(readFileSync(path.join(fixtures, "tokenizer.json"), "utf8"));
  file.model.merges = file.model.merges.map((pair: string[]) => pair.join(" "));
  delete file.model.type;
  writeFileSync(path.join(dir, "tokenizer.json"), JSON.stringify(file));
  const loaded = await BpeTokenizer.load(dir);
  for (const { text, ids } of golden.cases) assert.equal(loaded.encode(text, { allowedSpecial: "all" }), ids);
});

test("save() and load() keep a token that is spelt like a property of every object", async () => {
  const tokenizer = BpeTokenizer.train(["__proto__ constructor"], { vocabSize: 290, pattern: /[^ ]+| /gu });
  const dir = fresh();
  await tokenizer.save(dir);
  const loaded = await BpeTokenizer.load(dir);
  for (const text of ["__proto__", "constructor"]) {
    assert.is(tokenizer.encode(text).length, 1);
    assert.equal(loaded.encode(text), tokenizer.encode(text));
  }
});

type Edit = (file: {
  pre_tokenizer: unknown;
  normalizer: unknown;
  added_tokens: { lstrip: boolean }[];
  model: Record<string, unknown> & { vocab: Record<string, number>; merges: unknown[] };
}) => void;
const splitBy = (Regex: string, use_regex: boolean): object => ({
  type: "Sequence",
  pretokenizers: [
    { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false },
    { type: "ByteLevel", add_prefix_space: false, use_regex },
  ],
});
const refused: Record<string, [Edit, RegExp]> = {
  "a normaliser": [
    (file) => (file.normalizer = { type: "NFC" }),
    /normalizer: .*loadTokenizer\(\) reads tokenizers of other kinds/,
  ],
  "a prefix space": [(file) => (file.pre_tokenizer = { type: "ByteLevel", add_prefix_space: true }), /pre_tokenizer/],
  "another pre-tokeniser": [(file) => (file.pre_tokenizer = { type: "Metaspace" }), /pre_tokenizer/],
  "another model": [(file) => (file.model["type"] = "Unigram"), /model\.type/],
  "dropout of merges": [(file) => (file.model["dropout"] = 0.1), /model\.dropout/],
  "ignored merges": [(file) => (file.model["ignore_merges"] = true), /model\.ignore_merges/],
  "special tokens that eat blanks": [(file) => (file.added_tokens[0]!.lstrip = true), /added_tokens\.0\.lstrip/],
  "a token that is no bytes": [(file) => (file.model.vocab["▁the"] = 400), /token 400 is "▁the"/],
  "a merge of an unknown token": [(file) => file.model.merges.push(["the", "zzz"]), /names the token "the"/],
  "a vocabulary without all bytes": [(file) => delete file.model.vocab["!"], /spelt "!", but has none/],
  "two patterns": [(file) => (file.pre_tokenizer = splitBy("a", true)), /two patterns/],
  "a pattern that JavaScript lacks": [
    (file) => (file.pre_tokenizer = splitBy("(?>a)", false)),
    /cannot read the pattern \(\?>a\)/,
  ],
};
for (const [what, [edit, message]] of Object.entries(refused)) {
  test(`BpeTokenizer.load() refuses ${what} and names it`, async () => {
    const dir = fresh();
    const file = JSON.parse(readFileSync(path.join(fixtures, "tokenizer.json"), "utf8"));
    edit(file);
    writeFileSync(path.join(dir, "tokenizer.json"), JSON.stringify(file));
    await BpeTokenizer.load(dir).then(
      () => assert.unreachable("the file was accepted"),
      (error: unknown) => {
        assert.instance(error, RangeError);
        assert.match((error as RangeError).message, message);
      },
    );
  });
}

test("save() that cannot finish leaves the old files whole", async () => {
  const dir = fresh();
  await trained.save(dir);
  const before = readFileSync(path.join(dir, "tokenizer.json"), "utf8");
  rmSync(path.join(dir, "tokenizer_config.json"));
  mkdirSync(path.join(dir, `tokenizer_config.json.${process.pid}.part`)); // the second file cannot be opened
  await BpeTokenizer.train(["x"], { vocabSize: 256 })
    .save(dir)
    .then(
      () => assert.unreachable("it was saved"),
      () => undefined,
    );
  assert.is(readFileSync(path.join(dir, "tokenizer.json"), "utf8"), before);
});

test.run();
