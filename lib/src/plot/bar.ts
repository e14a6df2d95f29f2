/** @file Bar charts: one value a bar, bars side by side in groups, intervals as whiskers. */
import { checkWords, type Figure, type FigureOptions, makeFigure, sideTitle, visible } from "./figure";
import { COLOURS, DASHES } from "./theme";

/** One bar. `group` puts bars of the same label side by side; `low` and `high` draw an interval. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly group?: string;
  readonly low?: number;
  readonly high?: number;
}

/** Up to so many bars carry their value as text. */
const VALUES_SHOWN = 24;
const PIXELS_PER_LETTER = 7;

/**
 * Bars in the order given, from zero. With `group`, the groups of a label stand side by side, each with a colour and an
 * outline of its own. Up to 24 bars carry their value as text, written by `format` (d3-format). `horizontal` suits long
 * labels: then `xTitle` still names the axis that lies below and `yTitle` the one at the side. A value that is not finite
 * leaves a gap, and the number of such values stands under the title.
 *
 * RangeError: no bars, nothing finite to draw, more than 7 groups, a group for some bars only, the same label and group
 * twice, an interval that does not contain its value, a word that is missing, an alt above 250 characters.
 *
 * @example
 * import { barChart } from "gptlab";
 * const figure = barChart([{ label: "English", value: 1.3 }, { label: "Persian", value: 3.1 }], {
 *   title: "Tokens for a word", xTitle: "language", yTitle: "tokens per word", alt: "Persian needs more than twice the tokens of English.",
 * });
 * figure.alt; // => "Persian needs more than twice the tokens of English."
 */
export function barChart(
  bars: readonly Bar[],
  options: FigureOptions & { readonly horizontal?: boolean; readonly format?: string },
): Figure {
  const { xTitle, yTitle, horizontal = false, format = ".3~g" } = options;
  checkWords("barChart", options);
  checkBars(bars);
  const labels = [...new Set(bars.map(({ label }) => visible(label)))];
  const groups = [...new Set(bars.flatMap(({ group }) => (group === undefined ? [] : [visible(group)])))];
  const { width = 480, height = horizontal ? Math.max(120, bars.length * 24) : 280 } = options;

  const rows = bars
    .filter(({ value }) => Number.isFinite(value))
    .map(({ label, group, value, low, high }) => ({
      label: visible(label),
      value,
      top: Math.max(0, high ?? value),
      ...(group === undefined ? {} : { group: visible(group) }),
      ...(low === undefined ? {} : { low, high }),
    }));
  const [across, along] = horizontal ? (["y", "x"] as const) : (["x", "y"] as const);
  const fits = labels.length * PIXELS_PER_LETTER * Math.max(...labels.map((label) => label.length)) <= width;
  const labelAxis = {
    title: horizontal ? sideTitle(yTitle, height) : visible(xTitle),
    labelLimit: 240,
    labelAngle: horizontal || fits ? 0 : -40,
  };
  const valueAxis = { title: horizontal ? visible(xTitle) : sideTitle(yTitle, height) };
  const place = {
    [across]: { field: "label", type: "nominal", sort: null, scale: { domain: labels }, axis: labelAxis },
    ...(groups.length
      ? { [`${across}Offset`]: { field: "group", type: "nominal", sort: null, scale: { domain: groups } } }
      : {}),
  };
  const byGroup = (range: readonly unknown[]) => ({
    field: "group",
    type: "nominal",
    scale: { domain: groups, range: range.slice(0, groups.length) },
    legend: { title: null },
  });

  const layer: object[] = [
    {
      mark: { type: "bar", stroke: "#222222", strokeWidth: 1.5, color: COLOURS[0], fillOpacity: 0.85 },
      encoding: {
        [along]: { field: "value", type: "quantitative", axis: valueAxis },
        ...(groups.length ? { color: byGroup(COLOURS), strokeDash: byGroup(DASHES) } : {}),
      },
    },
  ];
  if (bars.some(({ low }) => low !== undefined)) {
    layer.push({
      transform: [{ filter: "isValid(datum.low)" }],
      mark: { type: "errorbar", ticks: { size: 9, color: "#000000" }, rule: { color: "#000000", strokeWidth: 1.5 } },
      encoding: { [along]: { field: "low", type: "quantitative", axis: valueAxis }, [`${along}2`]: { field: "high" } },
    });
  }
  if (bars.length <= VALUES_SHOWN) {
    const beside = horizontal ? { align: "left", dx: 4 } : { baseline: "bottom", dy: -3 };
    layer.push({
      mark: { type: "text", fontSize: 11, color: "#222222", ...beside },
      encoding: { [along]: { field: "top", type: "quantitative" }, text: { field: "value", format } },
    });
  }
  return makeFigure(
    options,
    { width, height, data: { values: rows }, encoding: place, layer },
    bars.length - rows.length,
  );
}

function checkBars(bars: readonly Bar[]): void {
  if (!bars.some(({ value }) => Number.isFinite(value))) {
    throw new RangeError(`barChart() needs at least one finite value, but got ${bars.length} bars and no such value.`);
  }
  const grouped = bars.filter(({ group }) => group !== undefined).length;
  if (grouped !== 0 && grouped !== bars.length)
    throw new RangeError(
      `barChart() needs a group for every bar or for none, but ${grouped} of ${bars.length} have one.`,
    );
  const groups = new Set(bars.map(({ group }) => group)).size;
  if (groups > COLOURS.length)
    throw new RangeError(`barChart() can tell ${COLOURS.length} groups apart, but got ${groups}: draw several charts.`);
  const seen = new Set<string>();
  for (const { label, group, value, low, high } of bars) {
    const name = JSON.stringify(group === undefined ? label : [label, group]);
    if (seen.has(name))
      throw new RangeError(`barChart() needs one bar for each label and group, but got ${name} twice.`);
    seen.add(name);
    if ((low === undefined) !== (high === undefined))
      throw new RangeError(`barChart() needs low and high together, but bar ${name} has only one of them.`);
    if (low !== undefined && high !== undefined && Number.isFinite(value) && !(low <= value && value <= high)) {
      throw new RangeError(`barChart() needs low ≤ value ≤ high, but bar ${name} has ${low}, ${value}, ${high}.`);
    }
  }
}
