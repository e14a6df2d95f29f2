/**
 * @file Low-rank adapters: each chosen matrix W gets W + (alpha / rank) · a · b, of which only the thin a and b are trained. Their files are
 * `adapter_files.ts`'s job.
 */
import type { GPT } from "../model";
import { huggingFaceNames } from "../model/names";
import { type Addition, Linear, Module } from "../nn";
import { linear } from "../ops";
import type { Random } from "../random";
import { type Tensor, type Tensor2D, tf, type Variable } from "../tf";

/** A matrix that can have an adapter: some of the columns of a linear layer, which may hold several (queries, keys and values). */
export interface Place {
  /** Its name in Hugging Face's files: "transformer.h.0.attn.c_attn". */
  readonly name: string;
  readonly layer: Linear;
  /** The columns of the layer before it, and its own. */
  readonly start: number;
  readonly width: number;
}

/** Where a model can have adapters: every matrix of its blocks, and an output layer of its own. */
export function placesOf(model: GPT): Place[] {
  const modules = model.modules();
  const places: Place[] = [];
  for (const [parameter, { names, widths }] of huggingFaceNames(model.config).sources) {
    const layer = modules.get(parameter.replace(/\.weight$/, ""));
    if (!(layer instanceof Linear) || !parameter.endsWith(".weight")) continue;
    let start = 0;
    for (const [i, name] of names.entries()) {
      const width = widths[i]!;
      places.push({ name: name.replace(/\.weight$/, ""), layer, start, width });
      start += width;
    }
  }
  return places;
}

/** The two thin matrices of one place. */
export class LowRank extends Module {
  /** (in, rank) */
  readonly a: Variable;
  /** (rank, width) */
  readonly b: Variable;

  constructor(
    a: Tensor2D,
    b: Tensor2D,
    readonly place: Place,
    readonly scale: number,
  ) {
    super();
    this.a = this.parameter("a", a);
    this.b = this.parameter("b", b);
  }

  /** scale · x · a · b: (…, in) -> (…, width) */
  forward(x: Tensor): Tensor {
    return linear(linear(x, this.a as Tensor as Tensor2D).mul(this.scale), this.b as Tensor as Tensor2D);
  }

  /** What is added to the matrix: (in, width). */
  product(): Tensor2D {
    return tf.matMul(this.a as Tensor as Tensor2D, this.b as Tensor as Tensor2D).mul(this.scale);
  }
}

/** The adapters of one linear layer. */
class LayerAdapters extends Module implements Addition {
  readonly #adapters: readonly LowRank[];

  constructor(
    readonly layer: Linear,
    adapters: readonly LowRank[],
  ) {
    super();
    this.#adapters = [...adapters].sort((one, other) => one.place.start - other.place.start);
    for (const adapter of adapters) this.part(adapter.place.name.split(".").at(-1)!, adapter);
  }

  /** (…, in) -> (…, out), with zeros in columns that have no adapter. */
  forward(x: Tensor): Tensor {
    return this.#columns(
      (adapter) => adapter.forward(x),
      (width) => tf.zeros([...x.shape.slice(0, -1), width]),
    );
  }

  /** Adds the products to the layer's weight. */
  merge(): void {
    const { weight } = this.layer;
    tf.tidy(() => {
      const zeros = (width: number): Tensor => tf.zeros([weight.shape[0]!, width]);
      weight.assign(weight.add(this.#columns((adapter) => adapter.product(), zeros)));
    });
  }

  #columns(of: (adapter: LowRank) => Tensor, zeros: (width: number) => Tensor): Tensor {
    const parts: Tensor[] = [];
    let end = 0;
    for (const adapter of this.#adapters) {
      const { start, width } = adapter.place;
      if (start > end) parts.push(zeros(start - end));
      parts.push(of(adapter));
      end = start + width;
    }
    const rest = this.layer.weight.shape[1]! - end;
    if (rest > 0) parts.push(zeros(rest));
    return parts.length === 1 ? parts[0]! : tf.concat(parts, -1);
  }
}

/** What a model's adapters are, until they are merged. */
interface Attached {
  readonly adapters: readonly LowRank[];
  readonly layers: readonly LayerAdapters[];
  /** Parameters that were trained before, and are again afterwards. */
  readonly frozen: readonly Variable[];
}

const attached = new WeakMap<GPT, Attached>();

/** The adapters of a model. Throws Error if it has none. */
export function adaptersOf(model: GPT): readonly LowRank[] {
  return stateOf(model).adapters;
}

function stateOf(model: GPT): Attached {
  const state = attached.get(model);
  if (!state) throw new Error("This model has no adapters. addLora() and loadAdapter() make some");
  return state;
}

/** Throws Error if the model has adapters. */
export function requireNone(model: GPT): void {
  if (attached.has(model)) throw new Error("This model has adapters already. Merge them first: mergeLora(model)");
}

