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
      const theirs = tf.transpose(variable);
      const data = await theirs.data<"float32">();
      tensors.set(`${PREFIX}${place.name}.lora_${letter}.weight`, { dtype: "F32", shape: theirs.shape, data });
      theirs.dispose();
    }
  }
  const { a: first, scale } = adapters[0]!;
  const rank = first.shape[1]!;
  const json = {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: options.base ?? null,
    r: rank,
    lora_alpha: Number((scale * rank).toPrecision(12)), // alpha / rank · rank is not always alpha
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
 * Gives a model the adapters of a folder that `saveAdapter` or PEFT wrote, and freezes all else, as `addLora` does. A dropout that
 * they were trained with is not repeated.
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
  requirePlain(fields);
  const rank = fields.number("r");
  const scale = fields.number("lora_alpha") / (fields.json.use_rslora === true ? Math.sqrt(rank) : rank);
  const weights = await openSafetensors(path.join(folder, WEIGHTS));
  const adapters: LowRank[] = [];
  try {
    for (const { place, a, b, output } of matched(placesOf(model), weights, rank)) {
      const [first, second] = [await weights.read(a), await weights.read(b)];
      adapters.push(new LowRank(transposed(first), transposed(second), place, scale));
      if (output) requireEqual(place, await weights.read(output), weights.path);
    }
  } catch (error) {
    for (const adapter of adapters) adapter.dispose();
    throw error;
  } finally {
    await weights.close();
  }
  attach(model, adapters);
}

/** PEFT changes the base weights when it loads adapters that began in another way ("pissa", "olora", "loftq" …). */
const PLAIN_STARTS = [true, false, null, "gaussian", "orthogonal", "eva", "mica"];

/** Throws RangeError for adapters that are more than two thin matrices. */
function requirePlain(fields: Fields): void {
  const empty = (value: unknown): boolean =>
    value == null || (typeof value === "object" && Object.keys(value).length === 0);
  fields.require("peft_type", "LORA");
  fields.require("bias", "none", null);
  fields.require("init_lora_weights", ...PLAIN_STARTS);
  for (const name of ["use_dora", "lora_bias", "use_qalora", "use_bdlora"]) fields.require(name, false, null);
  for (const name of ["modules_to_save", "layer_replication", "trainable_token_indices", "alora_invocation_tokens"])
    if (!empty(fields.json[name])) fields.require(name, null);
  for (const name of ["arrow_config", "kasa_config", "monteclora_config"])
    if (!empty(fields.json[name])) fields.require(name, null);
  for (const name of ["rank_pattern", "alpha_pattern"])
    if (!empty(fields.json[name]))
      throw new RangeError(
        `${fields.file} has a "${name}", but this library computes only one rank and one alpha for all`,
      );
}

/** A matrix of the file as this library keeps it. */
function transposed({ data, shape }: HostTensor): Tensor2D {
  return tf.tidy(() => tf.tensor2d(data as Float32Array, shape as [number, number]).transpose<Tensor2D>());
}

/** The frozen matrix that PEFT saves beside an adapter of the output layer, and puts in place of the model's, must be the model's. */
function requireEqual({ name, layer }: Place, saved: HostTensor, file: string): void {
  const equal = tf.tidy(() => {
    const theirs = transposed(saved);
    return String(theirs.shape) === String(layer.weight.shape) && theirs.equal(layer.weight).all().dataSync()[0] === 1;
  });
  if (!equal)
    throw new RangeError(
      `${file} brings a "${name}" that is not this model's: it belongs to another model, or it was trained too`,
    );
}

/** The tensors of one place. */
interface Match {
  readonly place: Place;
  readonly a: string;
  readonly b: string;
  /** The frozen matrix itself, of an output layer. */
  readonly output?: string;
}

/** The tensors of each place that has some. Throws RangeError that lists all that is missing, unknown, of another shape or type. */
function matched(places: readonly Place[], weights: TensorSource, rank: number): Match[] {
  const found: Match[] = [];
  const problems: string[] = [];
  const used = new Set<string>();
  for (const place of places) {
    // Saved from a model without its head, names begin later.
    const starts = [place.name, place.name.replace(/^(transformer|model)\./, "")].map((name) => `${PREFIX}${name}`);
    const start = starts.find((one) => ["A", "B"].some((letter) => weights.has(`${one}.lora_${letter}.weight`)));
    if (start === undefined) continue;
    const [a, b, output] = [`${start}.lora_A.weight`, `${start}.lora_B.weight`, `${start}.base_layer.weight`];
    for (const [name, shape] of [
      [a, [rank, place.layer.weight.shape[0]]],
      [b, [place.width, rank]],
    ] as const) {
      used.add(name);
      if (!weights.has(name)) problems.push(`${shown(name, 120)} is missing`);
      else {
        const { dtype, shape: actual } = weights.info(name);
        if (String(actual) !== String(shape))
          problems.push(`${shown(name, 120)} has shape ${shown(actual)}, expected ${shown(shape)}`);
        if (/^[IU]/.test(dtype))
          problems.push(`${shown(name, 120)} holds numbers of type ${dtype}, expected floating-point ones`);
      }
    }
    const hasOutput = place.name === "lm_head" && weights.has(output);
    if (hasOutput) used.add(output);
    found.push({ place, a, b, ...(hasOutput ? { output } : {}) });
  }
  for (const name of weights.names)
    if (!used.has(name)) problems.push(`${shown(name, 120)} belongs to no matrix of the model`);
  if (weights.names.length === 0) problems.push("there are none");
  if (problems.length === 0) return found;
  const more = problems.length > 8 ? ` and ${problems.length - 8} more` : "";
  throw new RangeError(
    `The adapters of ${weights.path} do not fit this model: ${problems.slice(0, 8).join("; ")}${more}`,
  );
}
