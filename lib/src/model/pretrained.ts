/** @file Finds what a published model is made of: its configuration, its tensors, and what they are called. GPT puts them together. */
import { stat } from "node:fs/promises";
import path from "node:path";
import { openTensors } from "../files/open";
import type { TensorSource } from "../files/tensors";
import { type ResolveOptions, resolveModel } from "../hub";
import { type FullConfig, fullConfig } from "./config";
import { ggufConfig } from "./gguf";
import { readConfig } from "./huggingface";
import { ggufNames, huggingFaceNames, type Names } from "./names";

/** A published model with its file open. */
export interface Pretrained {
  readonly config: FullConfig;
  readonly names: Names;
  /** The caller closes it. */
  readonly weights: TensorSource;
}

/** Where a model comes from, beside its name. */
export type PretrainedOptions = Omit<ResolveOptions, "only">;

/** Opens a model by its place on the disk or its name on the hub: a folder in Hugging Face's layout, or a GGUF file. */
export async function openPretrained(idOrPath: string, options: PretrainedOptions = {}): Promise<Pretrained> {
  const at = await resolveModel(idOrPath, options);
  if (!at.endsWith(".gguf")) {
    const isFolder = (await stat(at)).isDirectory(); // or one weights file of a folder
    const config = fullConfig(await readConfig(isFolder ? at : path.dirname(at)));
    const names = huggingFaceNames(config);
    return { config, names, weights: await openTensors(isFolder && options.file ? path.join(at, options.file) : at) };
  }
  const weights = await openTensors(at);
  try {
    const config = fullConfig(await ggufConfig(weights));
    return { config, names: ggufNames(config), weights };
  } catch (error) {
    await weights.close();
    throw error;
  }
}
