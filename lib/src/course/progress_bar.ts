/** @file Draws the progress of long work: a bar that changes in place in a notebook, a line now and then elsewhere. At most 5 drawings a second. */
import type { Progress } from "../progress";
import { bar } from "./card";
import { type Bundle, inNotebook, Slot } from "./display";
import { escapeHtml } from "./messages";

const NOTEBOOK_PAUSE = 200; // milliseconds between drawings
const TERMINAL_PAUSE = 5000;
const WIDTH = 20;

/** One line: `Training [#####-----] 50 of 100 · 3.2 s · 3.2 s left · loss 2.31`. */
export function progressText({ label, done, total, seconds, note }: Progress): string {
  const left = done > 0 && done < total ? `${clock((seconds / done) * (total - done))} left` : "";
  const count = total > 0 ? `${bar(done, total, WIDTH)} ${done}/${total}` : String(done);
  return [`${label} ${count}`, clock(seconds), left, note ?? ""].filter(Boolean).join(" · ");
}

function clock(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

function bundle(progress: Progress): Bundle {
  const text = progressText(progress);
  const html = `<div dir="ltr"><progress max="${Math.max(progress.total, 1)}" value="${progress.total > 0 ? progress.done : 0}" style="width: 240px"></progress> <code>${escapeHtml(text)}</code></div>`;
  return { "text/plain": text, "text/html": html };
}

/** A reporter that keeps one place in the output for each piece of work. `now` gives milliseconds. */
export function progressBar(now: () => number = () => performance.now()): (progress: Progress) => void {
  const running = new Map<string, { readonly slot: Slot; drawn: number }>();
  return (progress) => {
    const finished = progress.total > 0 && progress.done >= progress.total;
    const fresh = progress.done === 0 ? undefined : running.get(progress.label);
    const place = fresh ?? { slot: new Slot(), drawn: Number.NEGATIVE_INFINITY };
    running.set(progress.label, place);
    const notebook = inNotebook();
    if (finished) {
      running.delete(progress.label);
      place.slot.finish(bundle(progress));
    } else if (now() - place.drawn >= (notebook ? NOTEBOOK_PAUSE : TERMINAL_PAUSE)) {
      const first = place.drawn === Number.NEGATIVE_INFINITY;
      place.drawn = now();
      if (notebook) place.slot.show(bundle(progress));
      else if (!first) place.slot.finish(bundle(progress));
    }
  };
}
