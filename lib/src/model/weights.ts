/** @file Moves weights between a checkpoint's tensors and a model's parameters, one tensor at a time. */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import {
  type HostTensor,
  openSafetensors,
  type SafetensorsFile,
  type StorageType,
  writeSafetensors,
} from "../files/safetensors";
import { type ProgressReporter, report } from "../progress";
import { tf, type Variable } from "../tf";
import type { FullConfig } from "./config";
import { isIgnored, type Source, sources } from "./names";

/** Named tensors that can be read one at a time: a safetensors file, or several with an index. */
export interface WeightSource {
  readonly names: readonly string[];
  shape(name: string): readonly number[];
  read(name: string): Promise<HostTensor>;
  close(): Promise<void>;
}

/** Opens model.safetensors of a folder, or the files that model.safetensors.index.json lists. */
export async function openWeights(folder: string, file = "model.safetensors"): Promise<WeightSource> {
  const index = path.join(folder, "model.safetensors.index.json");
  const single = path.join(folder, file);
  if (!existsSync(single) && existsSync(index)) {
    const { weight_map: map } = JSON.parse(await readFile(index, "utf8")) as { weight_map: Record<string, string> };
    const shards = new Map<string, SafetensorsFile>();
    for (const shard of new Set(Object.values(map)))
      shards.set(shard, await openSafetensors(path.join(folder, path.basename(shard))));
    const home = (name: string): SafetensorsFile => {
      const found = shards.get(map[name] ?? "");
      if (!found) throw new RangeError(`${index} has no tensor "${name}"`);
      return found;
    };
    return {
      names: Object.keys(map),
      shape: (name) => home(name).info(name).shape,
      read: (name) => home(name).read(name),
      close: async () => void (await Promise.all([...shards.values()].map((shard) => shard.close()))),
    };
  }
  if (!existsSync(single))
    throw new Error(
      `${folder} has neither ${file} nor model.safetensors.index.json; it is not a folder in Hugging Face's layout`,
    );
  const opened = await openSafetensors(single);
  return {
    names: opened.names,
    shape: (name) => opened.info(name).shape,
    read: (name) => opened.read(name),
    close: () => opened.close(),
  };
}

/**
 * Gives the parameters the values of a checkpoint. Names and shapes are all compared before the first value changes.
 * Throws RangeError that lists what is missing, unknown or of another shape.
 */
export async function loadWeights(
  parameters: ReadonlyMap<string, Variable>,
  config: FullConfig,
  weights: WeightSource,
  onProgress: ProgressReporter = report,
): Promise<void> {
  const map = sources(config);
  const there = new Set(weights.names);
  const find = (name: string): string | undefined =>
    [name, name.replace(/^transformer\./, "")].find((candidate) => there.has(candidate));
  requireMatch(parameters, map, weights, config, find);
  const started = performance.now();
  let done = 0;
  for (const [name, variable] of parameters) {
    const source = map.get(name) as Source;
    const values = new Float32Array(variable.size);
    let offset = 0;
    for (const [i, part] of source.names.entries()) {
      const { data } = await weights.read(find(part) as string);
      place(values, variable.shape, data as Float32Array, offset, source.widths[i]!, source.transpose);
      offset += source.widths[i]!;
    }
    const tensor = tf.tensor(values, variable.shape);
    variable.assign(tensor);
    tensor.dispose();
    onProgress({
      label: "Weights",
      done: ++done,
      total: parameters.size,
      seconds: (performance.now() - started) / 1000,
    });
  }
}

/** Writes the parameters as a checkpoint's tensors to folder/model.safetensors. */
export async function saveWeights(
  parameters: ReadonlyMap<string, Variable>,
  config: FullConfig,
  folder: string,
  dtype: StorageType,
): Promise<void> {
  const map = sources(config);
  const tensors = new Map<string, HostTensor>();
  for (const [name, variable] of parameters) {
    const { names, widths, transpose } = map.get(name) as Source;
    const values = await variable.data();
    let offset = 0;
    for (const [i, part] of names.entries()) {
      tensors.set(part, take(values, variable.shape, offset, widths[i]!, transpose, dtype));
      offset += widths[i]!;
    }
  }
  await mkdir(folder, { recursive: true });
  await writeSafetensors(path.join(folder, "model.safetensors"), tensors, { format: "pt" });
}

/** Copies one checkpoint tensor into columns `offset` … `offset + width` of a parameter. */
function place(
  values: Float32Array,
  shape: readonly number[],
  data: Float32Array,
  offset: number,
  width: number,
  transpose: boolean,
): void {
  const [rows, total] = shape.length === 2 ? (shape as [number, number]) : [1, shape[0]!];
  for (let row = 0; row < rows; row++) {
    const at = row * total + offset;
    if (!transpose) values.set(data.subarray(row * width, (row + 1) * width), at);
    else for (let column = 0; column < width; column++) values[at + column] = data[column * rows + row]!;
  }
}

/** The reverse of `place`. */
function take(
  values: Float32Array,
  shape: readonly number[],
  offset: number,
  width: number,
  transpose: boolean,
  dtype: StorageType,
): HostTensor {
  const [rows, total] = shape.length === 2 ? (shape as [number, number]) : [1, shape[0]!];
  const data = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const from = row * total + offset;
    if (!transpose) data.set(values.subarray(from, from + width), row * width);
    else for (let column = 0; column < width; column++) data[column * rows + row] = values[from + column]!;
  }
  return { dtype, shape: shape.length === 1 ? [width] : transpose ? [width, rows] : [rows, width], data };
}

function requireMatch(
  parameters: ReadonlyMap<string, Variable>,
  map: ReadonlyMap<string, Source>,
  weights: WeightSource,
  config: FullConfig,
  find: (name: string) => string | undefined,
): void {
  const problems: string[] = [];
  const used = new Set<string>();
  for (const [name, { shape }] of parameters) {
    const source = map.get(name);
    if (!source)
      throw new Error(`The model's parameter "${name}" has no name in checkpoints; this is a fault of gptlab`);
    for (const [i, part] of source.names.entries()) {
      const found = find(part);
      if (found === undefined) {
        problems.push(`"${part}" is missing`);
        continue;
      }
      used.add(found);
      const width = source.widths[i]!;
      const expected = shape.length === 1 ? [width] : source.transpose ? [width, shape[0]!] : [shape[0]!, width];
      const actual = weights.shape(found);
      if (String(actual) !== String(expected))
        problems.push(`"${found}" has shape [${actual.join(", ")}], expected [${expected.join(", ")}]`);
    }
  }
  for (const name of weights.names)
    if (!used.has(name) && !isIgnored(name, config)) problems.push(`"${name}" is unknown`);
  if (problems.length === 0) return;
  const more = problems.length > 8 ? ` and ${problems.length - 8} more` : "";
  throw new RangeError(`The weights do not fit the configuration: ${problems.slice(0, 8).join("; ")}${more}`);
}
