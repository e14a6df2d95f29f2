/** @file Generates with gptlab as any user does: `generate()`, always the most likely token, from a new cache each time. */
import { GPT, generate, initBackend, loadDataset } from "gptlab";
import { ids, job, rows, serve } from "./protocol.ts";

const { engine, threads } = await initBackend();
const model = await GPT.fromPretrained(job.pretrained ? (await loadDataset(job.pretrained)).path : job.weights);
const prompts = rows(ids(job.batchSize * job.prompt, 7919, 13), job.prompt);
await serve(`${engine}, ${threads} threads`, async () => {
  const made: number[] = [];
  for await (const step of generate(model, prompts, { maxNewTokens: job.tokens, temperature: 0 }))
    made.push(...step.ids);
  return made; // (tokens, B)
});
