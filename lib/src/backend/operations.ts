/**
 * @file The functions of TensorFlow.js that gptlab and its chapters use, as types (no code). Element-wise functions broadcast.
 * Which shape comes out cannot be known to TypeScript, so it takes the type that you ask for: `const y: Tensor2D = tf.relu(x)`;
 * where you ask for none, a function of one tensor gives the type that went in.
 */
import type { EngineControl } from "./control";
import type { DataType, Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D, TensorLike, Variable } from "./tensor";

type Input = Tensor | TensorLike;
type Axes = number | number[];
type Sizes2D = [number, number];

/** Tensors by name. */
export type NamedTensorMap = Record<string, Tensor>;
/** Keeps tensors of the forward run for the gradient. */
export type SaveFunction = (tensors: Tensor[]) => void;
/** A function with a gradient of its own; its last argument is the `SaveFunction`. */
export type GradientFunction<T extends Tensor> = {
  define(...inputs: (Tensor | SaveFunction)[]): { value: T; gradFunc: (dy: T, saved: Tensor[]) => Tensor | Tensor[] };
}["define"];

/** What `valueAndGrad`, `valueAndGrads` and `customGrad` give. */
export type ValueAndGrad<I extends Tensor, O extends Tensor> = { call(x: I, dy?: O): { value: O; grad: I } }["call"];
export type ValueAndGrads<O extends Tensor> = { call(args: Tensor[], dy?: O): { grads: Tensor[]; value: O } }["call"];
export type TensorFunction<T extends Tensor> = { call(...inputs: Tensor[]): T }["call"];

/** Makes tensors. */
export interface Creation {
  scalar(value: number | boolean | string | Uint8Array, dtype?: DataType): Scalar;
  /** A tensor of any number of axes; `shape` is read from nested arrays when it is not given. */
  tensor<T extends Tensor>(values: TensorLike, shape?: number[], dtype?: DataType): T;
  tensor1d(values: TensorLike, dtype?: DataType): Tensor1D;
  tensor2d(values: TensorLike, shape?: [number, number], dtype?: DataType): Tensor2D;
  tensor3d(values: TensorLike, shape?: [number, number, number], dtype?: DataType): Tensor3D;
  tensor4d(values: TensorLike, shape?: [number, number, number, number], dtype?: DataType): Tensor4D;
  /** A tensor whose values can be replaced. Leave `name` out: TensorFlow.js refuses a name that is in use. */
  variable(initialValue: Tensor, trainable?: boolean, name?: string, dtype?: DataType): Variable;
  zeros<T extends Tensor>(shape: number[], dtype?: DataType): T;
  ones<T extends Tensor>(shape: number[], dtype?: DataType): T;
  zerosLike<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  onesLike<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  fill<T extends Tensor>(shape: number[], value: number | string, dtype?: DataType): T;
  eye(numRows: number, numColumns?: number, batchShape?: number[], dtype?: "float32" | "int32"): Tensor2D;
  /** start, start + step, … below stop. */
  range(start: number, stop: number, step?: number, dtype?: "float32" | "int32"): Tensor1D;
  /** `num` evenly spaced numbers from start to stop, both included. */
  linspace(start: number, stop: number, num: number): Tensor1D;
  clone<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  cast<T extends Tensor, R extends Tensor = T>(x: T | TensorLike, dtype: DataType): R;
  /** Random numbers by a JavaScript loop of TensorFlow.js: slow, and other numbers than `Random` gives. */
  randomNormal<T extends Tensor>(
    shape: number[],
    mean?: number,
    stdDev?: number,
    dtype?: "float32" | "int32",
    seed?: number,
  ): T;
  randomUniform<T extends Tensor>(
    shape: number[],
    minval?: number,
    maxval?: number,
    dtype?: DataType,
    seed?: number | string,
  ): T;
  truncatedNormal<T extends Tensor>(
    shape: number[],
    mean?: number,
    stdDev?: number,
    dtype?: "float32" | "int32",
    seed?: number,
  ): T;
  /** Draws `numSamples` indices from unnormalised log-probabilities. */
  multinomial(
    logits: Tensor1D | Tensor2D | TensorLike,
    numSamples: number,
    seed?: number,
    normalized?: boolean,
  ): Tensor1D | Tensor2D;
  dropout(x: Input, rate: number, noiseShape?: number[], seed?: number | string): Tensor;
}

