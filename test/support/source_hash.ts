/** @file Sources as one hash: a result that took long to measure holds for one state of them, and a test notices when it is stale. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { root } from "./repository.ts";

function filesOf(entry: string): string[] {
  if (!statSync(path.join(root, entry)).isDirectory()) return [entry];
  return readdirSync(path.join(root, entry)).flatMap((name) =>
    name === "__pycache__" ? [] : filesOf(`${entry}/${name}`),
  );
}

/** Comments and layout of TypeScript do not count. */
function meaningOf(file: string): string {
  const text = readFileSync(path.join(root, file), "utf8");
  if (!file.endsWith(".ts")) return text;
  const compilerOptions = { target: ts.ScriptTarget.ESNext, removeComments: true };
  return ts.transpileModule(text, { compilerOptions }).outputText;
}

/** SHA-256 of files and folders of the repository, and of further values that decide a result. */
export function sourceHash(entries: readonly string[], ...values: readonly unknown[]): string {
  const hash = createHash("sha256");
  for (const file of entries.flatMap(filesOf).sort()) hash.update(`${file}\0${meaningOf(file)}\0`);
  if (values.length > 0) hash.update(JSON.stringify(values));
  return hash.digest("hex");
}
