/** @file Makes the notebooks of one chapter in one language: with stubs for the learner, or solved. It reads and writes no files. */
import { createHash } from "node:crypto";
import { setDirection, setEnglish } from "../../lib/dist/course/markdown.js";
import { catalogue, escapeHtml } from "../../lib/dist/course/messages.js";
import type { Language } from "../../lib/dist/course/registry.js";
import { direction } from "../../lib/dist/course/registry.js";
import { type Cell, parseHints, shortHash, solutionOf, stubOf } from "../../lib/dist/course/source.js";
import type { Chapter } from "./chapter.ts";
import type { Notebook, NotebookCell } from "./format.ts";

export interface BuildOptions {
  readonly language: Language;
  /** With solutions and without stubs. */
  readonly solved: boolean;
  /** Folder of the course: where the messages are. */
  readonly root: string;
}

/** What the kernel tells JupyterLab; it would add this when it saves. */
const KERNEL = {
  kernelspec: { display_name: "TypeScript", language: "typescript", name: "tslab" },
  language_info: {
    codemirror_mode: { mode: "typescript", name: "javascript", typescript: true },
    file_extension: ".ts",
    mimetype: "text/typescript",
    name: "typescript",
    version: "3.7.2", // what tslab says, whatever TypeScript it uses
  },
};

/** The notebook without outputs. Cell ids are the slugs, so that the same source always gives the same bytes. */
export function buildNotebook(chapter: Chapter, options: BuildOptions): Notebook {
  const { language, solved } = options;
  const cells = chapter.cells
    .filter((cell) => solved || !cell.tags.includes("solution-only"))
    .map((cell) => buildCell(chapter, cell, options));
  cells.splice(1, 0, markdownCell("navigation", [], navigation(chapter, options)));
  return {
    cells,
    metadata: { ...KERNEL, gptlab: { chapter: chapter.entry.id, lang: language } },
    nbformat: 4,
    nbformat_minor: 5,
  };
}

function buildCell(chapter: Chapter, cell: Cell, options: BuildOptions): NotebookCell {
  if (cell.kind === "markdown") return markdownCell(cell.slug, cell.tags, prose(chapter, cell, options));
  const source = codeOf(cell, options.solved);
  return {
    cell_type: "code",
    execution_count: null,
    id: cell.slug,
    metadata: metadataOf(cell.tags, source),
    outputs: [],
    source,
  };
}

function markdownCell(id: string, tags: readonly string[], source: string): NotebookCell {
  return { cell_type: "markdown", id, metadata: metadataOf(tags, source), source };
}

/** `made` is the hash of the generated source: it tells a cell that the learner changed from one that is only old. */
function metadataOf(tags: readonly string[], source: string): NotebookCell["metadata"] {
  return { gptlab: { made: shortHash(source) }, ...(tags.length ? { tags } : {}) };
}

/** The hash of the source that a cell was generated with; undefined for the learner's own cells. */
export function madeHash(cell: NotebookCell): string | undefined {
  const own = cell.metadata.gptlab;
  const made: unknown = typeof own === "object" && own !== null ? Reflect.get(own, "made") : undefined;
  return typeof made === "string" ? made : undefined;
}

/** True if the source of a generated cell was changed since. */
export function isEdited(cell: NotebookCell): boolean {
  return madeHash(cell) !== shortHash(cell.source);
}

/** The code of a cell as a learner gets it, or solved. */
export function codeOf(cell: Cell, solved: boolean): string {
  return solved || !cell.tags.includes("exercise") ? solutionOf(cell.text) : stubOf(cell.text, cell.slug);
}

function prose(chapter: Chapter, cell: Cell, { language, root }: BuildOptions): string {
  const translated = language === "en" ? undefined : chapter.prose.get(language)?.get(cell.slug)?.text;
  const inEnglish = language === "en" || !translated;
  const text = translated || cell.text;
  const body = cell.tags.includes("hints") ? foldHints(text, inEnglish ? "en" : language, root) : text;
  if (language === "en") return body;
  if (!inEnglish) return setDirection(body, language);
  const note = escapeHtml(message("notebook.untranslated", language, root));
  return `<div dir="${direction(language)}" lang="${language}"><small>${note}</small></div>\n\n${setEnglish(body)}`;
}

/** Each hint in a folded part of its own. */
function foldHints(text: string, language: Language, root: string): string {
  return parseHints(text)
    .map(
      (hint, i) =>
        `<details><summary>${message("notebook.hint", language, root).replace("{level}", String(i + 1))}</summary>\n\n${hint}\n\n</details>`,
    )
    .join("\n\n");
}

function message(key: string, language: Language, root: string): string {
  const text = catalogue(language, root).get(key);
  if (text === undefined) throw new Error(`chapters/src/messages/${language}/common.json has no "${key}": add it`);
  return text;
}

/** Links to the chapter in other languages, to its solved or unsolved form, and to its neighbours. */
function navigation(chapter: Chapter, { language, solved, root }: BuildOptions): string {
  const { course, entry } = chapter;
  const say = (key: string) => message(key, language, root);
  const here = course.chapters.findIndex(({ id }) => id === entry.id);
  const link = (label: string, id: string, folder: string) => `[${label}](${folder}${id}.ipynb)`;
  const other = solved ? `../../chapters/${language}/` : `../../solutions/${language}/`;
  const [before, after] = [course.chapters[here - 1], course.chapters[here + 1]];
  const links = [
    ...course.languages.filter((l) => l !== language).map((l) => link(say(`language.${l}`), entry.id, `../${l}/`)),
    link(say(solved ? "notebook.unsolved" : "notebook.solved"), entry.id, other),
    ...(before ? [link(say("notebook.previous"), before.id, "")] : []),
    ...(after ? [link(say("notebook.next"), after.id, "")] : []),
  ];
  return setDirection(`${say("notebook.also")} ${links.join(" · ")}`, language);
}

/** The hash of what a solved notebook executes: slugs and code. */
export function codeHash(chapter: Chapter): string {
  const code = chapter.cells.filter((cell) => cell.kind === "code").map((cell) => [cell.slug, codeOf(cell, true)]);
  return createHash("sha256").update(JSON.stringify(code)).digest("hex").slice(0, 16);
}

/** The hash of the numbers of the laptop profile, whatever their order. */
export function profileHash(chapter: Chapter): string {
  const numbers = Object.entries(chapter.entry.profiles.laptop ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(numbers)).digest("hex").slice(0, 16);
}
