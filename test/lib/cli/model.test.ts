/** @file gptlab generate, chat, export and doctor --model: on a tiny chat model in a GGUF file. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { GPT, initBackend, loadTokenizer, openTensors, presets, Random, setProgressReporter } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { main } from "../../../lib/dist/cli/index.js";
import { root } from "../../support/repository.ts";
import { withFullDisk } from "../../support/small_files.ts";

const test = suite("gptlab with a model");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-cli-model-"));
const chatTiny = path.join(root, "test/fixtures/gguf/chat-tiny.gguf");
const exported = path.join(folder, "exported");
process.env.GPTLAB_BACKEND = "cpu"; // the model is tiny, and an engine takes a second to start
process.env.HF_HUB_OFFLINE = "1";
process.env.HF_HUB_CACHE = folder;
test.before(async () => void (await initBackend()));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command in this process, where the engine is up already. */
async function gptlab(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { log, error } = console;
  const write = process.stdout.write;
  let [stdout, stderr] = ["", ""];
  console.log = (line: unknown) => {
    stdout += `${line}\n`;
  };
  console.error = (line: unknown) => {
    stderr += `${line}\n`;
  };
  process.stdout.write = (text: string | Uint8Array) => {
    stdout += String(text);
    return true;
  };
  try {
    await main(["node", "gptlab", ...args]);
    return { code: Number(process.exitCode ?? 0), stdout, stderr };
  } finally {
    Object.assign(console, { log, error });
    process.stdout.write = write;
    process.exitCode = 0;
    setProgressReporter(undefined);
  }
}

/** `gptlab chat` as a process of its own; `onText` sees all that it has written so far. */
function chat(
  args: readonly string[],
  input: string,
  onText: (text: string, interrupt: () => void) => void = () => {},
) {
  const child = spawn(process.execPath, [path.join(root, "lib/bin/gptlab.js"), "chat", ...args]);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    onText(stdout, () => child.kill("SIGINT"));
  });
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.end(input);
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, stdout, stderr })),
  );
}

test("gptlab export writes a folder that loads again, in half the space, with all that belongs to a tokenizer", async () => {
  const { code, stdout } = await gptlab("export", chatTiny, exported, "--dtype", "BF16");
  assert.is(code, 0);
  assert.match(
    stdout,
    /exported: 0\.1 M parameters as BF16\. config\.json, generation_config\.json, model\.safetensors, tokenizer\.json/,
  );
  const weights = await openTensors(exported);
  assert.equal([...new Set(weights.names.map((name) => weights.info(name).dtype))], ["BF16"]);
  await weights.close();
  const [ours, theirs] = [await loadTokenizer(exported), await loadTokenizer(chatTiny)];
  assert.equal([ours.eosIds, ours.bosId, ours.chatTemplate], [theirs.eosIds, theirs.bosId, theirs.chatTemplate]);
  const read = (name: string) => JSON.parse(readFileSync(path.join(exported, name), "utf8"));
  assert.equal(read("generation_config.json"), { bos_token_id: 400, eos_token_id: [401] });
  assert.equal([read("config.json").model_type, read("config.json").eos_token_id], ["llama", 401]);
});

test("gptlab export does not write over anything", async () => {
  const there = path.join(folder, "there");
  mkdirSync(there);
  writeFileSync(path.join(there, "thesis.txt"), "");
  const { code, stderr } = await gptlab("export", chatTiny, there);
  assert.is(code, 1);
  assert.match(stderr, /^gptlab: export writes into a new or empty folder, but .* has thesis\.txt\n$/);
  assert.equal(readdirSync(there), ["thesis.txt"]);
});

test("gptlab export leaves nothing half written when there is no room", async () => {
  const [file, empty, fresh] = ["file", "empty", "fresh"].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(file, "");
  const { stderr } = await gptlab("export", chatTiny, file);
  assert.match(stderr, /^gptlab: export writes into a new or empty folder, but .*file is a file\n$/);
  if (process.platform === "win32") return;
  mkdirSync(empty);
  const main = path.join(root, "lib/dist/cli/index.js");
  for (const to of [empty, fresh]) {
    const argv = JSON.stringify(["node", "gptlab", "export", chatTiny, to]);
    await withFullDisk(32, `require(${JSON.stringify(main)}).main(${argv}).then(() => { process.exitCode = 0; });`);
  }
  assert.equal(readdirSync(empty), []);
  assert.not.ok(existsSync(fresh));
});

test("gptlab generate ends in silence when nobody reads on", async () => {
  const child = spawn(process.execPath, [
    path.join(root, "lib/bin/gptlab.js"),
    "generate",
    chatTiny,
    "The",
    "-n",
    "50",
  ]);
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.once("data", () => child.stdout.destroy());
  assert.equal([await new Promise((resolve) => child.on("close", resolve)), stderr], [0, ""]);
});

