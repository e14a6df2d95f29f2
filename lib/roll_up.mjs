/**
 * @file Rolls the library's declarations up into one file an entry, `dist/rolled/`. It compiles nothing; `tsc -b` does that first.
 *
 * `node lib/roll_up.mjs`; does nothing when they are current. They are for the notebook kernel, whose TypeScript reads the fields
 * `types` and `typesVersions` of package.json: each file costs it 2 ms or more in a chapter's first cell, whatever is in it, and
 * the library has a file for each thought. Newer TypeScript reads `exports`, that is, what tsc wrote.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), "dist");
const folder = path.join(dist, "rolled");
const ENTRIES = { index: "index.d.ts", course: "course/index.d.ts" };

/** When the newest declaration was written; the rolled ones carry this time, so that equal means current. */
function newestDeclaration() {
  const times = readdirSync(dist, { recursive: true })
    .filter((name) => name.endsWith(".d.ts") && !/^(rolled|exercises|recipes)\b/.test(name))
    .map((name) => Math.floor(statSync(path.join(dist, name)).mtimeMs));
  return Math.max(...times);
}

/** Writes `dist/rolled/` unless it is current. */
export async function rollUp() {
  const newest = newestDeclaration();
  const last = statSync(path.join(folder, "index.d.ts"), { throwIfNoEntry: false });
  if (last && Math.round(last.mtimeMs) === newest) return;
  const [{ rollup }, { dts }] = await Promise.all([import("rollup"), import("rollup-plugin-dts")]);
  const input = Object.fromEntries(Object.entries(ENTRIES).map(([name, file]) => [name, path.join(dist, file)]));
  const bundle = await rollup({ input, plugins: [dts()], external: [/^node:/] });
  const half = `${folder}.${process.pid}`; // two commands at once must not see each other's half
  await bundle.write({
    dir: half,
    format: "es",
    minifyInternalExports: false,
    entryFileNames: "[name].d.ts",
    chunkFileNames: "shared.d.ts", // what both entries use
  });
  await bundle.close();
  mkdirSync(folder, { recursive: true });
  const names = readdirSync(half).sort((a, b) => Number(a === "index.d.ts") - Number(b === "index.d.ts")); // index says "done": last
  for (const name of names) {
    utimesSync(path.join(half, name), newest / 1000, newest / 1000);
    renameSync(path.join(half, name), path.join(folder, name));
  }
  rmSync(half, { recursive: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await rollUp();
