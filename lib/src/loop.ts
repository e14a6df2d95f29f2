/** @file Runs long work step by step: tells progress, lets the event loop breathe, stops at Ctrl-C, the notebook's interrupt button or an AbortSignal. It draws nothing. */
import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate as macrotask } from "node:timers/promises";
import { type ProgressReporter, report } from "./progress";

const MILLISECONDS_BETWEEN_REPORTS = 200;

/**
 * Thrown when long work was stopped on purpose. It carries no stack trace, because nothing went wrong. What was computed so far can be used.
 *
 * @example
 * import { Interrupted, loop } from "gptlab";
 * const stopped = AbortSignal.abort();
 * const error = await loop(10, () => undefined, { signal: stopped }).catch((reason: unknown) => reason);
 * error instanceof Interrupted; // => true
 */
export class Interrupted extends Error {
  constructor(message = "Stopped on request.") {
    super(message);
    this.name = "Interrupted";
    this.stack = `Interrupted: ${message}`;
  }
}

/** How many interrupts there had been when the outermost loop began: a loop inside a step stops for the same interrupt. */
const outermost = new AsyncLocalStorage<number>();
let interrupts = 0;
let loopsRunning = 0;
let listening = false;
let kernelListeners: NodeJS.SignalsListener[] = [];

/** The notebook kernel has loaded its main file; a program that merely imports tslab's parts has not. */
function inKernel(): boolean {
  return Object.keys(require.cache).some((file) => /[\\/]tslab[\\/]dist[\\/]main\.js$/.test(file));
}

/**
 * Catches one SIGINT. In the kernel it takes the place of the kernel's own listener meanwhile: that one would end the
 * cell at once while the step still runs behind it. A second signal finds everything as it was: it ends the cell, or the program.
 * Call it from a macrotask only. The kernel runs the synchronous part of a cell under `breakOnSigint`; a listener added
 * there is lost, and the next interrupt kills the kernel.
 */
function listen(): void {
  if (listening) return;
  listening = true;
  process.on("SIGINT", onInterrupt);
  if (!inKernel()) return;
  const all = process.rawListeners("SIGINT") as NodeJS.SignalsListener[];
  kernelListeners = all.filter((listener) => listener !== onInterrupt);
  for (const listener of kernelListeners) process.removeListener("SIGINT", listener);
}

function stopListening(): void {
  if (!listening) return;
  listening = false;
  for (const listener of kernelListeners) process.on("SIGINT", listener);
  kernelListeners = [];
  process.removeListener("SIGINT", onInterrupt); // last, so that a signal never meets a process without a listener
}

function onInterrupt(): void {
  interrupts++;
  stopListening();
}

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
  const started = performance.now();
  let lastReport = Number.NEGATIVE_INFINITY;
  let reported = -1;
  let result: unknown;
  const tell = (done: number): void => {
    if (done === reported) return;
    reported = done;
    lastReport = performance.now();
    const text = done > 0 && note ? { note: note(result) } : {};
    onProgress({ label, done, total: steps, seconds: (lastReport - started) / 1000, ...text });
  };

  await macrotask();
  const interruptsBefore = outermost.getStore() ?? interrupts;
  loopsRunning++;
  listen();
  try {
    tell(0);
    for (let i = 0; i < steps; i++) {
      await macrotask(); // serves the kernel's messages and signals
      if (interrupts > interruptsBefore || signal?.aborted) {
        tell(i);
        throw new Interrupted(`Stopped after ${i} of ${steps} steps. What was computed so far can be used.`);
      }
      result = await outermost.run(interruptsBefore, step, i);
      if (performance.now() - lastReport >= MILLISECONDS_BETWEEN_REPORTS) tell(i + 1);
    }
    tell(steps);
    return steps;
  } finally {
    loopsRunning--;
    if (loopsRunning === 0) stopListening();
  }
}
