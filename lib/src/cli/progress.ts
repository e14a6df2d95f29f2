/** @file Draws the progress of long work as a bar, when a person watches. */
import { Presets, SingleBar } from "cli-progress";
import { type Progress, type ProgressReporter, setProgressReporter } from "../progress";

/** A bar that appears with the first report and goes away when the work is done or `clear` is called. */
export class Bar {
  private bar: SingleBar | undefined;

  constructor(private readonly format = "  {label} [{bar}] {percentage} % {note}") {}

  readonly report: ProgressReporter = ({ label, done, total, note = "" }: Progress) => {
    if (!process.stderr.isTTY || total <= 0) return;
    if (!this.bar) {
      this.bar = new SingleBar(
        { format: this.format, clearOnComplete: true, hideCursor: true, barsize: 24 },
        Presets.rect,
      );
      this.bar.start(total, done, { label, note });
    } else this.bar.update(done, { label, note });
    if (done >= total) this.clear();
  };

  clear(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}

/** Sends the progress of the whole library to a bar. */
export function drawProgress(): void {
  setProgressReporter(new Bar().report);
}
