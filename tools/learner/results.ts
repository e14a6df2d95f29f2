/** @file Checks what a learner has written in the notebooks: the same checks, the same messages as in the notebook. */
import { fork } from "node:child_process";
import path from "node:path";
import type { Verdict } from "../../lib/dist/course/check.js";
import { code } from "../../lib/dist/course/messages.js";
import { stubOf } from "../../lib/dist/course/source.js";
import { type Chapter, exerciseFile, loadChapters } from "../notebook/chapter.ts";
import { readNotebook } from "../notebook/format.ts";
import type { Report, Task } from "./child.ts";
import type { CodeCell } from "./program.ts";

/** One exercise of the course and how the learner's best answer does. */
export interface Result {
  readonly id: string;
  readonly number: string;
  readonly chapter: string;
  readonly verdict: Verdict;
}

export interface Selection {
  readonly chapter?: string | undefined;
  readonly exercise?: string | undefined;
  /** Milliseconds after which an answer is given up. */
  readonly patience?: number;
}

/** Checks the chosen exercises. Where several languages were worked on, the best answer to each exercise counts. */
export async function checkLearner(
  root: string,
  { chapter, exercise, patience = 60_000 }: Selection = {},
): Promise<Result[]> {
  const results: Result[] = [];
  for (const one of loadChapters(root, chapter).chapters) {
    const wanted = one.entry.exercises.map(({ id }) => id).filter((id) => !exercise || id === exercise);
    const best = new Map(wanted.map((id) => [id, todo(id)]));
    for (const language of one.course.languages) {
      const cells = codeCells(root, one, language);
      const open = wanted.filter((id) => best.get(id)?.state !== "passed" && isAnswered(one, cells, id));
      for (const verdict of await judgeAll(root, { cells, exercises: open }, patience)) {
        if (verdict.state === "passed" || best.get(verdict.id)?.state === "todo") best.set(verdict.id, verdict);
      }
    }
    for (const [i, { id }] of one.entry.exercises.entries()) {
      const verdict = best.get(id);
      if (verdict) results.push({ id, number: `${one.entry.number}.${i + 1}`, chapter: one.entry.id, verdict });
    }
  }
  return results;
}

function todo(id: string): Verdict {
  return { id, state: "todo", messages: [{ key: "check.notImplemented", values: { name: code(id) } }] };
}

function codeCells(root: string, chapter: Chapter, language: string): CodeCell[] {
  const notebook = readNotebook(path.join(root, exerciseFile(language, chapter.entry.id)));
  return (notebook?.cells ?? []).filter((cell) => cell.cell_type === "code").map(({ id, source }) => ({ id, source }));
}

function isAnswered(chapter: Chapter, cells: readonly CodeCell[], id: string): boolean {
  const own = cells.find((cell) => cell.id === id);
  const source = chapter.cells.find((cell) => cell.slug === id);
  return own !== undefined && source !== undefined && own.source !== stubOf(source.text, id);
}

/** How long the process may take before it begins with the first answer; a busy machine loads the engine slowly. */
const STARTING = 60_000; // milliseconds

/** Why an answer has no verdict of its own. */
interface Lost {
  readonly id: string;
  /** The exit code of its process; undefined if it was given up. */
  readonly exit?: number | string;
}

/** Judges in a process of its own. An answer that does not come back costs that process, and the next answers get a new one. */
async function judgeAll(root: string, task: Task, patience: number): Promise<Verdict[]> {
  if (task.exercises.length === 0) return [];
  const verdicts: Verdict[] = [];
  const lost = await new Promise<Lost | undefined>((resolve) => {
    const child = fork(path.join(import.meta.dirname, "child.ts"), {
      cwd: root,
      execArgv: ["--import", import.meta.resolve("tsx")],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      env: { ...process.env, GPTLAB_STRICT: "" },
    });
    let current = task.exercises[0] ?? "";
    let timer: NodeJS.Timeout;
    const end = (answer: Lost | undefined): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      child.kill("SIGKILL");
      resolve(answer);
    };
    const wait = (milliseconds: number): void => {
      clearTimeout(timer);
      timer = setTimeout(() => end({ id: current }), milliseconds);
    };
    child.on("message", (report: Report) => {
      wait(patience);
      if ("begins" in report) current = report.begins;
      else if ("verdict" in report) verdicts.push(report.verdict);
      else end(undefined);
    });
    child.on("exit", (exit, signal) => end({ id: current, exit: exit ?? signal ?? 0 }));
    wait(STARTING);
    child.send(task);
  });
  if (lost === undefined) return verdicts;
  const { id, exit } = lost;
  const message =
    exit === undefined
      ? { key: "check.slow", values: { call: code(id), seconds: patience / 1000 } }
      : { key: "check.crashed", values: { call: code(id), exit } };
  const rest = task.exercises.slice(task.exercises.indexOf(id) + 1);
  return [
    ...verdicts,
    { id, state: "failed", messages: [message] },
    ...(await judgeAll(root, { ...task, exercises: rest }, patience)),
  ];
}
