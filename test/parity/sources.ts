/** @file The sources that decide how a model is saved and what it computes, as one hash: a result of `make parity` holds for one state of them. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { root } from "../support/repository.ts";

const SOURCES = [
  "lib/src/model",
  "lib/src/ops",
  "lib/src/nn.ts",
  "lib/src/files/safetensors.ts",
  "lib/src/files/float16.ts",
  "test/parity",
];

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

/** SHA-256 of all of them. */
export function sourceHash(): string {
  const hash = createHash("sha256");
  for (const file of SOURCES.flatMap(filesOf).sort()) hash.update(`${file}\0${meaningOf(file)}\0`);
  return hash.digest("hex");
}
