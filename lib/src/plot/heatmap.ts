/** @file Heat maps: a matrix as coloured cells, with the numbers in them while they fit. */
import { checkWords, type Figure, type FigureOptions, makeFigure, sideTitle, visible } from "./figure";

const CELLS_DRAWN = 16384;
/** The scale of colours is so high in any case, in pixels. */
const SCALE_HEIGHT = 200;
/** Up to so many columns the numbers stand in the cells, so that colour is not the only sign. */
const COLUMNS_WITH_NUMBERS = 12;

/**
 * `values[r][c]` as a cell in row `r` and column `c`. (rows, columns). Darker is more; where the values have both signs,
 * blue and orange lead away from a white zero. Up to 12 columns the numbers stand in the cells, written by `format`
 * (d3-format). The same label may come more than once. A value that is not finite leaves its cell empty, and the number
 * of such values stands under the title.
 *
 * RangeError: no values, rows of different lengths, a number of labels that does not fit, nothing finite to draw, more
 * than 16,384 cells, a `domain` that does not ascend, a word that is missing, an alt above 250 characters.
 *
 * @param options.domain the values of the palest and the darkest colour; left out, the lowest and the highest value
 * @param options.valueTitle what the colours measure, with its unit
 *
 * @example
 * import { heatmap } from "gptlab";
 * const words = ["the", "cat"];
 * const figure = heatmap([[1, 0], [0.4, 0.6]], {
 *   rows: words, columns: words, title: "Attention", xTitle: "attended word", yTitle: "word",
 *   alt: "The first word attends to itself only; the second splits 0.4 to 0.6.",
 * });
 * (await figure.toSvg()).includes("0.60"); // => true
 */
export function heatmap(
  values: readonly (readonly number[])[],
  options: FigureOptions & {
    readonly rows: readonly string[];
    readonly columns: readonly string[];
    readonly valueTitle?: string;
    readonly domain?: readonly [number, number];
    readonly format?: string;
  },
): Figure {
  const { rows, columns, xTitle, yTitle, valueTitle, format = ".2f" } = options;
  checkWords("heatmap", options);
  checkMatrix(values, rows, columns);
  const numbers = columns.length <= COLUMNS_WITH_NUMBERS;
  const cell = Math.min(numbers ? 44 : 24, Math.max(4, Math.floor(480 / columns.length)));
  const { width = columns.length * cell, height = rows.length * Math.min(cell, 32) } = options;

  const found = values.flat().filter(Number.isFinite);
  if (found.length === 0)
    throw new RangeError(`heatmap() has nothing to draw: none of the ${values.flat().length} values is finite.`);
  const [low, high] = options.domain ?? range(found);
  if (!(low < high)) throw new RangeError(`heatmap() needs a domain that ascends, but got [${low}, ${high}].`);
  const bothSigns = low < 0 && high > 0;
  const cells = values.flatMap((line, row) =>
    line.flatMap((value, column) => {
      if (!Number.isFinite(value)) return [];
      const strength = bothSigns ? value / (value < 0 ? low : high) : (value - low) / (high - low);
      return [{ row, column, value, dark: strength > 0.75 }];
    }),
  );

  const axis = (field: "row" | "column", title: string, labels: readonly string[]) => ({
    field,
    type: "ordinal",
    scale: { domain: labels.map((_, i) => i) },
    axis: {
      title: field === "row" ? sideTitle(title, Math.max(height, SCALE_HEIGHT)) : visible(title),
      labelExpr: `${JSON.stringify(labels.map(visible))}[datum.value]`,
      labelOverlap: true,
      labelLimit: 120,
      ...(field === "column" ? { labelAngle: upright(labels, width) ? 0 : -40 } : {}),
    },
  });
  const scale = {
    scheme: bothSigns ? "blueorange" : "blues",
    domain: bothSigns ? [low, 0, high] : [low, high],
    clamp: true,
    ...(bothSigns ? { reverse: true } : {}),
  };
  const layer: object[] = [
    {
      mark: { type: "rect", stroke: "#D0D0D0", strokeWidth: cell < 10 ? 0 : 0.5 },
      encoding: {
        color: {
          field: "value",
          type: "quantitative",
          scale,
          legend: { title: valueTitle ? visible(valueTitle) : null, format },
        },
      },
    },
  ];
  if (numbers)
    layer.push({
      mark: { type: "text", fontSize: 11 },
      encoding: {
        text: { field: "value", type: "quantitative", format },
        color: { condition: { test: "datum.dark", value: "#FFFFFF" }, value: "#000000" },
      },
    });
  const encoding = { x: axis("column", xTitle, columns), y: axis("row", yTitle, rows) };
  return makeFigure(
    options,
    { width, height, data: { values: cells }, encoding, layer },
    values.flat().length - found.length,
  );
}

/** The lowest and the highest value; both signs give a range that is symmetric about 0. */
function range(values: readonly number[]): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const reach = Math.max(-low, high);
  if (low < 0 && high > 0) return [-reach, reach];
  return low < high ? [low, high] : [low, low + 1];
}

function upright(labels: readonly string[], width: number): boolean {
  return labels.length * 7 * Math.max(...labels.map((label) => label.length)) <= width;
}

function checkMatrix(
  values: readonly (readonly number[])[],
  rows: readonly string[],
  columns: readonly string[],
): void {
  if (values.length === 0 || values[0]?.length === 0)
    throw new RangeError("heatmap() needs at least one value, but got none.");
  if (values.length !== rows.length)
    throw new RangeError(`heatmap() needs a label for each of the ${values.length} rows, but got ${rows.length}.`);
  values.forEach((line, row) => {
    if (line.length !== columns.length) {
      throw new RangeError(
        `heatmap() needs ${columns.length} values in every row, one for each column label, but row ${row} has ${line.length}.`,
      );
    }
  });
  const cells = rows.length * columns.length;
  if (cells > CELLS_DRAWN)
    throw new RangeError(
      `heatmap() draws at most ${CELLS_DRAWN} cells, but got ${rows.length} × ${columns.length} = ${cells}: show a part, or average blocks.`,
    );
}