test("gptlab generate continues the prompt, the same way for the same seed", async () => {
  const run = (seed: string) => gptlab("generate", chatTiny, "The sea", "-n", "9", "--seed", seed);
  const [one, again, other] = [await run("1"), await run("1"), await run("2")];
  assert.match(one.stdout, /^The sea[\s\S]+\n$/);
  assert.is(one.stdout, again.stdout);
  assert.is.not(one.stdout, other.stdout);
});

test("gptlab doctor --model shows what it is, and says so when it cannot be used", async () => {
  const { code, stdout } = await gptlab("doctor", "--model", chatTiny);
  assert.is(code, 0);
  assert.match(stdout, /^architecture {5}llama: 2 layers/);
  assert.match(stdout, /\nThe model can be used\.\n\nTo mend:\n {2}prediction: /);
  const broken = await gptlab("doctor", "--model", path.join(root, "test/fixtures/hf"), "--json");
  assert.is(broken.code, 1);
  assert.is(JSON.parse(broken.stdout).usable, false);
});

test("gptlab doctor --model tells weights from what can read and write texts, and says once what is not there", async () => {
  const bare = path.join(folder, "bare");
  const model = new GPT({ ...presets.course, vocabSize: 402, nLayer: 1 }, new Random(1));
  await model.save(bare);
  model.dispose();
  const weights = await gptlab("doctor", "--model", bare);
  assert.is(weights.code, 0);
  assert.match(
    weights.stdout,
    /\nThe weights can be used\. To read and write texts \(generate, chat\) the model needs a tokenizer/,
  );
  const nowhere = await gptlab("doctor", "--model", path.join(folder, "nowhere"));
  assert.is(nowhere.code, 1);
  assert.is(nowhere.stdout.match(/There is no|no such|is not/g)?.length, 1, nowhere.stdout);
});

test("a model that is nowhere, and a base model in a conversation, get one clear message", async () => {
  const nowhere = await gptlab("generate", "someone/nothing", "a");
  assert.match(nowhere.stderr, /^gptlab: someone\/nothing is not in the cache, and HF_HUB_OFFLINE forbids[^\n]*\n$/);
  const here = process.cwd();
  process.chdir(folder); // outside a clone
  const course = await gptlab("generate", "course-bas", "a");
  process.chdir(here);
  assert.match(course.stderr, /There is no model "course-bas".*come with its repository/);
  const base = path.join(folder, "base");
  const model = new GPT({ ...presets.course, vocabSize: 402, nLayer: 1 }, new Random(1));
  await model.save(base);
  for (const name of ["tokenizer.json"]) writeFileSync(path.join(base, name), readFileSync(path.join(exported, name)));
  model.dispose();
  const { code, stderr } = await gptlab("chat", base);
  assert.is(code, 1);
  assert.match(stderr, /^gptlab: .*base has no chat template, so it is a base model[^\n]*gptlab generate[^\n]*\n$/);
});

test("gptlab chat answers each line of a pipe and remembers the conversation; what is too long is refused and forgotten", async () => {
  const [first, both] = await Promise.all([
    chat([chatTiny, "-n", "12", "-t", "0"], "and now?\n"),
    chat([chatTiny, "-n", "12", "-t", "0"], `hello\n\n${"long ".repeat(300)}\nand now?\n`),
  ]);
  assert.equal([first.code, both.code, first.stderr], [0, 0, ""]);
  assert.is(both.stderr, "gptlab: This message is too long: the model reads 256 tokens. Write a shorter one\n");
  assert.ok(both.stdout.length > first.stdout.length);
  assert.not.match(both.stdout, first.stdout.trim(), "the second answer depends on what was said before");
});

test("Ctrl-C ends the answer, and the conversation goes on", async () => {
  const slow = path.join(folder, "slow");
  const size = {
    vocabSize: 402,
    blockSize: 4096,
    nLayer: 1,
    nHead: 2,
    nKvHead: 1,
    headSize: 8,
    nEmbd: 16,
    nInner: 16,
    tieWeights: false,
  };
  const model = new GPT({ ...presets["smollm2-135m"], ...size }, new Random(4)); // one that says "bakY bakY bakY" without end
  await model.save(slow, { tokenizer: await loadTokenizer(chatTiny) });
  model.dispose();
  let interrupts = 0;
  const { code, stdout } = await chat([slow, "-n", "3000", "-t", "0"], "one\ntwo\n", (text, interrupt) => {
    const answer = text.split("\n")[interrupts]; // its first answer has no line break
    if (!answer) return;
    interrupts++;
    interrupt();
  });
  assert.equal([interrupts, code], [2, 0]);
  assert.ok(stdout.length < 6000, `${stdout.length} characters: nothing was stopped`);
});

test.run();
