/** @file Finds and loads the model that a command names: a path, a model of the course, smollm2, or a name on the hub. */
import { existsSync } from "node:fs";
import type { GPT } from "../model";
import type { LoadedTokenizer } from "../tokenizer/load";
import type { ModelOptions } from "./arguments";

/** What commands say about their argument `<model>`. */
export const MODEL =
  "a folder, a .gguf file, smollm2, a model of the course (course-base), or a name on the hub (owner/name)";

/** The path of a model that is here or comes with the course; any other name stays, for the hub. */
export async function locate(name: string): Promise<string> {
  if (existsSync(name)) return name;
  if (name === "smollm2") {
    const { loadDataset } = await import("../data/load.js");
    return (await loadDataset(name)).path;
  }
  const { findCourseModel } = await import("../pretrain/base_model.js");
  if (name.includes("/")) return name;
  try {
    return findCourseModel(name);
  } catch (error) {
    if (name.startsWith("course-")) throw error; // the hub has no model without an owner but a few old ones
    return name;
  }
}

/** Starts the engine and loads a model with its tokenizer. */
export async function loadModel(
  name: string,
  options: ModelOptions,
): Promise<{ model: GPT; tokenizer: LoadedTokenizer }> {
  const { initBackend } = await import("../backend/init.js");
  const { GPT: Model } = await import("../model/index.js");
  const { loadTokenizer } = await import("../tokenizer/load.js");
  const at = await locate(name);
  const tokenizer = await loadTokenizer(at, options); // first: it is small, and without it there is nothing to do
  await initBackend();
  return { tokenizer, model: await Model.fromPretrained(at, options) };
}
