/** @file Where the course is and what `course.json` says: chapters, exercises, languages, sizes. It reads; it never writes. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** A language of the course. */
export type Language = "en" | "ar" | "fa";

/** One exercise as `course.json` lists it. The id is its identity; its place in the list gives the number that is shown. */
export interface ExerciseEntry {
  readonly id: string;
  readonly difficulty: number;
  readonly importance: number;
  readonly minutes: number;
  readonly lines: number;
  /** Name of the function of `gptlab` that does the same, where there is one. */
  readonly library?: string;
}

/** One chapter as `course.json` lists it. */
export interface ChapterEntry {
  readonly id: string;
  readonly number: number;
  readonly minutes: number;
  readonly languages: Readonly<Record<string, "complete" | "partial">>;
  readonly profiles: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly exercises: readonly ExerciseEntry[];
}

/** The whole of `course.json`. */
export interface Course {
  readonly languages: readonly Language[];
  readonly chapters: readonly ChapterEntry[];
}

const RIGHT_TO_LEFT: ReadonlySet<string> = new Set(["ar", "fa"]);

/** The folder that holds `course.json`: this one or one above it; undefined outside a course. */
export function findRoot(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "course.json"))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/**
 * The course's folder: the nearest one above the working folder, or else above this package, that has `course.json`.
 *
 * @throws Error outside a clone of the course
 * @example
 * import { existsSync } from "node:fs";
 * import { join } from "node:path";
 * import { courseRoot } from "gptlab/course";
 * existsSync(join(courseRoot(), "course.json")); // => true
 */
export function courseRoot(): string {
  const root = findRoot(process.cwd()) ?? findRoot(__dirname);
  if (root) return root;
  throw new Error(
    `"gptlab/course" needs the course: looked for course.json in ${process.cwd()} and in the folders above it, and found none. Open a notebook inside a clone of the course, or import from "gptlab" instead`,
  );
}

/** Reads `course.json` afresh, so that an edit counts at once. */
export function readCourse(root = courseRoot()): Course {
  return JSON.parse(readFileSync(join(root, "course.json"), "utf8")) as Course;
}

/** The exercise of that id, with its chapter and the number that is shown ("1.3"); undefined if there is none. */
export function findExercise(
  id: string,
  course: Course = readCourse(),
): { readonly chapter: ChapterEntry; readonly entry: ExerciseEntry; readonly number: string } | undefined {
  for (const chapter of course.chapters) {
    const index = chapter.exercises.findIndex((entry) => entry.id === id);
    const entry = chapter.exercises[index];
    if (entry) return { chapter, entry, number: `${chapter.number}.${index + 1}` };
  }
  return undefined;
}

/**
 * The language of the notebook: `GPTLAB_LANG`, or else the name of the notebook's folder, or else English.
 *
 * @example
 * import { lang } from "gptlab/course";
 * process.env.GPTLAB_LANG = "fa";
 * lang(); // => "fa"
 */
export function lang(): Language {
  const asked = process.env.GPTLAB_LANG || basename(process.cwd());
  return asked === "ar" || asked === "fa" ? asked : "en";
}

/** Which way the text of a language runs. */
export function direction(language: string): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
}

/**
 * The numbers of one chapter (steps, sizes) for `PROFILE`: `ci`, `laptop` (the default) or `gpu`.
 *
 * @throws RangeError if there is no such chapter or profile.
 *
 * @example
 * import { profile } from "gptlab/course";
 * profile("01_tokenization").vocabSize > 256; // => true
 */
export function profile(chapter: string): Record<string, number> {
  const course = readCourse();
  const entry = course.chapters.find((c) => c.id === chapter);
  if (!entry) {
    throw new RangeError(
      `profile() found no chapter "${chapter}" in course.json, only ${course.chapters.map((c) => c.id).join(", ")}`,
    );
  }
  const name = process.env.PROFILE || "laptop";
  const numbers = entry.profiles[name];
  if (!numbers) {
    throw new RangeError(
      `PROFILE is "${name}", expected ${Object.keys(entry.profiles).join(", ")}. Set it to one of these or leave it unset`,
    );
  }
  return { ...numbers };
}
