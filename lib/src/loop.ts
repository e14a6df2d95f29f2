/** @file Runs long work step by step: tells progress, lets the event loop breathe, stops at Ctrl-C, the notebook's interrupt button or an AbortSignal. It draws nothing. */
import { setImmediate as macrotask } from "node:timers/promises";
import { Interrupted, watchInterrupt } from "./interrupt";
import { type ProgressReporter, report, stepReporter } from "./progress";

/**
 * Runs `step(0)` … `step(steps - 1)` one after the other and returns how many were run. A step may be asynchronous.
 * Between steps other events are served, so a notebook stays alive. Progress goes to `onProgress`, or else to the installed
 * reporter: before the first step, at most 5 times a second, and at the end.
 * Ctrl-C, the interrupt button or `signal` stop it after the current step: it throws {@link Interrupted}, and the state is
 * that of a whole number of steps. (In a notebook, declare that state in an earlier cell: the kernel forgets the names of a
 * cell that was interrupted.) An error of a step ends the loop unchanged. RangeError: `steps` is not a whole number ≥ 0.
 *
 * @param options.label what is being done, for the progress bar
 * @param options.note text beside the bar, made from the result of the latest step only when it is shown
 *
 * @example
 * import { loop } from "gptlab";
 * let sum = 0;
 * await loop(4, (i) => { sum += i; }); // => 4
 * sum; // => 6
 */
export async function loop(
  steps: number,
  step: (i: number) => unknown | Promise<unknown>,
  options: {
    label?: string;
    signal?: AbortSignal;
    note?: (result: unknown) => string;
    onProgress?: ProgressReporter;
  } = {},
): Promise<number> {
  const { label = "Steps", signal, note, onProgress = report } = options;
  if (!Number.isInteger(steps) || steps < 0)
    throw new RangeError(`loop() needs a whole number of steps, 0 or more, but got ${steps}.`);
  const tell = stepReporter(label, steps, { onProgress });
  let result: unknown;
  const words = (): string => note?.(result) ?? "";
  const watch = await watchInterrupt();
  try {
    tell(0);
    for (let i = 0; i < steps; i++) {
      await macrotask(); // serves the kernel's messages and signals
      if (watch.interrupted || signal?.aborted) {
        tell(i, i > 0 ? words : undefined, true);
        throw new Interrupted(`Stopped after ${i} of ${steps} steps. What was computed so far can be used.`);
      }
      result = await watch.run(() => step(i));
      tell(i + 1, words);
    }
    return steps;
  } finally {
    watch.close();
  }
}
