/** @file A training run small enough for a test: two layers, dropout, shuffled batches. */
import {
  AdamW,
  DataLoader,
  GPT,
  presets,
  Random,
  TokenDataset,
  type TrainEvent,
  type TrainOptions,
  train,
} from "gptlab";

type StepEvent = Extract<TrainEvent, { kind: "step" }>;

/** Trains, and gives the events of the steps. */
export async function steps(options: TrainOptions): Promise<StepEvent[]> {
  const events: StepEvent[] = [];
  for await (const event of train(options)) if (event.kind === "step") events.push(event);
  return events;
}

const text = Array.from({ length: 400 }, (_, i) => (i * i + 3 * i) % 11);

/** Begins the same way every time, as a new process would; checkpoints go to `dir`. Without dropout, batches are computed in parts. */
export function smallRun(dir: string, { dropout = 0.1 } = {}) {
  const model = new GPT(
    { ...presets.course, vocabSize: 11, blockSize: 8, nLayer: 2, nHead: 2, nEmbd: 16, dropout },
    new Random(4),
  );
  const optimizer = new AdamW(model.parameters(), { lr: 0.01 });
  const batches = new DataLoader(new TokenDataset(text, { blockSize: 8 }), {
    batchSize: 6,
    shuffle: new Random(5),
    dropLast: true,
  });
  return {
    model,
    optimizer,
    batches,
    random: new Random(6),
    steps: 12,
    checkpoint: { dir, every: 5 },
    resume: true,
  } satisfies TrainOptions;
}
export type SmallRun = ReturnType<typeof smallRun>;

/** All values of the parameters, by name. */
export const weights = (model: GPT) =>
  Array.from(model.parameters(), ([name, variable]) => [name, Array.from(variable.dataSync())] as const);
