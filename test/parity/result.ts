/** @file The result of `make parity`, as it is kept in bench/parity.json. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root } from "../support/repository.ts";
import { sourceHash } from "../support/source_hash.ts";

/** Logits of float32 may differ by this: transformers' own float32 is 1e-5 from its float64 on models of this kind. */
export const TOLERANCE = 2e-4;
const FILE = path.join(root, "bench/parity.json");

export interface Parity {
  readonly date: string;
  /** Hash of the sources for which it holds. */
  readonly sources: string;
  /** Of the Python packages. */
  readonly versions: Readonly<Record<string, string>>;
  /** The largest difference between logits of gptlab and transformers, by model and type. */
  readonly differences: Readonly<Record<string, number>>;
}

/** The hash of what decides how a model is saved and what it computes. */
export function currentSources(): string {
  const files = ["lib/src/files/fields.ts", "lib/src/files/safetensors.ts", "lib/src/files/float16.ts"];
  return sourceHash([
    "lib/src/model",
    "lib/src/ops",
    "lib/src/nn.ts",
    "lib/src/finetune/lora.ts",
    "lib/src/finetune/adapter_files.ts",
    ...files,
    "test/parity",
  ]);
}

export function readParity(): Parity | undefined {
  return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as Parity) : undefined;
}

export function writeParity(parity: Parity): void {
  const digits = (_: string, value: unknown) => (typeof value === "number" ? Number(value.toPrecision(3)) : value);
  writeFileSync(FILE, `${JSON.stringify(parity, digits, 2)}\n`);
}
