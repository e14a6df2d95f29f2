/** @file Hugging Face's own tokenizers, in Python: what they make of a folder that we wrote. */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { root } from "./repository.ts";

const python = path.join(root, ".venv", process.platform === "win32" ? "Scripts/python.exe" : "bin/python");

/** Why they cannot be asked; undefined when they can. */
export function tokenizersMissing(): string | undefined {
  try {
    execFileSync(python, ["-c", "import tokenizers"], { stdio: "ignore" });
    return undefined;
  } catch {
    return `${python} has no package tokenizers; run make setup`;
  }
}

const SCRIPT = `
import json, sys
from tokenizers import Tokenizer
folders, texts = json.load(sys.stdin)
out = []
for folder in folders:
    t = Tokenizer.from_file(folder + "/tokenizer.json")
    encoded = [t.encode(x, add_special_tokens=False).ids for x in texts]
    out.append([[ids, t.decode(ids, skip_special_tokens=False)] for ids in encoded])
json.dump(out, sys.stdout)
`;

/** For each folder with a tokenizer.json and each text: its ids, and the text that they give back. */
export function encodeInPython(
  folders: readonly string[],
  texts: readonly string[],
): [ids: number[], decoded: string][][] {
  const input = JSON.stringify([folders, texts]);
  return JSON.parse(execFileSync(python, ["-c", SCRIPT], { input, encoding: "utf8" }));
}
