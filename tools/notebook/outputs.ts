/** @file The outputs of the solved notebooks: executed once, in English, kept in the file, shared by the languages. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Language } from "../../lib/dist/course/registry.js";
import { buildNotebook, codeHash, profileHash } from "./build.ts";
import { type Chapter, solutionFile } from "./chapter.ts";
import { rollUpDeclarations } from "./declarations.ts";
import { type CellOutput, type Notebook, notebookText, readNotebook, writeWhole } from "./format.ts";

/** Characters of outputs that a solved notebook may keep: it is committed, once for each language. */
const MOST_OUTPUT = 1_000_000;

/** What was executed, as it stands in the metadata of a solved notebook. */
export interface Execution {
  readonly codeHash: string;
  readonly profileHash: string;
  readonly libVersion: string;
  /** Hash of the outputs as they came from the kernel: tells if one was taken away or changed. */
  readonly outputsHash: string;
  readonly outputs: ReadonlyMap<string, readonly CellOutput[]>;
}

/** The outputs that are kept for a chapter; undefined if it was never executed. */
export function keptExecution(root: string, chapter: Chapter): Execution | undefined {
  const notebook = readNotebook(path.join(root, solutionFile("en", chapter.entry.id)));
  const own = notebook?.metadata.gptlab;
  if (!notebook || typeof own !== "object" || own === null || typeof Reflect.get(own, "codeHash") !== "string")
    return undefined;
  const outputs = new Map(notebook.cells.map((cell) => [cell.id, cell.outputs ?? []]));
  const read = (name: string) => String(Reflect.get(own, name));
  return {
    codeHash: read("codeHash"),
    profileHash: read("profileHash"),
    libVersion: read("libVersion"),
    outputsHash: read("outputsHash"),
    outputs,
  };
}

/** The hash of all outputs, in the order of the cells. */
export function hashOutputs(outputs: Execution["outputs"]): string {
  const shown = Array.from(outputs).filter(([, list]) => list.length > 0);
  return createHash("sha256").update(sortedJson(shown)).digest("hex").slice(0, 16);
}

/** JSON whose keys are in order, so that equal outputs have equal text. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

/** The solved notebook of one language with the outputs in it. */
export function solvedNotebook(
  root: string,
  chapter: Chapter,
  language: Language,
  execution: Execution | undefined,
): Notebook {
  const notebook = buildNotebook(chapter, { language, solved: true, root });
  if (!execution) return notebook;
  const { outputs, ...hashes } = execution;
  const cells = notebook.cells.map((cell) =>
    cell.cell_type === "code" ? { ...cell, outputs: outputs.get(cell.id) ?? [] } : cell,
  );
  return {
    ...notebook,
    cells,
    metadata: { ...notebook.metadata, gptlab: { chapter: chapter.entry.id, lang: language, ...hashes } },
  };
}

/** Why the outputs of a chapter do not belong to its code; empty if they do. */
export function executionProblems(root: string, chapter: Chapter, execution: Execution | undefined): string[] {
  const remedy = `run "make solutions CH=${chapter.entry.id.split("_")[0]}" (some minutes)`;
  const file = solutionFile("en", chapter.entry.id);
  if (!execution) return [`${file} was never executed: ${remedy}`];
  const problems: string[] = [];
  if (execution.codeHash !== codeHash(chapter))
    problems.push(`${file}: the code has changed since its outputs were made: ${remedy}`);
  if (execution.profileHash !== profileHash(chapter))
    problems.push(`${file}: the laptop profile in course.json has changed since its outputs were made: ${remedy}`);
  if (execution.outputsHash !== hashOutputs(execution.outputs))
    problems.push(`${file}: its outputs are not those of its execution: run "git checkout -- ${file}", or ${remedy}`);
  const size = JSON.stringify(Array.from(execution.outputs)).length;
  if (size > MOST_OUTPUT)
    problems.push(`${file} has ${size} characters of outputs, at most ${MOST_OUTPUT}: draw or print less`);
  for (const [slug, outputs] of execution.outputs)
    problems.push(...outputProblems(root, outputs).map((problem) => `${file}: cell "${slug}" ${problem}`));
  return problems;
}

