/** @file What every chart has in common: titles, the text alternative, the look. The charts themselves are in the files beside it, the drawing in `render.ts`. */
import { renderSvg } from "./render";
import { CONFIG } from "./theme";

/** A chart: its Vega-Lite specification, the sentence that says what it shows, and a way to draw it. */
export interface Figure {
  /** The Vega-Lite 5 specification with its data: plain JSON, to be shown or stored anywhere. */
  readonly spec: object;
  /** The text alternative, 1 to 250 characters. */
  readonly alt: string;
  /** Draws it, without a browser. The same figure gives the same text every time. */
  toSvg(): Promise<string>;
}

/** What every chart must say. Axis titles carry the unit where there is one: "loss (nats)". */
export interface FigureOptions {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  /** The finding in words, for those who cannot see the chart: 1 to 250 characters. */
  readonly alt: string;
  /** Width of the plotting area in pixels; axes and legend come on top. */
  readonly width?: number;
  /** Height of the plotting area in pixels. */
  readonly height?: number;
}

const ALT_LIMIT = 250;

/** Checks the words that every chart needs. `chart` names the function that was called. RangeError: one is missing or too long. */
export function checkWords(chart: string, options: FigureOptions): void {
  for (const name of ["title", "xTitle", "yTitle", "alt"] as const) {
    if (typeof options[name] !== "string" || options[name].trim() === "") {
      throw new RangeError(
        `${chart}() needs ${name}: words that a reader sees or hears, but got ${JSON.stringify(options[name])}.`,
      );
    }
  }
  const length = [...options.alt].length;
  if (length > ALT_LIMIT) {
    throw new RangeError(
      `${chart}() needs an alt of at most ${ALT_LIMIT} characters, but got ${length}: state the finding, not every number.`,
    );
  }
}

/** Makes the figure out of the marks that a chart has built. `missing` values were not finite; the chart says how many under its title. */
export function makeFigure(options: FigureOptions, chart: object, missing = 0): Figure {
  const { title, alt } = options;
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v5.json",
    description: alt,
    background: "white", // readable on a dark page too
    padding: 10,
    title: {
      text: visible(title),
      anchor: RIGHT_TO_LEFT.test(title) ? "end" : "start",
      ...(missing > 0 ? { subtitle: `NaN, ±∞: ${missing}` } : {}),
    },
    ...chart,
    config: CONFIG,
  };
  return { spec, alt, toSvg: () => renderSvg(spec, title, alt) };
}

const RIGHT_TO_LEFT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC]/;

/**
 * A text as the chart must carry it: control characters become visible signs (they are not allowed in SVG), and a text in
 * a right-to-left script is isolated, so that its numbers and Latin words keep their places.
 */
export function visible(text: string): string {
  const safe = text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    .replace(/[\u0000-\u001F]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/[\u007F-\u009F\uFFFE\uFFFF]|\p{Surrogate}/gu, "\uFFFD");
  return RIGHT_TO_LEFT.test(safe) ? `\u2067${safe}\u2069` : safe;
}

const PIXELS_PER_TITLE_LETTER = 10.4; // of an axis title, as Vega reckons where it cannot measure

/** The title of a y axis that is `height` pixels long, in lines: what is longer than the axis would move the chart. */
export function sideTitle(title: string, height: number): string | string[] {
  const most = Math.floor(height / PIXELS_PER_TITLE_LETTER);
  const lines: string[] = [];
  for (const word of title.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= most) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.length === 1 ? visible(title) : lines.map(visible);
}

/** How one value is named in an error: `series "train", value 3`. */
export function place(name: string, index: number): string {
  return `${JSON.stringify(name)}, value ${index}`;
}
