/** @file The process in which answers run, so that an endless loop can be ended. It receives tasks and sends a verdict for each. */
import { createRequire } from "node:module";
import type { Verdict } from "../../lib/dist/course/check.js";
import { judgeCells } from "./answer.ts";
import type { CodeCell } from "./program.ts";

/** The cells of a notebook and the exercises in it to check. */
export interface Task {
  readonly cells: readonly CodeCell[];
  readonly exercises: readonly string[];
}

export type Report = { readonly begins: string } | { readonly verdict: Verdict } | { readonly done: true };

const tell = (report: Report): void => void process.send?.(report);

process.once("message", async (task: Task) => {
  if (task.cells.some(({ source }) => source.includes("initBackend(")))
    await createRequire(import.meta.url)("gptlab").initBackend();
  for (const id of task.exercises) {
    tell({ begins: id });
    tell({ verdict: await judgeCells(task.cells, id) });
  }
  tell({ done: true });
});
process.on("unhandledRejection", () => {}); // of the learner's code; the check has its own verdict
