/** @file One update of a model, eager or captured: losses and gradients of one or several micro-batches, clipping, the optimiser. */
import { nativeBackend } from "../backend/native";
import { nativeBranches } from "../backend/threads";
import { type Compiled, compile } from "../compile";
import type { Batch } from "../data/batch";
import { IGNORE_INDEX } from "../data/batch";
import type { Module } from "../nn";
import { clipGradNorm, gradNorm, type Optimizer } from "../optim";
import type { Random } from "../random";
import { type NamedTensorMap, type Scalar, type Tensor, type Tensor2D, tf, type Variable } from "../tf";

/** A batch as tensors, int32. */
export interface BatchTensors {
  readonly ids: Tensor2D; // (B, T)
  readonly targets: Tensor2D; // (B, T), -100 where nothing is to be learnt
  readonly attentionMask?: Tensor2D; // (B, T)
}

/** What a loss function may use beside the batch. */
export interface LossContext {
  readonly training: boolean;
  readonly random: Random;
}

/** The SUM of the losses of a batch; the trainer divides by the number of items that count. */
export type LossFunction = (batch: BatchTensors, context: LossContext) => Tensor;

/**
 * How many items of a batch count: the targets that are not -100.
 *
 * @example
 * import { countTargets } from "gptlab";
 * countTargets({ ids: [Int32Array.of(1, 2)], targets: [Int32Array.of(2, -100)] }); // => 1
 */
export function countTargets({ targets }: Batch): number {
  let count = 0;
  for (const row of targets) for (const target of row) if (target !== IGNORE_INDEX) count++;
  return count;
}

/**
 * The rows of a batch as int32 tensors (B, T); the caller disposes them.
 *
 * @example
 * import { batchTensors, initBackend } from "gptlab";
 * await initBackend();
 * batchTensors({ ids: [Int32Array.of(1, 2)], targets: [Int32Array.of(2, 3)] }).targets.arraySync(); // => [[2, 3]]
 */
export function batchTensors({ ids, targets, attentionMask }: Batch): BatchTensors {
  const matrix = (rows: readonly ArrayLike<number>[]): Tensor2D => {
    const T = rows[0]?.length ?? 0;
    const flat = new Int32Array(rows.length * T);
    for (const [i, row] of rows.entries()) flat.set(row, i * T);
    return tf.tensor2d(flat, [rows.length, T], "int32");
  };
  return {
    ids: matrix(ids),
    targets: matrix(targets),
    ...(attentionMask ? { attentionMask: matrix(attentionMask) } : {}),
  };
}

export interface UpdaterOptions {
  readonly model: Module;
  readonly loss: LossFunction;
  readonly optimizer: Optimizer;
  readonly random: Random;
  readonly maxGradNorm?: number | undefined;
  readonly compile: boolean;
  /** True if the loss of a row does not depend on the other rows, and nothing random is drawn: then parts are computed side by side. */
  readonly rowsAreIndependent: boolean;
}

/** Each part of a batch has gradients of its own until they are added up; so much memory may that take. */
const LARGEST_EXTRA = 2 ** 28; // bytes
/** With more processors than this the parts would be small, and their graph long to record. */
const MOST_PARTS = 8;

/** The rows of every tensor of a batch, cut into `count` batches. */
function cut(batch: NamedTensorMap, count: number): NamedTensorMap[] {
  if (count === 1) return [batch];
  const parts: NamedTensorMap[] = Array.from({ length: count }, () => ({}));
  for (const [name, tensor] of Object.entries(batch)) {
    const rows = tensor.shape[0]!;
    const sizes = parts.map((_, i) => Math.floor(((i + 1) * rows) / count) - Math.floor((i * rows) / count));
    for (const [i, part] of tf.split(tensor, sizes, 0).entries()) parts[i]![name] = part;
  }
  return parts;
}

type Step = (feeds: NamedTensorMap) => Tensor[];

/** The functions of an update, compiled or not. */
interface Steps {
  /** A whole update from one batch. */
  readonly whole: Step;
  /** Adds up the gradients of a micro-batch. */
  readonly micro: Step;
  /** The update after the last micro-batch. */
  readonly finish: Step;
}

/** Does updates. One micro-batch is one call of the engine; several add up their gradients first. */
export class Updater {
  readonly #options: UpdaterOptions;
  readonly #trainable: Map<string, Variable>;
  readonly #compiled: { dispose(): void; sync(): void }[] = [];
  /** By the number of parts into which batches are cut. */
  readonly #steps = new Map<number, Steps>();
  #sums: Map<string, Variable> | undefined;
  /** Operations side by side; asked once, because TensorFlow makes its threads once. */
  #branches: number | undefined;

