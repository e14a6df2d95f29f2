/** @file GPT.fromPretrained() and save(): configurations of both versions of transformers, names with and without prefix, shards, scaled positions, and errors that name all that is wrong. */
import { copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import {
  BpeTokenizer,
  GPT,
  type GPTConfig,
  type HostTensor,
  initBackend,
  presets,
  Random,
  readSafetensors,
  tf,
  writeSafetensors,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  checkpoint,
  readJson,
  sameWeights,
  temporaryFolder,
  withConfig,
  withTensors,
} from "../../support/checkpoints.ts";
import { refusal } from "../../support/refusal.ts";

const test = suite("GPT.fromPretrained() and save()");
test.before(async () => void (await initBackend()));

/** The error of a load, after which no tensor is left. */
async function failure(folder: string): Promise<string> {
  const before = tf.memory().numTensors;
  const message = await refusal(GPT.fromPretrained(folder));
  assert.is(tf.memory().numTensors, before, "tensors are left behind");
  return message;
}

test("config.json of transformers 4 says the same as that of transformers 5", async () => {
  for (const name of ["llama-tiny", "qwen3-tiny"]) {
    const old = withConfig(name, ({ rope_parameters: rope, dtype, ...json }) => ({
      ...json,
      rope_theta: (rope as { rope_theta: number }).rope_theta,
      rope_scaling: null,
      torch_dtype: dtype,
    }));
    const [before, after] = [await GPT.fromPretrained(old), await GPT.fromPretrained(checkpoint(name))];
    assert.equal(before.config, after.config);
    sameWeights(before, after);
    before.dispose();
    after.dispose();
  }
});

const SCALED = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 128 };

test("Llama 3's scaled positions equal PyTorch's, written as either version does", async () => {
  const folder = checkpoint("llama-tiny-llama3-rope");
  const { input_ids: ids, logits } = readJson(folder, "expected.json") as {
    input_ids: number[][];
    logits: number[][][];
  };
  const configs = [
    () => readJson(folder, "config.json"),
    ({ rope_parameters: _, ...json }: Record<string, unknown>) => ({
      ...json,
      rope_theta: 10_000,
      rope_scaling: { type: "llama3", ...SCALED },
    }),
  ];
  for (const config of configs) {
    const model = await GPT.fromPretrained(withConfig("llama-tiny", config));
    const found = tf.tidy(() => model.forward(ids).dataSync());
    const far = logits.flat(2).reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
    assert.ok(far < 2e-4, `logits differ by ${far}`);
    model.dispose();
  }
});

test("what this library does not compute is refused, with the field and its value", async () => {
  const refused: [string, Record<string, unknown>, RegExp][] = [
    ["gpt2-tiny", { activation_function: "relu" }, /"relu" for "activation_function".*"gelu_new"/],
    ["gpt2-tiny", { scale_attn_by_inverse_layer_idx: true }, /true for "scale_attn_by_inverse_layer_idx"/],
    ["gpt2-tiny", { model_type: "bert" }, /type "bert", expected "gpt2", "llama" or "qwen3"/],
    ["gpt2-tiny", { n_layer: "3" }, /"3" for "n_layer", expected a number/],
    ["gpt2-tiny", { n_head: 5 }, /nEmbd must be a multiple of nHead/],
    [
      "llama-tiny",
      { rope_parameters: { rope_type: "yarn", rope_theta: 1e4, factor: 4 } },
      /"yarn".*only "default" and "llama3"/,
    ],
    ["llama-tiny", { rope_parameters: undefined, rope_scaling: { type: "linear", factor: 2 } }, /"linear"/],
    ["llama-tiny", { partial_rotary_factor: 0.5 }, /whole heads/],
    ["llama-tiny", { mlp_bias: true }, /true for "mlp_bias"/],
    ["llama-tiny", { attention_bias: true }, /false for "mlp_bias"/],
    ["llama-tiny", { hidden_act: "gelu" }, /"gelu" for "hidden_act"/],
    ["qwen3-tiny", { use_sliding_window: true }, /true for "use_sliding_window"/],
    ["qwen3-tiny", { attention_bias: true }, /true for "attention_bias"/],
  ];
  for (const [name, change, message] of refused)
    assert.match(await failure(withConfig(name, (json) => ({ ...json, ...change }))), message);
  const broken = withConfig("gpt2-tiny", (json) => json);
  writeFileSync(path.join(broken, "config.json"), "{");
  assert.match(await failure(broken), /config\.json is not JSON/);
  assert.match(await failure(temporaryFolder()), /There is no .*config\.json.*or a \.gguf file/);
});

