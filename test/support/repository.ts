/** @file Where the repository is and which files belong to it. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** The files of the repository, tracked or about to be, by their path with `/`. Without git (a downloaded archive) undefined. */
export function repositoryFiles(): string[] | undefined {
  if (!existsSync(path.join(root, ".git"))) return undefined;
  const list = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  return [...new Set(list.split("\0"))].filter((file) => file && existsSync(path.join(root, file))).sort();
}

export function read(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}
