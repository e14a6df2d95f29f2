/** @file How long work tells how far it is: one report type and one place to send it. It draws nothing; the notebook and the command line install what draws. */

/** One line of news about long work. */
export interface Progress {
  /** What is being done, in words a reader understands ("Training", "Downloading sotu"). */
  readonly label: string;
  /** Units finished so far: steps, bytes or records. */
  readonly done: number;
  /** Units in all; 0 when it is not known. */
  readonly total: number;
  /** Seconds since the work began. */
  readonly seconds: number;
  /** Something worth seeing beside the bar, such as the current loss. */
  readonly note?: string;
}

/** A function that receives progress and shows or stores it. */
export type ProgressReporter = (p: Progress) => void;

let reporter: ProgressReporter | undefined;

/**
 * Says where progress goes from now on; `undefined` silences it. The notebook and the command line call this, so a library user rarely does.
 *
 * @example
 * import { report, setProgressReporter } from "gptlab";
 * const seen: number[] = [];
 * setProgressReporter((p) => seen.push(p.done));
 * report({ label: "Counting", done: 3, total: 10, seconds: 0.2 });
 * setProgressReporter(undefined);
 * seen; // => [3]
 */
export function setProgressReporter(r: ProgressReporter | undefined): void {
  reporter = r;
}

/**
 * Hands one report to the installed reporter, or drops it when there is none. A caller must not send more than a few a second: nothing is held back here.
 *
 * @example
 * import { report } from "gptlab";
 * report({ label: "Counting", done: 1, total: 10, seconds: 0.1, note: "nobody listens: nothing happens" });
 */
export function report(p: Progress): void {
  reporter?.(p);
}
