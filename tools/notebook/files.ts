/** @file The notebook files of the course: what is out of date, writing them without losing a learner's work, stamping translations. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { shortHash } from "../../lib/dist/course/source.js";
import { buildNotebook } from "./build.ts";
import { exerciseFile, loadChapters, proseFile, solutionFile } from "./chapter.ts";
import { type Notebook, notebookText, parseNotebook, writeWhole } from "./format.ts";
import { courseProblems } from "./lint.ts";
import { mergeNotebooks, stalenessOf } from "./merge.ts";
import { executionProblems, keptExecution, solvedNotebook } from "./outputs.ts";

const REMEDY = 'run "make notebooks"';

/** Everything that is wrong with sources and notebooks, one line each with its remedy. */
export function checkNotebooks(
  root: string,
  options: { readonly exact: boolean; readonly chapter?: string | undefined },
): { problems: string[]; warnings: string[] } {
  const { chapters, problems } = loadChapters(root, options.chapter);
  const found = [...problems, ...courseProblems(root, chapters)];
  const warnings: string[] = [];
  for (const chapter of chapters) {
    const execution = keptExecution(root, chapter);
    found.push(...executionProblems(root, chapter, execution));
    if (execution && execution.libVersion !== libVersion()) {
      warnings.push(
        `solutions/en/${chapter.entry.id}.ipynb was executed with gptlab ${execution.libVersion}, now it is ${libVersion()}`,
      );
    }
    for (const language of chapter.course.languages) {
      const solved = solutionFile(language, chapter.entry.id);
      if (read(root, solved) !== notebookText(solvedNotebook(root, chapter, language, execution)))
        found.push(`${solved} is not what its source makes: ${REMEDY}`);
      const file = exerciseFile(language, chapter.entry.id);
      found.push(
        ...exerciseProblems(root, file, buildNotebook(chapter, { language, solved: false, root }), options.exact),
      );
    }
  }
  return { problems: found, warnings };
}

function exerciseProblems(root: string, file: string, fresh: Notebook, exact: boolean): string[] {
  const text = read(root, file);
  if (text === undefined) return [`${file} is missing: ${REMEDY}`];
  if (text === notebookText(fresh)) return [];
  if (exact)
    return [`${file} is not what its source makes, or holds answers: ${REMEDY}, and commit it without your answers`];
  try {
    return stalenessOf(parseNotebook(text, file), fresh).map(
      (problem) => `${file}: ${problem}: ${REMEDY} (your answers stay)`,
    );
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

/** Writes all notebooks. What a learner wrote stays; returns what the learner should know. */
export function writeNotebooks(
  root: string,
  chapterArgument?: string,
): { written: string[]; notes: string[]; problems: readonly string[] } {
  const { chapters, problems } = loadChapters(root, chapterArgument);
  const written: string[] = [];
  const notes: string[] = [];
  for (const chapter of chapters) {
    const execution = keptExecution(root, chapter);
    for (const language of chapter.course.languages) {
      const solved = solutionFile(language, chapter.entry.id);
      if (writeWhole(path.join(root, solved), notebookText(solvedNotebook(root, chapter, language, execution))))
        written.push(solved);
      const file = exerciseFile(language, chapter.entry.id);
      const fresh = buildNotebook(chapter, { language, solved: false, root });
      const merged = mergeInto(root, file, fresh);
      notes.push(...merged.notes.map((note) => `${file}: ${note}`));
      if (writeWhole(path.join(root, file), notebookText(merged.notebook))) written.push(file);
    }
  }
  return { written, notes, problems };
}

/** The notebook to write, and notes. A file that cannot be kept whole is copied to `backups/` first. */
function mergeInto(root: string, file: string, fresh: Notebook): { notebook: Notebook; notes: readonly string[] } {
  const text = read(root, file);
  if (text === undefined) return { notebook: fresh, notes: [] };
  let old: Notebook;
  try {
    old = parseNotebook(text, file);
  } catch {
    return {
      notebook: fresh,
      notes: [`it could not be read and was written again; the old file is ${backUp(root, file, text)}`],
    };
  }
  const { notebook, notes, needsBackup } = mergeNotebooks(old, fresh);
  return { notebook, notes: needsBackup ? [...notes, `the notebook as it was is ${backUp(root, file, text)}`] : notes };
}

/** Keeps a copy of a notebook under `backups/`, and returns its name. */
export function backUp(root: string, file: string, text: string): string {
  const time = new Date().toISOString().replace(/[:.]/g, "-");
  const name = `backups/${time}/${file}`;
  writeWhole(path.join(root, name), text);
  return name;
}

/** Marks every translated cell as made from the English of now. */
export function stamp(root: string, chapterArgument?: string): string[] {
  const stamped: string[] = [];
  for (const chapter of loadChapters(root, chapterArgument).chapters) {
    const english = new Map(chapter.cells.map((cell) => [cell.slug, shortHash(cell.text)]));
    for (const language of chapter.prose.keys()) {
      const file = proseFile(language, chapter.entry.id);
      const text = read(root, file);
      if (text === undefined) continue;
      const marked = text.replace(/^<!--\s*cell:\s*([\w-]+)(?:\s+en=\w+)?\s*-->[ \t]*$/gm, (line, slug: string) => {
        const hash = english.get(slug);
        return hash ? `<!-- cell: ${slug} en=${hash} -->` : line;
      });
      if (writeWhole(path.join(root, file), marked)) stamped.push(file);
    }
  }
  return stamped;
}

function read(root: string, file: string): string | undefined {
  const full = path.join(root, file);
  return existsSync(full) ? readFileSync(full, "utf8") : undefined;
}

/** Version of the library that this course is built on. */
export function libVersion(): string {
  const file = path.join(import.meta.dirname, "..", "..", "lib", "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
