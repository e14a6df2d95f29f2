/** @file `tf`: TensorFlow.js behind types of our own, and those types. It starts no engine; `initBackend` does. */
import "./backend/polyfill";
import * as tensorflowJs from "@tensorflow/tfjs";
import type { EngineBackend } from "./backend/control";
import type { TensorFlow } from "./backend/operations";
import type * as types from "./backend/tensor";

export type { TensorBuffer, TensorContainer } from "./backend/control";
export type { GradientFunction, NamedTensorMap, Optimizer, SaveFunction, TensorFlow } from "./backend/operations";
export type {
  DataType,
  DataTypeMap,
  NestedArray,
  NestedNumbers,
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Tensor3D,
  Tensor4D,
  TensorLike,
  TypedArray,
  Variable,
} from "./backend/tensor";

/**
 * Tensors and the functions on them. Call `await initBackend()` before the first tensor; without it TensorFlow.js computes in
 * plain JavaScript, which is slow.
 *
 * The first `as` is proved by the compiler: a name or a type that TensorFlow.js does not have is an error there. Only `customGrad`,
 * a function of functions of functions, is beyond that proof; the tests run it.
 *
 * @example
 * import { initBackend, tf } from "gptlab";
 * await initBackend();
 * tf.tensor2d([[1, 2], [3, 4]]).sum(1).arraySync(); // => [3, 7]
 */
export const tf = tensorflowJs as Omit<TensorFlow, "customGrad"> as TensorFlow;

// Plain JavaScript greets at its first tensor with advice to install another engine; `initBackend` gives better advice.
const plain: { firstUse?: boolean } = tf.findBackend("cpu") as EngineBackend & { firstUse?: boolean };
delete plain.firstUse;
Object.defineProperty(Object.getPrototypeOf(plain), "firstUse", { get: () => false, set: () => undefined });

/** The types once more: in `namespace tf`, and once roll_up.mjs has put all in one file, `Scalar = Scalar` would mean itself. */
interface Types {
  Scalar: types.Scalar;
  Tensor1D: types.Tensor1D;
  Tensor2D: types.Tensor2D;
  Tensor3D: types.Tensor3D;
  Tensor4D: types.Tensor4D;
  TensorLike: types.TensorLike;
  DataType: types.DataType;
}
type AnyTensor<S extends number[]> = types.Tensor<S>;
type AnyVariable<S extends number[]> = types.Variable<S>;

/** The same types by their usual names: `tf.Tensor2D`. */
export declare namespace tf {
  type Tensor<S extends number[] = number[]> = AnyTensor<S>;
  type Scalar = Types["Scalar"];
  type Tensor1D = Types["Tensor1D"];
  type Tensor2D = Types["Tensor2D"];
  type Tensor3D = Types["Tensor3D"];
  type Tensor4D = Types["Tensor4D"];
  type Variable<S extends number[] = number[]> = AnyVariable<S>;
  type TensorLike = Types["TensorLike"];
  type DataType = Types["DataType"];
}
