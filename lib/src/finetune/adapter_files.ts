/** @file A model's adapters as a folder in PEFT's layout: adapter_config.json and adapter_model.safetensors, read and written. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { Fields } from "../files/fields";
import { openSafetensors, writeSafetensors } from "../files/safetensors";
import { type HostTensor, shown, type TensorSource } from "../files/tensors";
import type { GPT } from "../model";
import { type Tensor2D, tf } from "../tf";
import { writeWhole } from "../whole_file";
import { adaptersOf, attach, LowRank, type Place, placesOf, requireNone } from "./lora";

const CONFIG = "adapter_config.json";
const WEIGHTS = "adapter_model.safetensors";
/** PEFT wraps the model twice. */
const PREFIX = "base_model.model.";

/**
 * Writes a model's adapters as PEFT does; `PeftModel.from_pretrained(base, folder)` loads them. PEFT keeps a as (rank, in) and b as
 * (out, rank).
 *
 * @param folder is made when it is missing; files of the same names are replaced, each whole or not at all
 * @param options.base name or path of the model that they belong to, for those who load the folder alone; default none
 * @throws Error if the model has no adapters
 * @example
 * import { addLora, GPT, initBackend, loadAdapter, presets, Random, saveAdapter } from "gptlab";
 * import { mkdtempSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * await initBackend();
 * const folder = mkdtempSync(join(tmpdir(), "gptlab-"));
 * const make = () => new GPT({ ...presets.course, nLayer: 1 }, new Random(1));
 * const model = make();
 * addLora(model, { rank: 4, alpha: 8, random: new Random(2) });
 * await saveAdapter(model, folder);
 * const other = make();
 * await loadAdapter(other, folder);
 * other.parameterCount({ trainable: true }) === model.parameterCount({ trainable: true }); // => true
 */
export async function saveAdapter(model: GPT, folder: string, options: { base?: string } = {}): Promise<void> {
  const adapters = adaptersOf(model);
  const tensors = new Map<string, HostTensor>();
  for (const { a, b, place } of adapters) {
    for (const [letter, variable] of [
      ["A", a],
      ["B", b],
    ] as const) {
      const turned = tf.transpose(variable);
      const data = await turned.data<"float32">();
      tensors.set(`${PREFIX}${place.name}.lora_${letter}.weight`, { dtype: "F32", shape: turned.shape, data });
      turned.dispose();
    }
  }
  const { a: first, scale } = adapters[0]!;
  const rank = first.shape[1]!;
  const json = {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: options.base ?? null,
    r: rank,
    lora_alpha: scale * rank,
    lora_dropout: 0,
    target_modules: targetsOf(placesOf(model), adapters),
    fan_in_fan_out: model.config.architecture === "gpt2", // its weights lie (in, out)
    bias: "none",
    init_lora_weights: true,
    inference_mode: true,
  };
  await mkdir(folder, { recursive: true });
  await writeSafetensors(path.join(folder, WEIGHTS), tensors, { format: "pt" });
  await writeWhole([{ path: path.join(folder, CONFIG), chunks: [`${JSON.stringify(json, null, 2)}\n`] }]);
}

/** The shortest names that mean these matrices and no others: the last word where all such have an adapter, else the full names. */
function targetsOf(places: readonly Place[], adapters: readonly LowRank[]): string[] {
  const has = new Set(adapters.map(({ place }) => place.name));
  const last = (name: string): string => name.split(".").at(-1)!;
  const partly = new Set(places.filter(({ name }) => !has.has(name)).map(({ name }) => last(name)));
  return [...new Set([...has].map((name) => (partly.has(last(name)) ? name : last(name))))].sort();
}

