/** @file The parts of tfjs-node's native backend that graph capture uses. They are internal there, so the version is pinned and this is their only home. */
import { type Tensor, tf } from "../tf";

/** What the native layer says of a tensor that an operation gave. */
export interface Metadata {
  readonly id: number;
  readonly dtype: number;
  readonly shape: number[];
}

/** An attribute of an operation; `type` is one of the binding's TF_ATTR numbers. */
export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** The attribute that gives a type of elements, by TensorFlow's number of it. */
export const typeAttribute = (name: string, value: number): Attribute => ({ name, type: 4, value });

/** The C++ add-on. Tensors are known by integer handles. */
export interface Binding {
  executeOp(name: string, attributes: readonly Attribute[], inputs: readonly number[], outputs: number): Metadata[];
  createTensor(shape: readonly number[], dtype: number, values: ArrayLike<number> | readonly Uint8Array[]): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array;
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(session: number): void;
  runSavedModel(session: number, inputs: readonly number[], inputNames: string, outputNames: string): Metadata[];
}

/** The backend's record of one tensor's data. `values` are waiting to be uploaded; then `id` is not valid yet. */
export interface TensorData {
  readonly shape: readonly number[];
  readonly dtype: number;
  id: number;
  values: ArrayLike<number> | null;
  refCount: number;
}

/** tfjs-node's backend object. */
export interface NativeBackend {
  binding: Binding;
  readonly isUsingGpuDevice: boolean;
  readonly tensorMap: { get(dataId: object): TensorData; has(dataId: object): boolean };
  getInputTensorIds(tensors: readonly Tensor[]): number[];
  createOutputTensor(metadata: Metadata): Tensor;
  executeSingleOutput(name: string, attributes: readonly Attribute[], inputs: readonly Tensor[]): Tensor;
  readSync(dataId: object): Float32Array | Int32Array | Uint8Array;
  disposeData(dataId: object, force?: boolean): boolean;
}

/** TensorFlow's numbers for types of elements (`tensorflow/core/framework/types.proto`). */
export const FLOAT32 = 1;
export const INT32 = 3;
export const STRING = 7;
export const BOOL = 10;

/** The native backend when it is the one in use, else undefined. */
export function nativeBackend(): NativeBackend | undefined {
  if (tf.getBackend() !== "tensorflow") return undefined;
  return tf.backend() as unknown as NativeBackend; // the façade hides the backends' inside
}

/** The backend's record of a tensor's data. */
export function dataOf(backend: NativeBackend, tensor: Tensor): TensorData {
  return backend.tensorMap.get(dataIdOf(tensor));
}

/** The key under which the backend keeps a tensor's data; tensors that share data share it. */
export function dataIdOf(tensor: Tensor): object {
  return Reflect.get(tensor, "dataId") as object;
}