test("one error names every tensor that is missing, unknown, of another shape or no floating-point one", async () => {
  const folder = await withTensors("llama-tiny", (tensors) => {
    for (const layer of [0, 1, 2]) {
      const name = `model.layers.${layer}.mlp.up_proj`;
      tensors.set(`${name}.extra`, tensors.get(`${name}.weight`)!);
      tensors.delete(`${name}.weight`);
    }
    tensors.set("model.norm.weight", { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) });
    const gain = "model.layers.2.input_layernorm.weight";
    return tensors.set(gain, { dtype: "I32", shape: tensors.get(gain)!.shape, data: new Int32Array(48) });
  });
  const message = await failure(folder);
  for (const problem of [
    '"model.layers.0-2.mlp.up_proj.weight" is missing',
    '"model.layers.0-2.mlp.up_proj.extra" is unknown',
    '"model.norm.weight" has shape [2], expected [48]',
    '"model.layers.2.input_layernorm.weight" holds numbers of type I32',
  ])
    assert.ok(message.includes(problem), `${problem} is not in: ${message}`);
});

test("numbers that would take all memory are refused before anything is made", async () => {
  const hostile: [string, Record<string, unknown>, RegExp][] = [
    [
      "llama-tiny",
      { num_hidden_layers: 1e9 },
      /describes 1000000000 layers .* but the file has 29 tensors with 73440\./,
    ],
    ["llama-tiny", { intermediate_size: 1e9 }, /They do not belong together: fetch both again/],
    ["llama-tiny", { vocab_size: 1e8 }, /They do not belong together/],
    ["gpt2-tiny", { n_positions: 1e8 }, /They do not belong together/],
    ["llama-tiny", { max_position_embeddings: 1e9 }, /A table of rotary positions has room for 4194304 tokens/],
  ];
  for (const [name, change, message] of hostile)
    assert.match(await failure(withConfig(name, (json) => ({ ...json, ...change }))), message);
});

test("a message stays short whatever names and values a file has", async () => {
  const many = await withTensors("llama-tiny", (tensors) => {
    for (let i = 0; i < 2000; i++)
      tensors.set(`x${i}\u001b[31m${"x".repeat(200)}`, { dtype: "F32", shape: [1], data: new Float32Array(1) });
    return tensors;
  });
  const message = await failure(many);
  assert.match(message, /; and 1500 more$/);
  assert.ok(message.length < 100_000 && !message.includes("\u001b"), `${message.length}`);
  const config = withConfig("llama-tiny", (json) => ({ ...json, hidden_size: Array(1e5).fill(1) }));
  assert.ok((await failure(config)).length < 500);
});

test("a checkpoint of the model without its head has names without the prefix", async () => {
  const folder = await withTensors(
    "llama-tiny",
    (tensors) => new Map([...tensors].map(([name, tensor]) => [name.replace(/^model\./, ""), tensor])),
  );
  const [bare, whole] = [await GPT.fromPretrained(folder), await GPT.fromPretrained(checkpoint("llama-tiny"))];
  sameWeights(bare, whole);
  bare.dispose();
  whole.dispose();
});

test("a head of its own is read where config.json asks for it, and left out where it does not", async () => {
  const name = "model.embed_tokens.weight";
  const withHead = await withTensors("llama-tiny", (tensors) => {
    const { shape, data } = tensors.get(name)!;
    return tensors.set("lm_head.weight", {
      dtype: "F32",
      shape,
      data: (data as Float32Array).map((value) => 2 * value),
    });
  });
  const tied = await GPT.fromPretrained(withHead);
  assert.is(tied.head, undefined);
  const config = readJson(withHead, "config.json");
  writeFileSync(path.join(withHead, "config.json"), JSON.stringify({ ...config, tie_word_embeddings: false }));
  const untied = await GPT.fromPretrained(withHead);
  const [twice, once] = tf.tidy(() => [untied, tied].map((model) => model.forward([[1, 2, 3]]).dataSync()));
  assert.equal(
    Array.from(twice!),
    Array.from(once!, (value) => 2 * value),
  );
  tied.dispose();
  untied.dispose();
  const missing = withConfig("llama-tiny", (json) => ({ ...json, tie_word_embeddings: false }));
  assert.match(await failure(missing), /"lm_head.weight" is missing/);
});

test("a weights file stands for its folder, and one of several is named", async () => {
  const folder = withConfig("llama-tiny", (json) => json);
  renameSync(path.join(folder, "model.safetensors"), path.join(folder, "half.safetensors"));
  const whole = await GPT.fromPretrained(checkpoint("llama-tiny"));
  for (const load of [
    () => GPT.fromPretrained(path.join(folder, "half.safetensors")),
    () => GPT.fromPretrained(folder, { file: "half.safetensors" }),
  ]) {
    const model = await load();
    sameWeights(model, whole);
    model.dispose();
  }
  whole.dispose();
});

