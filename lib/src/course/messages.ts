/** @file The catalogue of texts that code shows: finds a text by key in the notebook's language and fills its {placeholders}. The texts are in `chapters/src/messages/`. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "./format";
import { unbroken } from "./markdown";
import { courseRoot, direction, type Language, lang } from "./registry";

/** A text to show: its key and the values of its placeholders. The language is chosen when it is shown. */
export interface Message {
  readonly key: string;
  readonly values?: Readonly<Record<string, unknown>>;
}

/** Program text within a message: shown as code, left to right in every language. Plain data, so that it can be sent to another process. */
export interface Code {
  readonly code: string;
}

/** Marks a text as program text. */
export function code(text: string): Code {
  return { code: text };
}

/** The values of a message as text, numbers and code; everything else is written as code. */
export function withTextValues({ key, values = {} }: Message): Message {
  return { key, values: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, asPart(value)])) };
}

function asPart(value: unknown): string | number | Code {
  if (typeof value === "string" || typeof value === "number") return value;
  const text: unknown =
    typeof value === "object" && value !== null && Object.keys(value).join() === "code"
      ? Reflect.get(value, "code")
      : undefined;
  return code(typeof text === "string" ? text : format(value));
}

const catalogues = new Map<string, ReadonlyMap<string, string>>();

/** All texts of one language, by key. */
export function catalogue(language: Language, root = courseRoot()): ReadonlyMap<string, string> {
  const folder = join(root, "chapters", "src", "messages", language);
  const kept = catalogues.get(folder);
  if (kept) return kept;
  const texts = new Map<string, string>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
    const entries = JSON.parse(readFileSync(join(folder, file), "utf8")) as Record<string, string>;
    for (const [key, value] of Object.entries(entries)) texts.set(key, value);
  }
  catalogues.set(folder, texts);
  return texts;
}

/** True if checks must fail loudly: in the tests of the course, never for a learner. */
export function isStrict(): boolean {
  return process.env.GPTLAB_STRICT === "1";
}

/** The text of a key before its placeholders are filled. What is missing is an error in strict mode, else shown in English. */
function template(key: string, language: Language): string {
  const found = catalogue(language).get(key);
  if (found !== undefined) return found;
  if (isStrict())
    throw new Error(
      `The catalogue chapters/src/messages/${language} has no text "${key}". Add it to common.json or to the chapter's file, in all languages`,
    );
  return catalogue("en").get(key) ?? key;
}

type Part = { readonly text: string; readonly code: boolean; readonly value: boolean };

/** Splits a text into words, `code` and filled placeholders. */
function* partsOf({ key, values = {} }: Message, language: Language): Generator<Part> {
  for (const [i, piece] of template(key, language).split("`").entries()) {
    const inCode = i % 2 === 1;
    for (const [j, part] of piece.split(/\{(\w+)\}/).entries()) {
      if (j % 2 === 0) {
        if (part) yield { text: part, code: inCode, value: false };
        continue;
      }
      const value = values[part];
      if (value === undefined && !(part in values) && isStrict()) {
        throw new Error(
          `The text "${key}" needs a value for {${part}}, but was given ${Object.keys(values).join(", ") || "none"}`,
        );
      }
      const shown = part in values ? asPart(value) : `{${part}}`;
      if (typeof shown === "object") yield { text: shown.code, code: true, value: true };
      else yield { text: typeof shown === "number" ? format(shown) : shown, code: inCode, value: true };
    }
  }
}

const LEFT_TO_RIGHT = "\u2066"; // Unicode isolates keep code readable inside right-to-left text
const FIRST_STRONG = "\u2068";
const END = "\u2069";

/** A message as plain text, in the language given. */
export function plain(message: Message, language: Language = lang()): string {
  let out = "";
  const isolate = direction(language) === "rtl";
  for (const { text, code, value } of partsOf(message, language)) {
    const shown = code && !value ? `\`${text}\`` : text;
    out += isolate && (code || value) ? `${code ? LEFT_TO_RIGHT : FIRST_STRONG}${shown}${END}` : shown;
  }
  return out;
}

/** A message as HTML, in the language given. */
export function html(message: Message, language: Language = lang()): string {
  let out = "";
  const words = direction(language) === "rtl" ? unbroken : (text: string): string => text;
  for (const { text, code, value } of partsOf(message, language)) {
    if (code) out += `<code dir="ltr">${escapeHtml(text)}</code>`;
    else out += value ? `<bdi>${escapeHtml(text)}</bdi>` : escapeHtml(words(text));
  }
  return out;
}

/** Text that may stand in HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

/**
 * A text of the catalogue in the notebook's language, its {placeholders} filled.
 *
 * @param key for example "plot.fertility.title"
 * @param values numbers, strings, or anything else, which is then shown as code
 * @throws Error in strict mode (`GPTLAB_STRICT=1`) if the key or a value is missing; otherwise English or the key is shown.
 * @example
 * import { text } from "gptlab/course";
 * process.env.GPTLAB_LANG = "en";
 * text("progress.count", { done: 9, total: 13 }); // => "9 of 13"
 */
export function text(key: string, values: Readonly<Record<string, unknown>> = {}): string {
  return plain({ key, values });
}
