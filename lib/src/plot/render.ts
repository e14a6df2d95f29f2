/** @file Vega-Lite specification → SVG text, in plain Node. Vega is loaded at the first drawing: it takes a third of a second that a program without charts need not pay. */

/** Draws a specification. The picture carries its title and its text alternative. */
export async function renderSvg(spec: object, title: string, alt: string): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  const single = { config: { aria: false } }; // one image with one text alternative, not a thousand named marks
  const { spec: compiled } = vegaLite.compile(spec as Parameters<typeof vegaLite.compile>[0], single);
  const view = new vega.View(vega.parse(compiled), { renderer: "none", logLevel: vega.Error });
  try {
    const svg = await view.toSVG();
    const named = `role="img" aria-label="${escapeXml(alt)}"><title>${escapeXml(title)}</title><desc>${escapeXml(alt)}</desc>`;
    return numberIds(svg).replace(/^<svg ([^>]*)>/, (_, attributes: string) => `<svg ${attributes} ${named}`);
  } finally {
    view.finalize();
  }
}

/** Vega counts its gradients and clips on from one picture to the next; here each picture starts at 0. */
function numberIds(svg: string): string {
  const numbers = new Map<string, string>();
  for (const [, id = ""] of svg.matchAll(/ id="((?:gradient_|clip)\d+)"/g)) numbers.set(id, `mark-${numbers.size}`);
  return svg.replace(/(id="|#)((?:gradient_|clip)\d+)/g, (whole, before: string, id: string) =>
    numbers.has(id) ? before + numbers.get(id) : whole,
  );
}

function escapeXml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}
