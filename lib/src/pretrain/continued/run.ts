/** @file A continued pretraining in a folder of its own: measured before it begins, trained in legs that can be stopped at any time. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { TokenDataset } from "../../data/dataset";
import type { GPT } from "../../model";
import { Random } from "../../random";
import type { BpeTokenizer } from "../../tokenizer/bpe";
import type { Metrics, TrainEvent } from "../../train";
import { writeWhole } from "../../whole_file";
import type { CourseModel } from "../base_model";
import type { Domain } from "../corpus";
import { BaseModelMeter } from "../measure";
import { SPECIAL_TOKENS } from "../plan";
import { checkpointsOf, keepSamePlan } from "../run_folder";
import { continuationBatches, continuePretraining } from "./continue";
import type { ContinuedDomains } from "./corpus";
import { type ContinuePlan, continuationSteps } from "./plan";

/** Windows and repeated spans of each domain in the measurements before the run and of the finished model. */
const THOROUGH = { windows: 100, spans: 32 };
const SPANS = 8; // during the run

/** What was measured before anything was learnt: as during the run, and thoroughly. */
export interface BeforeMetrics {
  readonly curve: Metrics;
  readonly full: Metrics;
}

/** A model in continued training and what belongs to it. */
export interface ContinuedRun {
  readonly model: GPT;
  readonly tokenizer: BpeTokenizer;
  readonly plan: ContinuePlan & { readonly steps: number };
  readonly before: BeforeMetrics;
  /** The folder of its checkpoints. */
  readonly checkpoints: string;
  /** The thorough measurement, of this or another model. */
  measureFully(model: GPT): Promise<Metrics>;
  /** Trains and tells; after the last event the model is ready. */
  events(): AsyncGenerator<TrainEvent, void, undefined>;
}

/** The SHA-256 of a model's weights: of all its safetensors or GGUF files, in the order of their names. */
export async function weightsHash(folder: string): Promise<string> {
  const hash = createHash("sha256");
  const files = (await readdir(folder)).filter((name) => /\.(safetensors|gguf)$/.test(name)).sort();
  for (const name of files) hash.update(await readFile(path.join(folder, name)));
  return hash.digest("hex");
}

/**
 * Prepares a run, or takes up the one in the folder. A run that was stopped, or killed, goes on to the same weights, bit for bit,
 * on the same machine.
 *
 * @throws Error if the folder holds a run of another plan, base model or text; RangeError if a text is too short for the model, of
 * which nothing is kept
 */
export async function openContinuation(
  plan: ContinuePlan,
  { model, tokenizer }: Pick<CourseModel, "model" | "tokenizer">,
  { domain, old }: ContinuedDomains,
  { runDir, signal }: { runDir: string; signal?: AbortSignal },
): Promise<ContinuedRun> {
  const random = new Random(plan.seed);
  const encode = (texts: readonly { text: string }[]): Uint16Array | Uint32Array =>
    TokenDataset.fromText(
      tokenizer,
      texts.map(({ text }) => text),
      { blockSize: 1, separator: SPECIAL_TOKENS[0] },
    ).tokens;
  const idsOf = ({ name, training: texts }: Domain) => ({ name, ids: encode(texts) });
  const learnt = idsOf(domain);
  const heldOut = [...old, domain].map(({ name, heldOut: texts }) => ({ name, ids: encode(texts) }));
  const meterOf = (measured: GPT, size: { windows: number; spans: number }): BaseModelMeter =>
    new BaseModelMeter(measured, tokenizer, heldOut, { ...size, random: random.fork("measure") });
  const meter = meterOf(model, { windows: plan.evaluationWindows, spans: SPANS });
  const replayed = plan.replay > 0 ? old.filter(({ name }) => (plan.shares[name] ?? 0) > 0) : [];
  const domains = replayed.map((one) => ({ ...idsOf(one), weight: plan.shares[one.name] as number }));
  const { tokens, replay, batchSize, lastLr, maxLr, minLr, warmupShare, betas, weightDecay, maxGradNorm } = plan;
  const { blockSize } = model.config;
  const steps = continuationSteps({ tokens, replay, batchSize, blockSize });
  const reading = { model, domain: learnt, replay: { share: replay, domains }, random, batchSize };
  continuationBatches(reading); // what cannot be carried out is said before the folder keeps it
  const textsSha256 = hashOf([learnt, ...domains, ...heldOut].map(({ ids }) => ids));
  await keepSamePlan({ ...plan, textsSha256 }, runDir);
  const before = await measureOnce(path.join(runDir, "before.json"), async () => ({
    curve: await meter.measure(),
    full: await meterOf(model, THOROUGH).measure(),
  }));
  const checkpoints = checkpointsOf(runDir);
  const events = () =>
    continuePretraining({
      ...reading,
      tokens,
      lastLr,
      maxLr,
      minLr,
      warmupShare,
      betas,
      weightDecay,
      maxGradNorm,
      evaluate: { every: plan.evaluateEvery, run: () => meter.measure() },
      checkpoint: { dir: checkpoints, every: plan.checkpointEvery },
      resume: true,
      logDir: runDir,
      ...(signal ? { signal } : {}),
    });
  const measureFully = (measured: GPT): Promise<Metrics> => meterOf(measured, THOROUGH).measure();
  return { model, tokenizer, plan: { ...plan, steps }, before, checkpoints, measureFully, events };
}

/** The SHA-256 of token ids, one text after the other. */
function hashOf(texts: readonly (Uint16Array | Uint32Array)[]): string {
  const hash = createHash("sha256");
  for (const ids of texts) hash.update(`${ids.length} `).update(Uint32Array.from(ids));
  return hash.digest("hex");
}

/** What the file says; measured and written if there is none yet. */
async function measureOnce(file: string, measure: () => Promise<BeforeMetrics>): Promise<BeforeMetrics> {
  if (existsSync(file)) return JSON.parse(await readFile(file, "utf8")) as BeforeMetrics;
  const measured = await measure();
  await writeWhole([{ path: file, chunks: [`${JSON.stringify(measured)}\n`] }]);
  return measured;
}
