/** @file Continued pretraining: a trained model learns a new domain while it reads some old text again. Texts, folders and cards are not its affair. */
import { epochWindows } from "../../data/epochs";
import { Mixture, type MixtureSource } from "../../data/mixture";
import type { GPT } from "../../model";
import { AdamW } from "../../optim";
import type { Random } from "../../random";
import { rewarmCosine } from "../../schedule";
import { type TrainEvent, type TrainOptions, train } from "../../train";
import { continuationSteps, continuePlan } from "./plan";

/** Token ids of a domain to learn from. */
export interface DomainIds {
  readonly name: string;
  readonly ids: Uint16Array | Uint32Array;
}

/** What is learnt, what is read again, how, and what is kept of it. */
export interface ContinueOptions
  extends Pick<
    TrainOptions,
    "evaluate" | "checkpoint" | "resume" | "logDir" | "signal" | "onProgress" | "maxGradNorm"
  > {
  /** Is changed. */
  readonly model: GPT;
  readonly domain: DomainIds;
  /** Tokens of the new domain to read; replay comes on top. */
  readonly tokens: number;
  /** Old text, and the share of the windows that it has, at least 0 and less than 1; default none. */
  readonly replay?: { readonly share: number; readonly domains: readonly (DomainIds & { readonly weight: number })[] };
  /** Gives the order of the windows; nothing is drawn from it. */
  readonly random: Random;
  /** Windows in an update; default 8. */
  readonly batchSize?: number;
  /** Highest learning rate; default 5e-4. */
  readonly maxLr?: number;
  /** Rate at the end of the training before; default 0. */
  readonly lastLr?: number;
  /** Rate of the last step; default a tenth of the highest. */
  readonly minLr?: number;
  /** Share of the steps in which the rate rises; default 0.1. */
  readonly warmupShare?: number;
  readonly betas?: readonly [number, number];
  readonly weightDecay?: number;
}

/** The windows of a continued training, new and old ones mixed in fixed shares, without end. */
export function continuationBatches({
  model,
  domain,
  replay = { share: 0, domains: [] },
  random,
  batchSize = 8,
}: Pick<ContinueOptions, "model" | "domain" | "replay" | "random" | "batchSize">): Mixture {
  const { blockSize } = model.config;
  const source = ({ name, ids }: DomainIds, weight: number): MixtureSource => ({
    name,
    weight,
    examples: epochWindows(ids, { blockSize, name, random: random.fork("cuts") }),
  });
  const all = replay.domains.reduce((sum, { weight }) => sum + weight, 0);
  if (replay.share > 0 && !(all > 0))
    throw new RangeError(
      `Replay of ${replay.share} needs old domains with weights above 0, but found ${replay.domains.length} domains. Say replay 0 to read only the new domain`,
    );
  const old = replay.share > 0 ? replay.domains : [];
  return new Mixture(
    [source(domain, 1 - replay.share), ...old.map((one) => source(one, (replay.share * one.weight) / all))],
    { batchSize, random: random.fork("order") },
  );
}

/**
 * Goes on with the training of a model on a new domain: AdamW from a fresh state, the learning rate warmed up again and lowered
 * (`rewarmCosine`), and, against forgetting, a share of windows of old text. It reads `tokens` of the new domain whatever the share
 * is, so that runs with and without replay can be compared. It is a generator of events, as `train` is, and stops like it.
 * Source: Ibrahim et al. (2024), "Simple and scalable strategies to continually pre-train large language models", arXiv 2403.08763.
 *
 * @throws RangeError if the share is not at least 0 and less than 1, a text is shorter than a window, or the rates do not fit
 * @example
 * import { continuePretraining, GPT, initBackend, presets, Random } from "gptlab";
 * await initBackend();
 * const size = { vocabSize: 20, blockSize: 8, nLayer: 1, nHead: 1, nEmbd: 8 };
 * const model = new GPT({ ...presets.course, ...size }, new Random(1));
 * const domain = { name: "new", ids: Uint16Array.from({ length: 90 }, (_, i) => i % 10) };
 * const old = { name: "old", weight: 1, ids: Uint16Array.from({ length: 90 }, (_, i) => 10 + (i % 10)) };
 * const replay = { share: 0.25, domains: [old] };
 * let steps = 0;
 * const run = continuePretraining({ model, domain, replay, tokens: 240, batchSize: 4, random: new Random(2) });
 * for await (const event of run) if (event.kind === "step") steps++;
 * steps; // => 10
 */
export async function* continuePretraining(options: ContinueOptions): AsyncGenerator<TrainEvent, void, undefined> {
  const {
    model,
    domain,
    tokens,
    replay,
    random,
    batchSize = 8,
    maxLr = continuePlan.maxLr,
    warmupShare = 0.1,
  } = options;
  const { lastLr = 0, minLr = maxLr / 10, betas = [0.9, 0.95], weightDecay = 0.1, maxGradNorm = 1 } = options;
  const { evaluate, checkpoint, resume, logDir, signal, onProgress } = options;
  const size = { batchSize, blockSize: model.config.blockSize };
  const totalSteps = continuationSteps({ tokens, replay: replay?.share ?? 0, ...size });
  const schedule = rewarmCosine({
    lastLr,
    warmupSteps: Math.min(totalSteps - 1, Math.round(totalSteps * warmupShare)),
    totalSteps,
    maxLr,
    minLr,
  });
  const batches = continuationBatches({ model, domain, random, batchSize, ...(replay ? { replay } : {}) });
  const optimizer = new AdamW(model.parameters(), { lr: maxLr, betas, weightDecay });
  try {
    yield* train({
      model,
      batches,
      optimizer,
      schedule,
      steps: totalSteps,
      maxGradNorm,
      random: random.fork("dropout"),
      ...(evaluate ? { evaluate } : {}),
      ...(checkpoint ? { checkpoint } : {}),
      ...(resume === undefined ? {} : { resume }),
      ...(logDir === undefined ? {} : { logDir }),
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress } : {}),
    });
  } finally {
    optimizer.dispose();
  }
}
