/** @file Shows things: several forms at once in a notebook, plain text on standard output elsewhere. It knows nothing of what it shows. */

/** One output in several forms, by MIME type. Plain text is always there: screen readers, terminals and tests read it. */
export interface Bundle {
  readonly "text/plain": string;
  readonly "text/html"?: string;
  readonly [mime: string]: unknown;
}

type WriteDisplayData = (
  data: { data: Bundle; metadata: Readonly<Record<string, unknown>>; transient: Readonly<Record<string, unknown>> },
  update: boolean,
) => void;

/**
 * The kernel's own function for outputs of several forms; undefined outside the notebook.
 * tslab's public `display` sends one form at a time, so this reaches into the running kernel (tslab is pinned for it).
 */
function kernelWriter(): WriteDisplayData | undefined {
  const file = Object.keys(require.cache).find((name) => /[\\/]tslab[\\/]dist[\\/]jupyter\.js$/.test(name));
  const exported: unknown = file && require.cache[file]?.exports;
  const write: unknown =
    typeof exported === "object" && exported !== null ? Reflect.get(exported, "lastWriteDisplayData") : undefined;
  return typeof write === "function" ? (write as WriteDisplayData) : undefined;
}

/** True while code runs in a cell of a notebook. */
export function inNotebook(): boolean {
  return kernelWriter() !== undefined;
}

/** Shows one output. */
export function display(bundle: Bundle, metadata: Readonly<Record<string, unknown>> = {}): void {
  const write = kernelWriter();
  if (write) write({ data: bundle, metadata, transient: {} }, false);
  else process.stdout.write(`${bundle["text/plain"]}\n`);
}

let slots = 0;

/** A place in the output that can be filled again: a progress bar, a live chart. Outside a notebook only the last filling is printed. */
export class Slot {
  readonly #id = `gptlab-${process.pid}-${++slots}`;
  #shown = false;

  /** Puts the bundle where the last one was. */
  show(bundle: Bundle): void {
    kernelWriter()?.({ data: bundle, metadata: {}, transient: { display_id: this.#id } }, this.#shown);
    this.#shown = true;
  }

  /** Fills the place for the last time. */
  finish(bundle: Bundle): void {
    if (inNotebook()) this.show(bundle);
    else process.stdout.write(`${bundle["text/plain"]}\n`);
  }
}