/** Changes shapes and picks parts. */
export interface Shaping {
  reshape<T extends Tensor>(x: Input, shape: number[]): T;
  transpose<T extends Tensor, R extends Tensor = T>(x: T | TensorLike, perm?: number[]): R;
  expandDims<T extends Tensor>(x: Input, axis?: number): T;
  squeeze<T extends Tensor>(x: Input, axis?: number[]): T;
  broadcastTo<T extends Tensor>(x: Input, shape: number[]): T;
  tile<T extends Tensor, R extends Tensor = T>(x: T | TensorLike, reps: number[]): R;
  concat<T extends Tensor, R extends Tensor = T>(tensors: (T | TensorLike)[], axis?: number): R;
  stack<T extends Tensor>(tensors: (T | TensorLike)[], axis?: number): Tensor;
  unstack(x: Input, axis?: number): Tensor[];
  split<T extends Tensor>(x: Input, numOrSizeSplits: number[] | number, axis?: number): T[];
  slice<T extends Tensor, R extends Tensor = T>(x: T | TensorLike, begin: Axes, size?: Axes): R;
  /** Numpy-style slices with steps. It has no gradient. */
  stridedSlice(
    x: Input,
    begin: number[],
    end: number[],
    strides?: number[],
    beginMask?: number,
    endMask?: number,
  ): Tensor;
  /** Rows of `x` by index. On tensorflow, keep `indices` an Int32Array made in JavaScript: computed ones are read back. */
  gather<T extends Tensor>(x: Input, indices: Input, axis?: number, batchDims?: number): T;
  gatherND(x: Input, indices: Input): Tensor;
  scatterND(indices: Input, updates: Input, shape: number[]): Tensor;
  /** Adds up the rows of `x` that share a segment id. Not on wasm. */
  unsortedSegmentSum<T extends Tensor, R extends Tensor = T>(
    x: T | TensorLike,
    segmentIds: Tensor1D | TensorLike,
    numSegments: number,
  ): R;
  oneHot(indices: Input, depth: number, onValue?: number, offValue?: number, dtype?: DataType): Tensor;
  tensorScatterUpdate<T extends Tensor, R extends Tensor = T>(
    x: T | TensorLike,
    indices: Tensor | TensorLike,
    updates: Tensor | TensorLike,
  ): R;
  pad<T extends Tensor, R extends Tensor = T>(x: T | TensorLike, paddings: Sizes2D[], constantValue?: number): R;
  reverse<T extends Tensor, R extends Tensor = T>(x: T | TensorLike, axis?: Axes): R;
  readonly linalg: {
    /** Keeps the diagonals from `numLower` below to `numUpper` above; negative means all. It has no gradient. */
    bandPart<T extends Tensor, R extends Tensor = T>(
      a: T | TensorLike,
      numLower: number | Scalar,
      numUpper: number | Scalar,
    ): R;
  };
}

/** Arithmetic and functions, element by element, and products. */
export interface Arithmetic {
  add<T extends Tensor>(a: Input, b: Input): T;
  sub<T extends Tensor>(a: Input, b: Input): T;
  mul<T extends Tensor>(a: Input, b: Input): T;
  div<T extends Tensor>(a: Input, b: Input): T;
  divNoNan<T extends Tensor>(a: Input, b: Input): T;
  floorDiv<T extends Tensor>(a: Input, b: Input): T;
  mod<T extends Tensor>(a: Input, b: Input): T;
  pow<T extends Tensor>(base: Input, exp: Input): T;
  maximum<T extends Tensor>(a: Input, b: Input): T;
  minimum<T extends Tensor>(a: Input, b: Input): T;
  squaredDifference<T extends Tensor>(a: Input, b: Input): T;
  addN<T extends Tensor, R extends Tensor = T>(tensors: (T | TensorLike)[]): R;
  neg<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  abs<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  sign<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  square<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  sqrt<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  rsqrt<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  reciprocal<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  exp<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  expm1<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  log<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  log1p<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  sin<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  cos<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  floor<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  ceil<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  round<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  clipByValue<T extends Tensor, R extends Tensor = T>(x: T | TensorLike, clipValueMin: number, clipValueMax: number): R;
  /** Products of matrices: (…, M, K) × (…, K, N) -> (…, M, N). */
  matMul<T extends Tensor>(a: Input, b: Input, transposeA?: boolean, transposeB?: boolean): T;
  dot(a: Input, b: Input): Tensor;
  outerProduct(a: Tensor1D | TensorLike, b: Tensor1D | TensorLike): Tensor2D;
  /** Sums of products named by letters, such as "btc,vc->btv". It has no gradient. */
  einsum(equation: string, ...tensors: Tensor[]): Tensor;
  relu<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  leakyRelu<T extends Tensor, R extends Tensor = T>(x: T | TensorLike, alpha?: number): R;
  sigmoid<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  tanh<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  erf<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  softplus<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  logSigmoid<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  /** Probabilities over axis `dim` (default: the last one). */
  softmax<T extends Tensor, R extends Tensor = T>(logits: T | TensorLike, dim?: number): R;
  logSoftmax<T extends Tensor, R extends Tensor = T>(logits: T | TensorLike, axis?: number): R;
}

