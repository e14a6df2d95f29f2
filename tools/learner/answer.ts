/** @file Runs the program of one answer and checks the function that it defines. Output of the learner's code is dropped. */
import { createRequire } from "node:module";
import vm from "node:vm";
import type { Verdict } from "../../lib/dist/course/check.js";
import { judge } from "../../lib/dist/course/check.js";
import { loadExercise } from "../../lib/dist/course/exercises.js";
import { code, type Message } from "../../lib/dist/course/messages.js";
import { type AnswerProgram, answerProgram, type CodeCell } from "./program.ts";

const require = createRequire(import.meta.url);

/** What a notebook shows must not be shown here, and a check inside an answer must not check again. */
const quietCourse = {
  ...require("gptlab/course"),
  check: async () => {},
  show: async () => {},
  table: () => {},
  hint: () => {},
  progress: () => {},
  orReference: async (id: string, answer: unknown) => {
    const exercise = loadExercise(id);
    return (await judge(id, exercise, answer)).state === "passed" ? answer : exercise.reference;
  },
};

/** The function that a program defines; undefined if it defines none. */
export async function answerOf(program: AnswerProgram, name: string): Promise<unknown> {
  const load = (id: string): unknown => (id === "gptlab/course" ? quietCourse : require(id));
  const exported: { answer?: unknown } = {};
  const wrapped = `(async (require, exports, console) => {${program.code}\n})`;
  const run = vm.runInThisContext(wrapped, { filename: `${name}.js` }) as (
    require: unknown,
    exports: unknown,
    console: unknown,
  ) => Promise<void>;
  await run(load, exported, quietConsole);
  return exported.answer;
}

const quietConsole = new Proxy({}, { get: () => () => {} });

/** Checks the answer to one exercise as it stands in a notebook's cells. */
export async function judgeCells(cells: readonly CodeCell[], id: string): Promise<Verdict> {
  const program = answerProgram(cells, id);
  const failed = (key: string, values: NonNullable<Message["values"]>): Verdict => ({
    id,
    state: "failed",
    messages: [{ key, values }],
  });
  if (program.fault) return failed("check.syntax", { error: program.fault });
  try {
    const answer = await answerOf(program, id);
    if (answer === undefined) return failed("check.missing", { name: code(id) });
    return await judge(id, loadExercise(id), answer);
  } catch (error) {
    const text = error instanceof Error ? `${error.name}: ${error.message.split("\n")[0]}` : String(error);
    return failed("check.cell", { error: text });
  }
}
