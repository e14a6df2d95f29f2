/**
 * @file Saves models of every family in every type, and adapters, lets transformers and PEFT load them, and compares: `make parity`. The first time it installs PyTorch
 * (minutes, gigabytes); `PARITY_PYTHON=<python>` uses one that has the versions of requirements.txt.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { addLora, BpeTokenizer, GPT, type GPTConfig, initBackend, loadAdapter, Random, saveAdapter, tf } from "gptlab";
import { installPython, pythonOf } from "../../tools/python_env.ts";
import { sameWeights } from "../support/checkpoints.ts";
import { currentSources, type Parity, TOLERANCE, writeParity } from "./result.ts";

const FOLDER = path.resolve(".build/parity");
const VENV = ".build/parity-venv";
const DTYPES = ["F32", "F16", "BF16"] as const;
const TEXT = "low lower lowest, slow slower";
const tokenizer = BpeTokenizer.train([TEXT.repeat(3)], { vocabSize: 270, specialTokens: ["<|endoftext|>", "<|pad|>"] });

const shared = { vocabSize: tokenizer.vocabSize, blockSize: 64, nLayer: 3, nHead: 4, nEmbd: 32, nInner: 88 };
const MODELS: Record<string, GPTConfig> = {
  gpt2: { ...shared, architecture: "gpt2" },
  "gpt2-untied": { ...shared, architecture: "gpt2", bias: false, tieWeights: false, normEpsilon: 1e-6 },
  llama: { ...shared, architecture: "llama", nKvHead: 2, ropeTheta: 100_000 },
  "llama-untied": {
    ...{ ...shared, architecture: "llama", nKvHead: 1, headSize: 12, bias: true, tieWeights: false },
    ropeScaling: { type: "llama3", factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalBlockSize: 32 },
  },
  qwen3: { ...shared, architecture: "qwen3", nKvHead: 2, headSize: 16, ropeTheta: 1_000_000 },
  "qwen3-untied": { ...shared, architecture: "qwen3", nKvHead: 4, tieWeights: false, normEpsilon: 1e-6 },
};

/** Of all that is compared. */
const names: string[] = [];

/** Two rows, the second padded on the left. */
const random = new Random(1);
const mask = [0, 9].map((padding) => Array.from({ length: 40 }, (_, t) => (t < padding ? 0 : 1)));
const ids = mask.map((row) => row.map(() => random.integer(tokenizer.vocabSize)));

/** Large numbers everywhere, gains and biases too: a mistake in any of them shows. */
function shake(model: GPT): void {
  for (const [name, variable] of model.parameters({ trainable: true })) {
    const mean = name.endsWith("gain") ? 1 : 0;
    const values = tf.tensor(random.normal(variable.size, mean, 0.2), variable.shape);
    variable.assign(values);
    values.dispose();
  }
}

const logitsOf = (model: GPT): number[] =>
  Array.from(tf.tidy(() => model.forward(ids, { attentionMask: mask }).dataSync()));

/** Which matrices have adapters: all, or some of a layer's columns and of the layers. */
const TARGETS: Record<string, string[]> = {
  "gpt2-untied": ["c_attn", "mlp.c_proj", "lm_head"],
  "llama-untied": ["v_proj", "up_proj", "lm_head"],
  "qwen3-untied": ["k_proj", "layers.1.mlp.gate_proj", "o_proj"],
};

/** Saves an adapter in folder/adapter. Gives the logits with it. */
async function withAdapter(model: GPT, family: string, folder: string): Promise<number[]> {
  const targets = TARGETS[family];
  addLora(model, { rank: 4, alpha: 6, random, ...(targets ? { targets } : {}) });
  names.push(`${family} F32 adapter`);
  shake(model);
  await saveAdapter(model, path.join(folder, "adapter"));
  return logitsOf(model);
}

await initBackend();
const python = process.env.PARITY_PYTHON ?? pythonOf(VENV);
if (!process.env.PARITY_PYTHON) installPython(VENV, path.join(import.meta.dirname, "requirements.txt"), console.log);
rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });

const cases: object[] = [];
for (const [family, config] of Object.entries(MODELS)) {
  const model = new GPT(config, random);
  shake(model);
  for (const dtype of DTYPES) {
    const name = `${family} ${dtype}`;
    names.push(name);
    await model.save(path.join(FOLDER, name), { dtype, tokenizer });
    const saved = await GPT.fromPretrained(path.join(FOLDER, name)); // with the numbers as they were rounded
    const logits = logitsOf(saved);
    const adapted = dtype === "F32" ? { adapted: await withAdapter(saved, family, path.join(FOLDER, name)) } : {};
    saved.dispose();
    const text = { text: TEXT, text_ids: tokenizer.encode(TEXT), eos_id: tokenizer.specialTokens.get("<|endoftext|>") };
    cases.push({ name, dtype, ids, mask, logits, ...adapted, ...text });
  }
  model.dispose();
}
writeFileSync(path.join(FOLDER, "cases.json"), JSON.stringify(cases));

const env = { ...process.env, HF_HUB_OFFLINE: "1", TRANSFORMERS_VERBOSITY: "error", HF_HUB_DISABLE_PROGRESS_BARS: "1" };
const output = execFileSync(python, [path.join(import.meta.dirname, "check.py"), FOLDER], {
  env,
  encoding: "utf8",
  stdio: ["ignore", "pipe", "inherit"],
});
const { versions, differences } = JSON.parse(output) as Pick<Parity, "versions" | "differences">;

for (const name of names) {
  const base = path.join(FOLDER, name.replace(" adapter", ""));
  const [ours, theirs] = [await GPT.fromPretrained(base), await GPT.fromPretrained(path.join(base, "again"))];
  if (name.endsWith(" adapter")) {
    await loadAdapter(ours, path.join(base, "adapter"));
    await loadAdapter(theirs, path.join(base, "adapter-again"));
  }
  sameWeights(theirs, ours);
  ours.dispose();
  theirs.dispose();
  console.log(`${name}: logits differ by ${differences[name]?.toExponential(1)}`);
}
const wrong = names.filter((name) => !((differences[name] ?? Number.NaN) < TOLERANCE));
if (wrong.length > 0) {
  console.error(`More than ${TOLERANCE}: ${wrong.join(", ")}. Nothing was written.`);
  process.exit(1);
}
writeParity({ date: new Date().toISOString().slice(0, 10), sources: currentSources(), versions, differences });
console.log("bench/parity.json was written.");
