/** @file A finished run → the model's folder: float16 weights, tokenizer, log, curve, card. What is measured is the model as it is written. */
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { generateText } from "../generate";
import { GPT } from "../model";
import { lineChart } from "../plot";
import type { Metrics, TrainEvent } from "../train";
import { writeWhole } from "../whole_file";
import { card, type Sample } from "./card";
import type { Domain } from "./corpus";
import type { PretrainRun } from "./index";
import { SPECIAL_TOKENS } from "./plan";

/** One point of the thinned log: means over the steps since the point before. */
export interface LogPoint {
  readonly step: number;
  readonly tokens: number;
  readonly loss: number;
  readonly gradNorm: number;
  readonly lr: number;
}

const LOG_POINTS = 400;
const WINDOWS = 800; // of each domain; all of the speeches
const SPANS = 64; // of each domain

const PROMPTS = [
  "The state of the Union is",
  "My fellow citizens, in the last year",
  "We must not forget that",
  "Call me",
  "The whale",
  "lighthouse (noun):",
  "patient (adjective):",
  "Q: What is a computer?\nA:",
  "The words are: river, stone, music, bread\nAgain: river, stone,",
  "winter: w i n t e r\nsummer: s u",
];
const SAMPLING = { maxNewTokens: 60, temperature: 0.8, topK: 50 };

/** Writes the folder and returns what was measured. */
export async function publish(
  run: PretrainRun,
  domains: readonly Domain[],
  { runDir, out }: { runDir: string; out: string },
): Promise<Metrics> {
  await mkdir(out, { recursive: true });
  await run.model.save(out, { dtype: "F16" });
  await run.tokenizer.save(out);
  const model = await GPT.fromPretrained(out);
  try {
    const metrics = await run.measureFully(model, { windows: WINDOWS, spans: SPANS });
    const samples: Sample[] = [];
    for (const [seed, prompt] of PROMPTS.entries()) {
      const start = `${SPECIAL_TOKENS[0]}${prompt}`;
      const room = model.config.blockSize - run.tokenizer.encode(start, { allowedSpecial: "all" }).length;
      const text = await generateText(model, run.tokenizer, start, {
        ...SAMPLING,
        maxNewTokens: Math.min(SAMPLING.maxNewTokens, room),
        seed,
        eosId: 0,
      });
      samples.push({ prompt, text, seed });
    }
    const events = await readLog(path.join(runDir, "log.jsonl"));
    const points = thinned(events);
    const evaluations = events.flatMap((event) => (event.kind === "evaluate" ? [event] : []));
    const lines = [
      ...points.map((point) => ({ kind: "steps", ...point })),
      ...evaluations,
      { kind: "final", step: run.plan.steps, metrics },
    ];
    const files = {
      "train.jsonl": lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
      "loss.svg": await lossCurve(points).toSvg(),
      "bits-per-byte.svg": await bitsCurve(evaluations).toSvg(),
      "README.md": card({ run, domains, metrics, samples, points, sampling: SAMPLING, parameters: count(model) }),
    };
    await writeWhole(Object.entries(files).map(([name, text]) => ({ path: path.join(out, name), chunks: [text] })));
    return metrics;
  } finally {
    model.dispose();
  }
}

const count = (model: GPT): number =>
  Array.from(model.parameters().values(), ({ size }) => size).reduce((sum, size) => sum + size, 0);

async function readLog(file: string): Promise<TrainEvent[]> {
  const text = await readFile(file, "utf8");
  const events = text.split("\n").flatMap((line) => (line ? [JSON.parse(line) as TrainEvent] : []));
  const newest = new Map(events.map((event) => [`${event.kind} ${event.step}`, event])); // of what was done twice
  return [...newest.values()].sort((a, b) => a.step - b.step);
}

/** About LOG_POINTS points. */
function thinned(events: readonly TrainEvent[]): LogPoint[] {
  const steps = events.flatMap((event) => (event.kind === "step" ? [event] : []));
  const size = Math.max(1, Math.ceil(steps.length / LOG_POINTS));
  const round = (value: number, digits: number): number => Number(value.toPrecision(digits));
  const points: LogPoint[] = [];
  for (let start = 0; start < steps.length; start += size) {
    const part = steps.slice(start, start + size);
    const { step, tokens, lr } = part.at(-1)!;
    const mean = (of: (e: (typeof part)[number]) => number): number =>
      round(part.reduce((sum, event) => sum + of(event), 0) / part.length, 5);
    points.push({ step, tokens, loss: mean((e) => e.loss), gradNorm: mean((e) => e.gradNorm), lr: round(lr, 4) });
  }
  return points;
}

const lossCurve = (points: readonly LogPoint[]) =>
  lineChart([{ name: "training", x: points.map(({ tokens }) => tokens / 1e6), y: points.map(({ loss }) => loss) }], {
    title: "Training loss of course-base",
    xTitle: "tokens (millions)",
    yTitle: "loss (nats per token)",
    alt: `The training loss falls from ${points[0]?.loss.toFixed(1)} to ${points.at(-1)?.loss.toFixed(2)} nats per token over ${((points.at(-1)?.tokens ?? 0) / 1e6).toFixed(1)} million tokens.`,
  });

function bitsCurve(evaluations: readonly { step: number; metrics: Metrics }[]) {
  const names = Object.keys(evaluations[0]?.metrics ?? {}).filter((name) => name.startsWith("bits/byte "));
  const ends = names.map((name) => `${name.slice(10)} ${evaluations.at(-1)?.metrics[name]?.toFixed(2)}`);
  return lineChart(
    names.map((name) => ({
      name: name.slice(10),
      x: evaluations.map(({ step }) => step),
      y: evaluations.map(({ metrics }) => metrics[name] ?? Number.NaN),
    })),
    {
      title: "Held-out text",
      xTitle: "step",
      yTitle: "bits per byte",
      alt: `Bits per byte on held-out text fall in every domain and end at: ${ends.join(", ")}.`,
    },
  );
}
