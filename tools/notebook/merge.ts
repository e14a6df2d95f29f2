/** @file Puts a new edition of a notebook under a learner's work: answers, own cells and edits stay. It works on notebooks in memory. */
import { isEdited, madeHash } from "./build.ts";
import type { Notebook, NotebookCell } from "./format.ts";

export interface Merged {
  readonly notebook: Notebook;
  /** Sentences for the learner: what could not stay as it was. */
  readonly notes: readonly string[];
  /** True if something of the learner is not in the new notebook: then the old file must be kept as a backup. */
  readonly needsBackup: boolean;
}

export function isExercise(cell: NotebookCell): boolean {
  return Array.isArray(cell.metadata.tags) && cell.metadata.tags.includes("exercise");
}

/** True if a cell is not as it was generated: an answer, an edit, or a cell of the learner's own. */
function isLearners(cell: NotebookCell, fresh: NotebookCell | undefined): boolean {
  return isEdited(cell) && cell.source !== fresh?.source;
}

/** True if a notebook holds anything that a learner wrote. */
export function hasWork(notebook: Notebook, fresh: Notebook): boolean {
  const byId = new Map(fresh.cells.map((cell) => [cell.id, cell]));
  return notebook.cells.some((cell) => isLearners(cell, byId.get(cell.id)) && cell.source.trim() !== "");
}

/** The new notebook with the learner's work of the old one in it. */
export function mergeNotebooks(old: Notebook, fresh: Notebook): Merged {
  if (!hasWork(old, fresh)) return { notebook: fresh, notes: [], needsBackup: false };
  const notes: string[] = [];
  let needsBackup = false;
  const oldById = new Map(old.cells.map((cell) => [cell.id, cell]));
  const freshIds = new Set(fresh.cells.map((cell) => cell.id));

  const generated = fresh.cells.map((cell): NotebookCell => {
    const before = oldById.get(cell.id);
    if (!before) return cell;
    if (before.cell_type !== cell.cell_type) {
      if (before.source !== cell.source) {
        notes.push(`cell ${cell.id} had become another kind of cell; it is as the course makes it again`);
        needsBackup = true;
      }
      return cell;
    }
    const outputs =
      cell.cell_type === "code"
        ? { outputs: before.outputs ?? [], execution_count: before.execution_count ?? null }
        : {};
    if (before.source === cell.source) return { ...cell, ...outputs };
    if (!isLearners(before, cell)) return cell;
    const sameEdition = madeHash(before) === madeHash(cell);
    if (isExercise(cell)) {
      if (!sameEdition) notes.push(`the exercise ${cell.id} has a new text or stub; your answer stays as it is`);
      return { ...cell, ...outputs, source: before.source };
    }
    if (sameEdition) return { ...cell, ...outputs, source: before.source };
    notes.push(`cell ${cell.id} is new in the course, so your change to it was replaced`);
    needsBackup = true;
    return cell;
  });

  const cells = [...generated];
  let anchor = "";
  for (const cell of old.cells) {
    const own = !freshIds.has(cell.id) && isLearners(cell, undefined);
    if (own) {
      const { gptlab: _, ...metadata } = cell.metadata;
      cells.splice(cells.findIndex(({ id }) => id === anchor) + 1, 0, { ...cell, metadata });
    }
    if (own || freshIds.has(cell.id)) anchor = cell.id;
  }
  return { notebook: { ...fresh, cells }, notes, needsBackup };
}

/** What is not up to date in an exercise notebook. What a learner wrote is no problem. */
export function stalenessOf(existing: Notebook, fresh: Notebook): string[] {
  const byId = new Map(existing.cells.map((cell) => [cell.id, cell]));
  return fresh.cells.flatMap((cell) => {
    const found = byId.get(cell.id);
    if (!found) return [`cell "${cell.id}" is missing`];
    const current = found.source === cell.source || (isLearners(found, cell) && madeHash(found) === madeHash(cell));
    return current ? [] : [`cell "${cell.id}" is not the one of the source`];
  });
}

/** The notebook with the stubs of these exercises put back. */
export function resetExercises(notebook: Notebook, fresh: Notebook, ids: ReadonlySet<string>): Notebook {
  const stubs = new Map(fresh.cells.filter((cell) => ids.has(cell.id)).map((cell) => [cell.id, cell]));
  return { ...notebook, cells: notebook.cells.map((cell) => stubs.get(cell.id) ?? cell) };
}
