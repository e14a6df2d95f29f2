/** @file The course's own models by name: the learner's from `models/`, else the project's from `data/models/`. It fetches nothing. */
import { existsSync } from "node:fs";
import path from "node:path";
import { GPT } from "../model";
import { BpeTokenizer } from "../tokenizer/bpe";

/** A model of the course and what belongs to it. */
export interface CourseModel {
  readonly model: GPT;
  readonly tokenizer: BpeTokenizer;
  readonly folder: string;
}

const PLACES = ["models", path.join("data", "models")];

/**
 * Where a model of the course is: `models/<name>` (your own) before `data/models/<name>` (the project's), in the given folder or
 * the nearest one above it that has either.
 *
 * @throws Error if there is none; the models come with the course's repository, not with the package
 * @example
 * import { findCourseModel } from "gptlab";
 * let message = "";
 * try {
 *   findCourseModel("course-base", { from: "/no/such/folder" });
 * } catch (error) {
 *   message = (error as Error).message;
 * }
 * message.startsWith('There is no model "course-base"'); // => true
 */
export function findCourseModel(name: string, options: { from?: string } = {}): string {
  const from = path.resolve(options.from ?? process.cwd());
  for (let folder = from; ; folder = path.dirname(folder)) {
    for (const place of PLACES) {
      const found = path.join(folder, place, name);
      if (existsSync(path.join(found, "config.json"))) return found;
    }
    if (folder === path.dirname(folder)) break;
  }
  throw new Error(
    `There is no model "${name}": looked for ${PLACES.map((place) => path.join(place, name)).join(" and ")} in ${from} and the folders above it. The course's models come with its repository, not with the package gptlab: work inside a clone of it, train one yourself with \`gptlab pretrain\`, or load another with GPT.fromPretrained(folder)`,
  );
}

/**
 * The course's base model with its tokenizer: your own if you have trained one, else the project's. Later chapters start from it.
 *
 * @throws Error if there is none, as {@link findCourseModel}
 * @example
 * import { baseModel, initBackend } from "gptlab";
 * await initBackend();
 * const error = await baseModel({ from: "/no/such/folder" }).catch((e: Error) => e);
 * error instanceof Error; // => true
 */
export async function baseModel(options: { name?: string; from?: string } = {}): Promise<CourseModel> {
  const { name = "course-base", ...where } = options;
  const folder = findCourseModel(name, where);
  const tokenizer = await BpeTokenizer.load(folder);
  return { model: await GPT.fromPretrained(folder), tokenizer, folder };
}
