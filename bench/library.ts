/** @file Small figures of the library and the notebooks, without a rival: `make bench ONLY=library`. */
import { type Figure, lineChart, loop, type Series } from "gptlab";
import { cellTimes, FIRST_CELLS } from "../test/support/cell_times.ts";

/** One measurement: its name and a function that gives the figure with its unit. */
export type Benchmark = readonly [what: string, measure: () => string | Promise<string>];

/** Processor milliseconds of some work in this process. */
async function processorTime(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function lossChart(): Figure {
  const curve = (name: string, rate: number): Series => ({
    name,
    y: Array.from({ length: 1000 }, (_, i) => 3 * Math.exp(-i / rate) + 0.1 * Math.sin(i)),
  });
  const words = { title: "Loss", xTitle: "step", yTitle: "loss (nats)", alt: "Three losses fall." };
  return lineChart([curve("slow", 300), curve("middle", 200), curve("fast", 100)], words);
}

export const libraryFigures: readonly Benchmark[] = [
  [
    "a chapter's first two cells: gptlab against TensorFlow.js's own types (processor time)",
    () => {
      const [ours, theirs] = [FIRST_CELLS.gptlab, FIRST_CELLS.tensorFlowJs].map((cells) =>
        cellTimes(cells).map(Math.round),
      );
      const sum = (times: readonly number[]) => times.reduce((a, b) => a + b);
      return `${ours.join(" + ")} ms against ${theirs.join(" + ")} ms: ratio ${(sum(ours) / sum(theirs)).toFixed(2)}`;
    },
  ],
  [
    "a chart of 3 × 1,000 points as SVG (processor time)",
    async () => {
      const first = await processorTime(() => lossChart().toSvg());
      const later: number[] = [];
      for (let i = 0; i < 15; i++) later.push(await processorTime(() => lossChart().toSvg()));
      return `first, with loading Vega, ${first.toFixed(0)} ms; later ${median(later).toFixed(0)} ms (median of 15)`;
    },
  ],
  [
    "loop() with a step that does nothing (processor time)",
    async () => {
      const steps = 100_000;
      await loop(steps / 10, () => undefined);
      return `${((1000 * (await processorTime(() => loop(steps, () => undefined)))) / steps).toFixed(1)} µs a step`;
    },
  ],
];