/**
 * Gives a model the adapters of a folder that `saveAdapter` or PEFT wrote, and freezes all else, as `addLora` does.
 *
 * @throws RangeError that lists what is missing, unknown or of another shape, and for kinds of adapters that this library does not compute
 * (DoRA, trained biases, a rank or alpha for some layers); Error if the model has adapters already or a file is missing
 * @example
 * import { addLora, GPT, initBackend, loadAdapter, mergeLora, presets, Random, saveAdapter } from "gptlab";
 * import { mkdtempSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * await initBackend();
 * const folder = mkdtempSync(join(tmpdir(), "gptlab-"));
 * const model = new GPT({ ...presets.course, nLayer: 1 }, new Random(1));
 * addLora(model, { rank: 2, alpha: 4, targets: ["c_attn"], random: new Random(2) });
 * await saveAdapter(model, folder);
 * mergeLora(model);
 * await loadAdapter(model, folder);
 * model.parameterCount({ trainable: true }); // => 1536
 */
export async function loadAdapter(model: GPT, folder: string): Promise<void> {
  requireNone(model);
  const fields = await Fields.read(path.join(folder, CONFIG), ", which says what the adapters are like");
  fields.require("peft_type", "LORA");
  fields.require("bias", "none", null);
  for (const name of ["use_dora", "lora_bias"]) fields.require(name, false, null);
  for (const name of ["modules_to_save", "layer_replication", "trainable_token_indices"]) fields.require(name, null);
  for (const name of ["rank_pattern", "alpha_pattern"])
    if (Object.keys(fields.json[name] ?? {}).length > 0) fields.require(name, null);
  const rank = fields.number("r");
  const scale = fields.number("lora_alpha") / (fields.json.use_rslora === true ? Math.sqrt(rank) : rank);
  const weights = await openSafetensors(path.join(folder, WEIGHTS));
  const adapters: LowRank[] = [];
  try {
    for (const [place, [a, b]] of matched(placesOf(model), weights, rank))
      adapters.push(new LowRank(await turned(weights, a), await turned(weights, b), place, scale));
  } catch (error) {
    for (const adapter of adapters) adapter.dispose();
    throw error;
  } finally {
    await weights.close();
  }
  attach(model, adapters);
}

/** A matrix of the file, transposed. */
async function turned(weights: TensorSource, name: string): Promise<Tensor2D> {
  const { data, shape } = await weights.read(name);
  return tf.tidy(() => tf.tensor2d(data as Float32Array, shape as [number, number]).transpose<Tensor2D>());
}

/** The tensors a and b of each place that has them. */
function matched(places: readonly Place[], weights: TensorSource, rank: number): Map<Place, [a: string, b: string]> {
  const found = new Map<Place, [string, string]>();
  const problems: string[] = [];
  const used = new Set<string>();
  for (const place of places) {
    // Saved from a model without its head, names begin later.
    const starts = [place.name, place.name.replace(/^(transformer|model)\./, "")];
    const names = starts.map((name) => ["A", "B"].map((letter) => `${PREFIX}${name}.lora_${letter}.weight`));
    const [a, b] = (names.find((pair) => pair.some((name) => weights.has(name))) ?? []) as [string?, string?];
    if (a === undefined || b === undefined) continue;
    const before = problems.length;
    for (const [name, shape] of [
      [a, [rank, place.layer.weight.shape[0]]],
      [b, [place.width, rank]],
    ] as const) {
      used.add(name);
      if (!weights.has(name)) problems.push(`${shown(name, 120)} is missing`);
      else if (String(weights.info(name).shape) !== String(shape))
        problems.push(`${shown(name, 120)} has shape ${shown(weights.info(name).shape)}, expected ${shown(shape)}`);
    }
    if (problems.length === before) found.set(place, [a, b]);
  }
  // PEFT saves the frozen matrix too where an adapter is on the output layer.
  for (const name of weights.names)
    if (!used.has(name) && !name.endsWith(".base_layer.weight"))
      problems.push(`${shown(name, 120)} belongs to no matrix of the model`);
  if (found.size === 0 && problems.length === 0) problems.push("there are none");
  if (problems.length === 0) return found;
  const more = problems.length > 8 ? ` and ${problems.length - 8} more` : "";
  throw new RangeError(
    `The adapters of ${weights.path} do not fit this model: ${problems.slice(0, 8).join("; ")}${more}`,
  );
}
