/** @file Notices tensors that an answer leaves behind: right answers that fill the memory when they are called again and again. */
import { tf } from "../tf";
import { copyOf } from "./compare";
import type { AnyFunction, Exercise } from "./exercise";
import { isTensor } from "./format";
import { isThenable } from "./steps";

/** Runs work and frees the tensors that it made, also when it is asynchronous. `tf.tidy` does so only for synchronous work. */
export function inScope<T>(work: () => T | Promise<T>): T | Promise<T> {
  tf.engine().startScope("check");
  const end = (): void => tf.engine().endScope();
  let waits = false;
  try {
    const result = work();
    if (!(result instanceof Promise)) return result;
    waits = true;
    return result.finally(end);
  } finally {
    if (!waits) end();
  }
}

/** How many tensors one call of a right answer leaves in memory, besides those that it returns. */
export function leakedTensors<F extends AnyFunction>(exercise: Exercise<F>, answer: F): number {
  const example = exercise.examples[0];
  if (!example) return 0;
  const input = copyOf(example.input);
  const before = tf.memory().numTensors;
  const result: unknown = answer(...input);
  if (isThenable(result)) {
    result.then(undefined, () => {}); // it is not waited for: its count would not be right
    return 0;
  }
  return Math.max(0, tf.memory().numTensors - before - tensorsIn(result, 3));
}

function tensorsIn(value: unknown, depth: number): number {
  if (isTensor(value)) return 1;
  if (depth === 0 || typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, inner: unknown) => sum + tensorsIn(inner, depth - 1), 0);
}
