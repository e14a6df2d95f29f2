/** @file Modules: objects that own parameters and say their names. The computations are in `ops`; the GPT is put together in `model`. */
import { embedding, layerNorm, linear, rmsNorm } from "./ops";
import type { Random } from "./random";
import { type Tensor, type Tensor1D, type Tensor2D, tf, type Variable } from "./tf";

/** Which parameters are meant, by their full names. */
export type NameFilter = (name: string) => boolean;

/**
 * A part of a model. It owns parameters and other modules; names are joined with dots, as in PyTorch ("blocks.0.attention.qkv.weight").
 * Parameters are tf.Variables: gradients flow to them, optimisers change them, `dispose()` frees them.
 *
 * @example
 * import { initBackend, Linear, Module, Random } from "gptlab";
 * await initBackend();
 * class Twice extends Module {
 *   readonly inner = this.part("inner", new Linear(2, 2, { random: new Random(1) }));
 * }
 * [...new Twice().parameters().keys()]; // => ["inner.weight", "inner.bias"]
 */
export abstract class Module {
  readonly #own = new Map<string, Variable>();
  readonly #parts = new Map<string, Module>();

  /** Registers a parameter that starts as `value`; takes the tensor over. */
  protected parameter(name: string, value: Tensor): Variable {
    const variable = tf.variable(value, true);
    value.dispose();
    this.#own.set(name, variable);
    return variable;
  }

  /** Registers a module as a part of this one. */
  protected part<M extends Module>(name: string, module: M): M {
    this.#parts.set(name, module);
    return module;
  }

  /** The reverse of `part`; the caller disposes the module. */
  protected removePart(name: string): void {
    this.#parts.delete(name);
  }

  /** All modules below this one by name, outer ones first. */
  modules(): Map<string, Module> {
    const found = new Map<string, Module>();
    for (const [prefix, module] of this.#parts) {
      found.set(prefix, module);
      for (const [name, inner] of module.modules()) found.set(`${prefix}.${name}`, inner);
    }
    return found;
  }

  /** All parameters by name, or only those that are trained. Shared ones (a tied head) appear once. */
  parameters(options: { trainable?: boolean } = {}): Map<string, Variable> {
    const found = new Map<string, Variable>();
    for (const [name, variable] of this.#own) {
      if (options.trainable === undefined || options.trainable === variable.trainable) found.set(name, variable);
    }
    for (const [prefix, module] of this.#parts) {
      for (const [name, variable] of module.parameters(options)) found.set(`${prefix}.${name}`, variable);
    }
    return found;
  }

  /** How many numbers the parameters hold. */
  parameterCount(options: { trainable?: boolean } = {}): number {
    let count = 0;
    for (const variable of this.parameters(options).values()) count += variable.size;
    return count;
  }

  /** Copies of all parameters; the caller disposes them. */
  stateDict(): Map<string, Tensor> {
    return new Map(Array.from(this.parameters(), ([name, variable]) => [name, variable.clone()]));
  }

  /**
   * Takes the values of `state` over. All names and shapes are checked before the first value is changed.
   *
   * @param options.strict false allows missing and unknown names; default true
   * @throws RangeError that lists what is missing, unknown or of another shape
   */
  loadStateDict(state: ReadonlyMap<string, Tensor>, options: { strict?: boolean } = {}): void {
    const { strict = true } = options;
    const mine = this.parameters();
    const problems: string[] = [];
    for (const [name, { shape }] of mine) {
      const found = state.get(name);
      if (!found) {
        if (strict) problems.push(`"${name}" is missing`);
      } else if (String(found.shape) !== String(shape))
        problems.push(`"${name}" has shape [${found.shape.join(", ")}], expected [${shape.join(", ")}]`);
    }
    if (strict) for (const name of state.keys()) if (!mine.has(name)) problems.push(`"${name}" is unknown`);
    if (problems.length > 0) {
      const more = problems.length > 8 ? ` and ${problems.length - 8} more` : "";
      throw new RangeError(
        `loadStateDict() needs the parameters of this model: ${problems.slice(0, 8).join("; ")}${more}`,
      );
    }
    for (const [name, variable] of mine) {
      const value = state.get(name);
      if (value) variable.assign(value);
    }
  }

  /** Parameters that training leaves as they are: all, or those whose name passes the filter. */
  freeze(filter: NameFilter = () => true): void {
    this.#setTrainable(filter, false);
  }

  /** The reverse of `freeze`. */
  unfreeze(filter: NameFilter = () => true): void {
    this.#setTrainable(filter, true);
  }

  /** Frees all parameters. The module cannot be used any more. */
  dispose(): void {
    for (const variable of this.parameters().values()) variable.dispose();
  }

