/** @file The table of what is solved and what is to do. */
import { bar } from "./card";
import { countSolved, type Journal, readJournal } from "./journal";
import { plain } from "./messages";
import { readCourse } from "./registry";
import { table, tableText } from "./table";

/** The rows of the overview: number, title, state in words, id. */
export function overviewRows(journal: Journal = readJournal()): readonly (readonly string[])[] {
  return readCourse().chapters.flatMap((chapter) =>
    chapter.exercises.map(({ id }, i) => {
      const state = journal[id]?.state ?? "todo";
      return [`${chapter.number}.${i + 1}`, plain({ key: `${id}.title` }), plain({ key: `progress.${state}` }), id];
    }),
  );
}

/** The line above the table: `[####------] 9 of 13`. */
export function overviewBar(journal: Journal = readJournal()): string {
  const count = countSolved(journal);
  return `${bar(count.done, count.total, 20)} ${plain({ key: "progress.count", values: count })}`;
}

function head(): readonly string[] {
  return ["progress.number", "progress.exercise", "progress.state", "progress.name"].map((key) => plain({ key }));
}

/** The overview as text, for a terminal. */
export function overviewText(journal: Journal = readJournal()): string {
  return tableText(overviewRows(journal), head(), overviewBar(journal));
}

/**
 * Shows which exercises are solved and how many are left.
 *
 * @example
 * import { progress } from "gptlab/course";
 * progress();
 */
export function progress(): void {
  table(overviewRows(), { head: head(), caption: overviewBar() });
}
