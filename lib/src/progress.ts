/** @file How long work tells how far it is: one report type and one place to send it. It draws nothing; the notebook and the command line install what draws. */

/** One line of news about long work. */
export interface Progress {
  /** What is being done, in words a reader understands ("Training", "Downloading sotu"). */
  readonly label: string;
  /** Units finished so far: steps, bytes or records. */
  readonly done: number;
  /** Units in all; 0 when it is not known. */
  readonly total: number;
  /** Seconds since the work began, or was taken up again. */
  readonly seconds: number;
  /** Units that were done before `seconds` began to count; 0 if not given. */
  readonly from?: number;
  /** Something worth seeing beside the bar, such as the current loss. */
  readonly note?: string;
}

/** A function that receives progress and shows or stores it. */
export type ProgressReporter = (p: Progress) => void;

const MILLISECONDS_BETWEEN_REPORTS = 200;

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

/**
 * Reports steps at most 5 times a second: the first call, the last step, and what is due in between. `always` reports in any case,
 * but no step twice.
 *
 * @param options.from steps that were done before, in an earlier run
 * @returns a function of the steps that are done, and of a note that is made only when it is needed
 * @example
 * import { stepReporter } from "gptlab";
 * const seen: number[] = [];
 * const tell = stepReporter("Counting", 1000, { onProgress: ({ done }) => seen.push(done) });
 * for (let done = 0; done <= 1000; done++) tell(done);
 * [seen[0], seen.at(-1)]; // => [0, 1000]
 */
export function stepReporter(
  label: string,
  total: number,
  options: { onProgress?: ProgressReporter; from?: number } = {},
): (done: number, note?: () => string, always?: boolean) => void {
  const { onProgress = report, from = 0 } = options;
  const started = performance.now();
  let told = Number.NEGATIVE_INFINITY;
  let last = -1;
  return (done, note, always = false) => {
    const now = performance.now();
    if (done === last || !(always || done >= total || now - told >= MILLISECONDS_BETWEEN_REPORTS)) return;
    told = now;
    last = done;
    const [text, before] = [note?.(), from > 0 ? { from } : {}];
    onProgress({ label, done, total, seconds: (now - started) / 1000, ...before, ...(text ? { note: text } : {}) });
  };
}
