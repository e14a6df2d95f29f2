/** @file Runs a chapter as a script and reads the numbers that it shows. The functions of a chapter are in chapter_solution.ts. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import * as assert from "uvu/assert";
import { root } from "./repository.ts";

/** What a chapter printed on its way. */
export interface ChapterRun {
  readonly output: string;
  /** The lines of the error stream, without TensorFlow's own log. */
  readonly warnings: readonly string[];
  readonly status: number | null;
}

const OWN_LOG = /oneDNN|absl::/;

/** The name of a chapter's files, without their ending: `02_attention` of "02". */
function nameOf(number: string): string {
  const file = readdirSync(path.join(root, "chapters/src")).find(
    (one) => one.startsWith(`${number}_`) && one.endsWith(".ts"),
  );
  assert.ok(file, `chapters/src has no chapter ${number}`);
  return path.basename(file, ".ts");
}

/** Runs a chapter with its own solutions in the ci profile. Progress of the learner is not touched. */
export function runChapter(number: string): ChapterRun {
  const folder = mkdtempSync(path.join(os.tmpdir(), `gptlab-chapter${number}-`));
  const env = {
    ...process.env,
    PROFILE: "ci",
    GPTLAB_LANG: "en",
    GPTLAB_STRICT: "1",
    GPTLAB_PROGRESS: path.join(folder, "progress.json"),
  };
  const script = `chapters/src/${nameOf(number)}.ts`;
  const run = spawnSync(process.execPath, ["--import", "tsx", script], { cwd: root, env, encoding: "utf8" });
  rmSync(folder, { recursive: true });
  const warnings = run.stderr.split("\n").filter((line) => line && !OWN_LOG.test(line));
  return { output: run.stdout, warnings, status: run.status };
}

/** What the English solution of a chapter shows in the laptop profile, all cells in one text. */
export function solutionText(number: string): string {
  const notebook = JSON.parse(readFileSync(path.join(root, `solutions/en/${nameOf(number)}.ipynb`), "utf8")) as {
    cells: { outputs?: { text?: string[] | string; data?: Record<string, string[] | string> }[] }[];
  };
  const texts = notebook.cells.flatMap(({ outputs = [] }) =>
    outputs.map((o) => [o.text ?? o.data?.["text/plain"] ?? ""].flat().join("")),
  );
  return texts.join("\n");
}

/** The numbers behind these words, in the first line that begins with them, or else in the first that has them. */
export function numbersAfter(text: string, words: string): number[] {
  const lines = text.split("\n");
  const line = lines.find((one) => one.startsWith(words)) ?? lines.find((one) => one.includes(words));
  assert.ok(line !== undefined, `the chapter does not print "${words}"`);
  const behind = line.slice(line.indexOf(words) + words.length);
  return Array.from(behind.matchAll(/-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?/g), ([n]) => Number(n.replaceAll(",", "")));
}
