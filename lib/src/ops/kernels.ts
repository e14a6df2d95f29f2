/**
 * @file The few computations that the operations share, each on the fastest kernel of the engine: TensorFlow's own operation where
 * it runs, tfjs elsewhere. They have no gradients; the operations write those.
 */
import { type Attribute, dataOf, nativeBackend } from "../backend/native";
import { type Tensor, type Tensor1D, type Tensor2D, tf } from "../tf";

const T = (dtype = 1): Attribute => ({ name: "T", type: 4, value: dtype }); // the type of the elements; 1 is float32
const type = (name: string, value: number): Attribute => ({ name, type: 4, value });
const flag = (name: string, value: boolean): Attribute => ({ name, type: 3, value });

/** a (M, K) times b (K, N) -> (M, N), each transposed first if asked. */
export function product(a: Tensor2D, b: Tensor2D, transposeA = false, transposeB = false): Tensor2D {
  const native = nativeBackend();
  if (!native) return tf.matMul(a, b, transposeA, transposeB);
  return native.executeSingleOutput(
    "MatMul",
    [flag("transpose_a", transposeA), flag("transpose_b", transposeB), T()],
    [a, b],
  ) as Tensor2D;
}

/** x (N, C) plus the vector b (C) in every row. */
export function addBias(x: Tensor2D, b: Tensor1D): Tensor2D {
  const native = nativeBackend();
  return native ? (native.executeSingleOutput("BiasAdd", [T()], [x, b]) as Tensor2D) : x.add(b);
}

/** The sum of the rows: (N, C) -> (C). */
export function sumRows(x: Tensor2D): Tensor1D {
  const native = nativeBackend();
  return native ? (native.executeSingleOutput("BiasAddGrad", [T()], [x]) as Tensor1D) : x.sum(0);
}

/** The derivative of a sigmoid from its value: dy · y · (1 - y). */
export function sigmoidGrad(y: Tensor, dy: Tensor): Tensor {
  const native = nativeBackend();
  return native ? native.executeSingleOutput("SigmoidGrad", [T()], [y, dy]) : tf.mul(dy, tf.mul(y, tf.sub(1, y)));
}

/** Rows of a table by their numbers: (V, C), (N) -> (N, C). tfjs-node's own gather reads every number back to check it. */
export function gatherRows(table: Tensor2D, ids: Tensor1D): Tensor2D {
  const native = nativeBackend();
  if (!native) return tf.gather(table, ids) as Tensor2D;
  return withInteger(0, (axis) => {
    const attributes = [type("Tparams", 1), type("Tindices", 3), type("Taxis", 3)];
    return native.executeSingleOutput("GatherV2", attributes, [table, ids, axis]) as Tensor2D;
  });
}

/** The reverse of `gatherRows`: sums the rows (N, C) by their numbers (N) into a table (size, C). */
export function scatterRows(rows: Tensor2D, ids: Tensor1D, size: number): Tensor2D {
  const native = nativeBackend();
  if (native) {
    return withInteger(size, (segments) => {
      const attributes = [T(), type("Tindices", 3), type("Tnumsegments", 3)];
      return native.executeSingleOutput("UnsortedSegmentSum", attributes, [rows, ids, segments]) as Tensor2D;
    });
  }
  if (tf.getBackend() !== "wasm") return tf.unsortedSegmentSum(rows, ids, size) as Tensor2D;
  const oneHot = tf.oneHot(ids, size).toFloat() as Tensor2D; // wasm has no segment sum
  return tf.matMul(oneHot, rows, true, false);
}

/** Cross-entropy of each row and its derivative: logits (N, V), targets (N) -> [loss (N), softmax - one-hot (N, V)]. */
export function sparseCrossEntropy(logits: Tensor2D, targets: Tensor1D): [Tensor1D, Tensor2D] {
  const native = nativeBackend();
  if (native) {
    const attributes = [T(), type("Tlabels", dataOf(native, targets).dtype)];
    return native.executeMultipleOutputs("SparseSoftmaxCrossEntropyWithLogits", attributes, [logits, targets], 2) as [
      Tensor1D,
      Tensor2D,
    ];
  }
  const shifted = logits.sub(logits.max(1, true));
  const exponentials = shifted.exp();
  const sums = exponentials.sum(1, true); // (N, 1)
  const oneHot = tf.oneHot(targets, logits.shape[1]!).toFloat();
  const loss = sums.log().squeeze([1]).sub(shifted.mul(oneHot).sum(1)) as Tensor1D;
  return [loss, exponentials.div(sums).sub(oneHot) as Tensor2D];
}

function withInteger<R extends Tensor>(value: number, use: (scalar: Tensor) => R): R {
  const scalar = tf.scalar(value, "int32");
  const result = use(scalar);
  scalar.dispose();
  return result;
}
