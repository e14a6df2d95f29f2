/** @file Finds the check of an exercise by its id: the built file of its chapter, as `course.json` says. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AnyFunction, Exercise } from "./exercise";
import { courseRoot, findExercise } from "./registry";

/** The check of that exercise. Error: no such exercise, or the checks were not built. */
export function loadExercise(id: string): Exercise<AnyFunction> {
  const place = findExercise(id);
  if (!place)
    throw new RangeError(`There is no exercise "${id}" in course.json. Look for a typing mistake in the name`);
  const file = join(courseRoot(), "lib", "dist", "exercises", `${place.chapter.id}.js`);
  if (!existsSync(file))
    throw new Error(`The checks of chapter ${place.chapter.id} are not built: ${file} is missing. Run "make setup"`);
  const loaded: unknown = require(file);
  const exercises: unknown =
    typeof loaded === "object" && loaded !== null ? Reflect.get(loaded, "exercises") : undefined;
  const found: unknown = typeof exercises === "object" && exercises !== null ? Reflect.get(exercises, id) : undefined;
  if (typeof found !== "object" || found === null)
    throw new Error(`test/exercises/${place.chapter.id}.ts exports no check for "${id}". Add it to its "exercises"`);
  return found as Exercise<AnyFunction>;
}
