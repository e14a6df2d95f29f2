/** @file The rules of a chapter's content that a machine can hold: beats, exercises, sizes, links, headings. One line for each break. */
import { existsSync } from "node:fs";
import path from "node:path";
import { catalogue } from "../../lib/dist/course/messages.js";
import type { Cell } from "../../lib/dist/course/source.js";
import { parseHints } from "../../lib/dist/course/source.js";
import type { Chapter } from "./chapter.ts";
import { shortForms } from "./kernel_traps.ts";

const MOST_WORDS = 4000;
const MOST_CODE_CELLS = 40;
const MOST_EXERCISES = 9;
const MOST_LINES = 15;

/** What is wrong with the registry and with the content of the chapters. */
export function courseProblems(root: string, chapters: readonly Chapter[]): string[] {
  const problems: string[] = [];
  const ids = new Set<string>();
  for (const { entry } of chapters[0]?.course.chapters.map((c) => ({ entry: c })) ?? []) {
    for (const { id } of entry.exercises) {
      if (ids.has(id)) problems.push(`course.json: exercise "${id}" is there twice: an id is used once and for ever`);
      if (!/^[a-z]([A-Za-z0-9]|(?<=\d)_(?=\d)){0,31}$/.test(id))
        problems.push(
          `course.json: exercise "${id}" must be a camelCase name of at most 32 characters (an underscore only as in Q4_1)`,
        );
      ids.add(id);
    }
  }
  return [...problems, ...chapters.flatMap((chapter) => chapterProblems(root, chapter))];
}

/** What is wrong with one chapter. */
export function chapterProblems(root: string, chapter: Chapter): string[] {
  return [
    ...registryProblems(root, chapter),
    ...beatProblems(chapter),
    ...sizeProblems(chapter),
    ...headingProblems(chapter),
    ...linkProblems(root, chapter),
    ...shortForms(chapter.cells).map(
      ({ cell, name }) =>
        `${at(chapter, cell)}: the kernel cannot run the short form { ${name} } of a name from another cell: write { ${name}: ${name} }`,
    ),
  ];
}

function at(chapter: Chapter, cell: Cell): string {
  return `${chapter.file}:${cell.line}: cell "${cell.slug}"`;
}

function registryProblems(root: string, chapter: Chapter): string[] {
  const { entry, cells, file } = chapter;
  const problems: string[] = [];
  for (const name of ["ci", "laptop", "gpu"])
    if (!entry.profiles[name]) problems.push(`course.json: chapter ${entry.id} needs the profile "${name}"`);
  if (entry.languages.en !== "complete")
    problems.push(`course.json: chapter ${entry.id}: English is the source, so languages.en must be "complete"`);
  const listed = entry.exercises.map(({ id }) => id);
  const written = cells.filter((cell) => cell.tags.includes("exercise")).map((cell) => cell.slug);
  if (listed.join() !== written.join()) {
    problems.push(
      `${file} has the exercises ${written.join(", ") || "none"}, course.json lists ${listed.join(", ") || "none"}: both must be the same, in the same order`,
    );
  }
  for (const [i, exercise] of entry.exercises.entries()) {
    const text = cells.find((cell) => cell.slug === `${exercise.id}-text`);
    const title = catalogue("en", root).get(`${exercise.id}.title`) ?? "";
    if (!title) problems.push(`chapters/src/messages/en/${entry.id}.json needs "${exercise.id}.title"`);
    if (!text) {
      problems.push(`${file}: exercise ${exercise.id} needs a text cell with slug "${exercise.id}-text" before it`);
      continue;
    }
    const lines = exercise.lines === 1 ? "1 line" : `${exercise.lines} lines`;
    const wanted = [
      `### Exercise ${entry.number}.${i + 1} · ${title}`,
      `*difficulty ${exercise.difficulty} of 5 · importance ${exercise.importance} of 5 · ${exercise.minutes} minutes · about ${lines}*`,
    ];
    for (const line of wanted)
      if (!text.text.split("\n").includes(line))
        problems.push(`${at(chapter, text)} needs the line "${line}" (it comes from course.json and the messages)`);
  }
  return problems;
}

