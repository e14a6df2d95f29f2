/** @file The look of every chart: colours that colour-blind readers can tell apart, dashes and shapes for those who see no colour, fonts that have Arabic letters. */

/** Okabe and Ito's palette ("Color Universal Design", 2008), strongest contrast on white first, without its yellow, which is too pale for a line. */
export const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9"] as const;

/** One dash pattern for each colour. */
export const DASHES: readonly (readonly number[])[] = [
  [1, 0],
  [8, 3],
  [2, 2],
  [10, 3, 2, 3],
  [14, 4],
  [5, 5],
  [1, 4],
];

/** One point shape for each colour. */
export const SHAPES = [
  "circle",
  "square",
  "triangle-up",
  "diamond",
  "cross",
  "triangle-down",
  "triangle-right",
] as const;

/** Latin first; each of the rest has Arabic and Persian letters on some system. */
export const FONT =
  "'DejaVu Sans', 'Noto Sans', 'Segoe UI', Arial, Tahoma, 'Noto Sans Arabic', 'Noto Naskh Arabic', sans-serif";

const INK = "#222222";

/** Vega-Lite's `config` of every chart. */
export const CONFIG = {
  font: FONT,
  title: { fontSize: 15, fontWeight: "bold", color: INK, subtitleFontSize: 12, subtitleColor: INK, offset: 12 },
  axis: {
    labelFontSize: 12,
    titleFontSize: 13,
    titleFontWeight: "normal",
    labelColor: INK,
    titleColor: INK,
    gridColor: "#E4E4E4",
    domainColor: "#767676",
    tickColor: "#767676",
  },
  legend: {
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: "normal",
    labelColor: INK,
    titleColor: INK,
    labelLimit: 260,
    symbolSize: 90,
    symbolStrokeWidth: 2,
  },
  view: { stroke: null },
} as const;