test("a model in several files is the model in one", async () => {
  const folder = temporaryFolder();
  copyFileSync(checkpoint("llama-tiny/config.json"), path.join(folder, "config.json"));
  const { tensors } = await readSafetensors(checkpoint("llama-tiny/model.safetensors"));
  const shards = [0, 1, 2].map((i) => new Map([...tensors].filter((_, place) => place % 3 === i)));
  const map: Record<string, string> = {};
  for (const [i, shard] of shards.entries()) {
    const name = `model-0000${i + 1}-of-00003.safetensors`;
    await writeSafetensors(path.join(folder, name), shard);
    for (const key of shard.keys()) map[key] = name;
  }
  const index = { metadata: { total_size: 296_744 }, weight_map: map };
  writeFileSync(path.join(folder, "model.safetensors.index.json"), JSON.stringify(index));
  const told: number[] = [];
  const split = await GPT.fromPretrained(folder, { onProgress: ({ done, total = 0 }) => told.push(done / total) });
  const whole = await GPT.fromPretrained(checkpoint("llama-tiny"));
  sameWeights(split, whole);
  assert.is(told.length, whole.parameters().size);
  assert.is(told.at(-1), 1);
  split.dispose();
  whole.dispose();
});

const FAMILIES: Record<string, Partial<GPTConfig>> = {
  gpt2: { architecture: "gpt2", tieWeights: false },
  llama: { architecture: "llama", nKvHead: 2, bias: true },
  qwen3: { architecture: "qwen3", nKvHead: 1, headSize: 10, ropeTheta: 5e5 },
  "llama with scaled positions": {
    architecture: "llama",
    tieWeights: false,
    ropeScaling: { type: "llama3", factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalBlockSize: 16 },
  },
};

for (const [family, config] of Object.entries(FAMILIES)) {
  test(`${family}: what save() writes loads as the same model, in each type`, async () => {
    const shared = { ...presets.course, vocabSize: 50, blockSize: 32, nLayer: 2, nHead: 4, nEmbd: 24, nInner: 40 };
    const model = new GPT({ ...shared, ...config }, new Random(1));
    for (const variable of model.parameters().values()) {
      const noise = tf.tensor(new Random(variable.size).normal(variable.size), variable.shape); // gains and biases too
      variable.assign(noise);
      noise.dispose();
    }
    for (const [dtype, tolerance] of [
      ["F32", 0],
      ["F16", 2 ** -11],
      ["BF16", 2 ** -8],
    ] as const) {
      const folder = temporaryFolder();
      await model.save(folder, { dtype });
      const before = tf.memory().numTensors;
      const again = await GPT.fromPretrained(folder);
      assert.equal(again.config, model.config);
      sameWeights(again, model, tolerance);
      assert.is(tf.memory().numTensors, before + model.parameters().size);
      again.dispose();
      const { tensors } = await readSafetensors(path.join(folder, "model.safetensors"));
      assert.ok([...tensors.values()].every((tensor: HostTensor) => tensor.dtype === dtype));
    }
    model.dispose();
  });
}

test("save() keeps the tokenizer beside the model, and config.json names its tokens with a role", async () => {
  const folder = temporaryFolder();
  const tokenizer = BpeTokenizer.train(["low lower lowest"], {
    vocabSize: 262,
    specialTokens: ["<|endoftext|>", "<|pad|>"],
  });
  const model = new GPT({ ...presets.course, vocabSize: 262, nLayer: 1, nHead: 2, nEmbd: 8 }, new Random(1));
  await model.save(folder, { tokenizer });
  assert.equal((await BpeTokenizer.load(folder)).encode("lowest"), tokenizer.encode("lowest"));
  const roles = ({ bos_token_id, eos_token_id, pad_token_id }: Record<string, unknown>) => [
    bos_token_id,
    eos_token_id,
    pad_token_id,
  ];
  const [end, pad] = [tokenizer.specialTokens.get("<|endoftext|>")!, tokenizer.specialTokens.get("<|pad|>")!];
  assert.equal(roles(readJson(folder, "config.json")), [end, end, pad]);
  await model.save(folder);
  assert.equal(roles(readJson(folder, "config.json")), [null, null, null]);
  model.dispose();
});

test("a GPT-2 without biases is saved with zeros; one with grouped heads cannot be saved", async () => {
  const folder = temporaryFolder();
  const config = { ...presets.course, vocabSize: 50, nLayer: 1, nHead: 2, nEmbd: 8, bias: false };
  const model = new GPT(config, new Random(1));
  await model.save(folder);
  const again = await GPT.fromPretrained(folder);
  const [found, expected] = tf.tidy(() => [again, model].map((one) => one.forward([[1, 2, 3]]).dataSync()));
  assert.equal(found, expected);
  assert.equal(Array.from(again.parameters().get("blocks.0.feedForward.down.bias")!.dataSync()), new Array(8).fill(0));
  again.dispose();
  model.dispose();
  const grouped = new GPT({ ...config, nKvHead: 1 }, new Random(1));
  const before = readFileSync(path.join(folder, "config.json"), "utf8");
  assert.match(await refusal(grouped.save(folder)), /RangeError: GPT-2's layout needs as many heads of keys/);
  assert.is(readFileSync(path.join(folder, "config.json"), "utf8"), before);
  grouped.dispose();
});

test.run();
