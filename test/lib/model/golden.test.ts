/** @file @backends tensorflow wasm cpu. The model against PyTorch: logits, gradients, log-probabilities and greedy continuations of four small checkpoints. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { GPT, initBackend, type Tensor, tf, tokenLogProbs } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Gradient, meanLoss, requireGradient } from "../../support/gradients.ts";

const test = suite("GPT against PyTorch");
test.before(async () => void (await initBackend()));
const fixtures = path.resolve(import.meta.dirname, "../../fixtures/hf");
const folder = (name: string) => path.join(fixtures, name);

interface Expected {
  input_ids: number[][];
  logits: (number | null)[][][];
  loss: number;
  token_logprobs: number[][];
  grad_float32?: Record<string, Gradient>;
  greedy: { prompt: number[]; continuation: number[] }[];
  left_padded: { input_ids: number[][]; attention_mask: number[][]; logits_of_real_positions: number[][][] };
  cases: Record<
    string,
    {
      input_ids: number[][];
      attention_mask?: number[][];
      logits: (number | null)[][][];
      loss: number;
      grad?: Record<string, Gradient>;
    }
  >;
  sequence_logprobs: { ids: number[]; logprobs_of_ids_1_to_end: number[]; sum: number };
}
const expectedOf = (name: string) =>
  JSON.parse(readFileSync(path.join(folder(name), "expected.json"), "utf8")) as Expected;

// Tolerances of the golden files' README: logits 2e-4, losses and log-probabilities 2e-5, gradients 1e-4 of their size.
function requireLogits(model: GPT, ids: number[][], expected: (number | null)[][][], mask?: number[][]) {
  const logits = tf.tidy(() => model.forward(ids, mask ? { attentionMask: mask } : {}).arraySync()) as number[][][];
  let largest = 0;
  for (const [b, row] of expected.entries()) {
    for (const [t, values] of row.entries()) {
      for (const [v, value] of values?.entries() ?? []) {
        if (value !== null) largest = Math.max(largest, Math.abs(value - logits[b]![t]![v]!));
      }
    }
  }
  assert.ok(largest < 2e-4, `logits differ by ${largest}`);
}

function requireGradients(
  model: GPT,
  ids: number[][],
  loss: number,
  expected: Record<string, Gradient>,
  parts: (name: string) => [string, (gradient: Tensor) => Tensor],
) {
  tf.tidy(() => {
    const parameters = model.parameters();
    const { value, grads } = tf.variableGrads(() => meanLoss(model, ids), [...parameters.values()]);
    assert.ok(Math.abs(value.dataSync()[0]! - loss) < 2e-5, `loss ${value.dataSync()[0]} instead of ${loss}`);
    for (const [name, { l2, first8, shape }] of Object.entries(expected)) {
      const [ours, cut] = parts(name);
      const gradient = cut(grads[parameters.get(ours)!.name]!);
      assert.equal(gradient.shape, shape, name);
      requireGradient(gradient, { l2, first8 }, name);
    }
  });
}

/** Name of our parameter, and the part of it that a checkpoint's tensor is, in the checkpoint's layout. */
function gpt2Part(name: string): [string, (gradient: Tensor) => Tensor] {
  const ours = name
    .replace(/^transformer\./, "")
    .replace(/^h\.(\d+)/, "blocks.$1")
    .replace("attn.c_attn", "attention.qkv")
    .replace("attn.c_proj", "attention.projection")
    .replace("mlp.c_fc", "feedForward.up")
    .replace("mlp.c_proj", "feedForward.down")
    .replace("wte", "tokens")
    .replace("wpe", "positions")
    .replace(/ln_([12])\.weight/, "norm$1.gain")
    .replace(/ln_([12])\.bias/, "norm$1.bias")
    .replace("ln_f.weight", "norm.gain")
    .replace("ln_f.bias", "norm.bias");
  return [ours, (gradient) => gradient];
}

