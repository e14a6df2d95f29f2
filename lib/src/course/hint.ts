/** @file Shows the hints of an exercise, one level at a time, in the notebook's language. The hints are in the chapter's source. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Bundle, display } from "./display";
import { setDirection, setEnglish } from "./markdown";
import { code, plain } from "./messages";
import { courseRoot, findExercise, type Language, lang } from "./registry";
import { parseChapter, parseHints, parseProse } from "./source";

/** The hints of an exercise, and the language they are in: English where there is no translation. RangeError: no such exercise. */
export function hintsOf(
  id: string,
  language: Language = lang(),
  root = courseRoot(),
): { readonly hints: readonly string[]; readonly language: Language } {
  const place = findExercise(id);
  if (!place)
    throw new RangeError(`There is no exercise "${id}" in course.json. Look for a typing mistake in the name`);
  const source = join(root, "chapters", "src");
  const slug = `${id}-hints`;
  const translated = join(source, "prose", language, `${place.chapter.id}.md`);
  if (language !== "en" && existsSync(translated)) {
    const cell = parseProse(readFileSync(translated, "utf8"), translated).cells.get(slug);
    if (cell) return { hints: parseHints(cell.text), language };
  }
  const file = join(source, `${place.chapter.id}.ts`);
  const cell = existsSync(file)
    ? parseChapter(readFileSync(file, "utf8"), file).cells.find((c) => c.slug === slug)
    : undefined;
  return { hints: parseHints(cell?.text ?? ""), language: "en" };
}

/**
 * Shows one hint: 1 asks a question, 2 is the plan, 3 is almost the answer. It never throws for a wrong name or level: it says so.
 *
 * @param id the exercise
 * @param level 1, 2 or 3
 *
 * @example
 * import { hint } from "gptlab/course";
 * hint("mergePair", 1);
 */
export function hint(id: string, level: 1 | 2 | 3 = 1): void {
  display(hintBundle(id, level));
}

function hintBundle(id: string, level: number): Bundle {
  if (!findExercise(id)) return { "text/plain": plain({ key: "hint.unknown", values: { name: code(id) } }) };
  const { hints, language } = hintsOf(id);
  const shown = hints[level - 1];
  if (!shown) return { "text/plain": plain({ key: "hint.noLevel", values: { level, count: hints.length } }) };
  const title = plain({ key: `${id}.title` });
  const head = plain({ key: "hint.title", values: { level, count: hints.length, title } });
  const markdown = `**${head}**\n\n${shown}`;
  return {
    "text/plain": `${head}\n${shown}`,
    "text/markdown": language === "en" ? setEnglish(markdown) : setDirection(markdown, language),
  };
}