/** Sums, means and their kin, over one axis, several, or all; and comparisons. */
export interface Reductions {
  sum<T extends Tensor>(x: Input, axis?: Axes, keepDims?: boolean): T;
  mean<T extends Tensor>(x: Input, axis?: Axes, keepDims?: boolean): T;
  max<T extends Tensor>(x: Input, axis?: Axes, keepDims?: boolean): T;
  min<T extends Tensor>(x: Input, axis?: Axes, keepDims?: boolean): T;
  prod<T extends Tensor>(x: Input, axis?: Axes, keepDims?: boolean): T;
  all<T extends Tensor>(x: Input, axis?: Axes, keepDims?: boolean): T;
  any<T extends Tensor>(x: Input, axis?: Axes, keepDims?: boolean): T;
  /** log of the sum of exponentials, without overflow. */
  logSumExp<T extends Tensor>(x: Input, axis?: Axes, keepDims?: boolean): T;
  /** Mean and variance (divided by the count, not by the count - 1). */
  moments(x: Input, axis?: Axes, keepDims?: boolean): { mean: Tensor; variance: Tensor };
  norm(x: Input, ord?: number | "euclidean" | "fro", axis?: Axes, keepDims?: boolean): Tensor;
  argMax<T extends Tensor>(x: Input, axis?: number): T;
  argMin<T extends Tensor>(x: Input, axis?: number): T;
  cumsum<T extends Tensor>(x: Input, axis?: number, exclusive?: boolean, reverse?: boolean): T;
  /** The `k` largest values of the last axis. It has no gradient. */
  topk<T extends Tensor>(x: T | TensorLike, k?: number, sorted?: boolean): { values: T; indices: T };
  bincount<T extends Tensor1D>(x: T | TensorLike, weights: T | TensorLike, size: number): T;
  equal<T extends Tensor>(a: Input, b: Input): T;
  notEqual<T extends Tensor>(a: Input, b: Input): T;
  greater<T extends Tensor>(a: Input, b: Input): T;
  greaterEqual<T extends Tensor>(a: Input, b: Input): T;
  less<T extends Tensor>(a: Input, b: Input): T;
  lessEqual<T extends Tensor>(a: Input, b: Input): T;
  logicalAnd<T extends Tensor>(a: Input, b: Input): T;
  logicalOr<T extends Tensor>(a: Input, b: Input): T;
  logicalNot<T extends Tensor>(x: Input): T;
  isNaN<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  isFinite<T extends Tensor, R extends Tensor = T>(x: T | TensorLike): R;
  /** `a` where `condition` holds, else `b`. */
  where<T extends Tensor, R extends Tensor = T>(condition: Input, a: T | TensorLike, b: T | TensorLike): R;
}

/** Gradients, losses, update rules. */
export interface Gradients {
  /** The function that gives d f(x) / dx. */
  grad(f: (x: Tensor) => Tensor): (x: Input, dy?: Input) => Tensor;
  grads(f: (...args: Tensor[]) => Tensor): (args: Input[], dy?: Input) => Tensor[];
  valueAndGrad<I extends Tensor, O extends Tensor>(f: (x: I) => O): ValueAndGrad<I, O>;
  valueAndGrads<O extends Tensor>(f: (...args: Tensor[]) => O): ValueAndGrads<O>;
  /** Gradients of a loss by the variables that `f` reads, keyed by the names of the variables. */
  variableGrads(f: () => Scalar, varList?: Variable[]): { value: Scalar; grads: NamedTensorMap };
  /** A function whose gradient you write yourself: `f` gets the inputs and, last, a function that saves tensors. */
  customGrad<T extends Tensor>(f: GradientFunction<T>): TensorFunction<T>;
  readonly losses: {
    /** Cross-entropy of one-hot labels and logits (N, V), averaged over the rows. */
    softmaxCrossEntropy<T extends Tensor, O extends Tensor>(onehotLabels: T | TensorLike, logits: T | TensorLike): O;
    meanSquaredError<T extends Tensor, O extends Tensor>(labels: T | TensorLike, predictions: T | TensorLike): O;
  };
  readonly train: {
    sgd(learningRate: number): Optimizer;
    momentum(learningRate: number, momentum: number, useNesterov?: boolean): Optimizer;
    adam(learningRate?: number, beta1?: number, beta2?: number, epsilon?: number): Optimizer;
  };
}

/** Changes variables against their gradients. */
export interface Optimizer {
  /** Runs `f`, changes the variables by its gradients, and returns the loss when `returnCost` is true. */
  minimize(f: () => Scalar, returnCost?: boolean, varList?: Variable[]): Scalar | null;
  applyGradients(gradients: NamedTensorMap): void;
  dispose(): void;
}

/** TensorFlow.js as gptlab shows it. */
export interface TensorFlow extends Creation, Shaping, Arithmetic, Reductions, Gradients, EngineControl {}
