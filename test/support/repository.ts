/** @file Where the repository is and which files belong to it. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** The tracked files, by their path with `/`. Without git (a downloaded archive) undefined. */
export function trackedFiles(): string[] | undefined {
  if (!existsSync(path.join(root, ".git"))) return undefined;
  const list = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" });
  return list.split("\0").filter((file) => file && existsSync(path.join(root, file)));
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
