/** @file Opens tensors whatever container they are in. What the tensors mean is the model's affair. */
import { stat } from "node:fs/promises";
import path from "node:path";
import { openGguf } from "./gguf";
import { openSafetensors } from "./safetensors";
import { openSharded } from "./sharded";
import { openFile, readInto } from "./tensor_file";
import { FormatError, type TensorSource } from "./tensors";

/** What a folder in Hugging Face's layout calls its tensors: in one file, or the index of several. */
export const SINGLE = "model.safetensors";
export const INDEX = "model.safetensors.index.json";

/**
 * Opens the tensors of a model: a folder in Hugging Face's layout, a `.safetensors` or GGUF file, or the index of several
 * `.safetensors` files. Only headers are read; close what you get. Throws FormatError when there is none, or a broken one.
 *
 * @example
 * import { openTensors, writeSafetensors } from "gptlab";
 * import { mkdirSync } from "node:fs";
 * mkdirSync("my-model");
 * const tensors = new Map([["w", { dtype: "F16" as const, shape: [2], data: Float32Array.of(1, 2) }]]);
 * await writeSafetensors("my-model/model.safetensors", tensors);
 * const source = await openTensors("my-model");
 * source.info("w"); // => { dtype: "F16", shape: [2] }
 * await source.close();
 */
export async function openTensors(at: string): Promise<TensorSource> {
  if (await is(at, "folder")) {
    if (await is(path.join(at, SINGLE), "file")) return openSafetensors(path.join(at, SINGLE));
    if (await is(path.join(at, INDEX), "file")) return openSharded(path.join(at, INDEX));
    const message = `${at} has neither ${SINGLE} nor ${INDEX}. Name a folder in Hugging Face's layout, or a .safetensors or .gguf file`;
    throw new FormatError(at, message);
  }
  if (at.endsWith(".json")) return openSharded(at);
  return (await beginsWithGguf(at)) ? openGguf(at) : openSafetensors(at);
}

async function is(at: string, kind: "folder" | "file"): Promise<boolean> {
  const found = await stat(at).catch(() => undefined);
  return (kind === "folder" ? found?.isDirectory() : found?.isFile()) ?? false;
}

async function beginsWithGguf(at: string): Promise<boolean> {
  const { handle, size } = await openFile(at);
  try {
    const first = Buffer.alloc(Math.min(size, 4));
    await readInto(handle, 0, first, at);
    return at.endsWith(".gguf") || first.toString("latin1") === "GGUF";
  } finally {
    await handle.close();
  }
}
