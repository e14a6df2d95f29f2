/** @file The charts of the course: numbers → Vega-Lite specification → SVG with a text alternative. */
export { type Bar, barChart } from "./bar";
export type { Figure, FigureOptions } from "./figure";
export { heatmap } from "./heatmap";
export { histogram } from "./histogram";
export { lineChart, type Series } from "./line";
