/** @file Loads the package of `registry.ts` in a process of its own, which a test may kill. Arguments: integrity and size of the tarball. */
import { loadRecipe } from "../../lib/dist/data/load.js";
import { fixtureRecipe } from "./registry.ts";

const [integrity = "", bytes = "0"] = process.argv.slice(2);
const { records } = await loadRecipe(fixtureRecipe(integrity, Number(bytes)), {
  onProgress: ({ done }) => console.log(`got ${done}`),
});
console.log(`loaded ${records.length}`);
