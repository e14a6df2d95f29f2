/** @file Models from GGUF files: the same parameters as from Hugging Face's, whatever the order of the rows; and the trap of that order. */
import { copyFileSync } from "node:fs";
import path from "node:path";
import {
  crossEntropy,
  GPT,
  type HostTensor,
  initBackend,
  readGguf,
  readSafetensors,
  tf,
  writeSafetensors,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkpoint, readJson, sameWeights, temporaryFolder } from "../../support/checkpoints.ts";
import { writeGguf } from "../../support/gguf_file.ts";
import { refusal } from "../../support/refusal.ts";

const test = suite("GPT.fromPretrained(*.gguf)");
test.before(async () => void (await initBackend()));

for (const name of ["gpt2-tiny", "llama-tiny", "qwen3-tiny"]) {
  test(`${name}.gguf is ${name}`, async () => {
    const before = tf.memory().numTensors;
    const model = await GPT.fromPretrained(checkpoint(`${name}.gguf`));
    const expected = await GPT.fromPretrained(checkpoint(name));
    const { normEpsilon, ...config } = model.config;
    assert.ok(Math.abs(normEpsilon / expected.config.normEpsilon - 1) < 1e-6); // a float32 in the file
    assert.equal({ ...config, normEpsilon: expected.config.normEpsilon }, expected.config);
    sameWeights(model, expected);
    model.dispose();
    expected.dispose();
    assert.is(tf.memory().numTensors, before);
  });
}

const meanLoss = (model: GPT, ids: number[][]) =>
  tf.tidy(() => {
    const logits = model.forward(ids).slice([0, 0, 0], [ids.length, ids[0]!.length - 1, model.config.vocabSize]);
    return crossEntropy(
      logits,
      ids.flatMap((row) => row.slice(1)),
    ).dataSync()[0]!;
  });

test("rows of queries and keys in GGUF's order load without a word and give another model, which the logits tell apart", async () => {
  // What a converter does that forgets the order: GGUF's rows under Hugging Face's names.
  const { tensors } = await readGguf(checkpoint("llama-tiny.gguf"));
  const { tensors: right } = await readSafetensors(checkpoint("llama-tiny/model.safetensors"));
  const wrong = new Map(right);
  for (const layer of [0, 1, 2])
    for (const letter of ["q", "k"])
      wrong.set(
        `model.layers.${layer}.self_attn.${letter}_proj.weight`,
        tensors.get(`blk.${layer}.attn_${letter}.weight`)!,
      );
  const folder = temporaryFolder();
  copyFileSync(checkpoint("llama-tiny/config.json"), path.join(folder, "config.json"));
  await writeSafetensors(path.join(folder, "model.safetensors"), wrong);

  const { input_ids: ids, logits } = readJson(checkpoint("llama-tiny"), "expected.json") as {
    input_ids: number[][];
    logits: number[][][];
  };
  const [model, mistaken] = [await GPT.fromPretrained(checkpoint("llama-tiny.gguf")), await GPT.fromPretrained(folder)];
  const distance = (one: GPT) => {
    const found = tf.tidy(() => one.forward(ids).dataSync());
    return logits.flat(2).reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
  };
  assert.ok(distance(model) < 2e-4, `${distance(model)}`);
  assert.ok(distance(mistaken) > 0.1, `${distance(mistaken)}`);
  const [loss, mistakenLoss] = [meanLoss(model, ids), meanLoss(mistaken, ids)];
  assert.ok(Math.abs(mistakenLoss - loss) < 1, `a loss of ${mistakenLoss} beside ${loss} does not look broken`);
  model.dispose();
  mistaken.dispose();
});

/** llama-tiny as a GGUF file with other metadata, or more tensors. */
async function changed(
  metadata: Record<string, string | number>,
  more: readonly (readonly [string, HostTensor])[] = [],
): Promise<string> {
  const file = await readGguf(checkpoint("llama-tiny.gguf"));
  const known = Object.entries(file.metadata).flatMap(([key, value]) =>
    typeof value === "string" || typeof value === "number" ? [[key, value] as const] : [],
  );
  const folder = temporaryFolder();
  const target = path.join(folder, "model.gguf");
  writeGguf(target, { ...Object.fromEntries(known), ...metadata }, new Map([...file.tensors, ...more]));
  return target;
}

const tensor = (shape: number[], value: (i: number) => number): HostTensor => ({
  dtype: "F32",
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => value(i)),
});

test("a head of its own makes the model untied", async () => {
  const model = await GPT.fromPretrained(await changed({}, [["output.weight", tensor([131, 48], (i) => i)]]));
  assert.is(model.config.tieWeights, false);
  assert.equal(Array.from(tf.tidy(() => model.head!.weight.slice([1, 0], [1, 3]).dataSync())), [1, 49, 97]); // (C, V)
  model.dispose();
});

test("divisors of the frequencies are read as Llama 3's rule, and refused where they are not", async () => {
  const other = await changed({}, [["rope_freqs.weight", tensor([4], (i) => i + 1)]]);
  assert.match(await refusal(GPT.fromPretrained(other)), /another way than Llama 3/);
  const slow = { "llama.rope.freq_base": 1e6 };
  const turns = [1, 10 ** -1.5, 10 ** -3, 10 ** -4.5].map((frequency) => (8192 * frequency) / (2 * Math.PI)); // 1,304 to 0.04
  const rule = turns.map((count) => {
    const kept = Math.min(1, Math.max(0, (count - 1) / 3)); // 1 for the first two, a mixture for the third
    return 1 / (kept + (1 - kept) / 32);
  });
  const model = await GPT.fromPretrained(await changed(slow, [["rope_freqs.weight", tensor([4], (i) => rule[i]!)]]));
  const expected = {
    type: "llama3",
    factor: 32,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalBlockSize: 8192,
  };
  assert.equal(model.config.ropeScaling, expected);
  model.dispose();
});

test("what this library does not compute, and what is missing, is refused with its key", async () => {
  const before = tf.memory().numTensors;
  const refused: [Record<string, string | number>, RegExp][] = [
    [{ "general.architecture": "falcon" }, /architecture "falcon", expected one of gpt2, llama, qwen3/],
    [{ "llama.expert_count": 8 }, /8 for "llama.expert_count": a mixture of experts/],
    [{ "llama.rope.scaling.type": "yarn" }, /"yarn" for "llama.rope.scaling.type"/],
    [{ "llama.rope.dimension_count": 4 }, /4 for "llama.rope.dimension_count"/],
    [{ "llama.attention.value_length": 4 }, /4 for "llama.attention.value_length"/],
    [{ "llama.block_count": "three" }, /"three" for "llama.block_count", expected a number/],
    [{ "llama.block_count": 2 }, /"blk.2.attn_k.weight" is unknown/],
    [{ "llama.block_count": 5 }, /"blk.3-4.ffn_down.weight" is missing/],
    [{ "llama.feed_forward_length": 100 }, /"blk.0-2.ffn_up.weight" has shape \[112, 48\], expected \[100, 48\]/],
  ];
  for (const [metadata, message] of refused)
    assert.match(await refusal(GPT.fromPretrained(await changed(metadata))), message);
  assert.is(tf.memory().numTensors, before);
});

test.run();
