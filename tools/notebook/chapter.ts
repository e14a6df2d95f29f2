/** @file Reads one chapter with its translations from `chapters/src`, and says what is wrong with them. It writes nothing. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { codeAndMaths } from "../../lib/dist/course/markdown.js";
import type { ChapterEntry, Course, Language } from "../../lib/dist/course/registry.js";
import { readCourse } from "../../lib/dist/course/registry.js";
import {
  type Cell,
  type ProseCell,
  parseChapter,
  parseHints,
  parseProse,
  shortHash,
} from "../../lib/dist/course/source.js";

export interface Chapter {
  readonly entry: ChapterEntry;
  /** File of the source, from the root. */
  readonly file: string;
  readonly cells: readonly Cell[];
  /** Translated cells by language and slug. */
  readonly prose: ReadonlyMap<Language, ReadonlyMap<string, ProseCell>>;
  readonly course: Course;
}

export const proseFile = (language: string, id: string): string => `chapters/src/prose/${language}/${id}.md`;
export const exerciseFile = (language: string, id: string): string => `chapters/${language}/${id}.ipynb`;
export const solutionFile = (language: string, id: string): string => `solutions/${language}/${id}.ipynb`;

/** True if the cell is meant by a chapter argument such as "01" or "01_tokenization". */
export function isChapter(entry: ChapterEntry, wanted: string | undefined): boolean {
  return !wanted || entry.id === wanted || entry.id.split("_")[0] === wanted.padStart(2, "0");
}

/** The chapters of `course.json` that have a source, and the problems of their files. */
export function loadChapters(
  root: string,
  wanted?: string,
): { readonly chapters: readonly Chapter[]; readonly problems: readonly string[] } {
  const course = readCourse(root);
  const problems: string[] = [];
  const entries = course.chapters.filter((entry) => isChapter(entry, wanted));
  if (entries.length === 0)
    problems.push(`course.json has no chapter "${wanted}": it has ${course.chapters.map((c) => c.id).join(", ")}`);
  const chapters: Chapter[] = [];
  for (const entry of entries) {
    const file = `chapters/src/${entry.id}.ts`;
    if (!existsSync(path.join(root, file))) {
      problems.push(
        `${file} is missing, but course.json lists the chapter: write it, or take the chapter out of course.json`,
      );
      continue;
    }
    const parsed = parseChapter(readFileSync(path.join(root, file), "utf8"), file);
    problems.push(...parsed.problems);
    const prose = new Map<Language, ReadonlyMap<string, ProseCell>>();
    for (const language of course.languages.filter((l) => l !== "en")) {
      const name = proseFile(language, entry.id);
      const translated = parseProse(
        existsSync(path.join(root, name)) ? readFileSync(path.join(root, name), "utf8") : "",
        name,
      );
      problems.push(...translated.problems);
      prose.set(language, translated.cells);
    }
    const chapter = { entry, file, cells: parsed.cells, prose, course };
    problems.push(
      ...course.languages.filter((l) => l !== "en").flatMap((language) => translationProblems(chapter, language)),
    );
    chapters.push(chapter);
  }
  return { chapters, problems };
}

/** True if a cell must be translated even in a chapter that is only partly translated. */
function alwaysTranslated(cell: Cell): boolean {
  return cell.tags.includes("hints") || cell.tags.includes("quiz");
}

/** What is wrong with one translation, one line each, with the remedy. */
export function translationProblems(chapter: Chapter, language: Language): string[] {
  const { entry, cells, file } = chapter;
  const name = proseFile(language, entry.id);
  const translated = chapter.prose.get(language) ?? new Map<string, ProseCell>();
  const status = entry.languages[language];
  if (status !== "complete" && status !== "partial") {
    return [
      `course.json: chapter ${entry.id} needs languages.${language} "complete" or "partial", found ${JSON.stringify(status)}`,
    ];
  }
  const problems: string[] = [];
  const wanted = cells.filter((cell) => cell.kind === "markdown");
  for (const cell of wanted) {
    const own = translated.get(cell.slug);
    const where = `${name}${own ? `:${own.line}` : ""}: cell "${cell.slug}"`;
    if (!own?.text) {
      if (own || status === "complete")
        problems.push(`${where} is not translated: add it, or set the chapter to "partial" in course.json`);
      else if (alwaysTranslated(cell))
        problems.push(`${where} is not translated: hints and quiz must be there in every language`);
      continue;
    }
    if (!own.hash)
      problems.push(
        `${where} has no en= stamp: read it against the English, then run "npx tsx tools/notebooks.ts --stamp ${entry.id}"`,
      );
    else if (own.hash !== shortHash(cell.text)) {
      problems.push(
        `${where} is older than the English (${file}:${cell.line}): translate what changed, then run "npx tsx tools/notebooks.ts --stamp ${entry.id}"`,
      );
    }
    problems.push(...structureProblems(cell, own.text).map((problem) => `${where}: ${problem}`));
  }
  for (const [slug, own] of translated) {
    if (!wanted.some((cell) => cell.slug === slug))
      problems.push(`${name}:${own.line}: cell "${slug}" is not in ${file}: remove or rename it`);
  }
  return problems;
}

/** What must be equal in all languages: code, maths, links, headings, hints and folded answers. */
function structureProblems(cell: Cell, translated: string): string[] {
  const compare = (what: string, of: (text: string) => readonly string[]): string[] => {
    const [want, have] = [of(cell.text), of(translated)];
    if (want.join("\0") === have.join("\0")) return [];
    const missing = want.filter((item) => !have.includes(item));
    const extra = have.filter((item) => !want.includes(item));
    const detail = [
      missing.length ? `missing ${missing.join(" ")}` : "",
      extra.length ? `not in the English ${extra.join(" ")}` : "",
    ]
      .filter(Boolean)
      .join("; ");
    return [`${what} must be as in the English${detail ? `: ${detail}` : ": the order or the number differs"}`];
  };
  const all = (pattern: RegExp) => (text: string) =>
    Array.from(text.matchAll(pattern), (match) => match[1] ?? match[0]);
  return [
    ...compare("code and maths", codeAndMaths),
    ...compare("links", (text) => all(/\]\(([^)\s]+)\)/g)(text).sort()),
    ...compare("the levels of headings", all(/^(#+) /gm)),
    ...compare("the number of folded parts", all(/<(details|\/details|summary)>/g)),
    ...(cell.tags.includes("hints")
      ? compare("the number of hints", (text) => parseHints(text).map(() => "hint"))
      : []),
  ];
}
