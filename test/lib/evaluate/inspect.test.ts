/** @file inspectModel(): every defect of a model's files is found, named, and comes with a remedy. */
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  GPT,
  type HostTensor,
  initBackend,
  loadTokenizer,
  presets,
  Random,
  readSafetensors,
  writeSafetensors,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { inspectModel, type ModelInspection } from "../../../lib/dist/evaluate/inspect.js";
import { root } from "../../support/repository.ts";

const test = suite("inspectModel");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-inspect-"));
const chatTiny = path.join(root, "test/fixtures/gguf/chat-tiny.gguf");
const whole = path.join(folder, "whole");
test.after(() => rmSync(folder, { recursive: true, force: true }));
test.before(async () => {
  await initBackend({ prefer: ["cpu"] }); // files are looked at, little is computed
  const size = { architecture: "llama", vocabSize: 402, blockSize: 128, nLayer: 1, nHead: 2, nEmbd: 16 } as const;
  const model = new GPT({ ...presets["smollm2-135m"], ...size, headSize: 8, nKvHead: 1, nInner: 32 }, new Random(1));
  await model.save(whole, { tokenizer: await loadTokenizer(chatTiny) });
  model.dispose();
});

/** A copy of the model with its tensors changed. */
async function withTensors(change: (tensors: Map<string, HostTensor>) => void): Promise<string> {
  const copy = mkdtempSync(path.join(folder, "m"));
  cpSync(whole, copy, { recursive: true });
  const file = path.join(copy, "model.safetensors");
  const { tensors } = await readSafetensors(file);
  change(tensors);
  await writeSafetensors(file, tensors);
  return copy;
}

const part = ({ findings }: ModelInspection, name: string) => {
  const finding = findings.find((one) => one.part === name);
  assert.ok(finding, `no finding about ${name}`);
  return finding as (typeof findings)[number];
};
const remedies = ({ findings }: ModelInspection) => findings.filter(({ remedy }) => remedy).map(({ part }) => part);

test("a whole model: what it is, what it needs, what it says", async () => {
  const seen = await inspectModel(chatTiny);
  assert.ok(seen.usable);
  const expected: Record<string, RegExp> = {
    architecture:
      /^llama: 2 layers, 4 heads of 16, 2 of keys and values, width 64, context 256, vocabulary 402, head tied/,
    weights: /^20 tensors \(14 of Q4_1, 5 of F32, 1 of Q8_0\), 0\.10 M numbers$/,
    memory: /^0\.4 MB to run, 0\.1 MB for a full context beside, 1\.6 MB and activations to train; the machine has /,
    numbers: /^all finite$/,
    tokenizer: /^402 ids, with a chat template, ends with <\|im_end\|> \(401\)$/,
    prediction: /^loss \d\.\d\d over 75 tokens of a plain sentence; guessing would give 6\.00$/,
    sample: /^"The capital of France is.+"$/,
  };
  assert.equal(
    seen.findings.map(({ part }) => part),
    Object.keys(expected),
  );
  for (const [name, found] of Object.entries(expected)) assert.match(part(seen, name).found, found);
  assert.equal(remedies(seen), ["prediction"], "its weights are random");
});

test("NaN and infinite numbers are counted and their tensors named", async () => {
  const broken = await withTensors((tensors) => {
    const { data } = tensors.get("model.norm.weight")!;
    data[3] = Number.NaN;
    data[4] = Number.NEGATIVE_INFINITY;
  });
  const seen = await inspectModel(broken);
  assert.is(part(seen, "numbers").found, '1 NaN and 1 infinite, in "model.norm.weight"');
  assert.equal(remedies(seen), ["numbers", "prediction"]);
  assert.not.ok(seen.usable, "it answers nothing");
});

