/**
 * @file What a learner does outside the notebook. Usage: `npx tsx tools/course.ts` and one of
 * `check [--exercise ID] [--chapter 01] [--test]` · `hint --exercise ID [--level 2]` · `progress` · `reset --exercise ID | --chapter 01 | --all [--yes]`;
 * `--root FOLDER` is the course, this one by default. The Makefile calls it.
 */
import path from "node:path";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { verdictText } from "../lib/dist/course/card.js";
import { hint } from "../lib/dist/course/hint.js";
import { record } from "../lib/dist/course/journal.js";
import { plain } from "../lib/dist/course/messages.js";
import { overviewBar, overviewText } from "../lib/dist/course/overview.js";
import { findExercise, lang, readCourse } from "../lib/dist/course/registry.js";
import { resetLearner, resettable } from "./learner/reset.ts";
import { checkLearner, type Result } from "./learner/results.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    exercise: { type: "string" },
    level: { type: "string" },
    chapter: { type: "string" },
    all: { type: "boolean", default: false },
    yes: { type: "boolean", default: false },
    test: { type: "boolean", default: false },
    root: { type: "string", default: path.join(import.meta.dirname, "..") },
  },
});
const root = path.resolve(flags.root);
process.env.GPTLAB_LANG ??= lang(); // before the folder changes: its name says the language
process.chdir(root);

async function check(): Promise<number> {
  if (unknownExercise(flags.exercise) || unknownChapter(flags.chapter)) return 1;
  const results = await checkLearner(root, { chapter: flags.chapter, exercise: flags.exercise });
  const tried = results.filter(({ verdict }) => verdict.state !== "todo");
  if (!flags.test) for (const { id, verdict } of tried) record(id, verdict.state === "passed");
  for (const { number, verdict } of tried) console.log(`${number}  ${verdictText(verdict)}`);
  for (const line of todoLines(results)) console.log(line);
  if (tried.length < results.length) console.log(`  ${plain({ key: "progress.saved" })}`);
  if (!flags.test) console.log(overviewBar());
  const failed = tried.filter(({ verdict }) => verdict.state === "failed").length;
  console.log(`${tried.length - failed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

/** One line a chapter for what is not begun. */
function todoLines(results: readonly Result[]): string[] {
  const open = results.filter(({ verdict }) => verdict.state === "todo");
  const chapters = [...new Set(open.map(({ chapter }) => chapter))];
  return chapters.map(
    (chapter) =>
      `${plain({ key: "progress.todo" })}  ${open
        .filter((result) => result.chapter === chapter)
        .map(({ number, id }) => `${number} ${id}`)
        .join(", ")}`,
  );
}

function unknownExercise(id: string | undefined): boolean {
  if (id === undefined || findExercise(id)) return false;
  console.error(`There is no exercise "${id}". "make progress" shows all names.`);
  return true;
}

function unknownChapter(number: string | undefined): boolean {
  const numbers = readCourse(root).chapters.map(({ id }) => id.slice(0, 2));
  if (number === undefined || numbers.includes(number)) return false;
  console.error(`There is no chapter ${number}, only ${numbers.join(", ")}.`);
  return true;
}

function showHint(): number {
  const id = flags.exercise ?? positionals[1];
  const level = flags.level ?? positionals[2] ?? "1";
  if (!id) console.error("Which exercise? make hint EX=mergePair N=1");
  else if (!unknownExercise(id)) {
    if (level === "1" || level === "2" || level === "3") {
      hint(id, Number(level) as 1 | 2 | 3);
      return 0;
    }
    console.error(`N is ${level}, expected 1, 2 or 3`);
  }
  return 1;
}

async function reset(): Promise<number> {
  if (!flags.exercise && !flags.chapter && !flags.all) {
    console.error("What shall be reset? make reset EX=mergePair, make reset CH=01 or make reset ALL=1");
    return 2;
  }
  if (unknownExercise(flags.exercise) || unknownChapter(flags.chapter)) return 1;
  const ids = resettable(root, { chapter: flags.chapter, exercise: flags.exercise });
  if (
    !flags.yes &&
    !(await agrees(`Put the stubs of ${ids.join(", ")} back? Your answers are kept in backups/. [y/N] `))
  ) {
    console.log("Nothing was changed.");
    return 1;
  }
  const { files, backups } = resetLearner(root, ids);
  console.log(`Reset: ${ids.join(", ")}.`);
  for (const file of files)
    console.log(`changed ${file} (if it is open in JupyterLab: File > Reload Notebook from Disk)`);
  for (const file of backups) console.log(`kept ${file}`);
  return 0;
}

async function agrees(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    console.error("This needs an answer from the keyboard; add YES=1 to go on without it.");
    return false;
  }
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await reader.question(question);
  reader.close();
  return /^y(es)?$/i.test(answer.trim());
}

function showProgress(): number {
  console.log(overviewText());
  return 0;
}

const tasks: Record<string, () => number | Promise<number>> = { check, hint: showHint, progress: showProgress, reset };
const task = tasks[positionals[0] ?? ""];
if (!task) console.error(`Expected one of ${Object.keys(tasks).join(", ")}, found ${positionals[0] ?? "nothing"}`);
process.exitCode = task ? await task() : 2;
