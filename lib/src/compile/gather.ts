/** @file tf.gather for recordings. tfjs-node's own kernel reads the indices back to check them, which a graph cannot. */
import type { KernelFunc } from "@tensorflow/tfjs";
import { dataOf, type NativeBackend, typeAttribute } from "../backend/native";
import { type Tensor, tf } from "../tf";

/** tf.gather by TensorFlow's own operation alone. */
export const uncheckedGather: KernelFunc = ({ inputs, attrs, backend }) => {
  const { x, indices } = inputs as unknown as { x: Tensor; indices: Tensor };
  const native = backend as unknown as NativeBackend;
  const axis = tf.scalar(Number(attrs?.axis), "int32");
  const attributes = [
    { name: "batch_dims", type: 1, value: attrs?.batchDims },
    typeAttribute("Tparams", dataOf(native, x).dtype),
    typeAttribute("Tindices", dataOf(native, indices).dtype),
    typeAttribute("Taxis", dataOf(native, axis).dtype),
  ];
  const result = native.executeSingleOutput("GatherV2", attributes, [x, indices, axis]);
  axis.dispose();
  return result as unknown as ReturnType<KernelFunc>;
};
