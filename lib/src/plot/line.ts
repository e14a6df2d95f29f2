/** @file Line charts: one or several series over a common axis, told apart by colour, dash and point shape. */
import { checkWords, type Figure, type FigureOptions, makeFigure, place, sideTitle, visible } from "./figure";
import { COLOURS, DASHES, SHAPES } from "./theme";

/** One line. Without `x` the values stand at 0, 1, 2 … */
export interface Series {
  readonly name: string;
  readonly x?: readonly number[];
  readonly y: readonly number[];
}

/** More points than this in one line are thinned for drawing. */
const POINTS_DRAWN = 500;
/** About so many points of a line get a shape. */
const SHAPES_DRAWN = 8;
/** A line without company needs no shapes to be told apart; they only show where it was measured, if that is at few places. */
const SHAPES_ALONE = 16;

interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * Lines over a common axis, in the order of x. At most 7; each has a colour, a dash pattern and a point shape of its own.
 * A y that is not finite leaves a gap, and the number of such values stands under the title. A line of more than 500
 * points is thinned for drawing: each stretch keeps its lowest and its highest point, so that no peak is lost.
 *
 * RangeError: no series, more than 7, a name twice or empty, x and y of different lengths, nothing finite to draw, an x
 * that is not finite, a value ≤ 0 on a logarithmic axis, a word that is missing, an alt above 250 characters.
 *
 * @example
 * import { lineChart } from "gptlab";
 * const figure = lineChart(
 *   [{ name: "training", y: [4.1, 2.9, 2.4, 2.2] }, { name: "validation", y: [4.2, 3.1, 2.7, 2.6] }],
 *   { title: "The model learns", xTitle: "step", yTitle: "loss (nats)", alt: "Both losses fall; validation ends 0.4 nats above training." },
 * );
 * (await figure.toSvg()).startsWith("<svg"); // => true
 */
export function lineChart(
  series: readonly Series[],
  options: FigureOptions & { readonly xLog?: boolean; readonly yLog?: boolean },
): Figure {
  const { xTitle, yTitle, xLog = false, yLog = false, width = 480, height = 280 } = options;
  checkWords("lineChart", options);
  checkSeries(series, xLog, yLog);

  const rows = series.flatMap(({ name, x, y }, index) => {
    const points = y.map((value, i) => ({ x: x?.[i] ?? i, y: value })).sort((a, b) => a.x - b.x);
    return stretches(points).flatMap((stretch, part) => {
      const drawn = thin(stretch);
      const every = Math.max(1, Math.floor(drawn.length / SHAPES_DRAWN));
      const shaped = series.length > 1 || drawn.length <= SHAPES_ALONE;
      const first = Math.floor((every * (index + 0.5)) / series.length); // lines that coincide show their shapes in turn
      return drawn.map((point, i) => ({ ...point, series: visible(name), part, shape: shaped && i % every === first }));
    });
  });
  const missing = series.reduce((sum, { y }) => sum + y.filter((value) => !Number.isFinite(value)).length, 0);

  const names = series.map(({ name }) => visible(name));
  const legend = series.length === 1 ? null : { title: null, symbolStrokeWidth: 0 }; // no dashes around the shapes
  const scale = (range: readonly unknown[]) => ({
    field: "series",
    type: "nominal",
    scale: { domain: names, range: range.slice(0, names.length) },
    legend,
  });
  const axis = (field: "x" | "y", title: string, log: boolean) => ({
    field,
    type: "quantitative",
    axis: {
      title: field === "y" ? sideTitle(title, height) : visible(title),
      ...ticks(
        rows.map((row) => row[field]),
        log,
      ),
    },
    scale: log ? { type: "log" } : { zero: false },
  });
  return makeFigure(
    options,
    {
      width,
      height,
      data: { values: rows },
      encoding: { x: axis("x", xTitle, xLog), y: axis("y", yTitle, yLog), color: scale(COLOURS) },
      layer: [
        {
          mark: { type: "line", strokeWidth: 2 },
          encoding: { strokeDash: scale(DASHES), detail: { field: "part", type: "nominal" } },
        },
        {
          transform: [{ filter: "datum.shape" }],
          mark: { type: "point", size: 50, filled: true, opacity: 1 },
          encoding: { shape: scale(SHAPES) },
        },
      ],
    },
    missing,
  );
}

function checkSeries(series: readonly Series[], xLog: boolean, yLog: boolean): void {
  if (series.length === 0) throw new RangeError("lineChart() needs at least one series, but got none.");
  if (series.length > COLOURS.length) {
    throw new RangeError(
      `lineChart() can tell ${COLOURS.length} lines apart, but got ${series.length}: draw several charts.`,
    );
  }
  const names = new Set<string>();
  for (const { name, x, y } of series) {
    if (name.trim() === "" || names.has(name))
      throw new RangeError(
        `lineChart() needs a name of its own for each series, but got ${JSON.stringify(name)}${name.trim() ? " twice" : ""}.`,
      );
    names.add(name);
    if (x && x.length !== y.length)
      throw new RangeError(
        `lineChart() needs as many x as y, but series ${JSON.stringify(name)} has ${x.length} x and ${y.length} y.`,
      );
    if (!y.some(Number.isFinite))
      throw new RangeError(
        `lineChart() has nothing to draw: series ${JSON.stringify(name)} has ${y.length} values and none of them is finite.`,
      );
    y.forEach((value, i) => {
      const at = x?.[i] ?? i;
      if (!Number.isFinite(at))
        throw new RangeError(`lineChart() needs finite x, but got ${at} at series ${place(name, i)}.`);
      checkLog("x", xLog, at, name, i);
      if (Number.isFinite(value)) checkLog("y", yLog, value, name, i);
    });
  }
}

function checkLog(axis: "x" | "y", log: boolean, value: number, name: string, i: number): void {
  if (!log || value > 0) return;
  throw new RangeError(
    `lineChart() cannot place ${value} on a logarithmic ${axis} axis (series ${place(name, i)}): leave ${axis}Log out, or leave that point out.`,
  );
}

/** Whole numbers get no ticks between them; a logarithmic axis over at least two powers of ten gets ticks at those only. */
function ticks(values: readonly number[], log: boolean): object {
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  if (!log) return values.every(Number.isInteger) && high - low < 10 ? { tickCount: Math.max(1, high - low) } : {};
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  return last - first < 2 ? {} : { values: Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i)) };
}

/** Cuts at the values that are not finite. */
function stretches(points: readonly Point[]): Point[][] {
  const parts: Point[][] = [[]];
  for (const point of points) {
    if (Number.isFinite(point.y)) parts.at(-1)?.push(point);
    else if (parts.at(-1)?.length) parts.push([]);
  }
  return parts.filter((part) => part.length > 0);
}

/** Keeps the ends, and of every bucket between them the lowest and the highest point. */
function thin(points: readonly Point[]): readonly Point[] {
  if (points.length <= POINTS_DRAWN) return points;
  const buckets = POINTS_DRAWN / 2 - 1;
  const inner = points.slice(1, -1);
  const kept = points.slice(0, 1);
  for (let b = 0; b < buckets; b++) {
    const bucket = inner.slice(
      Math.floor((b * inner.length) / buckets),
      Math.floor(((b + 1) * inner.length) / buckets),
    );
    const low = bucket.reduce((best, point) => (point.y < best.y ? point : best));
    const high = bucket.reduce((best, point) => (point.y > best.y ? point : best));
    kept.push(...(low === high ? [low] : bucket.indexOf(low) < bucket.indexOf(high) ? [low, high] : [high, low]));
  }
  return kept.concat(points.slice(-1));
}
