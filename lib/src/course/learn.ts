/** @file What a learner calls in a cell: `check` and `orReference`. Neither throws for a learner; both do in strict mode. */
import { frame, verdictBundle, verdictText } from "./card";
import { judge, type Verdict } from "./check";
import { display } from "./display";
import { loadExercise } from "./exercises";
import { type Journal, record } from "./journal";
import { Code, html, isStrict, plain } from "./messages";
import { readCourse } from "./registry";

/** How many exercises of the course are solved. */
export function countSolved(journal: Journal): { readonly done: number; readonly total: number } {
  const ids = readCourse().chapters.flatMap((chapter) => chapter.exercises.map((entry) => entry.id));
  return { done: ids.filter((id) => journal[id]?.state === "passed").length, total: ids.length };
}

/**
 * Checks an answer and shows what was found: what is right, what was expected, which mistake it looks like.
 * What passes is remembered. It never throws for a learner; with `GPTLAB_STRICT=1` a failure is an Error.
 *
 * @param id the exercise, for example "mergePair"
 * @param answer the learner's function
 */
export function check(id: string, answer: unknown): Promise<void> {
  return finish(examine(id, answer), (verdict) => {
    if (isStrict()) {
      if (verdict.state !== "passed") throw new Error(verdictText(verdict, "", "en"));
    }
    const journal = verdict.state === "todo" ? undefined : record(id, verdict.state === "passed");
    display(verdictBundle(verdict, journal && verdict.state === "passed" ? countSolved(journal) : undefined));
  });
}

/**
 * The learner's function if it passes its check, else the course's own, so that later cells run either way. One line says which.
 *
 * @param id the exercise
 * @param answer the learner's function
 */
export function orReference<F>(id: string, answer: F): Promise<F> {
  return finish(examine(id, answer), (verdict) => {
    const yours = verdict.state === "passed";
    if (!yours && isStrict()) throw new Error(verdictText(verdict, "", "en"));
    const message = { key: yours ? "reference.yours" : "reference.ours", values: { name: new Code(id) } };
    display({ "text/plain": plain(message), "text/html": frame(html(message), yours ? "good" : "neutral") });
    return yours ? answer : (loadExercise(id).reference as F);
  });
}

function examine(id: string, answer: unknown): Verdict | Promise<Verdict> {
  try {
    return judge(id, loadExercise(id), answer);
  } catch (error) {
    if (isStrict()) throw error;
    return { id, state: "failed", messages: [{ key: "check.unavailable", values: { error: error instanceof Error ? error.message : String(error) } }] };
  }
}

/** Goes on at once with a plain verdict, so that a cell stays interruptible; all that fails rejects the promise. */
async function finish<T>(verdict: Verdict | Promise<Verdict>, then: (verdict: Verdict) => T): Promise<T> {
  return then(verdict instanceof Promise ? await verdict : verdict);
}
