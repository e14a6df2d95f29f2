/** @file A chart that is drawn again in its place while work goes on. It knows nothing of what it shows, and costs the work little. */
import type { Figure } from "../plot";
import { inNotebook, Slot } from "./display";
import { figureBundle } from "./figure";

const SHORTEST_PAUSE = 500; // milliseconds between drawings
const LONGEST_PAUSE = 2000; // a chart that stands still for longer looks dead
const SHARE = 30; // between these two, one part of the time is spent on drawing

/** Made by {@link liveChart}. */
export interface LiveChart {
  /** Draws the chart if it is time to; else it returns at once. Wait for it: an error in the chart then ends the cell. */
  update(): Promise<void>;
  /** Draws it for the last time: this picture stays in the notebook. */
  done(): Promise<void>;
}

/**
 * A chart below the cell that follows the work: `update` as often as you like, `done` at the end. It is drawn at most twice a second,
 * less often where drawing is slow, so that the work keeps its time. Outside a notebook only the text of the last
 * chart is printed.
 *
 * @param make the chart as it is now; undefined while there is nothing to draw
 *
 * @example
 * import { lineChart, loop } from "gptlab";
 * import { liveChart } from "gptlab/course";
 * const y: number[] = [];
 * const words = { title: "Squares", xTitle: "step", yTitle: "value" };
 * const chart = liveChart(() => lineChart([{ name: "squares", y }], { ...words, alt: `The newest square is ${y.at(-1)}.` }));
 * await loop(5, async (i) => { y.push(i * i); await chart.update(); });
 * await chart.done();
 */
export function liveChart(make: () => Figure | undefined): LiveChart {
  const slot = new Slot();
  let due = Number.NEGATIVE_INFINITY;
  let drawing = false;
  const draw = async (last: boolean): Promise<void> => {
    const started = performance.now();
    const figure = make();
    if (!figure) return;
    drawing = true;
    try {
      if (inNotebook()) slot.show(await figureBundle(figure, { complete: last }));
      else slot.finish({ "text/plain": `[figure] ${figure.alt}` });
    } finally {
      drawing = false;
      const now = performance.now();
      due = now + Math.min(LONGEST_PAUSE, Math.max(SHORTEST_PAUSE, SHARE * (now - started)));
    }
  };
  return {
    update: async () => {
      if (!drawing && inNotebook() && performance.now() >= due) await draw(false);
    },
    done: () => draw(true),
  };
}