  #setTrainable(filter: NameFilter, trainable: boolean): void {
    for (const [name, variable] of this.parameters()) if (filter(name)) variable.trainable = trainable;
  }
}

/** A module whose output is added to a linear layer's: (…, in) -> (…, out). */
export interface Addition extends Module {
  forward(x: Tensor): Tensor;
}

/**
 * The affine map `x · weight + bias`; weight (in, out), normal with standard deviation `std`, bias 0.
 *
 * @example
 * import { initBackend, Linear, Random, tf } from "gptlab";
 * await initBackend();
 * new Linear(3, 5, { random: new Random(1) }).forward(tf.ones([2, 3])).shape; // => [2, 5]
 */
export class Linear extends Module {
  readonly weight: Variable;
  readonly bias: Variable | undefined;
  #addition: { readonly name: string; readonly module: Addition } | undefined;

  constructor(inputs: number, outputs: number, options: { random: Random; bias?: boolean; std?: number }) {
    super();
    const { random, bias = true, std = 0.02 } = options;
    this.weight = this.parameter("weight", tf.tensor2d(random.normal(inputs * outputs, 0, std), [inputs, outputs]));
    this.bias = bias ? this.parameter("bias", tf.zeros([outputs])) : undefined;
  }

  /** (…, in) -> (…, out) */
  forward(x: Tensor): Tensor {
    const [weight, bias] = [this.weight as Tensor as Tensor2D, this.bias as Tensor as Tensor1D | undefined];
    const { addition } = this;
    return addition ? tf.tidy(() => linear(x, weight, bias).add(addition.forward(x))) : linear(x, weight, bias);
  }

  /** The module whose output is added, if there is one. */
  get addition(): Addition | undefined {
    return this.#addition?.module;
  }

  /** From now on the output of `module` is added; its parameters are found under `name`. Throws Error if there is such a module already. */
  attach(name: string, module: Addition): void {
    if (this.#addition) throw new Error(`This linear layer has the addition "${this.#addition.name}" already`);
    this.#addition = { name, module: this.part(name, module) };
  }

  /** Ends what `attach` began; the caller disposes the module. */
  detach(): void {
    if (this.#addition) this.removePart(this.#addition.name);
    this.#addition = undefined;
  }
}

/**
 * A table of vectors: weight (count, width), normal with standard deviation `std`.
 *
 * @example
 * import { Embedding, initBackend, Random, tf } from "gptlab";
 * await initBackend();
 * new Embedding(10, 4, { random: new Random(1) }).forward(tf.tensor2d([[1, 2, 3]], [1, 3], "int32")).shape; // => [1, 3, 4]
 */
export class Embedding extends Module {
  readonly weight: Variable;

  constructor(count: number, width: number, options: { random: Random; std?: number }) {
    super();
    const { random, std = 0.02 } = options;
    this.weight = this.parameter("weight", tf.tensor2d(random.normal(count * width, 0, std), [count, width]));
  }

  /** int32 (…) -> (…, width) */
  forward(ids: Tensor): Tensor {
    return embedding(this.weight as Tensor as Tensor2D, ids);
  }
}

/**
 * Layer normalisation with learnt gain (1 at first) and bias (0 at first).
 *
 * @example
 * import { initBackend, LayerNorm, tf } from "gptlab";
 * await initBackend();
 * new LayerNorm(2).forward(tf.tensor2d([[1, 3]])).dataSync()[1].toFixed(3); // => "1.000"
 */
export class LayerNorm extends Module {
  readonly gain: Variable;
  readonly bias: Variable;

  constructor(
    width: number,
    readonly epsilon = 1e-5,
  ) {
    super();
    this.gain = this.parameter("gain", tf.ones([width]));
    this.bias = this.parameter("bias", tf.zeros([width]));
  }

  /** (…, C) -> (…, C) */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.gain as Tensor as Tensor1D, this.bias as Tensor as Tensor1D, this.epsilon);
  }
}

/**
 * Root-mean-square normalisation with a learnt gain, 1 at first.
 *
 * @example
 * import { initBackend, RMSNorm, tf } from "gptlab";
 * await initBackend();
 * new RMSNorm(2).forward(tf.tensor2d([[1, 1]])).dataSync()[0].toFixed(3); // => "1.000"
 */
export class RMSNorm extends Module {
  readonly gain: Variable;

  constructor(
    width: number,
    readonly epsilon = 1e-5,
  ) {
    super();
    this.gain = this.parameter("gain", tf.ones([width]));
  }

  /** (…, C) -> (…, C) */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.gain as Tensor as Tensor1D, this.epsilon);
  }
}
