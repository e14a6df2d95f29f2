/** @file What a learner calls in a cell: `check` and `orReference`. Neither throws for a learner; both do in strict mode. */
import { frame, verdictBundle, verdictText } from "./card";
import { judge, type Verdict } from "./check";
import { display } from "./display";
import type { AnyFunction, Exercise } from "./exercise";
import { loadExercise } from "./exercises";
import { countSolved, record } from "./journal";
import { inScope, leakedTensors } from "./leak";
import { code, html, isStrict, type Message, plain } from "./messages";

/**
 * Checks an answer and shows what was found: what is right, what was expected, which mistake it looks like.
 * What passes is remembered. It never throws for a learner; with `GPTLAB_STRICT=1` a failure is an Error.
 *
 * @param id the exercise, for example "mergePair"
 * @param answer the learner's function
 *
 * @example
 * import { check } from "gptlab/course";
 * await check("sgdStep", (parameters: number[]) => parameters); // shows what is wrong
 */
export function check(id: string, answer: unknown): Promise<void> {
  return finish(examine(id, answer), (verdict) => {
    const passed = verdict.state === "passed";
    if (!passed && isStrict()) throw new Error(verdictText(verdict, "", "en"));
    if (verdict.state === "todo") return display(verdictBundle(verdict));
    try {
      const journal = record(id, passed);
      display(verdictBundle(verdict, passed ? countSolved(journal) : undefined));
    } catch (error) {
      display(verdictBundle(verdict));
      note({ key: "progress.notSaved", values: { error: messageOf(error) } }, "bad");
    }
  });
}

/**
 * The learner's function if it passes its check, else the course's own, so that later cells run either way. One line says which.
 *
 * @param id the exercise
 * @param answer the learner's function
 *
 * @example
 * import { orReference } from "gptlab/course";
 * const step = await orReference("sgdStep", (parameters: number[], gradients: number[], lr: number) => parameters);
 * step([1], [2], 0.5); // => [0]
 */
export function orReference<F>(id: string, answer: F): Promise<F> {
  return finish(examine(id, answer), (verdict) => {
    const yours = verdict.state === "passed";
    if (!yours && isStrict()) throw new Error(verdictText(verdict, "", "en"));
    const [problem] = verdict.messages;
    if (problem?.key === "check.unavailable") {
      note(problem, "bad"); // a name that no exercise has: there is no function of the course to give
      return answer;
    }
    note({ key: yours ? "reference.yours" : "reference.ours", values: { name: code(id) } }, yours ? "good" : "neutral");
    return yours ? answer : (loadExercise(id).reference as F);
  });
}

function note(message: Message, kind: "good" | "bad" | "neutral"): void {
  display({ "text/plain": plain(message), "text/html": frame(html(message), kind) });
}

function examine(id: string, answer: unknown): Verdict | Promise<Verdict> {
  try {
    const exercise = loadExercise(id);
    return inScope(() => {
      const verdict = judge(id, exercise, answer);
      return verdict instanceof Promise ? verdict : withRemark(verdict, exercise, answer);
    });
  } catch (error) {
    if (isStrict()) throw error;
    return { id, state: "failed", messages: [{ key: "check.unavailable", values: { error: messageOf(error) } }] };
  }
}

/** A right answer that leaves tensors behind passes with a remark. */
function withRemark(verdict: Verdict, exercise: Exercise<AnyFunction>, answer: unknown): Verdict {
  if (verdict.state !== "passed" || typeof answer !== "function") return verdict;
  const count = leakedTensors(exercise, answer as AnyFunction);
  return count > 0 ? { ...verdict, messages: [{ key: "check.leak", values: { count } }] } : verdict;
}

/** Goes on at once with a plain verdict, so that a cell stays interruptible; all that fails rejects the promise. */
async function finish<T>(verdict: Verdict | Promise<Verdict>, then: (verdict: Verdict) => T): Promise<T> {
  return then(verdict instanceof Promise ? await verdict : verdict);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
