/** @file Shows a figure: the picture with its text alternative, and the specification it was drawn from. */
import type { Figure } from "../plot";
import { display } from "./display";
import { escapeHtml } from "./messages";

/**
 * Shows a figure. The picture is an `<img>` with alt text, because JupyterLab shows that in trusted and untrusted notebooks
 * alike; a bare SVG is hidden until the notebook is trusted and never has an alt text. The Vega-Lite specification travels in
 * the output's metadata (`gptlab.vegalite`): as a form of the output, JupyterLab would draw it instead of the picture, without alt text
 * and with an older Vega-Lite.
 */
export async function show(figure: Figure): Promise<void> {
  const svg = await figure.toSvg();
  const source = `data:image/svg+xml;base64,${Buffer.from(svg, "utf8").toString("base64")}`;
  const html = `<img alt="${escapeHtml(figure.alt)}" src="${source}" style="background: white; max-width: 100%">`;
  display({ "text/html": html, "text/plain": `[figure] ${figure.alt}` }, { gptlab: { vegalite: figure.spec } });
}
