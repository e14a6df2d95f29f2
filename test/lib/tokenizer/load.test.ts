import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type ChatOptions, type LoadedTokenizer, loadTokenizer } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { strftime } from "../../../lib/dist/tokenizer/chat.js";
import { REPOSITORY, startHub } from "../../support/hub.ts";
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

test("loadTokenizer() takes a weights file for its folder, as GPT.fromPretrained() does", async () => {
  const weights = path.join(folderWith({}, { "model.safetensors": "" }), "model.safetensors");
  assert.is((await loadTokenizer(weights)).vocabSize, (await loadTokenizer(path.dirname(weights))).vocabSize);
});

test("a tokenizer.json that is none names its folder and the remedy", async () => {
  for (const file of [{}, { model: {} }, { ...tokenizerJson, model: { type: "X" } }])
    assert.match(
      await rejection(loadTokenizer(folderWith({}, {}, file))),
      /^Error: The tokenizer of .*m\w+ cannot be read: .*\. Fetch it again/,
    );
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
    folderWith(names, { "chat_template.json": JSON.stringify({ chat_template: template }) }),
  ];
  for (const dir of places) {
    const tokenizer: LoadedTokenizer = await loadTokenizer(dir);
    assert.is(tokenizer.applyChatTemplate(conversation), "<s>2 + 2?</s>");
  }
});

test("applyChatTemplate() says so when there is no template", async () => {
  const tokenizer = await loadTokenizer(folderWith({}));
  assert.throws(
    () => tokenizer.applyChatTemplate(conversation),
    /has none\. A base model has none; use an instruction-tuned one/,
  );
});

test("applyChatTemplate() gives the template what transformers gives it: no tools, a date in English, a refusal, and more on request", async () => {
  const render = async (template: string, options: ChatOptions = {}) =>
    (await loadTokenizer(folderWith({ chat_template: template }))).applyChatTemplate(conversation, options);
  assert.is(
    await render("{{ tools is none }} {{ tools is defined }} {% if documents %}documents{% endif %}"),
    "true true ",
  );
  assert.match(await render("{{ strftime_now('%d %b %Y') }}"), /^\d\d [A-Z][a-z]{2} 20\d\d$/);
  assert.is(await render("{{ enable_thinking }}", { variables: { enable_thinking: false } }), "false");
  const refusing = "{% if messages[1].role == 'assistant' %}{{ raise_exception('Only one question!') }}{% endif %}";
  const said = await rejection(render(refusing));
  assert.match(said, /The chat template of .* does not take this conversation \(user, assistant\): Only one question!/);
  assert.match(await rejection(render("{% if %}")), /The chat template of .* does not take this conversation/);
});

test("strftime() writes English names and refuses letters that it does not know", () => {
  const date = new Date(2026, 2, 5, 7, 8, 9);
  assert.is(strftime(date, "%A %d %B %Y %H:%M:%S 100%%"), "Thursday 05 March 2026 07:08:09 100%");
  assert.is(strftime(date, "%a %b %m"), "Thu Mar 03");
  assert.throws(() => strftime(date, "%Q"), /found %Q/);
});

test("loadTokenizer() finds the roles of tokens and all tokens that end an answer", async () => {
  const file = structuredClone(tokenizerJson);
  for (const [i, content] of ["<|im_end|>", "<s>"].entries())
    file.added_tokens.push({ ...file.added_tokens[0], id: 400 + i, content });
  const dir = folderWith(
    { eos_token: "<|im_end|>", bos_token: null },
    {
      "special_tokens_map.json": JSON.stringify({ bos_token: { content: "<s>" }, eos_token: "<|endoftext|>" }),
      "generation_config.json": JSON.stringify({ eos_token_id: [0, 400] }),
      "config.json": JSON.stringify({ eos_token_id: 7 }),
    },
    file,
  );
  const tokenizer = await loadTokenizer(dir);
  assert.equal([tokenizer.bosId, tokenizer.eosIds, tokenizer.vocabSize], [401, [0, 400], 402]);
  rmSync(path.join(dir, "generation_config.json"));
  assert.equal((await loadTokenizer(dir)).eosIds, [7, 400], "then config.json speaks");
  const plain = await loadTokenizer(folderWith({}));
  assert.equal([plain.bosId, plain.eosIds, plain.chatTemplate], [undefined, [], undefined]);
});

test("loadTokenizer() reads merges as texts, as older files have them, and needs no tokenizer_config.json", async () => {
  const file = structuredClone(tokenizerJson);
  file.model.merges = file.model.merges.map((pair: [string, string]) => pair.join(" "));
  const dir = folderWith({}, {}, file);
  rmSync(path.join(dir, "tokenizer_config.json"));
  const tokenizer = await loadTokenizer(dir);
  for (const { text, ids } of golden.cases) assert.equal(tokenizer.encode(text, { allowedSpecial: "all" }), ids);
});

test("save() writes a folder that gives the same tokenizer again, wherever its parts lay before", async () => {
  const dir = folderWith(
    { eos_token: "<|endoftext|>", model_max_length: 99 },
    { "chat_template.jinja": chatml, "special_tokens_map.json": '{"bos_token": "<|endoftext|>"}' },
  );
  const to = path.join(mkdtempSync(path.join(folder, "m")), "new");
  await (await loadTokenizer(dir)).save(to);
  assert.equal(readdirSync(to).sort(), ["tokenizer.json", "tokenizer_config.json"]);
  assert.equal(JSON.parse(readFileSync(path.join(to, "tokenizer.json"), "utf8")), tokenizerJson);
  const [first, again] = [await loadTokenizer(dir), await loadTokenizer(to)];
  assert.equal([again.bosId, again.eosIds, again.chatTemplate], [0, [0], chatml]);
  assert.is(again.applyChatTemplate(conversation), first.applyChatTemplate(conversation));
  assert.is(JSON.parse(readFileSync(path.join(to, "tokenizer_config.json"), "utf8")).model_max_length, 99);
});

test("loadTokenizer() fetches a tokenizer from the hub, and not the model", async () => {
  const hub = await startHub({
    "tokenizer.json": JSON.stringify(tokenizerJson),
    "tokenizer_config.json": JSON.stringify({ chat_template: chatml }),
    "model.safetensors": "large",
  });
  Object.assign(process.env, { HF_ENDPOINT: hub.url, HF_HUB_CACHE: path.join(folder, "hub") });
  const tokenizer = await loadTokenizer(REPOSITORY);
  assert.is(tokenizer.chatTemplate, chatml);
  assert.not.ok(hub.asked.some(({ path }) => path.includes("model.safetensors")));
  await hub.close();
});

test("loadTokenizer() names a file that is missing or holds something else", async () => {
  const empty = mkdtempSync(path.join(folder, "m"));
  assert.match(await rejection(loadTokenizer(empty)), /has no tokenizer\.json, .*save_pretrained/);
  writeFileSync(path.join(empty, "tokenizer.json"), "[1]");
  assert.match(await rejection(loadTokenizer(empty)), /tokenizer\.json should hold a JSON object, but holds \[1\]/);
  writeFileSync(path.join(empty, "tokenizer.json"), '{"model"');
  assert.match(
    await rejection(loadTokenizer(empty)),
    /tokenizer\.json should hold a JSON object, but .*Fetch it again/,
  );
  assert.match(await rejection(loadTokenizer(path.join(empty, "no"))), /There is no folder or file/);
});

test.run();
