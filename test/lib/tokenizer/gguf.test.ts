/** @file Tokenizers inside GGUF files against Python's tokenizers and, where it is cached, the real SmolLM2. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type GGUFTypedMetadata, GGUFValueType, serializeGgufMetadata } from "@huggingface/gguf";
import { loadTokenizer, type Message } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cachedPath } from "../../../lib/dist/data/prepare.js";
import { findRecipe } from "../../../lib/dist/data/recipe.js";
import { encodeInPython, tokenizersMissing } from "../../support/python_tokenizers.ts";
import { root } from "../../support/repository.ts";
import { skip } from "../../support/skip.ts";

const test = suite("tokenizers in GGUF files");
const read = (file: string) => JSON.parse(readFileSync(path.join(root, "test/fixtures", file), "utf8"));
const golden: { tokens: string[]; merges: string[]; texts: string[]; ids: Record<string, number[][]> } =
  read("gguf/pre_tokenizers.json");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-gguf-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

type Value = string | number | boolean | readonly (string | number)[];

/** A GGUF file without tensors, with these pairs under `tokenizer.`. */
function fileWith(pairs: Readonly<Record<string, Value>>): string {
  const { STRING, UINT32, INT32, BOOL, ARRAY } = GGUFValueType;
  const typed = (value: Value) => {
    if (typeof value === "string") return { value, type: STRING };
    if (typeof value === "number") return { value, type: UINT32 };
    if (typeof value === "boolean") return { value, type: BOOL };
    return { value, type: ARRAY, subType: typeof value[0] === "string" ? STRING : INT32 };
  };
  const entries = Object.entries(pairs).map(([key, value]) => [`tokenizer.${key}`, typed(value)]);
  const metadata = {
    version: { value: 3, type: UINT32 },
    tensor_count: { value: 0n, type: GGUFValueType.UINT64 },
    kv_count: { value: BigInt(entries.length), type: GGUFValueType.UINT64 },
    ...Object.fromEntries(entries),
  } as GGUFTypedMetadata;
  const file = path.join(mkdtempSync(path.join(folder, "m")), "model.gguf");
  writeFileSync(file, serializeGgufMetadata(metadata));
  return file;
}

const bpe = { "ggml.model": "gpt2", "ggml.tokens": golden.tokens, "ggml.merges": golden.merges };
const rejection = (file: string): Promise<string> =>
  loadTokenizer(file).then(
    () => assert.unreachable("it was accepted") as never,
    (error: unknown) => String(error),
  );

for (const [pre, expected] of Object.entries(golden.ids)) {
  test(`text that is cut as ${pre} does gives Python's ids`, async () => {
    const tokenizer = await loadTokenizer(fileWith({ ...bpe, "ggml.pre": pre }));
    for (const [i, text] of golden.texts.entries()) {
      assert.equal(tokenizer.encode(text), expected[i], JSON.stringify(text));
      assert.is(tokenizer.decode(expected[i]!), pre === "qwen2" ? text.normalize("NFC") : text);
    }
  });
}

test("the roles of tokens, special tokens and the chat template come from the metadata", async () => {
  const types = golden.tokens.map((_, id) => (id === 5 || id === 7 ? 3 : id === 9 ? 4 : 1));
  const tokenizer = await loadTokenizer(
    fileWith({
      ...bpe,
      "ggml.token_type": types,
      "ggml.bos_token_id": 5,
      "ggml.eos_token_id": 7,
      "ggml.eot_token_id": 9,
      chat_template: "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}",
    }),
  );
  const [five, seven] = [golden.tokens[5]!, golden.tokens[7]!];
  assert.equal(
    [...tokenizer.specialTokens],
    [
      [five, 5],
      [seven, 7],
    ],
  );
  assert.equal([tokenizer.bosId, tokenizer.eosIds], [5, [7, 9]]);
  assert.is(tokenizer.applyChatTemplate([{ role: "user", content: "hi" }]), `${five}hi${seven}`);
});