test("tensors of a type that cannot be read are one finding; one that the model does not need is none", async () => {
  const broken = await withTensors((tensors) => {
    const bytes = { dtype: "U8", shape: [2], data: new Uint8Array(2) } as const;
    for (const name of ["rotary_emb.inv_freq", "model.norm.weight", "model.layers.0.input_layernorm.weight"])
      tensors.set(name, bytes);
  });
  const file = path.join(broken, "model.safetensors");
  const text = readFileSync(file, "latin1").replaceAll('"dtype":"U8"', '"dtype":"I8"');
  writeFileSync(file, text, "latin1");
  const seen = await inspectModel(broken);
  const numbers = seen.findings.filter(({ part, remedy }) => remedy && part !== "loading");
  assert.is(numbers.length, 1);
  assert.match(numbers[0]!.found, /has the tensor "model\.\S+" of type I8, which cannot be read\..* \(and 1 more\)$/);
  assert.not.match(JSON.stringify(seen.findings), "all finite");
});

test("a model that writes ids which its tokenizer lacks is a finding, not a crash", async () => {
  const strange = await withTensors((tensors) => {
    const name = "model.embed_tokens.weight";
    const rows = new Float32Array(410 * 16);
    rows.set(tensors.get(name)!.data as Float32Array);
    for (let i = 0; i < 16; i++) [rows[405 * 16 + i], rows[406 * 16 + i]] = [1e3 * (i - 7), -1e3 * (i - 7)]; // one of them wins
    tensors.set(name, { dtype: "F32", shape: [410, 16], data: rows });
  });
  const config = JSON.parse(readFileSync(path.join(strange, "config.json"), "utf8"));
  writeFileSync(path.join(strange, "config.json"), JSON.stringify({ ...config, vocab_size: 410 }));
  const seen = await inspectModel(strange);
  assert.match(part(seen, "sample").found, /A token id must be an integer from 0 to 401/);
  assert.ok(seen.usable);
});

test("tensors that are missing, unknown or of another shape are all listed, and the model is not usable", async () => {
  const broken = await withTensors((tensors) => {
    const norm = tensors.get("model.norm.weight")!;
    tensors.delete("model.norm.weight");
    tensors.set("model.extra", norm);
  });
  const seen = await inspectModel(broken);
  assert.match(part(seen, "loading").found, /"model\.norm\.weight" is missing; "model\.extra" is unknown/);
  assert.not.ok(seen.usable);
  assert.equal(remedies(seen), ["loading"]);
});

test("a tokenizer with more ids than the model has rows is not its own", async () => {
  const broken = await withTensors((tensors) => {
    const name = "model.embed_tokens.weight";
    tensors.set(name, {
      dtype: "F32",
      shape: [400, 16],
      data: (tensors.get(name)!.data as Float32Array).slice(0, 6400),
    });
  });
  const config = JSON.parse(readFileSync(path.join(broken, "config.json"), "utf8"));
  writeFileSync(path.join(broken, "config.json"), JSON.stringify({ ...config, vocab_size: 400 }));
  const seen = await inspectModel(broken);
  assert.match(part(seen, "tokenizer").remedy ?? "", /ids up to 401, but the model has 400 rows/);
  assert.ok(seen.usable);
});

test("a folder without a tokenizer, a cut file, and an architecture that is not computed are findings, not crashes", async () => {
  const bare = mkdtempSync(path.join(folder, "m"));
  for (const name of ["config.json", "model.safetensors"]) copyFileSync(path.join(whole, name), path.join(bare, name));
  const seen = await inspectModel(bare);
  assert.match(part(seen, "tokenizer").found, /has no tokenizer\.json/);
  assert.ok(seen.usable);
  const file = path.join(bare, "model.safetensors");
  writeFileSync(file, readFileSync(file).subarray(0, -1));
  assert.match(part(await inspectModel(bare), "model").found, /is not a whole safetensors file/);
  writeFileSync(path.join(bare, "config.json"), '{"model_type": "mamba"}');
  const other = await inspectModel(bare);
  assert.match(part(other, "model").found, /"mamba", expected "gpt2", "llama" or "qwen3"/);
  assert.not.ok(other.usable);
});

test.run();
