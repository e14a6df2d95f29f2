/** @file Pretraining of the course's base model, from texts to a trained model, in legs that can be stopped at any time. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { CopyWindows } from "../data/copying";
import { TokenDataset } from "../data/dataset";
import { epochWindows } from "../data/epochs";
import { Mixture } from "../data/mixture";
import { Stages } from "../data/stages";
import { GPT } from "../model";
import { AdamW } from "../optim";
import { report } from "../progress";
import { Random } from "../random";
import { BpeTokenizer } from "../tokenizer/bpe";
import { type Metrics, type TrainEvent, train } from "../train";
import type { Domain } from "./corpus";
import { choosePlan, type RunChoice } from "./kept";
import { BaseModelMeter } from "./measure";
import { type PretrainPlan, SPECIAL_TOKENS, scheduleOf, sharesOf } from "./plan";
import { checkpointsOf, keepPlan } from "./run_folder";

/** Where a run is kept, and how it ends. */
export interface PretrainOptions extends RunChoice {
  readonly signal?: AbortSignal;
}

/** A model in training and what belongs to it. */
export interface PretrainRun {
  readonly model: GPT;
  readonly tokenizer: BpeTokenizer;
  readonly batches: Stages;
  /** How often the training text of each domain is read in the whole run, about. */
  readonly readings: Readonly<Record<string, number>>;
  /** What `events()` measures from time to time, of this or another model and on more text. */
  measureFully(model: GPT, options: { windows: number; spans: number }): Promise<Metrics>;
  /** As it is carried out: an early end changes `steps`. */
  readonly plan: PretrainPlan;
  /** The folder of its checkpoints. */
  readonly checkpoints: string;
  /** Trains and tells; after the last event the model is ready. */
  events(): AsyncGenerator<TrainEvent, void, undefined>;
}

/**
 * Prepares a run, or takes up the one in the folder: tokenizer, token ids, mixture, model. A run that was stopped, or killed, goes on
 * to the same weights, bit for bit, on the same machine.
 *
 * @throws Error if the folder holds a run of another plan, or no checkpoint to `finish` from; RangeError if the run is too short.
 * Nothing is kept then
 */
export async function openPretraining(
  plan: PretrainPlan,
  domains: readonly Domain[],
  { signal, ...choice }: PretrainOptions,
): Promise<PretrainRun> {
  const { runDir } = choice;
  const carried = await choosePlan(plan, choice);
  await keepPlan(carried, runDir);
  const checkpoints = checkpointsOf(runDir);
  const tokenizer = await openTokenizer(carried, domains, path.join(runDir, "tokenizer"));
  const random = new Random(carried.seed);
  const encode = (texts: readonly { text: string }[]): Uint16Array | Uint32Array =>
    TokenDataset.fromText(
      tokenizer,
      texts.map(({ text }) => text),
      { blockSize: 1, separator: SPECIAL_TOKENS[0] },
    ).tokens;
  const model = new GPT({ ...carried.model, vocabSize: tokenizer.vocabSize }, random.fork("weights"));
  const { batches, readings } = batchesOf(carried, domains, tokenizer, encode);
  const heldOut = domains
    .filter((domain) => domain.heldOut.length > 0)
    .map((domain) => ({ name: domain.name, ids: encode(domain.heldOut) }));
  const meterOf = (measured: GPT, windows: number, spans: number): BaseModelMeter =>
    new BaseModelMeter(measured, tokenizer, heldOut, { windows, spans, random: random.fork("measure") });
  const meter = meterOf(model, carried.evaluationWindows, 16);
  const { steps, maxLr, betas, weightDecay, maxGradNorm } = carried;
  const events = () =>
    train({
      model,
      batches,
      optimizer: new AdamW(model.parameters(), { lr: maxLr, betas: [...betas], weightDecay }),
      schedule: scheduleOf(carried),
      steps,
      maxGradNorm,
      evaluate: { every: carried.evaluateEvery, run: () => meter.measure() },
      checkpoint: { dir: checkpoints, every: carried.checkpointEvery },
      resume: true,
      logDir: runDir,
      ...(signal ? { signal } : {}),
    });
  const measureFully: PretrainRun["measureFully"] = (measured, { windows, spans }) =>
    meterOf(measured, windows, spans).measure();
  return { model, tokenizer, batches, readings, measureFully, plan: carried, checkpoints, events };
}

/** The run's tokenizer; learnt from the training texts if there is none yet. */
async function openTokenizer(plan: PretrainPlan, domains: readonly Domain[], folder: string): Promise<BpeTokenizer> {
  if (existsSync(path.join(folder, "tokenizer.json"))) return BpeTokenizer.load(folder);
  const texts = domains.flatMap(({ training }) => training.map(({ text }) => text));
  const tokenizer = BpeTokenizer.train(texts, {
    vocabSize: plan.model.vocabSize,
    specialTokens: SPECIAL_TOKENS,
    onProgress: report,
  });
  await mkdir(folder, { recursive: true });
  await tokenizer.save(folder);
  return tokenizer;
}

/** The mixtures of the stages: each domain's windows, cut at another place in every epoch, and copy-rich windows of all of them. */
function batchesOf(
  plan: PretrainPlan,
  domains: readonly Domain[],
  tokenizer: BpeTokenizer,
  encode: (texts: readonly { text: string }[]) => Uint16Array | Uint32Array,
): Pick<PretrainRun, "batches" | "readings"> {
  const { stages, batchSize, steps, seed } = plan;
  const { blockSize } = plan.model;
  const overall = sharesOf(plan);
  const texts = domains
    .filter(({ name, training }) => training.length > 0 && (overall[name] ?? 0) > 0)
    .map(({ name, training }) => ({ name, ids: encode(training) }));
  const entries = domains.flatMap(({ training }) =>
    training.flatMap(({ word, definition }) =>
      typeof word === "string" && typeof definition === "string" ? [{ word, definition }] : [],
    ),
  );
  const tokens = new Uint32Array(texts.reduce((sum, { ids }) => sum + ids.length, 0));
  let at = 0;
  for (const { ids } of texts) {
    tokens.set(ids, at);
    at += ids.length;
  }

  const open = (stage: number): Mixture => {
    const { shares } = stages[stage] as PretrainPlan["stages"][number];
    const label = stage === 0 ? "" : ` of stage ${stage}`;
    const random = new Random(seed).fork(`mixture${label}`);
    const sources = texts
      .filter(({ name }) => (shares[name] ?? 0) > 0)
      .map(({ name, ids }) => ({
        name,
        weight: shares[name] as number,
        examples: epochWindows(ids, { blockSize, name, random }),
      }));
    const copying = (weight: number) => ({
      name: "copying",
      weight,
      examples: new CopyWindows({ tokenizer, tokens, entries }, { blockSize, random: random.fork("copying") }),
    });
    return new Mixture(shares.copying ? [...sources, copying(shares.copying)] : sources, {
      batchSize,
      random: new Random(seed).fork(`order${label}`),
    });
  };
  const readings = texts.map(({ name, ids }) => {
    const read = (overall[name] as number) * steps * batchSize * blockSize;
    return [name, read / ids.length] as const;
  });
  return {
    batches: new Stages(stages.map(({ from }, stage) => ({ from, open: () => open(stage) }))),
    readings: Object.fromEntries(readings),
  };
}
