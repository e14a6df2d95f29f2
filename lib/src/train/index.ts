/** @file The training loop. It could train any model: what is learnt is in the loss, what is drawn or printed is the caller's. */
import { setImmediate as macrotask } from "node:timers/promises";
import type { Batch } from "../data/batch";
import { Interrupted, watchInterrupt } from "../interrupt";
import { GPT } from "../model";
import type { Module } from "../nn";
import { crossEntropy } from "../ops";
import type { Optimizer } from "../optim";
import { type ProgressReporter, report, stepReporter } from "../progress";
import { Random } from "../random";
import { type Metrics, type TrainEvent, TrainingDiverged } from "./events";
import { RunLog } from "./log";
import { loadRun, requireNoCheckpoint, saveRun, setAside } from "./state";
import { countTargets, type LossFunction, Updater } from "./step";

export { type Metrics, type TrainEvent, TrainingDiverged } from "./events";
export { type BatchTensors, batchTensors, countTargets, type LossContext, type LossFunction } from "./step";

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
  /** Goes on from the newest checkpoint, if there is one; default false: then the folder must hold none. */
  readonly resume?: boolean;
  /**
   * Every event is also a line of `log.jsonl` in this folder, and its numbers are in event files for TensorBoard. A resumed run goes
   * on in the log; a new one begins it anew.
   */
  readonly logDir?: string;
  /** For dropout; default a generator of seed 0. */
  readonly random?: Random;
  /** Ends the run after the current step, as if it were the last. */
  readonly signal?: AbortSignal;
  /** What is being done, for the progress bar; default "Training". */
  readonly label?: string;
  /** Default: the installed reporter. At most 5 times a second. */
  readonly onProgress?: ProgressReporter;
}

/**
 * Trains a model step by step. It is a generator of events: the caller draws, prints or stops (`break`) as it likes; between
 * steps other work is served. With checkpoints and `resume`, a run that was killed goes on to the same weights, bit for bit, on the
 * same machine. A checkpoint holds what is trained; frozen weights must be those that the run began with, which a hash makes sure.
 *
 * Ctrl-C or the notebook's interrupt button stops it after the current step: it throws {@link Interrupted}, so that nothing after it
 * runs by mistake with a model that is half trained; `signal` ends it without an error. Either way the model keeps what it has
 * learnt, and with `checkpoint` the run is saved first. (In a notebook, declare the model in an earlier cell: the kernel forgets
 * the names of a cell that was interrupted.)
 *
 * Source: the order of a step is PyTorch's usual one: loss, backward, clip, set the rate, update.
 *
 * @throws TrainingDiverged if the loss or the gradients are not finite; the model is then as in the last good checkpoint
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
  const { model, batches, optimizer, steps, schedule, accumulate = 1, evaluate, checkpoint, signal } = options;
  const { count = countTargets, label = "Training", onProgress = report } = options;
  for (const [name, value] of [
    ["steps", steps],
    ["accumulate", accumulate],
  ] as const) {
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`train() needs ${name} to be a whole number of at least 1, but found ${value}`);
  }
  const run = { model, optimizer, batches, random: options.random ?? new Random(0) };
  if (checkpoint && !options.resume) await requireNoCheckpoint(checkpoint.dir);
  const begin = options.resume && checkpoint ? await loadRun(checkpoint.dir, run) : undefined;
  let { step, tokens } = begin ?? { step: 0, tokens: 0 };
  const log = options.logDir === undefined ? undefined : await RunLog.open(options.logDir, step);
  const updater = new Updater({
    model,
    optimizer,
    random: run.random,
    maxGradNorm: options.maxGradNorm,
    loss: options.loss ?? nextTokenLoss(model),
    rowsAreIndependent: !options.loss && model instanceof GPT && model.config.dropout === 0,
    compile: options.compile ?? true,
  });
  const nextBatch = cycle(batches);
  const tell = stepReporter(label, steps, { onProgress, from: step });
  let note: (() => string) | undefined;
  let saved = step;
  let whole = true; // false in the midst of an update, and when one has gone wrong
  const logged = async (event: TrainEvent): Promise<TrainEvent> => {
    await log?.write(event);
    return event;
  };
  const save = async ({ dir, keep = 2 }: { dir: string; keep?: number }): Promise<TrainEvent> => {
    updater.sync();
    const path = await saveRun(dir, step, tokens, run, keep);
    saved = step;
    return logged({ kind: "checkpoint", step, path });
  };
  const watch = await watchInterrupt();
  try {
    tell(step);
    while (step < steps && !signal?.aborted) {
      await macrotask(); // the engine blocks while it computes: let others run in between
      if (watch.interrupted) {
        const rest = checkpoint ? `, and the run is saved in ${checkpoint.dir}: resume: true goes on with it` : "";
        throw new Interrupted(`Stopped after ${step} of ${steps} steps. The model keeps what it has learnt${rest}.`);
      }
      const started = performance.now();
      const micro = Array.from({ length: accumulate }, nextBatch);
      const counted = micro.reduce((sum, batch) => sum + count(batch), 0);
      if (schedule) optimizer.lr = schedule(step);
      whole = false;
      const { loss, gradNorm } = await updater.update(micro, counted);
      step++;
      tokens += counted;
      if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
        const finite = Number.isFinite(loss);
        // A loss tells of the weights before its update: those that the newest checkpoint may hold.
        if (checkpoint && !finite && saved === step - 1 && saved !== (begin?.step ?? 0))
          await setAside(checkpoint.dir, saved);
        const back = checkpoint && (saved > 0 || begin) ? await loadRun(checkpoint.dir, run) : undefined;
        throw new TrainingDiverged(
          step,
          finite ? `the gradients' norm is ${gradNorm}` : `the loss is ${loss}`,
          back?.path,
        );
      }
      whole = true;
      const tokensPerSecond = counted / ((performance.now() - started) / 1000);
      note = () => `loss ${loss.toFixed(3)} · ${Math.round(tokensPerSecond)} tokens/s`;
      tell(step, note);
      yield logged({ kind: "step", step, loss, lr: optimizer.lr, gradNorm, tokens, tokensPerSecond });
      if (evaluate && (step % evaluate.every === 0 || step === steps))
        yield logged({ kind: "evaluate", step, metrics: await watch.run(() => evaluate.run()) });
      if (checkpoint && (step % checkpoint.every === 0 || step === steps)) yield save(checkpoint);
    }
  } finally {
    // Also when the caller's own work between two events was interrupted.
    const stopped = watch.interrupted || signal?.aborted;
    try {
      if (stopped && checkpoint && whole && step > saved) await save(checkpoint);
      if (whole) tell(step, note, true);
    } finally {
      watch.close();
      updater.dispose(); // the parameters keep their newest values
    }
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
