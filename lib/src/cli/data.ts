/** @file The command `gptlab data`: fetches data sets, or lists them. */
import { stat } from "node:fs/promises";
import type { Command } from "commander";
import { fetchDatasets } from "../data/load";
import { cachedPath } from "../data/prepare";
import { datasetNames, findRecipe } from "../data/recipe";

const size = (bytes: number) => (bytes < 1e5 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** One line for each data set: what it is, how large, whether it is here. */
async function list(): Promise<void> {
  for (const name of datasetNames()) {
    const recipe = findRecipe(name);
    const download = recipe.sources.reduce((sum, { bytes }) => sum + bytes, 0);
    const cached = await stat(cachedPath(recipe)).then(
      (file) => `cached, ${size(file.size)}`,
      () => `not here, ${size(download)} to fetch`,
    );
    console.log(`${name.padEnd(12)}${recipe.title}\n${" ".repeat(12)}${cached}. Licence: ${recipe.licence}`);
  }
}

async function fetchAll(names: readonly string[]): Promise<void> {
  for (const { name, path } of await fetchDatasets(names)) {
    console.log(`${name.padEnd(12)}${size((await stat(path)).size).padStart(9)}  ${path}`);
  }
}

/** Adds `gptlab data [names...]` to the program. */
export function addDataCommand(program: Command): void {
  program
    .command("data")
    .description("fetch data sets now, to work without a connection later")
    .argument("[names...]", `which (default all): ${datasetNames().join(", ")}`)
    .option("-l, --list", "only list them: what they are, how large, whether they are here")
    .action(async (names: string[], { list: onlyList }: { list?: boolean }) => {
      if (onlyList) return list();
      await fetchAll(names.length > 0 ? names : datasetNames());
    });
}
