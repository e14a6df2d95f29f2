/** @file Rows as a table: HTML in a notebook, aligned text elsewhere. */
import { type Bundle, display } from "./display";
import { format } from "./format";
import { escapeHtml } from "./messages";
import { direction, lang } from "./registry";

/** A cell as text: strings as they are, everything else as `format` writes it. */
function cellText(value: unknown): string {
  return typeof value === "string" ? value : format(value);
}

/** Width of a text in a terminal: wide characters and marks are counted roughly. */
function pad(text: string, width: number, right: boolean): string {
  const blanks = " ".repeat(Math.max(0, width - Array.from(text.replace(/\p{M}/gu, "")).length));
  return right ? blanks + text : text + blanks;
}

/** The table as aligned text. */
export function tableText(rows: readonly (readonly unknown[])[], head: readonly string[], caption?: string): string {
  const cells = [head, ...rows.map((row) => row.map(cellText))];
  const widths = head.map((_, column) =>
    Math.max(...cells.map((row) => Array.from((row[column] ?? "").replace(/\p{M}/gu, "")).length)),
  );
  const numeric = head.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"));
  const lines = cells.map((row) =>
    widths
      .map((width, column) => pad(row[column] ?? "", width, numeric[column] ?? false))
      .join("  ")
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "));
  return (caption ? [caption, ...lines] : lines).join("\n");
}

/** What {@link table} shows. */
export interface TableOptions {
  /** One title a column. */
  readonly head: readonly string[];
  /** What the table is about. */
  readonly caption?: string;
}

/**
 * Shows a table.
 *
 * @param rows the cells; numbers are set to the right and keep six digits
 * @throws RangeError if a row has not as many cells as `head`.
 * @example
 * import { table } from "gptlab/course";
 * table([["the", 3]], { head: ["token", "count"], caption: "How often" });
 */
export function table(rows: readonly (readonly unknown[])[], options: TableOptions): void {
  display(tableBundle(rows, options));
}

/** The table in both forms. */
export function tableBundle(rows: readonly (readonly unknown[])[], options: TableOptions): Bundle {
  const { head, caption } = options;
  for (const [i, row] of rows.entries()) {
    if (row.length !== head.length)
      throw new RangeError(
        `table() needs ${head.length} cells in each row, one for each title, but row ${i} has ${row.length}`,
      );
  }
  const cell = (value: unknown): string => {
    const side = typeof value === "number" ? "end" : "start";
    return `<td style="text-align: ${side}"><bdi>${escapeHtml(cellText(value))}</bdi></td>`;
  };
  const body = rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("");
  const titles = head.map((title) => `<th scope="col" style="text-align: start">${escapeHtml(title)}</th>`).join("");
  const top = caption ? `<caption style="text-align: start">${escapeHtml(caption)}</caption>` : "";
  return {
    "text/plain": tableText(rows, head, caption),
    "text/html": `<table dir="${direction(lang())}" lang="${lang()}">${top}<thead><tr>${titles}</tr></thead><tbody>${body}</tbody></table>`,
  };
}
