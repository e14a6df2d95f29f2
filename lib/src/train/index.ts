/** @file The training loop. It could train any model: what is learnt is in the loss, what is drawn or printed is the caller's. */
import { appendFile, mkdir } from "node:fs/promises";
import path from "node:path";
import { setImmediate as macrotask } from "node:timers/promises";
import type { Batch } from "../data/batch";
import { GPT } from "../model";
import type { Module } from "../nn";
import { crossEntropy } from "../ops";
import type { Optimizer } from "../optim";
import { Random } from "../random";
import { loadRun, saveRun } from "./state";
import { countTargets, type LossFunction, Updater } from "./step";

export { type BatchTensors, batchTensors, countTargets, type LossContext, type LossFunction } from "./step";

/** Named numbers of an evaluation. */
export type Metrics = Readonly<Record<string, number>>;

/** What happened in a run. Steps count from 1. */
export type TrainEvent =
  | {
      readonly kind: "step";
      readonly step: number;
      /** Mean over the items that count, before the update. */
      readonly loss: number;
      readonly lr: number;
      /** Of all gradients, before clipping. */
      readonly gradNorm: number;
      /** Items that counted so far in the whole run. */
      readonly tokens: number;
      /** Of this step. */
      readonly tokensPerSecond: number;
    }
  | { readonly kind: "evaluate"; readonly step: number; readonly metrics: Metrics }
  | { readonly kind: "checkpoint"; readonly step: number; readonly path: string };

/** What is trained, on what, how, and what is kept of it. */
export interface TrainOptions {
  readonly model: Module;
  /** The sum of the losses of a batch; default: next-token cross-entropy of a GPT. */
  readonly loss?: LossFunction;
  /** How many items of a batch count; default: targets that are not -100. */
  readonly count?: (batch: Batch) => number;
  /** Begins again when it ends. Its place is kept in checkpoints if it has `state()` and `restore()`, as DataLoader and Mixture have. */
  readonly batches: Iterable<Batch>;
  readonly optimizer: Optimizer;
  /** Updates in the whole run, those before a resume included. */
  readonly steps: number;
  /** One graph a step where the engine can; default true. */
  readonly compile?: boolean;
  /** Learning rate by step, from 0; default: the optimiser's own. */
  readonly schedule?: (step: number) => number;
  /** Micro-batches in one update; default 1. The loss is the mean over all their items. */
  readonly accumulate?: number;
  readonly maxGradNorm?: number;
  readonly evaluate?: { readonly every: number; readonly run: () => Promise<Metrics> | Metrics };
  readonly checkpoint?: { readonly dir: string; readonly every: number; readonly keep?: number };
  /** Goes on from the newest checkpoint, if there is one; default false. */
  readonly resume?: boolean;
  /** Every event is also a line of `log.jsonl` in this folder. */
  readonly logDir?: string;
  /** For dropout; default a generator of seed 0. */
  readonly random?: Random;
  /** Stops after the current step; the model keeps what it has learnt. */
  readonly signal?: AbortSignal;
}

/**
 * Thrown when a loss is not a number any more. It names the last good checkpoint.
 *
 * @example
 * import { TrainingDiverged } from "gptlab";
 * new TrainingDiverged(7, "the loss is NaN", undefined).message.startsWith("Training stopped at step 7"); // => true
 */
export class TrainingDiverged extends Error {
  constructor(step: number, what: string, checkpoint: string | undefined) {
    const rescue = checkpoint ? `The last good state is in ${checkpoint}` : "No checkpoint was written before";
    super(
      `Training stopped at step ${step}: ${what}. ${rescue}. Try a lower learning rate, a longer warm-up, or maxGradNorm: 1`,
    );
    this.name = "TrainingDiverged";
  }
}