test("save() writes Hugging Face's files, which give the same tokenizer; a start token that the model expects is noted", async () => {
  const roles = {
    "ggml.bos_token_id": 5,
    "ggml.eos_token_id": 7,
    "ggml.add_bos_token": true,
    chat_template: "{{ 1 }}",
  };
  const tokenizer = await loadTokenizer(fileWith({ ...bpe, ...roles, "ggml.pre": "llama-bpe" }));
  const to = path.join(folder, "saved");
  await tokenizer.save(to);
  const again = await loadTokenizer(to);
  assert.equal([again.bosId, again.eosIds, again.chatTemplate], [5, [7], "{{ 1 }}"]);
  for (const text of golden.texts) assert.equal(again.encode(text), tokenizer.encode(text));
  const { post_processor } = JSON.parse(readFileSync(path.join(to, "tokenizer.json"), "utf8"));
  assert.equal(post_processor.special_tokens, {
    [golden.tokens[5]!]: { id: golden.tokens[5], ids: [5], tokens: [golden.tokens[5]] },
  });
});

const missing = tokenizersMissing();
test(
  "Hugging Face's Python library gives the same ids from what save() wrote, for every way of cutting text",
  missing === undefined
    ? async () => {
        const folders = Object.keys(golden.ids).map((pre) => path.join(folder, `saved-${pre}`));
        for (const [i, pre] of Object.keys(golden.ids).entries())
          await (await loadTokenizer(fileWith({ ...bpe, "ggml.pre": pre }))).save(folders[i]!);
        const found = encodeInPython(folders, golden.texts).map((texts) => texts.map(([ids]) => ids));
        assert.equal(found, Object.values(golden.ids));
      }
    : skip(missing),
);

test("a tokenizer of another kind, with unknown cuts or without its lists is refused, with what to do", async () => {
  const cases: [Record<string, Value>, RegExp][] = [
    [
      { ...bpe, "ggml.model": "llama" },
      /of the kind "llama", expected byte-level BPE \("gpt2"\)\. Load the tokenizer from the folder/,
    ],
    [{ chat_template: "" }, /has no tokenizer, expected/],
    [{ ...bpe, "ggml.pre": "tekken" }, /cuts text as "tekken" does, but gptlab knows gpt-2, .*qwen2/],
    [{ "ggml.model": "gpt2", "ggml.tokens": golden.tokens }, /should have lists of texts as tokens and merges/],
  ];
  for (const [pairs, expected] of cases) assert.match(await rejection(fileWith(pairs)), expected);
});

interface Smollm2 {
  prompts: { text?: string; messages?: Message[]; rendered?: string; input_ids: number[] }[];
  encode: { text: string; ids: number[] }[];
  special: { bos: string; eos_id: number };
}

const smollm2 = cachedPath(findRecipe("smollm2"));
test(
  "SmolLM2's own GGUF file gives the prompts and ids of transformers",
  existsSync(smollm2)
    ? async () => {
        const tokenizer = await loadTokenizer(smollm2);
        const { prompts, encode, special }: Smollm2 = read("hf/smollm2.json");
        for (const { text, ids } of encode) assert.equal(tokenizer.encode(text, { allowedSpecial: "all" }), ids, text);
        for (const { text, messages = [], rendered, input_ids } of prompts) {
          const prompt = text ?? tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true });
          assert.is(prompt, text ?? rendered);
          assert.equal(tokenizer.encode(prompt, { allowedSpecial: "all" }), input_ids);
        }
        assert.equal([tokenizer.eosIds, tokenizer.decode([tokenizer.bosId!])], [[special.eos_id], special.bos]);
        assert.is(tokenizer.vocabSize, 49_152);
      }
    : skip("SmolLM2 is not in the cache (npx gptlab data smollm2)"),
);

test.run();
