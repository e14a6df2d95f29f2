/** @file Watches a training run: the loss as a chart that grows, and below it what the model writes at different steps. The run itself is `train`. */
import { type Figure, lineChart } from "../plot";
import type { TrainEvent } from "../train";
import { type Bundle, display, inNotebook, Slot } from "./display";
import { liveChart } from "./live";
import { text } from "./messages";
import { tableBundle } from "./table";

/** What is shown besides the training loss. */
export interface WatchOptions {
  /** Which number of the evaluations stands in the chart as the loss on held-out text; default "loss". */
  readonly metric?: string;
  /** A text by the model as it is at this moment, for example from `generateText`. */
  readonly sample?: (step: number) => string | Promise<string>;
  /** Steps between two samples; there is one after the first step as well. Default 100. */
  readonly sampleEvery?: number;
}

/** Losses by step. */
interface Curve {
  readonly x: number[];
  readonly y: number[];
}

/**
 * Hands on the events of a training run, and draws the loss below the cell while it goes on: in training, and on held-out text
 * where there are evaluations. With `sample`, a table below shows how the model's writing changes. When the run ends, or is
 * stopped, the last picture stays. Outside a notebook the samples are printed, and at the end what the chart says. (In a notebook,
 * write the loop inside an async function and call that with `await`: the kernel does not know `for await` in a cell itself.)
 *
 * @example
 * import { AdamW, DataLoader, GPT, initBackend, presets, Random, TokenDataset, train } from "gptlab";
 * import { watch } from "gptlab/course";
 * await initBackend();
 * const model = new GPT({ ...presets.course, vocabSize: 10, blockSize: 8, nLayer: 1, nEmbd: 12 }, new Random(1));
 * const data = new TokenDataset(Array.from({ length: 65 }, (_, i) => i % 10), { blockSize: 8 });
 * const batches = new DataLoader(data, { batchSize: 4 });
 * const run = train({ model, batches, optimizer: new AdamW(model.parameters(), { lr: 0.01 }), steps: 5 });
 * let steps = 0;
 * for await (const event of watch(run)) steps = event.step;
 * steps; // => 5
 */
export async function* watch(
  events: AsyncIterable<TrainEvent>,
  options: WatchOptions = {},
): AsyncGenerator<TrainEvent, void, undefined> {
  const { metric = "loss", sample, sampleEvery = 100 } = options;
  const training: Curve = { x: [], y: [] };
  const heldOut: Curve = { x: [], y: [] };
  const chart = liveChart(() => lossChart(training, heldOut));
  const samples: [number, string][] = [];
  const slot = new Slot();
  try {
    for await (const event of events) {
      if (event.kind === "step") add(training, event.step, event.loss);
      if (event.kind === "evaluate") add(heldOut, event.step, event.metrics[metric]);
      await chart.update();
      if (sample && event.kind === "step" && (samples.length === 0 || event.step % sampleEvery === 0)) {
        samples.push([event.step, await sample(event.step)]);
        if (inNotebook()) slot.show(samplesTable(samples));
        else display({ "text/plain": text("watch.sample", { step: event.step, text: samples.at(-1)?.[1] }) });
      }
      yield event;
    }
  } finally {
    await chart.done();
  }
}

function add({ x, y }: Curve, step: number, value: number | undefined): void {
  if (value === undefined) return;
  x.push(step);
  y.push(value);
}

function samplesTable(samples: readonly (readonly [number, string])[]): Bundle {
  return tableBundle(samples, { head: [text("watch.step"), text("watch.text")] });
}

function lossChart(training: Curve, heldOut: Curve): Figure | undefined {
  if (!training.y.some(Number.isFinite)) return undefined;
  const series = [{ name: text("watch.training"), ...training }];
  if (heldOut.y.some(Number.isFinite)) series.push({ name: text("watch.heldOut"), ...heldOut });
  return lineChart(series, {
    title: text("watch.title"),
    xTitle: text("watch.step"),
    yTitle: text("watch.loss"),
    alt: finding(training, heldOut),
  });
}

/** What the curve says: where it began, and where it is, as the mean of its last tenth. */
function finding({ x, y }: Curve, heldOut: Curve): string {
  const end = y.slice(-Math.ceil(y.length / 10));
  const mean = end.reduce((a, b) => a + b, 0) / end.length;
  const first = y[0] as number;
  const key = y.length === 1 ? "watch.first" : mean < first ? "watch.falls" : "watch.doesNotFall";
  const words = text(key, { first: first.toFixed(2), last: mean.toFixed(2), from: x[0], to: x.at(-1) });
  const measured = heldOut.y.at(-1);
  return measured === undefined ? words : `${words} ${text("watch.measured", { loss: measured.toFixed(2) })}`;
}