/** What must not be in a kept output. */
function outputProblems(root: string, outputs: readonly CellOutput[]): string[] {
  const problems: string[] = [];
  for (const output of outputs) {
    const text = JSON.stringify(output);
    if (output.name === "stderr") problems.push("wrote to stderr: mend what it complains of");
    if (output.output_type === "display_data" && !output.data?.["text/plain"])
      problems.push("has an output without a text alternative");
    if (text.includes(`${root}/`) || text.includes(`${os.homedir()}/`))
      problems.push("shows a path of this machine: do not print it");
  }
  return problems;
}

/** Python of the course's own environment; `GPTLAB_PYTHON` is used before it. */
export function pythonOf(root: string): string | undefined {
  const own = [
    process.env.GPTLAB_PYTHON,
    path.join(root, ".venv/bin/python"),
    path.join(root, ".venv/Scripts/python.exe"),
  ];
  return own.find((file): file is string => Boolean(file) && existsSync(String(file)));
}

/** What `run_notebooks.py` reports of one notebook. */
export interface RunResult {
  readonly notebook: string;
  readonly seconds: number;
  readonly problems: readonly string[];
}

/** Runs notebooks on the real kernel and prints a line for each. With `write` their outputs are kept in the files. */
export function runNotebooks(
  root: string,
  files: readonly string[],
  options: { env: Record<string, string>; write?: boolean; jobs?: number },
): readonly RunResult[] {
  const python = pythonOf(root);
  if (!python) throw new Error('No Python with Jupyter was found in .venv. Run "make setup"');
  rollUpDeclarations();
  const folder = mkdtempSync(path.join(os.tmpdir(), "gptlab-run-"));
  const summary = path.join(folder, "summary.json");
  const args = [
    path.join(import.meta.dirname, "..", "run_notebooks.py"),
    "--json",
    summary,
    "--jobs",
    String(options.jobs ?? 2),
    ...(options.write ? ["--write"] : []),
    ...files,
  ];
  const child = spawnSync(python, args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...options.env },
  });
  if (!existsSync(summary))
    throw new Error(`run_notebooks.py ended with code ${child.status} and wrote no summary: see above what stopped it`);
  return JSON.parse(readFileSync(summary, "utf8")) as RunResult[];
}

/** Executes one solved chapter and writes its notebook in every language. Problems: what went wrong while it ran. */
export function executeChapter(root: string, chapter: Chapter, libVersion: string): readonly string[] {
  const file = path.join(root, solutionFile("en", chapter.entry.id));
  const before = existsSync(file) ? readFileSync(file, "utf8") : undefined;
  writeWhole(file, notebookText(buildNotebook(chapter, { language: "en", solved: true, root })));
  const env = { PROFILE: "laptop", GPTLAB_STRICT: "1", GPTLAB_LANG: "en" };
  const [result] = runNotebooks(root, [file], { env, write: true, jobs: 1 });
  const executed = readNotebook(file);
  if (!result || result.problems.length > 0 || !executed) {
    if (before !== undefined) writeWhole(file, before);
    return result?.problems ?? ["no result"];
  }
  const outputs = new Map(executed.cells.map((cell) => [cell.id, cell.outputs ?? []]));
  const execution = {
    codeHash: codeHash(chapter),
    profileHash: profileHash(chapter),
    libVersion,
    outputsHash: hashOutputs(outputs),
    outputs,
  };
  for (const language of chapter.course.languages) {
    writeWhole(
      path.join(root, solutionFile(language, chapter.entry.id)),
      notebookText(solvedNotebook(root, chapter, language, execution)),
    );
  }
  return [];
}
