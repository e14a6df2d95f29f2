/**
 * @file Makes the notebooks from `chapters/src`. Usage: `npx tsx tools/notebooks.ts [--root FOLDER]` and one of
 * (nothing) writes them, a learner's work stays · `--check` writes nothing and fails if one is not up to date ·
 * `--execute [01]` runs the solved notebooks and keeps their outputs · `--run [01] [--all]` runs copies of all notebooks ·
 * `--stamp [01]` marks the translations as up to date, after someone has read them.
 */
import { rmSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { buildNotebook } from "./notebook/build.ts";
import { loadChapters } from "./notebook/chapter.ts";
import { checkNotebooks, libVersion, stamp, writeNotebooks } from "./notebook/files.ts";
import { notebookText, writeWhole } from "./notebook/format.ts";
import { executeChapter, type RunResult, runNotebooks } from "./notebook/outputs.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: "boolean", default: false },
    execute: { type: "boolean", default: false },
    run: { type: "boolean", default: false },
    stamp: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    root: { type: "string", default: path.join(import.meta.dirname, "..") },
  },
});
const root = path.resolve(flags.root);
const [chapterArgument] = positionals;

function fail(problems: readonly string[]): boolean {
  for (const problem of problems) console.error(`problem: ${problem}`);
  return problems.length > 0;
}

function check(): boolean {
  const { problems, warnings } = checkNotebooks(root, { exact: process.env.CI === "true", chapter: chapterArgument });
  for (const warning of warnings) console.log(`note: ${warning}`);
  if (!fail(problems)) console.log("sources, translations and notebooks are in order");
  return problems.length > 0;
}

function write(): boolean {
  const { written, notes, problems } = writeNotebooks(root, chapterArgument);
  for (const file of written) console.log(`wrote ${file}`);
  for (const note of notes) console.log(`note: ${note}`);
  if (written.length === 0) console.log("all notebooks are up to date");
  return fail(problems);
}

function execute(): boolean {
  const { chapters, problems } = loadChapters(root, chapterArgument);
  const failed = fail(problems);
  return chapters.map((chapter) => fail(executeChapter(root, chapter, libVersion()))).some(Boolean) || failed;
}

/**
 * Runs copies in a folder of its own in `.build`, so that neither a learner's work nor kept outputs are touched: unsolved, as a learner begins, and
 * solved and strict. The languages share their code; `--all`, or CI, runs the unsolved ones of every language all the same.
 */
function run(): boolean {
  const { chapters, problems } = loadChapters(root, chapterArgument);
  const folder = path.join(root, ".build", `run-${process.pid}`);
  const everyLanguage = flags.all || process.env.CI === "true";
  const copies = (solved: boolean): string[] =>
    chapters.flatMap((chapter) =>
      chapter.course.languages
        .filter((language) => language === "en" || (everyLanguage && !solved))
        .map((language) => {
          const file = path.join(folder, solved ? "solved" : "unsolved", language, `${chapter.entry.id}.ipynb`);
          writeWhole(file, notebookText(buildNotebook(chapter, { language, solved, root })));
          return file;
        }),
    );
  let results: RunResult[];
  try {
    results = [
      ...runNotebooks(root, copies(false), { env: {} }),
      ...runNotebooks(root, copies(true), { env: { GPTLAB_STRICT: "1" } }),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const failed = results.filter((result) => result.problems.length > 0).length;
  fail(problems);
  console.log(`${results.length - failed} passed, ${failed + problems.length} failed`);
  return failed + problems.length > 0;
}

function stampAll(): boolean {
  for (const file of stamp(root, chapterArgument)) console.log(`stamped ${file}`);
  return false;
}

const task = flags.check ? check : flags.execute ? execute : flags.run ? run : flags.stamp ? stampAll : write;
process.exitCode = task() ? 1 : 0;
