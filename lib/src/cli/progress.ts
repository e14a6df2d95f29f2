/** @file Draws the progress of long work as a bar, when a person watches. */
import { Presets, SingleBar } from "cli-progress";
import { type Progress, type ProgressReporter, setProgressReporter } from "../progress";

/** A bar that appears with the first report and goes away when the work is done or `clear` is called. */
export class Bar {
  private bar: SingleBar | undefined;
  private last: Progress | undefined;

  constructor(private readonly format = "  {label} [{bar}] {percentage} % {note}") {}

  readonly report: ProgressReporter = (progress: Progress) => {
    const { label, done, total, seconds, note = "" } = progress;
    if (!process.stderr.isTTY || total <= 0) return;
    // Work does not go back: while pip moves a finished file, it cannot be measured.
    const { last } = this;
    if (last?.label === label && seconds >= last.seconds && done <= last.done) return;
    this.last = progress;
    this.bar ??= this.start(total, { label, note });
    this.bar.update(done, { label, note });
    if (done >= total) this.clear();
  };

  private start(total: number, payload: { label: string; note: string }): SingleBar {
    const options = { format: this.format, clearOnComplete: true, hideCursor: true, barsize: 24 };
    const bar = new SingleBar(options, Presets.rect);
    bar.start(total, 0, payload);
    return bar;
  }

  clear(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}

/** Sends the progress of the whole library to a bar. */
export function drawProgress(): void {
  setProgressReporter(new Bar().report);
}
