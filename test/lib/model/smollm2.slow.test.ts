/**
 * @file @backends tensorflow. SmolLM2-135M-Instruct from its 4-bit file against transformers: next tokens, greedy text, and what rows in the
 * wrong order would do. Without CI only the next tokens of one prompt. Skipped where the file is not in the cache.
 */
import { existsSync, readFileSync } from "node:fs";
import { GPT, generate, initBackend, tf, tokenLogProbs } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cachedPath } from "../../../lib/dist/data/prepare.js";
import { findRecipe } from "../../../lib/dist/data/recipe.js";
import { checkpoint } from "../../support/checkpoints.ts";
import { skip } from "../../support/skip.ts";

interface Prompt {
  readonly input_ids: number[];
  readonly top10_ids: number[];
  readonly top10_logprobs: number[];
  readonly greedy24_ids: number[];
  readonly top2_logit_gaps: number[];
}
const expected = JSON.parse(readFileSync(checkpoint("smollm2.json"), "utf8")) as {
  prompts: Prompt[];
  config: Record<string, number | boolean>;
};
const inCi = Boolean(process.env.CI);
const prompts = inCi ? expected.prompts : expected.prompts.slice(0, 1);
const file = cachedPath(findRecipe("smollm2"));

const test = suite("SmolLM2 against transformers");
let model: GPT | undefined;
test.before(async () => {
  await initBackend();
  if (existsSync(file)) model = await GPT.fromPretrained(file);
});
test.after(() => model?.dispose());
const withFile = (body: (gpt: GPT) => void | Promise<void>) =>
  existsSync(file) ? () => body(model!) : skip("SmolLM2 is not in the cache (npx gptlab data smollm2)");

/** What takes more than loading the file waits for CI. */
const slowly = (body: (gpt: GPT) => void | Promise<void>) =>
  inCi ? withFile(body) : skip("CI=true generates with SmolLM2 too");

/** The ten most likely tokens after a prompt, and the largest error of their log-probabilities. */
function compare(gpt: GPT, { input_ids, top10_ids, top10_logprobs }: Prompt): { ids: number[]; error: number } {
  const last = tf.tidy(() => {
    const logits = gpt.forward([input_ids]);
    const [, T, V] = logits.shape;
    return tf.logSoftmax(logits.slice([0, T - 1, 0], [1, 1, V]).flatten()).dataSync();
  });
  const ids = Array.from(last.keys())
    .sort((a, b) => last[b]! - last[a]!)
    .slice(0, 10);
  return { ids, error: Math.max(...top10_ids.map((id, i) => Math.abs(last[id]! - top10_logprobs[i]!))) };
}

test(
  "its configuration is read from the metadata",
  withFile(({ config }) => {
    const { hidden_size, intermediate_size, head_dim, vocab_size, rope_theta, rms_norm_eps } = expected.config;
    assert.equal(
      [config.nEmbd, config.nInner, config.headSize, config.vocabSize, config.ropeTheta, config.normEpsilon],
      [hidden_size, intermediate_size, head_dim, vocab_size, rope_theta, rms_norm_eps],
    );
    const { nLayer, nHead, nKvHead, blockSize, tieWeights } = config;
    assert.equal([nLayer, nHead, nKvHead, blockSize, tieWeights], [30, 9, 3, 8192, true]);
    assert.is(model!.parameterCount(), 134_515_008);
  }),
);

test(
  "the ten likeliest next tokens are transformers'",
  withFile((gpt) => {
    for (const prompt of prompts) {
      const { ids, error } = compare(gpt, prompt);
      assert.equal(ids, prompt.top10_ids);
      assert.ok(error < 2e-3, `log-probabilities differ by ${error}`);
    }
  }),
);

test(
  "the greedy text is transformers', as far as the first near tie",
  slowly(async (gpt) => {
    for (const { input_ids, greedy24_ids, top2_logit_gaps } of prompts) {
      const tie = top2_logit_gaps.findIndex((gap) => gap <= 0.01);
      const sure = tie < 0 ? greedy24_ids.length : tie;
      assert.ok(sure > 0);
      const ids: number[] = [];
      for await (const step of generate(gpt, [input_ids], { maxNewTokens: sure, temperature: 0 }))
        ids.push(step.ids[0]!);
      assert.equal(ids, greedy24_ids.slice(0, sure));
    }
  }),
);

test(
  "rows of queries and keys left in GGUF's order give a text that is worse, not garbage; the ten likeliest tokens tell",
  slowly((gpt) => {
    const prompt = expected.prompts[0]!;
    const ids = [...prompt.input_ids, ...prompt.greedy24_ids];
    const surprise = (): number => tf.tidy(() => -tokenLogProbs(gpt, [ids]).mean().dataSync()[0]!);
    const right = surprise();
    const { nHead, nKvHead, headSize, nEmbd } = gpt.config;
    for (const [name, variable] of gpt.parameters()) {
      if (!name.endsWith("qkv.weight")) continue;
      tf.tidy(() => {
        const [qk, v] = tf.split(variable, [(nHead + nKvHead) * headSize, nKvHead * headSize], 1) as [
          tf.Tensor,
          tf.Tensor,
        ];
        const interleaved = qk
          .reshape([nEmbd, nHead + nKvHead, 2, headSize / 2])
          .transpose([0, 1, 3, 2])
          .reshape(qk.shape);
        variable.assign(tf.concat([interleaved, v], 1));
      });
    }
    const wrong = surprise();
    assert.ok(wrong > right + 0.3, `${wrong} beside ${right} nats a token`);
    assert.ok(wrong < Math.log(gpt.config.vocabSize) / 2, `${wrong} nats a token are garbage`);
    const { ids: found, error } = compare(gpt, prompt);
    assert.not.equal(found, prompt.top10_ids);
    assert.ok(error > 0.1, `log-probabilities differ by ${error} only`);
  }),
);

test.run();
