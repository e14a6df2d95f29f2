/** @file The log of a base model's run: read, thinned for the repository, drawn. */
import { readFile } from "node:fs/promises";
import { type Figure, lineChart } from "../plot";
import type { Metrics, TrainEvent } from "../train";

/** One point of the thinned log: means over the steps since the point before. */
export interface LogPoint {
  readonly step: number;
  readonly tokens: number;
  readonly loss: number;
  readonly gradNorm: number;
  readonly lr: number;
}

const LOG_POINTS = 400;

/** The events of a log file in order. */
export async function readLog(file: string): Promise<TrainEvent[]> {
  const text = await readFile(file, "utf8");
  const events = text.split("\n").flatMap((line) => (line ? [JSON.parse(line) as TrainEvent] : []));
  const newest = new Map(events.map((event) => [`${event.kind} ${event.step}`, event])); // of what was done twice
  return [...newest.values()].sort((a, b) => a.step - b.step);
}

/** About LOG_POINTS points. */
export function thinned(events: readonly TrainEvent[]): LogPoint[] {
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

/** Training loss over tokens. */
export const lossCurve = (points: readonly LogPoint[]): Figure =>
  lineChart([{ name: "training", x: points.map(({ tokens }) => tokens / 1e6), y: points.map(({ loss }) => loss) }], {
    title: "Training loss of course-base",
    xTitle: "tokens (millions)",
    yTitle: "loss (nats per token)",
    alt: `The training loss goes from ${points[0]?.loss.toFixed(1)} to ${points.at(-1)?.loss.toFixed(2)} nats per token over ${((points.at(-1)?.tokens ?? 0) / 1e6).toFixed(1)} million tokens.`,
  });

/** Held-out bits per byte of each domain over steps. */
export function bitsCurve(evaluations: readonly { step: number; metrics: Metrics }[]): Figure {
  const names = Object.keys(evaluations[0]?.metrics ?? {}).filter((name) => name.startsWith("bits/byte "));
  const ends = names.map((name) => {
    const [first, last] = [evaluations[0], evaluations.at(-1)].map((one) => one?.metrics[name]?.toFixed(2));
    return `${name.slice(10)} ${first} to ${last}`;
  });
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
      alt: `Bits per byte on held-out text, first and last measurement: ${ends.join(", ")}.`,
    },
  );
}
