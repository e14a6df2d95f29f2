/** @file Puts stubs back into a learner's notebooks and forgets the progress. The notebooks as they were are kept. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { forget } from "../../lib/dist/course/journal.js";
import { buildNotebook } from "../notebook/build.ts";
import { exerciseFile, loadChapters } from "../notebook/chapter.ts";
import { backUp } from "../notebook/files.ts";
import { notebookText, readNotebook, writeWhole } from "../notebook/format.ts";
import { resetExercises } from "../notebook/merge.ts";

/** The exercises that a selection means. */
export function resettable(
  root: string,
  { chapter, exercise }: { readonly chapter?: string | undefined; readonly exercise?: string | undefined },
): string[] {
  return loadChapters(root, chapter).chapters.flatMap(({ entry }) =>
    entry.exercises.map(({ id }) => id).filter((id) => !exercise || id === exercise),
  );
}

/** Resets exercises in the notebooks of every language. */
export function resetLearner(
  root: string,
  ids: readonly string[],
): { readonly files: readonly string[]; readonly backups: readonly string[] } {
  const files: string[] = [];
  const backups: string[] = [];
  const wanted = new Set(ids);
  for (const chapter of loadChapters(root).chapters) {
    for (const language of chapter.course.languages) {
      const file = exerciseFile(language, chapter.entry.id);
      const full = path.join(root, file);
      const notebook = readNotebook(full);
      if (!notebook) continue;
      const fresh = buildNotebook(chapter, { language, solved: false, root });
      const sources = new Map(notebook.cells.map((cell) => [cell.id, cell.source]));
      if (fresh.cells.every((cell) => !wanted.has(cell.id) || sources.get(cell.id) === cell.source)) continue;
      backups.push(backUp(root, file, readFileSync(full, "utf8")));
      writeWhole(full, notebookText(resetExercises(notebook, fresh, wanted)));
      files.push(file);
    }
  }
  forget(ids);
  return { files, backups };
}