/**
 * Trains a model step by step. It is a generator of events: the caller draws, prints or stops (`break`) as it likes; between
 * steps other work is served. With checkpoints and `resume`, a run that was killed goes on to the same weights, bit for bit, on the
 * same machine.
 *
 * Source: the order of a step is PyTorch's usual one: loss, backward, clip, set the rate, update.
 *
 * @throws TrainingDiverged if the loss or the gradients are not finite
 * @example
 * import { AdamW, DataLoader, GPT, initBackend, presets, Random, TokenDataset, train } from "gptlab";
 * await initBackend();
 * const model = new GPT({ ...presets.course, vocabSize: 10, blockSize: 8, nLayer: 1, nEmbd: 12 }, new Random(1));
 * const data = new TokenDataset(Array.from({ length: 65 }, (_, i) => i % 10), { blockSize: 8 });
 * const losses: number[] = [];
 * const batches = new DataLoader(data, { batchSize: 4 });
 * for await (const event of train({ model, batches, optimizer: new AdamW(model.parameters(), { lr: 0.01 }), steps: 20 })) {
 *   if (event.kind === "step") losses.push(event.loss);
 * }
 * losses[19] < losses[0] / 2; // => true
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainEvent, void, undefined> {
  const {
    model,
    batches,
    optimizer,
    steps,
    schedule,
    accumulate = 1,
    evaluate,
    checkpoint,
    logDir,
    signal,
    maxGradNorm,
    count = countTargets,
  } = options;
  for (const [name, value] of [
    ["steps", steps],
    ["accumulate", accumulate],
  ] as const) {
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`train() needs ${name} to be a whole number of at least 1, but found ${value}`);
  }
  const run = { model, optimizer, batches, random: options.random ?? new Random(0) };
  let { step, tokens } = (options.resume && checkpoint && (await loadRun(checkpoint.dir, run))) || {
    step: 0,
    tokens: 0,
  };
  const updater = new Updater({
    model,
    optimizer,
    random: run.random,
    maxGradNorm,
    loss: options.loss ?? nextTokenLoss(model),
    compile: options.compile ?? true,
  });
  const nextBatch = cycle(batches);
  let lastCheckpoint: string | undefined;
  const tell = async (event: TrainEvent): Promise<TrainEvent> => {
    if (logDir) {
      await mkdir(logDir, { recursive: true });
      await appendFile(path.join(logDir, "log.jsonl"), `${JSON.stringify(event)}\n`);
    }
    return event;
  };
  try {
    while (step < steps && !signal?.aborted) {
      await macrotask(); // the engine blocks while it computes: let others run in between
      const started = performance.now();
      const micro = Array.from({ length: accumulate }, nextBatch);
      const counted = micro.reduce((sum, batch) => sum + count(batch), 0);
      if (schedule) optimizer.lr = schedule(step);
      const { loss, gradNorm } = await updater.update(micro, counted);
      step++;
      tokens += counted;
      if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
        throw new TrainingDiverged(
          step,
          Number.isFinite(loss) ? `the gradients' norm is ${gradNorm}` : `the loss is ${loss}`,
          lastCheckpoint,
        );
      }
      const seconds = (performance.now() - started) / 1000;
      yield tell({ kind: "step", step, loss, lr: optimizer.lr, gradNorm, tokens, tokensPerSecond: counted / seconds });
      if (evaluate && (step % evaluate.every === 0 || step === steps))
        yield tell({ kind: "evaluate", step, metrics: await evaluate.run() });
      if (checkpoint && (step % checkpoint.every === 0 || step === steps)) {
        updater.sync();
        lastCheckpoint = await saveRun(checkpoint.dir, step, tokens, run, checkpoint.keep ?? 2);
        yield tell({ kind: "checkpoint", step, path: lastCheckpoint });
      }
    }
  } finally {
    updater.dispose(); // the parameters keep their newest values
  }
}

/** The default loss: the cross-entropy of each next token, summed. */
function nextTokenLoss(model: Module): LossFunction {
  if (!(model instanceof GPT)) throw new TypeError("train() needs options.loss for a model that is not a GPT");
  return ({ ids, targets, attentionMask }, { training, random }) =>
    crossEntropy(model.forward(ids, { training, random, ...(attentionMask ? { attentionMask } : {}) }), targets, {
      reduction: "sum",
    });
}

/** Batch after batch; begins again at the end. */
function cycle(batches: Iterable<Batch>): () => Batch {
  let iterator = batches[Symbol.iterator]();
  return () => {
    let next = iterator.next();
    if (next.done) {
      iterator = batches[Symbol.iterator]();
      next = iterator.next();
      if (next.done)
        throw new RangeError(
          "train() found no batch. Is the data shorter than one window, or a generator that was used up?",
        );
    }
    return next.value;
  };
}
