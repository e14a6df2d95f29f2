/** @file A finished continued pretraining → the model's folder: float16 weights, tokenizer, log, curve, card. What is measured is the model as it is written. */
import path from "node:path";
import { type DomainBits, type ForgettingRow, forgettingTable } from "../../evaluate/forgetting";
import { generateText } from "../../generate";
import { GPT } from "../../model";
import type { Metrics } from "../../train";
import { writeWhole } from "../../whole_file";
import { bitsCurve, readLog, thinned } from "../log";
import { SPECIAL_TOKENS } from "../plan";
import { card } from "./card";
import type { ContinuedDomains } from "./corpus";
import type { ContinuedRun } from "./run";

const PROMPTS = [
  "The state of the Union is",
  "lighthouse (noun):",
  "Returns the",
  "If the file does not exist,",
  "@param",
];
const SAMPLING = { maxNewTokens: 40, temperature: 0.8, topK: 50 };

const BITS = "bits/byte ";

/** The bits per byte of each domain among the numbers of a measurement. */
export function domainBits(metrics: Metrics): DomainBits {
  return Object.fromEntries(
    Object.entries(metrics).flatMap(([key, value]) => (key.startsWith(BITS) ? [[key.slice(BITS.length), value]] : [])),
  );
}

/** What the prompts became. */
async function samplesOf(model: GPT, { tokenizer }: ContinuedRun): Promise<string[]> {
  const texts: string[] = [];
  for (const [seed, prompt] of PROMPTS.entries()) {
    const start = `${SPECIAL_TOKENS[0]}${prompt}`;
    const room = model.config.blockSize - tokenizer.encode(start, { allowedSpecial: "all" }).length;
    const maxNewTokens = Math.min(SAMPLING.maxNewTokens, room);
    texts.push(await generateText(model, tokenizer, start, { ...SAMPLING, maxNewTokens, seed, eosId: 0 }));
  }
  return texts;
}

/** Writes the folder and returns what the run did to the domains. */
export async function publishContinuation(
  run: ContinuedRun,
  domains: ContinuedDomains,
  { runDir, out, base }: { runDir: string; out: string; base: string },
): Promise<{ row: ForgettingRow; before: DomainBits; after: DomainBits; metrics: Metrics }> {
  const { plan } = run;
  await run.model.save(out, { dtype: "F16", tokenizer: run.tokenizer });
  const [start, model] = [await GPT.fromPretrained(base), await GPT.fromPretrained(out)];
  try {
    const metrics = await run.measureFully(model);
    const [before, after] = [domainBits(run.before.full), domainBits(metrics)];
    const [row] = forgettingTable(before, { continued: after }, { newDomain: plan.domain }) as [ForgettingRow];
    const [was, is] = [await samplesOf(start, run), await samplesOf(model, run)];
    const events = await readLog(path.join(runDir, "log.jsonl"));
    const evaluations = [
      { kind: "evaluate" as const, step: 0, metrics: run.before.curve },
      ...events.flatMap((event) => (event.kind === "evaluate" ? [event] : [])),
    ];
    const figure = bitsCurve(evaluations.map(({ step, metrics: all }) => ({ step, metrics: onlyBits(all) })));
    const lines = [
      ...thinned(events).map((point) => ({ kind: "steps", ...point })),
      ...evaluations,
      { kind: "before", step: 0, metrics: run.before.full },
      { kind: "final", step: plan.steps, metrics },
    ];
    const samples = PROMPTS.map((prompt, seed) => ({ prompt, was: was[seed] as string, is: is[seed] as string }));
    const files = {
      "train.jsonl": lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
      "bits-per-byte.svg": await figure.toSvg(),
      "README.md": card({ run, out, domains, row, metrics, samples, sampling: SAMPLING, alt: figure.alt }),
    };
    await writeWhole(Object.entries(files).map(([name, text]) => ({ path: path.join(out, name), chunks: [text] })));
    return { row, before, after, metrics };
  } finally {
    start.dispose();
    model.dispose();
  }
}

const onlyBits = (metrics: Metrics): Metrics =>
  Object.fromEntries(Object.entries(metrics).filter(([key]) => key.startsWith(BITS)));
