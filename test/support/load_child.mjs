/** @file Loads the package of `registry.ts` in a process of its own, which a test may kill. Plain JavaScript, so that it starts at once. Argument: the recipe as JSON, its pattern as text. */
import { loadRecipe } from "../../lib/dist/data/load.js";

const recipe = JSON.parse(process.argv[2]);
const convert = (files) => [...files.keys()].sort().map((name) => ({ name, text: files.get(name) }));
const { records } = await loadRecipe(
  { ...recipe, files: new RegExp(recipe.files), convert },
  { onProgress: ({ done }) => console.log(`got ${done}`) },
);
console.log(`loaded ${records.length}`);
