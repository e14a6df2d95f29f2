/** @file Update rules, in order of complexity, and clipping. They work on parameters of any model; schedules are in schedule.ts. */
import { hostInput } from "./backend/host_input";
import { inPlace, subtractInPlace } from "./backend/in_place";
import { FLOAT32, typeAttribute } from "./backend/native";
import { sumOfSquares } from "./ops/kernels";
import { type Tensor, tf, type Variable } from "./tf";

/** State of an optimiser that is not a tensor: plain JSON. */
export interface OptimizerState {
  /** Updates done. */
  readonly step: number;
}

/**
 * Changes parameters by their gradients. `apply` reads no values in JavaScript, so a step with it can be captured by `compile`;
 * what changes from step to step on the JavaScript side (learning rate, corrections) is a host input.
 */
export interface Optimizer {
  /** Learning rate of the next update. */
  lr: number;
  readonly parameters: ReadonlyMap<string, Variable>;
  /** One update. Gradients by the parameters' names; a missing one leaves its parameter as it is. */
  apply(gradients: ReadonlyMap<string, Tensor>): void;
  /** Everything that must be kept to go on exactly, by name. */
  variables(): Map<string, Variable>;
  state(): OptimizerState;
  restore(state: OptimizerState): void;
  dispose(): void;
}

function requireRate(lr: number): void {
  if (!(lr >= 0 && Number.isFinite(lr)))
    throw new RangeError(`A learning rate must be a number of at least 0, but found ${lr}`);
}

/**
 * Gradient descent: `p -= lr · gradient`. Source: `torch.optim.SGD` without momentum.
 *
 * @example
 * import { initBackend, SGD, tf } from "gptlab";
 * await initBackend();
 * const w = tf.variable(tf.scalar(1));
 * new SGD(new Map([["w", w]]), { lr: 0.5 }).apply(new Map([["w", tf.scalar(1)]]));
 * w.dataSync()[0]; // => 0.5
 */
export class SGD implements Optimizer {
  lr: number;
  #step = 0;

  constructor(
    readonly parameters: ReadonlyMap<string, Variable>,
    options: { lr?: number } = {},
  ) {
    this.lr = options.lr ?? 1e-3;
    requireRate(this.lr);
  }

  apply(gradients: ReadonlyMap<string, Tensor>): void {
    tf.tidy(() => {
      const rate = hostInput(() => this.#next(), [], "float32");
      for (const [name, parameter] of this.parameters) {
        const gradient = gradients.get(name);
        if (gradient) parameter.assign(parameter.sub(gradient.mul(rate)));
      }
    });
  }

  variables(): Map<string, Variable> {
    return new Map();
  }

  state(): OptimizerState {
    return { step: this.#step };
  }

  restore({ step }: OptimizerState): void {
    this.#step = step;
  }

  dispose(): void {}

  #next(): Float32Array {
    this.#step++;
    return Float32Array.of(this.lr);
  }
}

/** Of one update: the step's size and epsilon, both with the corrections; for weights that decay, the size before decay and the part that goes. */
type Factors = [size: Tensor, epsilon: Tensor, sizeBefore: Tensor, part: Tensor];

/** Running means of a parameter's gradient and of its square. */
interface Moments {
  readonly first: Variable;
  readonly second: Variable;
  readonly decays: boolean;
}

/** Which parameters shrink: by default those with two axes or more, not biases and norms, as in nanoGPT and transformers' Trainer. */
export type DecayFilter = (name: string, parameter: Variable) => boolean;

/**
 * Adam with decoupled weight decay, PyTorch's arithmetic: epsilon is outside the root, and decay is `p *= 1 - lr · weightDecay`
 * ahead of the step, in its result; `apply()` throws RangeError if lr · weightDecay is exactly 1. Corrections are computed in double precision.
 * Source: Loshchilov and Hutter (2017), arXiv 1711.05101; `torch.optim.AdamW`.
 *
 * @example
 * import { AdamW, initBackend, tf } from "gptlab";
 * await initBackend();
 * const w = tf.variable(tf.tensor2d([[1]]));
 * const optimizer = new AdamW(new Map([["w", w]]), { lr: 0.1, weightDecay: 0 });
 * optimizer.apply(new Map([["w", tf.tensor2d([[3]])]]));
 * w.dataSync()[0].toFixed(4); // => "0.9000"
 * optimizer.dispose();
 */
export class AdamW implements Optimizer {
  lr: number;
  readonly #betas: readonly [number, number];
  readonly #epsilon: number;
  readonly #weightDecay: number;
  readonly #moments = new Map<string, Moments>();
  #step = 0;

