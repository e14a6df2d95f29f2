/** @file Reads the source of a chapter: the percent file with code and English prose, and the files with its translations. It builds nothing; `tools/notebooks.ts` does. */
import { createHash } from "node:crypto";

/** One cell of a chapter's source. */
export interface Cell {
  readonly slug: string;
  readonly kind: "code" | "markdown";
  readonly tags: readonly string[];
  /** Source without the `// ` of prose. */
  readonly text: string;
  /** Line of the cell's header in the file, from 1. */
  readonly line: number;
}

/** One translated cell. */
export interface ProseCell {
  readonly text: string;
  /** Hash of the English that was translated; missing until it is stamped. */
  readonly hash: string | undefined;
  readonly line: number;
}

/** What was read, and what is wrong with it, one line each. */
export interface Parsed<T> {
  readonly cells: T;
  readonly problems: readonly string[];
}

/** The short hash that ties a translation to its English. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

/**
 * Splits a percent file into its cells: `// %% slug="x" tags=["exercise"]`, `// %% [markdown] slug="y"`.
 * What stands before the first cell (the jupytext header) is left out.
 */
export function parseChapter(source: string, name: string): Parsed<readonly Cell[]> {
  const problems: string[] = [];
  const cells: { head: Omit<Cell, "text">; lines: string[] }[] = [];
  for (const [index, line] of source.replace(/\r\n/g, "\n").split("\n").entries()) {
    const header = /^\/\/ ?%%(.*)$/.exec(line);
    if (!header) {
      const cell = cells.at(-1);
      cell?.lines.push(cell.head.kind === "markdown" ? line.replace(/^\/\/ ?/, "") : line);
      continue;
    }
    const at = `${name}:${index + 1}`;
    const rest = header[1] ?? "";
    const slug = /\bslug="([^"]*)"/.exec(rest)?.[1] ?? "";
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(slug)) {
      problems.push(
        `${at}: a cell needs slug="…" of 1 to 64 letters, digits, - or _, found ${slug ? `"${slug}"` : "none"}`,
      );
    }
    if (cells.some((cell) => cell.head.slug === slug))
      problems.push(`${at}: slug "${slug}" is used twice: rename one of the cells`);
    const kind = /^\s*\[markdown\]/.test(rest) ? "markdown" : "code";
    cells.push({ head: { slug, kind, tags: parseTags(rest, at, problems), line: index + 1 }, lines: [] });
  }
  return { cells: cells.map(({ head, lines }) => ({ ...head, text: lines.join("\n").trim() })), problems };
}

function parseTags(rest: string, at: string, problems: string[]): readonly string[] {
  const source = /\btags=(\[[^\]]*\])/.exec(rest)?.[1];
  if (!source) return [];
  try {
    return JSON.parse(source) as string[];
  } catch {
    problems.push(`${at}: tags must be a JSON list such as tags=["exercise"], found ${source}`);
    return [];
  }
}

/** Splits a file of translations into its sections `<!-- cell: slug en=1234abcd -->`. */
export function parseProse(source: string, name: string): Parsed<ReadonlyMap<string, ProseCell>> {
  const problems: string[] = [];
  const sections = new Map<string, { hash: string | undefined; line: number; lines: string[] }>();
  let current: string[] | undefined;
  for (const [index, line] of source.replace(/\r\n/g, "\n").split("\n").entries()) {
    const header = /^<!--\s*cell:\s*([\w-]+)(?:\s+en=(\w+))?\s*-->\s*$/.exec(line);
    if (!header) {
      current?.push(line);
      continue;
    }
    const slug = header[1] ?? "";
    if (sections.has(slug)) problems.push(`${name}:${index + 1}: cell "${slug}" is there twice: remove one`);
    current = [];
    sections.set(slug, { hash: header[2], line: index + 1, lines: current });
  }
  const cells = new Map(
    Array.from(sections, ([slug, { hash, line, lines }]) => [slug, { hash, line, text: lines.join("\n").trim() }]),
  );
  return { cells, problems };
}

/** The hints of a hints cell: a numbered list, each item of one or more lines. */
export function parseHints(text: string): string[] {
  const hints: string[][] = [];
  let fenced = false;
  for (const line of text.split("\n")) {
    const start = fenced ? null : /^\d+\.\s+(.*)$/.exec(line);
    if (start) hints.push([start[1] ?? ""]);
    else hints.at(-1)?.push(line.replace(/^ {1,3}/, ""));
    if (/^\s*```/.test(line)) fenced = !fenced;
  }
  return hints.map((lines) => lines.join("\n").trim());
}

/** The same code as a learner gets it: the lines of the solution become a line that throws. */
export function stubOf(code: string, exercise: string): string {
  return code.replace(
    /^([ \t]*)\/\/ #region solution[^\n]*\n[\s\S]*?^[ \t]*\/\/ #endregion[^\n]*$/gm,
    (_, indent: string) => `${indent}// your code here\n${indent}throw new NotImplemented("${exercise}");`,
  );
}

/** The solved code without the marks around the solution. */
export function solutionOf(code: string): string {
  return code
    .split("\n")
    .filter((line) => !/^\s*\/\/ #(region solution|endregion)\b/.test(line))
    .join("\n");
}
