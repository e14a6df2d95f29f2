/**
 * @file The types of tensors: what a tensor knows and the operations that can be chained on it.
 * These are our own declarations of TensorFlow.js's tensors (no code): its own types cost a notebook 5 s of type-checking.
 */

/** What one number of a tensor is. */
export type DataType = "float32" | "int32" | "bool" | "complex64" | "string";

/** The JavaScript array that holds the values of a tensor of each data type. */
export interface DataTypeMap {
  float32: Float32Array;
  int32: Int32Array;
  bool: Uint8Array;
  complex64: Float32Array;
  string: string[];
}

/** The flat arrays of numbers that JavaScript and tensors exchange. */
export type TypedArray = Float32Array | Int32Array | Uint8Array;

/** Arrays of arrays, to any depth. */
export interface NestedArray<T> {
  readonly [index: number]: T | NestedArray<T>;
}

/** What can be given instead of a tensor: a number, a typed array, or arrays of arrays. */
export type TensorLike =
  | TypedArray
  | Uint8ClampedArray
  | number
  | boolean
  | string
  | NestedArray<number | number[] | TypedArray>
  | NestedArray<boolean>
  | NestedArray<string>
  | Uint8Array[];

/** The values of a tensor as plain arrays, as deep as its shape is long. */
export type NestedNumbers =
  | number
  | number[]
  | number[][]
  | number[][][]
  | number[][][][]
  | number[][][][][]
  | number[][][][][][];

/**
 * An array of numbers, with any number of axes, that lives on the engine; its values never change.
 * `S` is the type of its shape, `A` of its values as arrays. Results take the type that you ask for: `const y: Tensor2D = a.matMul(b)`.
 */
export interface Tensor<S extends number[] = number[], A extends NestedNumbers = NestedNumbers> {
  readonly id: number;
  /** Length of each axis; `[]` for one number. */
  readonly shape: S;
  /** How many numbers it holds. */
  readonly size: number;
  readonly dtype: DataType;
  /** Number of axes as text: "0", "1", … */
  readonly rankType: string;
  readonly rank: number;
  readonly strides: number[];
  readonly isDisposed: boolean;

  /** Copies the values to JavaScript, as one flat array. */
  data<D extends DataType = "float32">(): Promise<DataTypeMap[D]>;
  /** As `data`, and blocks until the engine has finished. */
  dataSync<D extends DataType = "float32">(): DataTypeMap[D];
  /** Copies the values to JavaScript, as arrays of arrays. */
  array(): Promise<A>;
  /** As `array`, and blocks until the engine has finished. */
  arraySync(): A;
  /** Frees the memory on the engine. */
  dispose(): void;
  /** The values as text, rows and columns laid out. */
  toString(verbose?: boolean): string;
  print(verbose?: boolean): void;
  clone<R extends Tensor = this>(): R;

  // Shape
  reshape<T extends Tensor>(shape: number[]): T;
  flatten(): Tensor1D;
  as1D(): Tensor1D;
  asScalar(): Scalar;
  as2D(rows: number, columns: number): Tensor2D;
  as3D(rows: number, columns: number, depth: number): Tensor3D;
  expandDims<T extends Tensor>(axis?: number): T;
  squeeze<T extends Tensor>(axis?: number[]): T;
  transpose<T extends Tensor>(perm?: number[]): T;
  broadcastTo<T extends Tensor>(shape: number[]): T;
  tile<R extends Tensor = this>(reps: number[]): R;
  slice<R extends Tensor = this>(begin: number | number[], size?: number | number[]): R;
  gather<T extends Tensor>(indices: Tensor | TensorLike, axis?: number, batchDims?: number): T;
  concat<T extends Tensor>(tensors: T | T[], axis?: number): T;
  split<T extends Tensor>(numOrSizeSplits: number[] | number, axis?: number): T[];
  stack<T extends Tensor>(x: Tensor, axis?: number): T;
  unstack<T extends Tensor>(axis?: number): T[];
  pad<R extends Tensor = this>(paddings: [number, number][], constantValue?: number): R;
  reverse<R extends Tensor = this>(axis?: number | number[]): R;
  cast<R extends Tensor = this>(dtype: DataType): R;
  toFloat<R extends Tensor = this>(): R;
  toInt<R extends Tensor = this>(): R;
  toBool<R extends Tensor = this>(): R;

