/** @file Finds what a published model is made of: its configuration, its tensors, and what they are called. GPT puts them together. */
import { stat } from "node:fs/promises";
import path from "node:path";
import { openTensors } from "../files/open";
import { sizeOf, type TensorSource } from "../files/tensors";
import { type ResolveOptions, resolveModel } from "../hub";
import { isGguf } from "../hub/choose";
import { type FullConfig, fullConfig, matrixNumbers } from "./config";
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
  const isFolder = (await stat(at)).isDirectory(); // or one weights file of a folder
  const written = isGguf(at) ? undefined : await readConfig(isFolder ? at : path.dirname(at));
  const weights = await openTensors(isFolder && options.file ? path.join(at, options.file) : at);
  try {
    const config = fullConfig(written ?? (await ggufConfig(weights)));
    requireBelonging(config, weights);
    return { config, names: written ? huggingFaceNames(config) : ggufNames(config), weights };
  } catch (error) {
    await weights.close();
    throw error;
  }
}

/** A model far larger than its file is not even begun: a broken number in a configuration could take all memory. */
function requireBelonging(config: FullConfig, weights: TensorSource): void {
  const there = weights.names.reduce((sum, name) => sum + sizeOf(weights.info(name).shape), 0);
  const wanted = matrixNumbers(config);
  if (wanted <= 2 * there + 1e6 && config.nLayer <= weights.names.length) return; // what is missing is listed later, by name
  throw new RangeError(
    `The configuration of ${weights.path} describes ${config.nLayer} layers with ${wanted} numbers in all, but the file has ${weights.names.length} tensors with ${there}. They do not belong together: fetch both again`,
  );
}