function beatProblems(chapter: Chapter): string[] {
  const { cells, entry, file } = chapter;
  const problems: string[] = [];
  const need = (holds: boolean | undefined, what: string) => holds || problems.push(`${file} needs ${what}`);
  const prose = cells.filter((cell) => cell.kind === "markdown");
  const all = prose.map((cell) => cell.text).join("\n\n");
  need(
    cells[0]?.kind === "markdown" && cells[0].text.startsWith(`# ${entry.number}. `),
    `a first cell that opens with "# ${entry.number}. Title"`,
  );
  need(all.includes("**You will be able to**"), 'the words "**You will be able to**" and three to five things');
  need(
    cells[0]?.text.includes(`*${entry.minutes} minutes`),
    `a line "*${entry.minutes} minutes · …*" in the first cell (minutes of course.json)`,
  );
  need(/^## Key takeaways$/m.test(all), 'a section "## Key takeaways"');
  need(
    cells.some((cell) => cell.tags.includes("quiz")),
    "a quiz cell with the tag quiz",
  );
  need(/^## Going further$/m.test(all), 'a section "## Going further"');
  need(/Last checked \d{4}-\d{2}-\d{2}/.test(all), 'the date "Last checked 2026-01-31" under its sources');
  need(
    /\bNotImplemented\b/.test(cells.find((cell) => cell.kind === "code")?.text ?? ""),
    "an import of NotImplemented in its first code cell, for the stubs",
  );
  for (const cell of cells.filter((c) => c.tags.includes("quiz"))) {
    if (!/<details><summary>/.test(cell.text))
      problems.push(`${at(chapter, cell)} needs answers folded into <details><summary>question</summary>`);
  }
  for (const [i, cell] of cells.entries())
    if (cell.tags.includes("exercise")) problems.push(...exerciseProblems(chapter, cell, cells[i + 1]));
  for (const cell of cells.filter((c) => c.tags.includes("hints"))) {
    if (!cells.some((other) => `${other.slug}-hints` === cell.slug && other.tags.includes("exercise")))
      problems.push(`${at(chapter, cell)} must be called after its exercise: "<exercise>-hints"`);
  }
  return problems;
}

function exerciseProblems(chapter: Chapter, cell: Cell, next: Cell | undefined): string[] {
  const problems: string[] = [];
  const starts = cell.text.match(/^\s*\/\/ #region solution$/gm)?.length ?? 0;
  const ends = cell.text.match(/^\s*\/\/ #endregion$/gm)?.length ?? 0;
  if (cell.kind !== "code" || starts === 0 || starts !== ends)
    problems.push(`${at(chapter, cell)} needs its solution between "// #region solution" and "// #endregion"`);
  if (!new RegExp(`^await check\\("${cell.slug}", \\w+\\);$`, "m").test(cell.text))
    problems.push(`${at(chapter, cell)} needs the line: await check("${cell.slug}", ${cell.slug});`);
  if (next?.slug !== `${cell.slug}-hints` || !next.tags.includes("hints")) {
    problems.push(`${at(chapter, cell)} needs a hints cell right after it: slug="${cell.slug}-hints" tags=["hints"]`);
  } else if (parseHints(next.text).length !== 3 || parseHints(next.text).some((hint) => hint.length < 10)) {
    problems.push(
      `${at(chapter, next)} needs exactly three hints as a numbered list, found ${parseHints(next.text).length}`,
    );
  }
  return problems;
}

function sizeProblems(chapter: Chapter): string[] {
  const { cells, file, entry } = chapter;
  const problems: string[] = [];
  const most = (count: number, limit: number, what: string) =>
    count > limit && problems.push(`${file} has ${count} ${what}, at most ${limit}: split or cut it`);
  const code = cells.filter((cell) => cell.kind === "code");
  const words = cells
    .filter((cell) => cell.kind === "markdown")
    .flatMap((cell) => cell.text.match(/[\p{L}\p{N}][\p{L}\p{N}'’.-]*/gu) ?? []);
  most(words.length, MOST_WORDS, "words");
  most(code.length, MOST_CODE_CELLS, "code cells");
  most(entry.exercises.length, MOST_EXERCISES, "exercises");
  for (const cell of code) {
    const lines = cell.text.split("\n").filter((line) => line.trim() && !/^\s*(\/\/|\/?\*)/.test(line)).length; // code, not comments
    if (lines > MOST_LINES && !/^(export )?(abstract )?class /m.test(cell.text))
      problems.push(`${at(chapter, cell)} has ${lines} lines of code, at most ${MOST_LINES}: split it`);
    if (cell.tags.includes("raises-exception"))
      problems.push(`${at(chapter, cell)} must not have the tag raises-exception: the kernel would drop the next cell`);
  }
  return problems;
}

/** Markdown without its code blocks. */
function outsideCode(text: string): string {
  return text.replace(/^ *```[\s\S]*?^ *```[ \t]*$/gm, "");
}

function headingProblems(chapter: Chapter): string[] {
  const problems: string[] = [];
  let level = 0;
  for (const cell of chapter.cells.filter((c) => c.kind === "markdown")) {
    for (const [, marks = "", title] of outsideCode(cell.text).matchAll(/^(#{1,6}) (.+)$/gm)) {
      if (marks.length > level + 1)
        problems.push(
          `${at(chapter, cell)}: the heading "${title}" is of level ${marks.length}, but the one above it is of level ${level}`,
        );
      if (marks.length === 1 && level > 0)
        problems.push(`${at(chapter, cell)}: only the title is a heading of level 1, found "${title}"`);
      level = marks.length;
    }
  }
  return problems;
}

/** Links to files must lead somewhere; they are written as they stand in a notebook, two folders below the root. */
function linkProblems(root: string, chapter: Chapter): string[] {
  const problems: string[] = [];
  for (const cell of chapter.cells.filter((c) => c.kind === "markdown")) {
    for (const [, , target = ""] of outsideCode(cell.text).matchAll(/(!?)\[[^\]]*\]\(([^)\s]+)[^)]*\)/g)) {
      if (/^(https?:|mailto:|#)/.test(target)) continue;
      const file = path.join(root, "chapters", "en", decodeURI(target.split("#")[0] ?? ""));
      const generated =
        /(^|\/)(chapters|solutions)?\/?(en|ar|fa)?\/?[\w]+\.ipynb$/.test(target) &&
        chapter.course.chapters.some(({ id }) => target.endsWith(`${id}.ipynb`));
      if (!generated && !existsSync(file))
        problems.push(`${at(chapter, cell)}: the link ${target} leads nowhere (seen from chapters/en/)`);
    }
    for (const [image, alt] of outsideCode(cell.text).matchAll(/!\[([^\]]*)\]\(|<img\b[^>]*>/g)) {
      const words = image.startsWith("<") ? (/alt="([^"]+)"/.exec(image)?.[1] ?? "") : (alt ?? "");
      if (!words || words.length > 250)
        problems.push(`${at(chapter, cell)}: an image needs an alternative text of 1 to 250 characters`);
    }
  }
  return problems;
}
