/** @file Which files of a model's folder or repository are needed: from names alone, no disk and no network. */

import { INDEX, SINGLE } from "../files/open";

/** What a model needs beside its weights, where it is there. */
const CONFIGURATION = ["config.json", "generation_config.json"];
const TOKENIZER = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
  "chat_template.json",
];

/** What is wanted of a model. */
export interface Wanted {
  /** One weights file by name. */
  readonly file?: string | undefined;
  /** Everything but the weights. */
  readonly only?: "tokenizer" | undefined;
}

/** The needed files by name. */
export interface Choice {
  readonly small: readonly string[];
  /** The safetensors file, its index, or the GGUF file; undefined when no weights are wanted, or there are none. */
  readonly weights: string | undefined;
}

/** Chooses among the names. Throws a RangeError when `file` is not among them, or several GGUF files are and none is named. */
export function chooseFiles(names: readonly string[], wanted: Wanted, where: string): Choice {
  const there = new Set(names);
  const small = [...CONFIGURATION, ...TOKENIZER].filter((name) => there.has(name));
  const ggufs = names.filter((name) => /^[^/\\]+\.gguf$/i.test(name));
  const { file, only } = wanted;
  if (file !== undefined) {
    if (!there.has(file)) throw new RangeError(`${where} has no file "${file}". ${offer(names.filter(isWeights))}`);
    if (isGguf(file)) return { small: [], weights: file };
    return { small, weights: only ? undefined : file };
  }
  if (only && there.has("tokenizer.json")) return { small, weights: undefined };
  const weights = [SINGLE, INDEX].find((name) => there.has(name));
  if (weights !== undefined) return { small, weights: only ? undefined : weights };
  if (ggufs.length > 1)
    throw new RangeError(`${where} has ${ggufs.length} GGUF files; name one as \`file\`. ${offer(ggufs)}`);
  return ggufs.length === 1 ? { small: [], weights: ggufs[0] } : { small, weights: undefined };
}

/** Whether a name or path is that of a GGUF file. */
export function isGguf(name: string): boolean {
  return /\.gguf$/i.test(name);
}

function isWeights(name: string): boolean {
  return /\.(gguf|safetensors)$/i.test(name);
}

function offer(names: readonly string[]): string {
  const more = names.length > 8 ? ` and ${names.length - 8} more` : "";
  return names.length > 0 ? `It has ${names.slice(0, 8).join(", ")}${more}` : "It has no weights that gptlab reads";
}
