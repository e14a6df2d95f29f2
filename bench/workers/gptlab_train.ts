/** @file Trains with gptlab as any user does: `train()`, one event a step. */
import { AdamW, GPT, initBackend, train } from "gptlab";
import { job, rows, serve, TRAINING, trainingIds } from "./protocol.ts";

const { engine, threads } = await initBackend();
const model = await GPT.fromPretrained(job.weights);
const { inputs, targets } = trainingIds();
const { lr, weightDecay, betas, clip } = TRAINING;
const events = train({
  model,
  batches: [{ ids: rows(inputs, job.tokens), targets: rows(targets, job.tokens) }],
  optimizer: new AdamW(model.parameters(), { lr, weightDecay, betas }),
  maxGradNorm: clip,
  steps: Number.MAX_SAFE_INTEGER,
});
await serve(`${engine}, ${threads} threads`, async () => {
  const { value: event } = await events.next();
  if (event?.kind !== "step") throw new Error(`train() gave ${event?.kind} instead of a step`);
  return event.loss;
});
