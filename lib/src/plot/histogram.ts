/** @file Histograms: how often values fall into equal bins. The counting is done here, so the figure stays small however many values there are. */
import { checkWords, type Figure, type FigureOptions, makeFigure, sideTitle, visible } from "./figure";
import { COLOURS } from "./theme";

/**
 * Counts `values` in about `bins` equal bins whose edges are round numbers, and draws the counts. A bin holds its lower
 * edge and not its upper one. Values that are not finite are left out, and their number stands under the title.
 *
 * RangeError: nothing finite to draw, `bins` not a whole number from 1 to 200, a word that is missing, an alt above 250
 * characters.
 *
 * @param options.bins about how many; left out, Sturges' rule: 1 + log2(count)
 *
 * @example
 * import { histogram } from "gptlab";
 * const figure = histogram([1, 2, 2, 3, 3, 3], { title: "Lengths", xTitle: "length (tokens)", yTitle: "texts", alt: "Longer texts are more frequent." });
 * figure.alt; // => "Longer texts are more frequent."
 */
export function histogram(values: ArrayLike<number>, options: FigureOptions & { readonly bins?: number }): Figure {
  const { xTitle, yTitle, width = 480, height = 280 } = options;
  checkWords("histogram", options);
  const finite = Array.from(values).filter(Number.isFinite);
  if (finite.length === 0)
    throw new RangeError(`histogram() has nothing to draw: none of the ${values.length} values is finite.`);
  const { bins = Math.ceil(1 + Math.log2(finite.length)) } = options;
  if (!Number.isInteger(bins) || bins < 1 || bins > 200)
    throw new RangeError(`histogram() needs a whole number of bins from 1 to 200, but got ${bins}.`);

  const rows = count(finite, bins);
  const encoding = {
    x: { field: "from", type: "quantitative", bin: "binned", axis: { title: visible(xTitle) } },
    x2: { field: "to" },
    y: { field: "count", type: "quantitative", axis: { title: sideTitle(yTitle, height), tickMinStep: 1 } },
  };
  return makeFigure(
    options,
    {
      width,
      height,
      data: { values: rows },
      mark: { type: "bar", color: COLOURS[0], stroke: "#FFFFFF", strokeWidth: 1 },
      encoding,
    },
    values.length - finite.length,
  );
}

function count(values: readonly number[], bins: number): { from: number; to: number; count: number }[] {
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const finest = Math.max(1e-300, 1e-12 * Math.max(Math.abs(low), Math.abs(high))); // below it, numbers run out
  const { digit, power } = roundStep(Math.max(finest, (high - low || bins) / bins));
  const step = digit * 10 ** power;
  const bin = (value: number) => Math.floor(value / step + 1e-9); // 0.3 / 0.1 is a little below 3
  const edge = (i: number) => Number(`${i * digit}e${power}`); // exact decimal: 3 * 0.1 is not 0.3
  const first = bin(low);
  const counts = new Array<number>(bin(high) - first + 1).fill(0);
  for (const value of values) counts[bin(value) - first] += 1;
  return counts.map((n, i) => ({ from: edge(first + i), to: edge(first + i + 1), count: n }));
}

/** The step 1, 2 or 5 times a power of ten that is nearest to `width`, by ratio. */
function roundStep(width: number): { digit: number; power: number } {
  const power = Math.floor(Math.log10(width));
  const rest = width / 10 ** power; // 1 to 10
  if (rest >= Math.sqrt(50)) return { digit: 1, power: power + 1 };
  return { digit: rest >= Math.sqrt(10) ? 5 : rest >= Math.SQRT2 ? 2 : 1, power };
}
