/** @file The notebook file format: types, reading, and writing exactly as JupyterLab saves, so that opening and saving a notebook changes nothing. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";

export interface CellOutput {
  readonly output_type: string;
  readonly name?: string;
  readonly text?: string | readonly string[];
  readonly data?: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface NotebookCell {
  readonly cell_type: "code" | "markdown" | "raw";
  readonly id: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly source: string;
  readonly execution_count?: number | null;
  readonly outputs?: readonly CellOutput[];
}

export interface Notebook {
  readonly cells: readonly NotebookCell[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly nbformat: 4;
  readonly nbformat_minor: 5;
}

/** Python's `str.splitlines(True)`, by which nbformat stores texts (without the three control characters that it also knows). */
function splitLines(text: string): string[] {
  const ends = "\n\r\v\f\u0085\u2028\u2029";
  return text.match(new RegExp(`[^${ends}]*(?:\r\n|[${ends}])|[^${ends}]+$`, "g")) ?? [];
}

function joined(text: unknown): unknown {
  return Array.isArray(text) && text.every((line) => typeof line === "string") ? text.join("") : text;
}

/** Parses a notebook; sources and outputs become single strings. Error: the file is not a notebook of format 4. */
export function parseNotebook(source: string, name: string): Notebook {
  let value: { cells?: unknown; metadata?: Record<string, unknown>; nbformat?: unknown };
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw new SyntaxError(
      `${name} is not a notebook: ${error instanceof Error ? error.message : error}. Run "make notebooks" to write it again`,
    );
  }
  if (value.nbformat !== 4 || !Array.isArray(value.cells)) {
    throw new SyntaxError(`${name} is not a notebook of format 4. Run "make notebooks" to write it again`);
  }
  const cells = (value.cells as NotebookCell[]).map((cell, i) => ({
    ...cell,
    id: cell.id ?? `cell-${i}`,
    metadata: cell.metadata ?? {},
    source: String(joined(cell.source)),
    ...(cell.outputs ? { outputs: cell.outputs.map(joinOutput) } : {}),
  }));
  return { cells, metadata: value.metadata ?? {}, nbformat: 4, nbformat_minor: 5 };
}

function joinOutput(output: CellOutput): CellOutput {
  const data =
    output.data && Object.fromEntries(Object.entries(output.data).map(([mime, content]) => [mime, joined(content)]));
  return {
    ...output,
    ...(data ? { data } : {}),
    ...(output.text === undefined ? {} : { text: String(joined(output.text)) }),
  };
}

/** Reads a notebook; undefined if the file is not there. */
export function readNotebook(file: string): Notebook | undefined {
  return existsSync(file) ? parseNotebook(readFileSync(file, "utf8"), file) : undefined;
}

/** The text of a notebook file, byte for byte as nbformat writes it. */
export function notebookText(notebook: Notebook): string {
  const cells = notebook.cells.map((cell) => ({
    ...cell,
    source: splitLines(cell.source),
    ...(cell.outputs ? { outputs: cell.outputs.map(splitOutput) } : {}),
  }));
  return `${pythonJson({ ...notebook, cells }, "")}\n`;
}

function splitOutput(output: CellOutput): CellOutput {
  const isText = (mime: string) =>
    mime.startsWith("text/") || mime === "image/svg+xml" || mime === "application/javascript";
  const data =
    output.data &&
    Object.fromEntries(
      Object.entries(output.data).map(([mime, content]) => [
        mime,
        typeof content === "string" && isText(mime) ? splitLines(content) : content,
      ]),
    );
  return {
    ...output,
    ...(data ? { data } : {}),
    ...(typeof output.text === "string" ? { text: splitLines(output.text) } : {}),
  };
}

/** Python's `json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)`. */
function pythonJson(value: unknown, indent: string): string {
  const inner = `${indent} `;
  if (Array.isArray(value)) {
    return value.length === 0
      ? "[]"
      : `[\n${value.map((item) => inner + pythonJson(item, inner)).join(",\n")}\n${indent}]`;
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    if (entries.length === 0) return "{}";
    return `{\n${entries.map(([key, item]) => `${inner}${JSON.stringify(key)}: ${pythonJson(item, inner)}`).join(",\n")}\n${indent}}`;
  }
  return typeof value === "number" ? pythonNumber(value) : JSON.stringify(value);
}

/** The same shortest digits as JavaScript, but Python goes over to exponents below 1e-4, and writes two digits of them. */
function pythonNumber(value: number): string {
  const text = value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential() : String(value);
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

/** Writes a file whole or not at all; a file that is already so is not touched. True if it was written. */
export function writeWhole(file: string, text: string): boolean {
  if (existsSync(file) && readFileSync(file, "utf8") === text) return false;
  mkdirSync(path.dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, text);
  renameSync(draft, file);
  return true;
}
