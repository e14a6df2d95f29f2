/**
 * @file The acceptance run of continued pretraining: chapter 06's trainings on the course's base model, with seeds 1, 2 and 3.
 * `make accept`, or `node --import tsx test/accept/continued.ts [--seeds 1,2,3]`: about 8 minutes a seed on two free cores. Every
 * finished training is kept in bench/continued.json, so a run that was stopped goes on.
 */
import { parseArgs } from "node:util";
import {
  BpeTokenizer,
  type ContinueOptions,
  continuePlan,
  continuePretraining,
  forgettingTable,
  GPT,
  initBackend,
  Random,
  SPECIAL_TOKENS,
  scoreDomains,
  TokenDataset,
} from "gptlab";
import { loadContinuedDomains } from "../../lib/dist/pretrain/continued/corpus.js";
import { BASE, type Continued, currentSources, laptop, readContinued, verdicts, writeContinued } from "./result.ts";

const EXAM_WINDOWS = 60; // of each domain; fewer where it is short
const NEW = continuePlan.domain;
const size = laptop();

type Recipe = Pick<ContinueOptions, "lastLr" | "maxLr" | "minLr"> & { readonly share: number };
/** The chapter's four trainings, and the naive one with a re-warmed rate. */
function recipes(): Record<string, Recipe> {
  const [high, low, share] = [size.lr as number, size.gentleLr as number, size.replay as number];
  const fixed = { lastLr: high, maxLr: high, minLr: high };
  const again = (peak: number) => ({ lastLr: 0, maxLr: peak, minLr: peak / 10 });
  return {
    naive: { ...fixed, share: 0 },
    replay: { ...fixed, share },
    "naive, re-warmed": { ...again(high), share: 0 },
    "replay, re-warmed": { ...again(high), share },
    "replay, gentle": { ...again(low), share },
  };
}

const { values } = parseArgs({ options: { seeds: { type: "string", default: "1,2,3" } } });
const { name: engine, threads } = await initBackend();
const sources = await currentSources();
const found = readContinued();
const kept = found?.sources === sources ? found : undefined;
const tokenizer = await BpeTokenizer.load(BASE);
const special = new Set(tokenizer.specialTokens.values());
const encode = (texts: readonly { text: string }[]): Uint16Array | Uint32Array =>
  TokenDataset.fromText(
    tokenizer,
    texts.map(({ text }) => text),
    { blockSize: 1, separator: SPECIAL_TOKENS[0] },
  ).tokens;
const { domain, old } = await loadContinuedDomains(NEW, Object.keys(continuePlan.shares), new Random(1));
const base = await GPT.fromPretrained(BASE);
const exams = Object.fromEntries(
  [...old, domain].map(({ name, heldOut }) => [
    name,
    encode(heldOut).slice(0, EXAM_WINDOWS * base.config.blockSize + 1),
  ]),
);

/** Bits per byte of each exam; end tokens are predicted, but have no bytes. */
async function bitsOf(model: GPT): Promise<Record<string, number>> {
  const scores = await scoreDomains(model, exams);
  return Object.fromEntries(
    Object.entries(scores).map(([name, { loss, tokens }]) => {
      const ids = Array.from(exams[name]!.subarray(1)).filter((id) => !special.has(id));
      return [name, (loss * tokens) / Math.LN2 / tokenizer.decodeBytes(ids).length];
    }),
  );
}

const before = kept?.before ?? (await bitsOf(base));
const trainings: Continued[] = [...(kept?.trainings ?? [])];
const lessons = { name: NEW, ids: encode(domain.training) };
const replayed = old.map(({ name, training }) => ({
  name,
  ids: encode(training),
  weight: continuePlan.shares[name] as number,
}));
console.log(`${engine}, ${threads} threads; bits per byte before: ${JSON.stringify(before)}`);
for (const seed of values.seeds.split(",").map(Number)) {
  for (const [run, { share, ...rates }] of Object.entries(recipes())) {
    if (trainings.some((one) => one.seed === seed && one.run === run)) continue;
    const model = await GPT.fromPretrained(BASE);
    const [tokens, batchSize] = [size.newTokens as number, size.batchSize as number];
    const options = { model, domain: lessons, tokens, batchSize, random: new Random(seed), ...rates };
    const replay = share > 0 ? { replay: { share, domains: replayed } } : {};
    const started = performance.now();
    let steps = 0;
    for await (const event of continuePretraining({ ...options, ...replay })) if (event.kind === "step") steps++;
    const seconds = Math.round((performance.now() - started) / 1000);
    const bits = await bitsOf(model);
    model.dispose();
    trainings.push({ seed, run, steps, seconds, bits });
    writeContinued({ sources, before, trainings });
    const [row] = forgettingTable(before, { [run]: bits }, { newDomain: NEW });
    const figures = `forgotten ${row!.forgotten.toFixed(4)}, gained ${row!.gained.toFixed(4)}`;
    console.log(`seed ${seed}, ${run}: ${steps} steps, ${seconds} s, ${figures}`);
  }
}
const said = verdicts({ before, trainings });
for (const { seed, replay, times, kept: share, accepted } of said)
  console.log(
    `${accepted ? "accepted" : "MISSED"}: seed ${seed}, ${replay}: without it ${times.toFixed(1)} times as much is forgotten, ${(100 * share).toFixed(1)} % of the gain is kept`,
  );
process.exitCode = said.every(({ accepted }) => accepted) ? 0 : 1;