function llamaPart(config: GPT["config"]) {
  const { nHead, nKvHead, headSize, nInner } = config;
  const [q, k] = [nHead * headSize, nKvHead * headSize];
  const columns: Record<string, [string, number, number]> = {
    "self_attn.q_proj": ["attention.qkv", 0, q],
    "self_attn.k_proj": ["attention.qkv", q, k],
    "self_attn.v_proj": ["attention.qkv", q + k, k],
    "self_attn.o_proj": ["attention.projection", 0, -1],
    "mlp.gate_proj": ["feedForward.up", 0, nInner],
    "mlp.up_proj": ["feedForward.up", nInner, nInner],
    "mlp.down_proj": ["feedForward.down", 0, -1],
  };
  return (name: string): [string, (gradient: Tensor) => Tensor] => {
    const linear = /^model\.layers\.(\d+)\.((?:self_attn|mlp)\.\w+_proj)\.weight$/.exec(name);
    if (linear) {
      const [ours, from, width] = columns[linear[2]!]!;
      return [
        `blocks.${linear[1]}.${ours}.weight`,
        (gradient) =>
          gradient.slice([0, from], [gradient.shape[0]!, width < 0 ? gradient.shape[1]! : width]).transpose(),
      ];
    }
    const ours = name
      .replace("model.embed_tokens", "tokens")
      .replace(/^model\.layers\./, "blocks.")
      .replace("input_layernorm.weight", "norm1.gain")
      .replace("post_attention_layernorm.weight", "norm2.gain")
      .replace("self_attn.q_norm.weight", "attention.queryNorm.gain")
      .replace("self_attn.k_norm.weight", "attention.keyNorm.gain")
      .replace("model.norm.weight", "norm.gain");
    return [ours, (gradient) => gradient];
  };
}

function greedy(model: GPT, prompt: number[], count: number): number[] {
  const ids = [...prompt];
  for (let i = 0; i < count; i++) {
    tf.tidy(() => {
      const logits = model.forward([ids]);
      ids.push(
        logits
          .slice([0, ids.length - 1, 0], [1, 1, model.config.vocabSize])
          .argMax(-1)
          .dataSync()[0]!,
      );
    });
  }
  return ids.slice(prompt.length);
}

for (const name of ["gpt2-tiny", "gpt2-tiny-hubnames"]) {
  test(`${name}: logits, dense and padded on either side`, async () => {
    const model = await GPT.fromPretrained(folder(name));
    for (const { input_ids, attention_mask, logits } of Object.values(expectedOf("gpt2-tiny").cases))
      requireLogits(model, input_ids, logits, attention_mask);
    model.dispose();
  });
}

test("gpt2-tiny: loss, gradients, log-probabilities, greedy continuations", async () => {
  const model = await GPT.fromPretrained(folder("gpt2-tiny"));
  const { cases, greedy: continuations, sequence_logprobs: sequence } = expectedOf("gpt2-tiny");
  const dense = cases.dense!;
  requireGradients(model, dense.input_ids, dense.loss, dense.grad!, gpt2Part);
  const found = tf.tidy(() => tokenLogProbs(model, [sequence.ids]).dataSync());
  for (const [i, value] of sequence.logprobs_of_ids_1_to_end.entries()) {
    assert.ok(Math.abs(found[i]! - value) < 2e-5, `token ${i}`);
  }
  for (const { prompt, continuation } of continuations)
    assert.equal(greedy(model, prompt, continuation.length), continuation);
  model.dispose();
});

for (const name of ["llama-tiny", "qwen3-tiny"]) {
  test(`${name}: logits, padding, gradients, log-probabilities, greedy continuations`, async () => {
    const model = await GPT.fromPretrained(folder(name));
    const expected = expectedOf(name);
    requireLogits(model, expected.input_ids, expected.logits);
    const { input_ids, attention_mask, logits_of_real_positions: real } = expected.left_padded;
    requireLogits(
      model,
      input_ids,
      attention_mask.map((row, b) =>
        row.map((bit, t) => (bit ? real[b]![row.slice(0, t).filter(Boolean).length]! : [])),
      ),
      attention_mask,
    );
    requireGradients(model, expected.input_ids, expected.loss, expected.grad_float32!, llamaPart(model.config));
    const found = tf.tidy(() => tokenLogProbs(model, expected.input_ids).arraySync()) as number[][];
    for (const [b, row] of expected.token_logprobs.entries()) {
      for (const [t, value] of row.entries()) assert.ok(Math.abs(found[b]![t]! - value) < 2e-5, `row ${b}, token ${t}`);
    }
    for (const { prompt, continuation } of expected.greedy)
      assert.equal(greedy(model, prompt, continuation.length), continuation);
    model.dispose();
  });
}

test.run();