/** Joins adapters to their layers; all other parameters are frozen. If that cannot be, the adapters are disposed and the model is as it was. */
export function attach(model: GPT, adapters: readonly LowRank[]): void {
  try {
    requireNone(model); // again: a file may have been read meanwhile
    const taken = adapters.find(({ place }) => place.layer.addition);
    if (taken) throw new Error(`The layer of "${taken.place.name}" has an addition already. detach() takes it away`);
  } catch (error) {
    for (const adapter of adapters) adapter.dispose();
    throw error;
  }
  const frozen = [...model.parameters({ trainable: true }).values()];
  model.freeze();
  const layers: LayerAdapters[] = [];
  for (const layer of new Set(adapters.map(({ place }) => place.layer))) {
    const addition = new LayerAdapters(
      layer,
      adapters.filter(({ place }) => place.layer === layer),
    );
    layer.attach("lora", addition);
    layers.push(addition);
  }
  attached.set(model, { adapters, layers, frozen });
  model.dropKept();
}

/** How adapters begin. */
export interface LoraOptions {
  /** Columns of a, rows of b. */
  readonly rank: number;
  /** The product is multiplied by alpha / rank. */
  readonly alpha: number;
  /**
   * Names of matrices as in Hugging Face's files, each the end of a full one: "c_attn", "attn.c_proj", "q_proj". Default: every matrix
   * of the blocks.
   */
  readonly targets?: readonly string[];
  readonly random: Random;
}

/**
 * Adds low-rank adapters to a model and freezes all else, so that `train()` changes only them. At first they change nothing: a is
 * uniform within 1 / sqrt(in), b is 0. With the input of width `in` and the output of width `out`, a matrix has rank · (in + out) numbers to
 * train instead of in · out.
 *
 * Make the optimiser afterwards: `new AdamW(model.parameters({ trainable: true }))`. What you compiled yourself before must be compiled
 * again. Not while `train()`, `generate()` or a score is under way.
 *
 * Sources: Hu et al. (2021), "LoRA: Low-Rank Adaptation of Large Language Models", arXiv 2106.09685; the first values are PEFT's.
 *
 * @throws RangeError for a rank that is not a positive integer, an alpha that is not above 0, or a target that no matrix has; Error if
 * the model has adapters already
 * @example
 * import { addLora, GPT, initBackend, presets, Random } from "gptlab";
 * await initBackend();
 * const model = new GPT({ ...presets.course, nLayer: 1 }, new Random(1));
 * addLora(model, { rank: 4, alpha: 8, targets: ["c_attn"], random: new Random(2) });
 * model.parameterCount({ trainable: true }); // => 3072
 */
export function addLora(model: GPT, { rank, alpha, targets, random }: LoraOptions): void {
  requireNone(model);
  if (!Number.isInteger(rank) || rank < 1)
    throw new RangeError(`addLora() needs a rank that is a positive integer, but found ${rank}`);
  if (!(alpha > 0) || !Number.isFinite(alpha))
    throw new RangeError(`addLora() needs an alpha above 0, but found ${alpha}`);
  const adapters = chosen(placesOf(model), targets).map((place) => {
    const inputs = place.layer.weight.shape[0]!;
    const bound = 1 / Math.sqrt(inputs);
    const a = tf.tensor2d(random.uniform(inputs * rank, -bound, bound), [inputs, rank]);
    return new LowRank(a, tf.zeros([rank, place.width]), place, alpha / rank);
  });
  attach(model, adapters);
}

/** The places that targets name. */
function chosen(places: readonly Place[], targets: readonly string[] | undefined): Place[] {
  if (targets === undefined) return places.filter(({ name }) => name !== "lm_head");
  const matches = (name: string, target: string): boolean => name === target || name.endsWith(`.${target}`);
  const unknown = targets.filter((target) => !places.some(({ name }) => matches(name, target)));
  if (unknown.length > 0 || targets.length === 0) {
    const ends = [...new Set(places.map(({ name }) => name.split(".").at(-1)))];
    throw new RangeError(
      `addLora() needs targets that this model has (${ends.join(", ")}), but found ${unknown.length > 0 ? unknown.map((target) => `"${target}"`).join(", ") : "none"}`,
    );
  }
  return places.filter(({ name }) => targets.some((target) => matches(name, target)));
}

/**
 * Adds the adapters' products to the weights, W + (alpha / rank) · a · b, and takes the adapters away: the model computes the same, as
 * fast as before. What `addLora` froze is trained again, by a new optimiser; what you compiled yourself must be compiled again.
 *
 * @throws Error if the model has no adapters
 * @example
 * import { addLora, GPT, initBackend, mergeLora, presets, Random } from "gptlab";
 * await initBackend();
 * const model = new GPT({ ...presets.course, nLayer: 1 }, new Random(1));
 * addLora(model, { rank: 4, alpha: 8, random: new Random(2) });
 * mergeLora(model);
 * [...model.parameters().keys()].some((name) => name.includes("lora")); // => false
 */
export function mergeLora(model: GPT): void {
  const { layers, frozen } = stateOf(model);
  for (const addition of layers) {
    addition.merge();
    addition.layer.detach();
    addition.dispose();
  }
  for (const variable of frozen) variable.trainable = true;
  attached.delete(model);
  model.dropKept();
}
