/** @file Small values that JavaScript makes anew for each run of an operation, such as the seed of a dropout mask. Graph capture feeds them; otherwise they are plain tensors. */
import { type DataType, type Tensor, type TypedArray, tf } from "../tf";
import { Diversion } from "./diversion";

/** Makes the values; called once for each run. */
export type MakeValues = () => TypedArray;

type Listener = (make: MakeValues, shape: number[], dtype: DataType) => Tensor;
const capture = new Diversion<Listener>();

/** A tensor of values that are not the same at each run. While a function is captured, `make` becomes a feed of the graph. */
export function hostInput(make: MakeValues, shape: number[], dtype: DataType): Tensor {
  return capture.current ? capture.current(make, shape, dtype) : tf.tensor(make(), shape, dtype);
}

/** Runs `body`; host inputs go to `listen` meanwhile. */
export function withHostInputs<T>(listen: Listener, body: () => T): T {
  return capture.during(listen, body);
}