  constructor(
    readonly parameters: ReadonlyMap<string, Variable>,
    options: {
      lr?: number;
      betas?: readonly [number, number];
      eps?: number;
      weightDecay?: number;
      decay?: DecayFilter;
    } = {},
  ) {
    const {
      lr = 1e-3,
      betas = [0.9, 0.999],
      eps = 1e-8,
      weightDecay = 0.01,
      decay = (_, { rank }) => rank >= 2,
    } = options;
    requireRate(lr);
    for (const beta of betas)
      if (!(beta >= 0 && beta < 1))
        throw new RangeError(`AdamW needs betas of at least 0 and less than 1, but found ${betas.join(", ")}`);
    this.lr = lr;
    this.#betas = [Math.fround(betas[0]), Math.fround(betas[1])]; // as the engine sees them: 1 - beta has few digits left
    this.#epsilon = eps;
    this.#weightDecay = weightDecay;
    const zeros = (shape: number[]): Variable => {
      const value = tf.zeros(shape);
      const variable = tf.variable(value, false);
      value.dispose();
      return variable;
    };
    for (const [name, parameter] of parameters) {
      this.#moments.set(name, {
        first: zeros(parameter.shape),
        second: zeros(parameter.shape),
        decays: weightDecay !== 0 && decay(name, parameter),
      });
    }
  }

  apply(gradients: ReadonlyMap<string, Tensor>): void {
    tf.tidy(() => {
      const [size, epsilon, sizeBefore, part] = tf.unstack(hostInput(() => this.#factors(), [4], "float32")) as Factors;
      const zero = tf.scalar(0); // for the powers of the betas: their corrections are in size and epsilon
      const betas = this.#betas.map((beta) => tf.scalar(beta));
      for (const [name, parameter] of this.parameters) {
        const gradient = gradients.get(name);
        const moments = this.#moments.get(name);
        if (!gradient || !moments) continue;
        const { first, second, decays } = moments;
        const step = decays ? sizeBefore : size;
        inPlace(
          {
            name: "ResourceApplyAdam",
            attributes: [typeAttribute("T", FLOAT32)],
            variables: [parameter, first, second],
            inputs: [zero, zero, step, ...betas, epsilon, gradient],
          },
          () => this.#update(parameter, gradient, moments, step, epsilon),
        );
        if (decays) subtractInPlace(parameter, parameter.mul(part));
      }
    });
  }

  /** What ResourceApplyAdam does. */
  #update(parameter: Variable, gradient: Tensor, { first, second }: Moments, size: Tensor, epsilon: Tensor): void {
    const [beta1, beta2] = this.#betas;
    first.assign(first.add(gradient.sub(first).mul(1 - beta1)));
    second.assign(
      second.add(
        gradient
          .square()
          .sub(second)
          .mul(1 - beta2),
      ),
    );
    parameter.assign(parameter.sub(first.mul(size).div(second.sqrt().add(epsilon))));
  }

  variables(): Map<string, Variable> {
    return new Map(
      Array.from(
        this.#moments,
        ([name, { first, second }]) =>
          [
            [`${name}.first`, first],
            [`${name}.second`, second],
          ] as const,
      ).flat(),
    );
  }

  state(): OptimizerState {
    return { step: this.#step };
  }

  restore({ step }: OptimizerState): void {
    this.#step = step;
  }

  dispose(): void {
    for (const { first, second } of this.#moments.values()) tf.dispose([first, second]);
  }

  /** The {@link Factors} of the next update. */
  #factors(): Float32Array {
    const part = this.lr * this.#weightDecay;
    const rest = 1 - part;
    if (rest === 0)
      throw new RangeError(
        `AdamW cannot take a whole weight away, but found lr · weightDecay = ${this.lr} · ${this.#weightDecay} = 1. Lower one of them`,
      );
    this.#step++;
    const [beta1, beta2] = this.#betas;
    const correction = Math.sqrt(1 - beta2 ** this.#step);
    const size = (this.lr * correction) / (1 - beta1 ** this.#step);
    // The weights shrink after the step, which is therefore larger: (p - size / rest) · rest = p · rest - size. Done
    // before the step, early in the graph, all weights would be in memory twice while the gradients are computed.
    return Float32Array.of(size, this.#epsilon * correction, size / rest, part);
  }
}

/** The common norm of all gradients, a scalar. */
export function gradNorm(gradients: ReadonlyMap<string, Tensor>): Tensor {
  return tf.stack(Array.from(gradients.values(), sumOfSquares)).sum().sqrt(); // addN takes at most 8 tensors on webgpu
}

/**
 * Scales all gradients together so that their common norm is at most `maxNorm`. The given gradients are not changed.
 * Source: Pascanu et al. (2012), arXiv 1211.5063; `torch.nn.utils.clip_grad_norm_`.
 *
 * @returns the gradients, and their norm before clipping (scalar)
 * @example
 * import { clipGradNorm, initBackend, tf } from "gptlab";
 * await initBackend();
 * const { gradients, norm } = clipGradNorm(new Map([["a", tf.tensor1d([3])], ["b", tf.tensor1d([4])]]), 1);
 * norm.dataSync()[0]; // => 5
 * gradients.get("b")?.dataSync()[0].toFixed(3); // => "0.800"
 */
export function clipGradNorm(
  gradients: ReadonlyMap<string, Tensor>,
  maxNorm: number,
): { gradients: Map<string, Tensor>; norm: Tensor } {
  if (!(maxNorm > 0)) throw new RangeError(`clipGradNorm() needs a largest norm above 0, but found ${maxNorm}`);
  if (gradients.size === 0)
    throw new RangeError("clipGradNorm() needs at least one gradient, but found none. Are all parameters frozen?");
  const norm = gradNorm(gradients);
  const scale = tf.minimum(1, tf.div(maxNorm, norm.add(1e-6)));
  return { gradients: new Map(Array.from(gradients, ([name, gradient]) => [name, gradient.mul(scale)])), norm };
}
