/** @file The interrupt: Ctrl-C, or the notebook's button, as a flag that long work looks at between its steps. It stops nothing by itself. */
import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate as macrotask } from "node:timers/promises";

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

/** Made by {@link watchInterrupt}. */
export interface InterruptWatch {
  /** True once somebody has interrupted the work. */
  readonly interrupted: boolean;
  /** Does a part of the work. A watch that begins inside it stops for the same interrupt. */
  run<T>(part: () => T): T;
  /** Ends the watch: the interrupt is again what it was before. */
  close(): void;
}

/** How many interrupts there had been when the outermost work began. */
const outermost = new AsyncLocalStorage<number>();
let interrupts = 0;
let watches = 0;
let listening = false;
let kernelListeners: NodeJS.SignalsListener[] = [];

/** The notebook kernel has loaded its main file; a program that merely imports tslab's parts has not. */
function inKernel(): boolean {
  return Object.keys(require.cache).some((file) => /[\\/]tslab[\\/]dist[\\/]main\.js$/.test(file));
}

/**
 * Catches one SIGINT. In the kernel it takes the place of the kernel's own listener meanwhile: that one would end the
 * cell at once while the step still runs behind it. A second signal finds everything as it was: it ends the cell, or the program.
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

/** Ends a watch that nobody closed: a generator that is dropped in the midst never comes to its `finally`. */
const dropped = new FinalizationRegistry(end);

function end(state: { open: boolean }): void {
  if (!state.open) return;
  state.open = false;
  watches--;
  if (watches === 0) stopListening();
}

/**
 * Begins to watch for Ctrl-C and the notebook's interrupt button. Long work looks at `interrupted` after each step, and lets the
 * event loop run in between: a signal is noticed only there. `close` must follow, whatever happens: a watch that is
 * forgotten ends only when its memory is collected. `loop()` and `train()` do all this.
 *
 * @example
 * import { Interrupted, watchInterrupt } from "gptlab";
 * const watch = await watchInterrupt();
 * let sum = 0;
 * try {
 *   for (let i = 0; i < 3; i++) {
 *     if (watch.interrupted) throw new Interrupted(`Stopped after ${i} of 3 steps.`);
 *     sum += watch.run(() => i);
 *     await new Promise(setImmediate);
 *   }
 * } finally {
 *   watch.close();
 * }
 * sum; // => 3
 */
export async function watchInterrupt(): Promise<InterruptWatch> {
  // The kernel runs the synchronous part of a cell under `breakOnSigint`: a listener added there is lost, and the next
  // interrupt kills the kernel.
  await macrotask();
  const before = outermost.getStore() ?? interrupts;
  const state = { open: true };
  watches++;
  listen();
  const watch: InterruptWatch = {
    get interrupted() {
      return interrupts > before;
    },
    run: (part) => outermost.run(before, part),
    close: () => end(state),
  };
  dropped.register(watch, state);
  return watch;
}
