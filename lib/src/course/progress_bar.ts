/** @file Draws the progress of long work: a bar that changes in place in a notebook, a line now and then elsewhere. At most 5 drawings a second. */
import type { Progress } from "../progress";
import { bar } from "./card";
import { type Bundle, inNotebook, Slot } from "./display";
import { escapeHtml, text } from "./messages";
import { direction, lang } from "./registry";

const NOTEBOOK_PAUSE = 200; // milliseconds between drawings
const TERMINAL_PAUSE = 5000;
const WIDTH = 20;

/** How far the work was at its first news. The time before that is no measure of the rest: a first step prepares much. */
type Since = Pick<Progress, "done" | "seconds">;

/** One line: `Training [#####-----] 50 of 100 · 3.2 s · 3.2 s left · loss 2.31`. `drawn` is the bar as characters. */
export function progressText(
  progress: Progress,
  since?: Since,
  drawn = bar(progress.done, progress.total, WIDTH),
): string {
  const { label, done, total, seconds, from = 0, note } = progress;
  const start = since ?? { done: from, seconds: 0 };
  const pace = (seconds - start.seconds) / (done - start.done);
  const left = done > start.done && done < total ? text("progress.left", { time: clock(pace * (total - done)) }) : "";
  const count = total > 0 ? `${drawn} ${done}/${total}`.trim() : String(done);
  return [`${label} ${count}`, clock(seconds), left, note ?? ""].filter(Boolean).join(" · ");
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return text("progress.seconds", { seconds: seconds.toFixed(1) });
  return text("progress.minutes", { minutes: Math.floor(whole / 60), seconds: whole % 60 });
}

function bundle(progress: Progress, since?: Since): Bundle {
  const line = progressText(progress, since);
  const words = progressText(progress, since, ""); // here the bar is an element
  const html = `<div dir="${direction(lang())}"><progress max="${Math.max(progress.total, 1)}" value="${progress.total > 0 ? progress.done : 0}" style="width: 240px"></progress> <span>${escapeHtml(words)}</span></div>`;
  return { "text/plain": line, "text/html": html };
}

/** A reporter that keeps one place in the output for each piece of work. `now` gives milliseconds. */
export function progressBar(now: () => number = () => performance.now()): (progress: Progress) => void {
  const running = new Map<string, { readonly slot: Slot; drawn: number; later?: NodeJS.Timeout; since?: Since }>();
  return (progress) => {
    const finished = progress.total > 0 && progress.done >= progress.total;
    const fresh = progress.done === 0 ? undefined : running.get(progress.label);
    const place = fresh ?? { slot: new Slot(), drawn: Number.NEGATIVE_INFINITY };
    running.set(progress.label, place);
    clearTimeout(place.later);
    if (progress.done > (progress.from ?? 0)) place.since ??= progress;
    const notebook = inNotebook();
    if (finished) {
      running.delete(progress.label);
      place.slot.finish(bundle(progress, place.since));
    } else if (now() - place.drawn >= (notebook ? NOTEBOOK_PAUSE : TERMINAL_PAUSE)) {
      const first = place.drawn === Number.NEGATIVE_INFINITY;
      place.drawn = now();
      if (notebook) place.slot.show(bundle(progress, place.since));
      else if (!first) place.slot.finish(bundle(progress, place.since));
    } else if (notebook) {
      // Work may end without being whole (no pair is left to merge): its last report is drawn, a little later.
      place.later = setTimeout(() => place.slot.show(bundle(progress, place.since)), NOTEBOOK_PAUSE).unref();
    }
  };
}
