/** @file Shows a figure: the picture with its text alternative, and the specification it was drawn from. */
import type { Figure } from "../plot";
import { type Bundle, display } from "./display";
import { escapeHtml } from "./messages";

/**
 * A figure in three forms. Viewers choose the first that they like best, and JupyterLab, nbconvert and GitHub agree on HTML:
 * an `<img>` with alt text, shown in trusted and untrusted notebooks alike. A bare SVG is hidden until the notebook is trusted
 * and never has an alt text; JupyterLab's own drawing of the specification has none either, and uses an older Vega-Lite.
 * The specification is there for programs that read the notebook, and for editors that draw it live; a picture that will be
 * replaced soon (`complete: false`) goes without.
 */
export async function figureBundle(figure: Figure, options: { complete?: boolean } = {}): Promise<Bundle> {
  const svg = await figure.toSvg();
  const source = `data:image/svg+xml;base64,${Buffer.from(svg, "utf8").toString("base64")}`;
  const [, size = ""] = /^<svg [^>]*?( width="[\d.]+" height="[\d.]+")/.exec(svg) ?? []; // the page does not jump while it is redrawn
  return {
    "text/html": `<img alt="${escapeHtml(figure.alt)}" src="${source}"${size} style="background: white; max-width: 100%; height: auto">`,
    ...(options.complete === false ? {} : { "application/vnd.vegalite.v5+json": figure.spec }),
    "text/plain": `[figure] ${figure.alt}`,
  };
}

/**
 * Shows a figure: a picture with its text alternative.
 *
 * @example
 * import { histogram } from "gptlab";
 * import { show } from "gptlab/course";
 * const options = { title: "Lengths", xTitle: "letters", yTitle: "words", alt: "Most words have four letters." };
 * await show(histogram([3, 4, 4, 4, 5], options));
 */
export async function show(figure: Figure): Promise<void> {
  display(await figureBundle(figure));
}
