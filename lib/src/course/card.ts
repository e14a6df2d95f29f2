/** @file How a verdict looks: as a card in a notebook and as text elsewhere. Words and signs carry the meaning; colour only repeats it. */
import type { Verdict } from "./check";
import type { Bundle } from "./display";
import { catalogue, escapeHtml, html, type Message, plain } from "./messages";
import { direction, type Language, lang } from "./registry";

const BAR = 10; // characters

/** `[####------]` */
export function bar(done: number, total: number, width = BAR): string {
  const share = total > 0 ? Math.floor((width * done) / total) : 0;
  const filled = Math.min(width, Math.max(share, done > 0 ? 1 : 0)); // what is begun shows
  return `[${"#".repeat(filled)}${"-".repeat(width - filled)}]`;
}

/** What stands on the card of a verdict: the title with its sign, then one or two lines. */
export function linesOf(
  verdict: Verdict,
  language: Language = lang(),
): { readonly head: Message; readonly lines: readonly Message[] } {
  const [first, second] = verdict.messages; // a mistake and the facts, or one of them
  // A message of a mistake that names what was found needs no second line that does.
  const complete = first !== undefined && /\{(found|expected)\}/.test(catalogue("en").get(first.key) ?? "");
  const lines = first && second && !complete ? [second, first] : first ? [first] : [];
  return { head: { key: `check.head.${verdict.state}`, values: { title: titleOf(verdict.id, language) } }, lines };
}

/** The title of an exercise; its id if it has none. */
function titleOf(id: string, language: Language): string {
  const key = `${id}.title`;
  return catalogue("en").has(key) ? plain({ key }, language) : id;
}

/** The verdict as text: what a terminal and a screen reader get. `after` is put behind the title. */
export function verdictText(verdict: Verdict, after = "", language: Language = lang()): string {
  const { head, lines } = linesOf(verdict, language);
  return [
    `${plain(head, language)}${after && `  ${after}`}`,
    ...lines.map((line) => `  ${plain(line, language)}`),
  ].join("\n");
}

/** A framed box that is readable on light and dark ground. `content` is HTML. */
export function frame(content: string, kind: "good" | "bad" | "neutral", language: Language = lang()): string {
  const colour = {
    good: "--jp-success-color1, #2e7d32",
    bad: "--jp-error-color1, #c62828",
    neutral: "--jp-border-color1, #757575",
  }[kind];
  const line = kind === "bad" ? "double" : kind === "neutral" ? "dashed" : "solid";
  return `<div dir="${direction(language)}" lang="${language}" style="border-inline-start: 5px ${line} var(${colour}); padding: 4px 12px; margin: 4px 0">${content}</div>`;
}

/** The verdict in all its forms. `count` is how many exercises of the course are solved. */
export function verdictBundle(
  verdict: Verdict,
  count?: { readonly done: number; readonly total: number },
  language: Language = lang(),
): Bundle {
  const { head, lines } = linesOf(verdict, language);
  const kind = ({ passed: "good", failed: "bad", todo: "neutral" } as const)[verdict.state];
  const drawn = count && bar(count.done, count.total);
  const words = count && plain({ key: "progress.count", values: count }, language);
  const after = count ? ` &nbsp; <code dir="ltr">${drawn}</code> ${escapeHtml(words ?? "")}` : "";
  const body = lines.map((line) => `<div>${html(line, language)}</div>`).join("");
  return {
    "text/plain": verdictText(verdict, count ? `${drawn} ${words}` : "", language),
    "text/html": frame(`<div><strong>${html(head, language)}</strong>${after}</div>${body}`, kind, language),
  };
}
