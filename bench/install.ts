/** @file Makes what the comparison needs and the course does not: PyTorch in a Python of its own, workers, weights. Each only once. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { installPython as install, pythonOf } from "../tools/python_env.ts";
import type { Case } from "./cases.ts";

const VENV = ".build/bench-venv";

/** The Python that has PyTorch. */
export const python = pythonOf(VENV);

/** The folder with the weights of a case. */
export function weightsOf({ model, pretrained }: Case): string {
  const { vocabSize, blockSize, nLayer, nHead, nEmbd } = model;
  const name = pretrained ?? `v${vocabSize}-t${blockSize}-l${nLayer}-h${nHead}-d${nEmbd}`;
  return path.resolve(".build/bench/weights", name);
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });
}

/** PyTorch and transformers, in the versions of requirements.txt. */
export function installPython(tell: (line: string) => void): void {
  install(VENV, "bench/requirements.txt", tell);
}

/** The JavaScript libraries of bench/package.json. Without them only their rows fail. */
export function installPackages(tell: (line: string) => void): void {
  const key = createHash("sha256").update(readFileSync("bench/package-lock.json", "utf8")).digest("hex");
  const stamp = "bench/node_modules/.gptlab-stamp";
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === key) return;
  tell("jax-js and transformers.js: installing (only once) …");
  try {
    execFileSync("npm", ["ci", "--ignore-scripts", "--no-progress", "--loglevel=error", "--prefix", "bench"], {
      stdio: ["ignore", "ignore", "inherit"],
      shell: process.platform === "win32",
    });
    writeFileSync(stamp, key);
  } catch (error) {
    tell(
      `jax-js and transformers.js cannot be installed and are left out: ${(error as Error).message.split("\n", 1)[0]}`,
    );
  }
}

/** Workers as plain JavaScript: a compiler in their process would count as their memory. */
export function compileWorkers(): void {
  run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "bench/workers"]);
  writeFileSync(".build/bench/workers/package.json", '{ "type": "module" }\n');
}

/** The same weights for all workers of a case, as an ONNX graph too where a worker reads one. */
export function makeWeights(comparison: Case): void {
  const { model, pretrained, contestants } = comparison;
  const folder = weightsOf(comparison);
  const withOnnx = contestants.some(({ worker }) => worker === "transformers_js_generate.mjs");
  mkdirSync(folder, { recursive: true });
  if (!existsSync(path.join(folder, "config.json")))
    run(process.execPath, [
      ".build/bench/workers/prepare.js",
      JSON.stringify({ ...model, pretrained, weights: folder }),
    ]);
  if (withOnnx && !existsSync(path.join(folder, "onnx/model.onnx")))
    run(python, ["bench/workers/make_onnx.py", folder]);
}
