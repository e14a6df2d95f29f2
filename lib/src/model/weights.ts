/** @file Moves weights between a checkpoint's tensors and a model's parameters, one parameter at a time. Names come from `names.ts`. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { nativeBackend } from "../backend/native";
import { writeSafetensors } from "../files/safetensors";
import { type HostTensor, shown, type TensorSource } from "../files/tensors";
import { type ProgressReporter, report } from "../progress";
import { Random } from "../random";
import { type Tensor, tf, type Variable } from "../tf";
import type { FloatType } from "./huggingface";
import type { Names, Source } from "./names";

/**
 * Stands in for chance where every value will be replaced: zeros, which take no time, and no memory before somebody reads them.
 * All share one array: many of their own would let V8 wait with collecting what was read from a file.
 */
export class Blank extends Random {
  constructor() {
    super(0);
  }

  #zeros = new Float32Array(0);

  override normal(count: number): Float32Array {
    if (count > this.#zeros.length) this.#zeros = new Float32Array(count);
    return this.#zeros.subarray(0, count);
  }
}

/** So many bytes of arrays that nobody uses any more may wait for V8, which alone lets hundreds of megabytes pile up. */
const MOST_UNUSED = 2 ** 26;

/** V8's full collection, some tens of milliseconds. Its function is hidden unless a flag shows it to new contexts. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/**
 * Gives the parameters the values of a checkpoint. Names, types and shapes are all compared before the first value changes.
 * Throws RangeError that lists all that is missing, unknown or of another shape.
 */
export async function loadWeights(
  parameters: ReadonlyMap<string, Variable>,
  names: Names,
  weights: TensorSource,
  onProgress: ProgressReporter = report,
): Promise<void> {
  const find = (name: string): string =>
    !weights.has(name) && name.startsWith(names.prefix) && weights.has(name.slice(names.prefix.length))
      ? name.slice(names.prefix.length)
      : name;
  requireMatch(parameters, names, weights, find);
  const started = performance.now();
  let done = 0;
  const all = [...parameters.values()].reduce((sum, { size }) => sum + 4 * size, 0);
  let unused = 0; // bytes of arrays that have been read and uploaded
  for (const [name, variable] of parameters) {
    const source = names.sources.get(name) as Source;
    const parts: HostTensor[] = [];
    for (const part of source.names) parts.push(await weights.read(find(part)));
    tf.tidy(() => variable.assign(assembled(parts, source)));
    nativeBackend()?.getInputTensorIds([variable]); // uploads it now, so that JavaScript's copy can go
    parts.length = 0;
    unused += nativeBackend() ? 4 * variable.size : 0;
    if (unused > Math.max(MOST_UNUSED, all / 20)) {
      collectGarbage();
      unused = 0;
    }
    const seconds = (performance.now() - started) / 1000;
    onProgress({ label: "Weights", done: ++done, total: parameters.size, seconds });
  }
}

/** A parameter from its parts of a checkpoint: (in, out), or (out). */
function assembled(parts: readonly HostTensor[], { transpose, interleaved = [] }: Source): Tensor {
  const columns = parts.map(({ data, shape }, i) => {
    const stored = tf.tensor(data as Float32Array, [...shape]);
    const ordered = interleaved[i] ? halvesApart(stored, interleaved[i]) : stored;
    return transpose && ordered.rank === 2 ? ordered.transpose() : ordered;
  });
  return columns.length === 1 ? columns[0]! : tf.concat(columns, columns[0]!.rank - 1);
}

/** Rows of each head in the order 0, hs/2, 1, hs/2 + 1 … to 0, 1, 2 …: (H · hs, in), or (H · hs). */
function halvesApart(x: Tensor, heads: number): Tensor {
  const [rows, ...rest] = x.shape as [number, ...number[]];
  const pairs = x.reshape([heads, rows / heads / 2, 2, ...rest]); // (H, hs/2, 2, in)
  return pairs.transpose([0, 2, 1, ...rest.map(() => 3)]).reshape(x.shape); // (H, 2, hs/2, in)
}

/** Writes the parameters as a checkpoint's tensors to folder/model.safetensors. A bias that the model does not have is written as zeros. */
export async function saveWeights(
  parameters: ReadonlyMap<string, Variable>,
  names: Names,
  folder: string,
  dtype: FloatType,
): Promise<void> {
  const homeless = [...parameters.keys()].find((name) => !names.sources.has(name));
  if (homeless !== undefined)
    throw new RangeError(
      `The model's "${homeless}" has no place in a checkpoint of its architecture. Of an adapter: mergeLora(model) first, or saveAdapter(model, folder)`,
    );
  const tensors = new Map<string, HostTensor>();
  for (const [name, source] of names.sources) {
    const variable = parameters.get(name);
    const parts = variable
      ? tf.tidy(() => separated(variable, source))
      : source.widths.map((width) => tf.zeros([width]));
    for (const [i, part] of parts.entries()) {
      tensors.set(source.names[i]!, { dtype, shape: part.shape, data: await part.data<"float32">() });
      part.dispose();
    }
  }
  await mkdir(folder, { recursive: true });
  await writeSafetensors(path.join(folder, "model.safetensors"), tensors, { format: "pt" });
}

/** The reverse of `assembled`, for rows in their own order. */
function separated(variable: Tensor, { widths, transpose }: Source): Tensor[] {
  const columns = widths.length === 1 ? [variable] : tf.split(variable, [...widths], variable.rank - 1);
  return columns.map((part) => (transpose && part.rank === 2 ? part.transpose() : part.clone()));
}

function requireMatch(
  parameters: ReadonlyMap<string, Variable>,
  names: Names,
  weights: TensorSource,
  find: (name: string) => string,
): void {
  const problems: string[] = [];
  const used = new Set<string>();
  for (const [name, { shape }] of parameters) {
    const source = names.sources.get(name);
    if (!source) {
      problems.push(`the model's "${name}" has no place in such a file`);
      continue;
    }
    for (const [i, part] of source.names.entries()) {
      const found = find(part);
      used.add(found);
      if (!weights.has(found)) {
        problems.push(`${quoted(part)} is missing`);
        continue;
      }
      const { dtype, shape: actual } = weights.info(found);
      const width = source.widths[i]!;
      const expected = shape.length === 1 ? [width] : source.transpose ? [width, shape[0]!] : [shape[0]!, width];
      if (String(actual) !== String(expected))
        problems.push(`${quoted(found)} has shape ${shown(actual)}, expected ${shown(expected)}`);
      if (/^[IU]/.test(dtype))
        problems.push(`${quoted(found)} holds numbers of type ${dtype}, expected floating-point ones`);
    }
  }
  for (const name of weights.names)
    if (!used.has(name) && !names.ignores(name)) problems.push(`${quoted(name)} is unknown`);
  if (problems.length === 0) return;
  const lines = folded(problems);
  const more = lines.length > MOST_PROBLEMS ? `; and ${lines.length - MOST_PROBLEMS} more` : "";
  throw new RangeError(
    `The weights of ${weights.path} do not fit its configuration: ${lines.slice(0, MOST_PROBLEMS).join("; ")}${more}`,
  );
}

/** A name from outside; adapters' names have 70 letters. */
const quoted = (name: string): string => shown(name, 120);

/** All of any model, where each kind of tensor is one problem; not all of a file with a hundred thousand names. */
const MOST_PROBLEMS = 500;

/** Problems that differ in the number of the layer only become one: `"h.0-11.attn.c_attn.weight" is missing`. */
function folded(problems: readonly string[]): string[] {
  const LAYER = /\.(\d+)\./;
  const groups = new Map<string, { first: string; layers: number[] }>();
  for (const problem of problems) {
    const key = problem.replace(LAYER, "..");
    const group = groups.get(key) ?? { first: problem, layers: [] };
    group.layers.push(Number(LAYER.exec(problem)?.[1]));
    groups.set(key, group);
  }
  return Array.from(groups.values(), ({ first, layers }) => first.replace(LAYER, () => `.${ranges(layers)}.`));
}

/** [0, 1, 2, 5] as "0-2,5". */
function ranges(numbers: readonly number[]): string {
  const runs: [from: number, to: number][] = [];
  for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run && run[1] === number - 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(",");
}