  // Arithmetic, element by element; shapes are broadcast
  add<T extends Tensor>(b: Tensor | TensorLike): T;
  sub<T extends Tensor>(b: Tensor | TensorLike): T;
  mul<T extends Tensor>(b: Tensor | TensorLike): T;
  div<T extends Tensor>(b: Tensor | TensorLike): T;
  floorDiv<T extends Tensor>(b: Tensor | TensorLike): T;
  mod<T extends Tensor>(b: Tensor | TensorLike): T;
  pow<T extends Tensor>(exponent: Tensor | TensorLike): T;
  maximum<T extends Tensor>(b: Tensor | TensorLike): T;
  minimum<T extends Tensor>(b: Tensor | TensorLike): T;
  squaredDifference<T extends Tensor>(b: Tensor | TensorLike): T;
  neg<R extends Tensor = this>(): R;
  abs<R extends Tensor = this>(): R;
  sign<R extends Tensor = this>(): R;
  square<R extends Tensor = this>(): R;
  sqrt<R extends Tensor = this>(): R;
  rsqrt<R extends Tensor = this>(): R;
  reciprocal<R extends Tensor = this>(): R;
  exp<R extends Tensor = this>(): R;
  expm1<R extends Tensor = this>(): R;
  log<R extends Tensor = this>(): R;
  log1p<R extends Tensor = this>(): R;
  sin<R extends Tensor = this>(): R;
  cos<R extends Tensor = this>(): R;
  floor<R extends Tensor = this>(): R;
  ceil<R extends Tensor = this>(): R;
  round<R extends Tensor = this>(): R;
  clipByValue<R extends Tensor = this>(min: number, max: number): R;

  // Products
  matMul<T extends Tensor>(b: Tensor | TensorLike, transposeA?: boolean, transposeB?: boolean): T;
  dot<T extends Tensor>(b: Tensor | TensorLike): T;

  // Reductions over one axis, several, or all
  sum<T extends Tensor>(axis?: number | number[], keepDims?: boolean): T;
  mean<T extends Tensor>(axis?: number | number[], keepDims?: boolean): T;
  max<T extends Tensor>(axis?: number | number[], keepDims?: boolean): T;
  min<T extends Tensor>(axis?: number | number[], keepDims?: boolean): T;
  prod<T extends Tensor>(axis?: number | number[], keepDims?: boolean): T;
  all<T extends Tensor>(axis?: number | number[], keepDims?: boolean): T;
  any<T extends Tensor>(axis?: number | number[], keepDims?: boolean): T;
  logSumExp<T extends Tensor>(axis?: number | number[], keepDims?: boolean): T;
  norm<T extends Tensor>(ord?: number | "euclidean" | "fro", axis?: number | number[], keepDims?: boolean): T;
  argMax<T extends Tensor>(axis?: number): T;
  argMin<T extends Tensor>(axis?: number): T;
  cumsum<R extends Tensor = this>(axis?: number, exclusive?: boolean, reverse?: boolean): R;
  topk<T extends Tensor>(k?: number, sorted?: boolean): { values: T; indices: T };

  // Activations
  relu<R extends Tensor = this>(): R;
  sigmoid<R extends Tensor = this>(): R;
  tanh<R extends Tensor = this>(): R;
  erf<R extends Tensor = this>(): R;
  softplus<R extends Tensor = this>(): R;
  softmax<R extends Tensor = this>(dim?: number): R;
  logSoftmax<R extends Tensor = this>(axis?: number): R;

  // Comparison, element by element; the result is of data type bool
  equal<T extends Tensor>(b: Tensor | TensorLike): T;
  notEqual<T extends Tensor>(b: Tensor | TensorLike): T;
  greater<T extends Tensor>(b: Tensor | TensorLike): T;
  greaterEqual<T extends Tensor>(b: Tensor | TensorLike): T;
  less<T extends Tensor>(b: Tensor | TensorLike): T;
  lessEqual<T extends Tensor>(b: Tensor | TensorLike): T;
  logicalAnd(b: Tensor | TensorLike): Tensor;
  logicalOr(b: Tensor | TensorLike): Tensor;
  logicalNot(): Tensor;
  /** `this` where `condition` holds, else `x`. */
  where<T extends Tensor>(condition: Tensor | TensorLike, x: Tensor): T;
}

/** One number: shape `[]`. */
export interface Scalar extends Tensor<number[], number> {}
/** Shape `[length]`. */
export interface Tensor1D extends Tensor<[number], number[]> {}
/** Shape `[rows, columns]`. */
export interface Tensor2D extends Tensor<[number, number], number[][]> {}
/** Shape `[B, T, C]`, for example. */
export interface Tensor3D extends Tensor<[number, number, number], number[][][]> {}
/** Shape `[B, nHead, T, headSize]`, for example. */
export interface Tensor4D extends Tensor<[number, number, number, number], number[][][][]> {}

/** A tensor whose values can be replaced: what training changes. */
export interface Variable<S extends number[] = number[]> extends Tensor<S> {
  readonly name: string;
  trainable: boolean;
  /** Replaces the values; the shape and data type must stay. */
  assign(newValue: Tensor<S>): void;
}