  constructor(options: UpdaterOptions) {
    this.#options = options;
    this.#trainable = options.model.parameters({ trainable: true });
    if (this.#trainable.size === 0)
      throw new RangeError("train() needs at least one parameter to train, but all are frozen. Call unfreeze()");
    const known = new Set(options.optimizer.parameters.values());
    if (![...this.#trainable.values()].some((variable) => known.has(variable)))
      throw new RangeError(
        "train() needs an optimiser of the parameters that are trained, but it has none of them. Make it after addLora() or mergeLora(): new AdamW(model.parameters({ trainable: true }))",
      );
  }

  /** One update from one or several micro-batches; `count` items in all of them count. Gives the mean loss and the gradients' norm. */
  async update(batches: readonly Batch[], count: number): Promise<{ loss: number; gradNorm: number }> {
    const outputs: Tensor[] = [];
    const { whole, micro, finish } = this.#stepsFor(batches);
    if (batches.length > 1) this.#gradientSums(); // variables are made before they are used in a recording
    for (const batch of batches) {
      const feeds: NamedTensorMap = { ...batchTensors(batch), scale: tf.scalar(1 / Math.max(1, count)) };
      outputs.push(...(batches.length > 1 ? micro : whole)(feeds));
      tf.dispose(feeds);
    }
    if (batches.length > 1) outputs.push(...finish({}));
    const values: number[] = []; // WebGPU can be read only by waiting
    for (const output of outputs) values.push((await output.data())[0] as number);
    tf.dispose(outputs);
    const gradNorm = values.pop() as number;
    return { loss: values.reduce((a, b) => a + b, 0), gradNorm };
  }

  /** Brings the newest values back from the session, all at once. */
  sync(): void {
    for (const compiled of this.#compiled) compiled.sync();
  }

  dispose(): void {
    for (const compiled of this.#compiled) compiled.dispose();
    if (this.#sums) tf.dispose([...this.#sums.values()]);
  }

  #stepsFor(batches: readonly Batch[]): Steps {
    const parts = this.#partsOf(Math.min(...batches.map(({ ids }) => ids.length)));
    const steps = this.#steps.get(parts) ?? this.#makeSteps(parts);
    this.#steps.set(parts, steps);
    return steps;
  }

  #makeSteps(parts: number): Steps {
    const make = (fn: Step, share?: Compiled): Step => {
      if (!this.#options.compile) return (feeds) => tf.tidy(() => fn(feeds));
      const compiled = compile(fn, { ...(share && { share }), ...(parts > 1 && { structure: "branches" }) });
      this.#compiled.push(compiled);
      return compiled;
    };
    const whole = make((feeds) => {
      const { loss, gradients } = this.#gradients(feeds, parts);
      return [loss, this.#apply(gradients)];
    });
    const share = this.#compiled.at(-1) as Compiled | undefined;
    const micro = make((feeds) => {
      const { loss, gradients } = this.#gradients(feeds, parts);
      for (const [name, sum] of this.#gradientSums()) sum.assign(sum.add(gradients.get(name) as Tensor));
      return [loss];
    }, share);
    const finish = make(() => {
      const sums = this.#gradientSums();
      const norm = this.#apply(new Map(Array.from(sums, ([name, sum]) => [name, sum as Tensor])));
      for (const sum of sums.values()) sum.assign(tf.zerosLike(sum));
      return [norm];
    }, share);
    return { whole, micro, finish };
  }

  /**
   * Into how many parts a batch is cut: one for each processor, or one. Then every operation of a part is computed by one thread, which
   * never waits for others in its midst: on two processors a small model (1 to 12 M parameters) trains 1.15 to 1.3 times as fast.
   */
  #partsOf(rows: number): number {
    const { rowsAreIndependent, compile } = this.#options;
    const native = nativeBackend();
    if (!rowsAreIndependent || !compile || !native || native.isUsingGpuDevice) return 1;
    this.#branches ??= nativeBranches();
    let extra = 0;
    for (const { size } of this.#trainable.values()) extra += 4 * size * (this.#branches - 1);
    return this.#branches <= Math.min(rows, MOST_PARTS) && extra <= LARGEST_EXTRA ? this.#branches : 1;
  }

  #gradients(feeds: NamedTensorMap, count: number): { loss: Tensor; gradients: Map<string, Tensor> } {
    const { scale, ...batch } = feeds as NamedTensorMap & { scale: Tensor };
    const { loss, random } = this.#options;
    const parts = cut(batch, count) as unknown as BatchTensors[];
    const mean = (): Scalar =>
      parts
        .map((part) => loss(part, { training: true, random }))
        .reduce((sum, next) => sum.add(next))
        .mul(scale);
    const { value, grads } = tf.variableGrads(mean, [...this.#trainable.values()]);
    return {
      loss: value,
      gradients: new Map(Array.from(this.#trainable, ([name, variable]) => [name, grads[variable.name] as Tensor])),
    };
  }

  #apply(gradients: Map<string, Tensor>): Tensor {
    const { optimizer, maxGradNorm } = this.#options;
    if (maxGradNorm === undefined) {
      optimizer.apply(gradients);
      return gradNorm(gradients);
    }
    const clipped = clipGradNorm(gradients, maxGradNorm);
    optimizer.apply(clipped.gradients);
    return clipped.norm;
  }

  #gradientSums(): Map<string, Variable> {
    this.#sums ??= new Map(
      Array.from(this.#trainable, ([name, { shape }]) => {
        const zeros = tf.zeros(shape);
        const sum = tf.variable(zeros, false);
        zeros.dispose();
        return [name, sum];
      }),
    );
    return this.#sums;
  }
}
