import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type LoadedTokenizer, loadTokenizer } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../support/repository.ts";

const test = suite("loadTokenizer");
const fixtures = path.join(root, "test/fixtures/hf");
const golden: { cases: { text: string; ids: number[] }[] } = JSON.parse(
  readFileSync(path.join(fixtures, "bpe_train.json"), "utf8"),
);
const tokenizerJson = JSON.parse(readFileSync(path.join(fixtures, "tokenizer.json"), "utf8"));
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-load-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** A folder with Hugging Face's tokenizer, changed as the test wants. */
function folderWith(config: object, extra: Record<string, string> = {}, file: object = tokenizerJson): string {
  const dir = mkdtempSync(path.join(folder, "m"));
  writeFileSync(path.join(dir, "tokenizer.json"), JSON.stringify(file));
  writeFileSync(path.join(dir, "tokenizer_config.json"), JSON.stringify(config));
  for (const [name, text] of Object.entries(extra)) writeFileSync(path.join(dir, name), text);
  return dir;
}

const rejection = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => assert.unreachable("it was accepted") as never,
    (error: unknown) => String(error),
  );

const chatml =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const conversation = [
  { role: "user", content: "2 + 2?" },
  { role: "assistant", content: "4" },
];

test("loadTokenizer() gives Hugging Face's ids of every hard string, and the text back", async () => {
  const tokenizer = await loadTokenizer(folderWith({}));
  for (const { text, ids } of golden.cases) {
    assert.equal(tokenizer.encode(text, { allowedSpecial: "all" }), ids, JSON.stringify(text));
    assert.is(tokenizer.decode(ids), text);
  }
});

test("loadTokenizer() reads blanks as Unicode does inside a sequence of steps too", async () => {
  const steps = {
    type: "Sequence",
    pretokenizers: [{ type: "Digits", individual_digits: true }, tokenizerJson.pre_tokenizer],
  };
  const tokenizer = await loadTokenizer(folderWith({}, {}, { ...tokenizerJson, pre_tokenizer: steps }));
  for (const { text, ids } of golden.cases.filter((entry) => !/\p{N}/u.test(entry.text))) {
    assert.equal(tokenizer.encode(text, { allowedSpecial: "all" }), ids, JSON.stringify(text));
  }
});

test("encode() takes special text as plain text unless it is allowed", async () => {
  const tokenizer = await loadTokenizer(folderWith({}));
  assert.ok(!tokenizer.encode("<|endoftext|>").includes(0));
  assert.equal(tokenizer.encode("<|endoftext|>", { allowedSpecial: ["<|endoftext|>"] }), [0]);
  assert.throws(() => tokenizer.encode("a", { allowedSpecial: ["<|pad|>"] }), /has "<\|endoftext\|>"/);
});

test("encode() adds no start token, even when the file asks for one", async () => {
  const post_processor = {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<|endoftext|>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: { "<|endoftext|>": { id: "<|endoftext|>", ids: [0], tokens: ["<|endoftext|>"] } },
  };
  const tokenizer = await loadTokenizer(folderWith({}, {}, { ...tokenizerJson, post_processor }));
  assert.ok(!tokenizer.encode("the rain").includes(0));
});

test("decode() keeps spaces before punctuation, whatever the file says", async () => {
  const tokenizer = await loadTokenizer(folderWith({ clean_up_tokenization_spaces: true }));
  assert.is(tokenizer.decode(tokenizer.encode("a , b . do n't")), "a , b . do n't");
});

test("decode() names an id that the vocabulary lacks, and takes an empty list", async () => {
  const tokenizer = await loadTokenizer(folderWith({}));
  assert.throws(() => tokenizer.decode([5, 400]), /0 to 399 that the vocabulary has, but found 400/);
  assert.is(tokenizer.decode([]), "");
});

test("applyChatTemplate() fills the template of tokenizer_config.json", async () => {
  const tokenizer = await loadTokenizer(folderWith({ chat_template: chatml }));
  const turns = "<|im_start|>user\n2 + 2?<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n";
  assert.is(tokenizer.applyChatTemplate(conversation), turns);
  assert.is(
    tokenizer.applyChatTemplate(conversation, { addGenerationPrompt: true }),
    `${turns}<|im_start|>assistant\n`,
  );
});

test("applyChatTemplate() finds the template in each place where files have it, and fills in named tokens", async () => {
  const template = "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}";
  const names = { bos_token: "<s>", eos_token: { content: "</s>" } };
  const places: string[] = [
    folderWith({ ...names, chat_template: template }),
    folderWith({
      ...names,
      chat_template: [
        { name: "tool_use", template: "no" },
        { name: "default", template },
      ],
    }),
    folderWith({ ...names, chat_template: "no" }, { "chat_template.jinja": template }),
  ];
  for (const dir of places) {
    const tokenizer: LoadedTokenizer = await loadTokenizer(dir);
    assert.is(tokenizer.applyChatTemplate(conversation), "<s>2 + 2?</s>");
  }
});

test("applyChatTemplate() says so when there is no template", async () => {
  const tokenizer = await loadTokenizer(folderWith({}));
  assert.throws(() => tokenizer.applyChatTemplate(conversation), /has neither. A base model has none/);
});

test("loadTokenizer() says that names on the hub cannot be read yet", async () => {
  assert.match(
    await rejection(loadTokenizer("openai-community/gpt2")),
    /found no folder "openai-community\/gpt2"\. Names on the Hugging Face hub cannot be read yet/,
  );
});

test("loadTokenizer() names a file that is missing or holds something else", async () => {
  const empty = mkdtempSync(path.join(folder, "m"));
  assert.match(await rejection(loadTokenizer(empty)), /tokenizer\.json/);
  writeFileSync(path.join(empty, "tokenizer.json"), "[1]");
  assert.match(await rejection(loadTokenizer(empty)), /tokenizer\.json should hold a JSON object, but holds \[1\]/);
});

test.run();
