/** @file Runs a chapter as a script, solved: `tsx tools/chapter.ts 01`. The learner's own progress is left alone. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

const sources = path.resolve(import.meta.dirname, "../chapters/src");
const names = readdirSync(sources).filter((name) => name.endsWith(".ts"));
const [number = ""] = process.argv.slice(2);
const name = names.find((file) => number !== "" && file.startsWith(`${number}_`));
if (!name) {
  console.error(`Which chapter? make run CH=01. There are ${names.map((file) => file.slice(0, 2)).join(", ")}`);
  process.exit(2);
}
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-run-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
process.env.GPTLAB_PROGRESS = path.join(folder, "progress.json");
if (process.env.PROFILE === "ci")
  console.log("PROFILE=ci: a run of seconds that only shows that everything works. Its numbers mean little.\n");
await import(pathToFileURL(path.join(sources, name)).href);
process.once("beforeExit", () =>
  console.log("\nThis was the solved chapter. Your own progress is as it was: make progress"),
);
