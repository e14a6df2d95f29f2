/** @file Where the repository is and which files belong to it. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** The notebooks that learners work in. Their text is checked in its source; what a learner adds is nobody's business. */
const LEARNERS = /^chapters\/[a-z]+\/.*\.ipynb$/;

/** The tracked files, by their path with `/`; outside CI without the notebooks that learners change. Without git (a downloaded archive) undefined. */
export function trackedFiles(): string[] | undefined {
  if (!existsSync(path.join(root, ".git"))) return undefined;
  const list = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" });
  const ours = (file: string) => process.env.CI === "true" || !LEARNERS.test(file);
  return list.split("\0").filter((file) => file && ours(file) && existsSync(path.join(root, file)));
}

export function read(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}

/** The cells of a notebook as text; `outputs` is JSON. */
export function readNotebook(file: string): { kind: string; source: string; outputs: string }[] {
  const { cells } = JSON.parse(read(file)) as {
    cells: { cell_type: string; source: string | string[]; outputs?: unknown[] }[];
  };
  const outputs = (cell: { outputs?: unknown[] }) => JSON.stringify(cell.outputs ?? []);
  return cells.map((cell) => ({ kind: cell.cell_type, source: [cell.source].flat().join(""), outputs: outputs(cell) }));
}
