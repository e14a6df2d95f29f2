/** @file Generates with transformers.js, which runs ONNX graphs with ONNX Runtime. Plain JavaScript, because only the benchmark installs it. */
import path from "node:path";
import { AutoModelForCausalLM, env, Tensor } from "@huggingface/transformers";

const { ids, job, serve } = await import("../../.build/bench/workers/protocol.js");

env.allowRemoteModels = false;
env.localModelPath = path.dirname(job.weights);
const model = await AutoModelForCausalLM.from_pretrained(path.basename(job.weights), {
  dtype: "fp32",
  device: "cpu",
  session_options: { intraOpNumThreads: job.threads },
});
const { batchSize: B, prompt, tokens } = job;
const whole = (values) => new Tensor("int64", BigInt64Array.from(values, BigInt), [B, prompt]);
await serve(`transformers.js ${env.version}, ${job.threads} threads`, async () => {
  const inputs = whole(ids(B * prompt, 7919, 13));
  const attention_mask = whole(new Int32Array(B * prompt).fill(1));
  const made = await model.generate({
    inputs,
    attention_mask,
    max_new_tokens: tokens,
    do_sample: false,
    eos_token_id: null,
  });
  const rows = made.tolist();
  return Array.from({ length: tokens }, (_, i) => rows.map((row) => Number(row[prompt + i]))).flat(); // (tokens, B)
});
