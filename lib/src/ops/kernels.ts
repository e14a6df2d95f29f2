/**
 * @file The few computations that the operations share, each on the fastest kernel of the engine: TensorFlow's own operation where
 * it runs, tfjs elsewhere. They have no gradients; the operations write those.
 */
import { type Attribute, FLOAT32, INT32, nativeBackend, typeAttribute } from "../backend/native";
import { type Tensor, type Tensor1D, type Tensor2D, tf } from "../tf";

const T = typeAttribute("T", FLOAT32); // of the elements
const flag = (name: string, value: boolean): Attribute => ({ name, type: 3, value });

/** Floats in a page of memory. */
const PAGE = 1024;

/** a (M, K) times b (K, N) -> (M, N), each transposed first if asked. */
export function product(a: Tensor2D, b: Tensor2D, transposeA = false, transposeB = false): Tensor2D {
  const native = nativeBackend();
  if (!native) return matMul(a, b, transposeA, transposeB);
  const width = a.shape[1]!;
  if (transposeA && (width % PAGE === 0 || width === PAGE / 2) && !native.isUsingGpuDevice) {
    // Whole pages, or half ones, between the elements of a column fall into the same few places of a processor's cache, which is slow.
    const left = width / 2 + 16;
    const parts = tf.split(a, [left, width - left], 1) as Tensor2D[];
    return tf.concat(parts.map((part) => product(part, b, true, transposeB))) as Tensor2D;
  }
  return native.executeSingleOutput(
    "MatMul",
    [flag("transpose_a", transposeA), flag("transpose_b", transposeB), T],
    [a, b],
  ) as Tensor2D;
}

/** Products of matrices with the same first axes: (…, M, K) times (…, K, N) -> (…, M, N), each matrix transposed first if asked. */
export function matMul<T extends Tensor>(a: T, b: T, transposeA = false, transposeB = false): T {
  if (tf.getBackend() !== "wasm") return tf.matMul(a, b, transposeA, transposeB);
  // wasm is fast only for one product of two matrices as they are: 15 times as fast as with transposed ones, 1.5 times as fast
  // as a batch, measured once, on two cores.
  const left = transposeA ? swapLast(a) : a;
  const right = transposeB ? swapLast(b) : b;
  if (left.rank === 2) return tf.matMul(left, right);
  const pairs = unstackMatrices(right);
  const products = unstackMatrices(left).map((matrix, i) => tf.matMul(matrix, pairs[i]!));
  return tf.stack(products).reshape([...left.shape.slice(0, -1), right.shape.at(-1)!]);
}

/** (…, M, N) -> matrices (M, N) */
function unstackMatrices(x: Tensor): Tensor2D[] {
  const halves = (part: Tensor): Tensor[] => {
    const count = part.shape[0]!;
    if (count === 1) return [part.reshape(part.shape.slice(1))];
    const first = count >> 1; // by halves, because each slice on wasm first copies all that it is cut from
    return (tf.split(part, [first, count - first]) as Tensor[]).flatMap(halves);
  };
  return halves(x.reshape([-1, ...x.shape.slice(-2)])) as Tensor2D[];
}

/** (…, M, N) -> (…, N, M) */
function swapLast<T extends Tensor>(x: T): T {
  const axes = x.shape.map((_, axis) => axis);
  const last = axes.pop()!;
  axes.splice(-1, 0, last);
  return tf.transpose(x, axes);
}

/** x (N, C) plus the vector b (C) in every row. */
export function addBias(x: Tensor2D, b: Tensor1D): Tensor2D {
  const native = nativeBackend();
  return native ? (native.executeSingleOutput("BiasAdd", [T], [x, b]) as Tensor2D) : x.add(b);
}

/** The sum of the rows: (N, C) -> (C). */
export function sumRows(x: Tensor2D): Tensor1D {
  const native = nativeBackend();
  if (native) return native.executeSingleOutput("BiasAddGrad", [T], [x]) as Tensor1D;
  return tf.matMul(tf.ones([1, x.shape[0]!]), x).reshape([-1]); // on wasm faster than a sum
}

/** The derivative of a sigmoid from its value: dy · y · (1 - y). */
export function sigmoidGrad(y: Tensor, dy: Tensor): Tensor {
  const native = nativeBackend();
  return native ? native.executeSingleOutput("SigmoidGrad", [T], [y, dy]) : tf.mul(dy, tf.mul(y, tf.sub(1, y)));
}

/** Rows of a table by their numbers: (V, C), (N) -> (N, C). tfjs-node's own gather reads every number back to check it. */
export function gatherRows(table: Tensor2D, ids: Tensor1D): Tensor2D {
  const native = nativeBackend();
  if (!native) return tf.gather(table, ids) as Tensor2D;
  return withInteger(0, (axis) => {
    const attributes = [
      typeAttribute("Tparams", FLOAT32),
      typeAttribute("Tindices", INT32),
      typeAttribute("Taxis", INT32),
    ];
    return native.executeSingleOutput("GatherV2", attributes, [table, ids, axis]) as Tensor2D;
  });
}

/** The reverse of `gatherRows`: sums the rows (N, C) by their numbers (N) into a table (size, C). */
export function scatterRows(rows: Tensor2D, ids: Tensor1D, size: number): Tensor2D {
  const native = nativeBackend();
  if (native) {
    return withInteger(size, (segments) => {
      const attributes = [T, typeAttribute("Tindices", INT32), typeAttribute("Tnumsegments", INT32)];
      return native.executeSingleOutput("UnsortedSegmentSum", attributes, [rows, ids, segments]) as Tensor2D;
    });
  }
  if (tf.getBackend() !== "wasm") return tf.unsortedSegmentSum(rows, ids, size) as Tensor2D;
  return tf.scatterND(ids.expandDims(1), rows, [size, rows.shape[1]!]) as Tensor2D; // wasm has no segment sum; this adds up too
}

/**
 * The table (V, C) with `rows` (N, C) at the places `ids` (N), each named once. TensorFlow writes them into the table's own
 * memory: whatever shares it changes too, so assign the result to the variable that the table came from.
 */
export function replaceRows(table: Tensor2D, ids: Tensor1D, rows: Tensor2D): Tensor2D {
  const native = nativeBackend();
  if (native) return native.executeSingleOutput("InplaceUpdate", [T], [table, ids, rows]) as Tensor2D;
  return tf.tensorScatterUpdate(table, ids.reshape([-1, 1]), rows) as Tensor2D;
}

/**
 * Cross-entropy and softmax of each row: logits (N, V), targets (N) -> [loss (N), probabilities (N, V)].
 * With m the largest logit, the loss is (m - logit of the target) - log(softmax of m), which never overflows. TensorFlow's own
 * SparseSoftmaxCrossEntropyWithLogits is slower on the CPU.
 */
export function softmaxCrossEntropy(logits: Tensor2D, targets: Tensor1D): [Tensor1D, Tensor2D] {
  const probabilities: Tensor2D = tf.softmax(logits);
  const largest = logits.max(1).sub(probabilities.max(1).log()); // log of the sum of exponentials (N)
  return [largest.sub(pick(logits, targets)) as Tensor1D, probabilities];
}

/** Element `columns[i]` of row i: (N, V), (N) -> (N). */
function pick(x: Tensor2D, columns: Tensor1D): Tensor1D {
  const native = nativeBackend();
  if (!native) return tf.gatherND(x, places(columns)) as Tensor1D;
  const attributes = [typeAttribute("Tparams", FLOAT32), typeAttribute("Tindices", INT32)];
  return native.executeSingleOutput("GatherNd", attributes, [x, places(columns)]) as Tensor1D;
}

/** Subtracts `values[i]` from element `columns[i]` of row i: (N, V), (N), (N) -> (N, V). */
export function subtractAt(x: Tensor2D, columns: Tensor1D, values: Tensor1D): Tensor2D {
  const native = nativeBackend();
  if (!native) return x.sub(tf.scatterND(places(columns), values, x.shape));
  const attributes = [T, typeAttribute("Tindices", INT32)];
  return native.executeSingleOutput("TensorScatterSub", attributes, [x, places(columns), values]) as Tensor2D;
}

/** (N) -> (N, 2): the place of one element in each row. */
function places(columns: Tensor1D): Tensor2D {
  return tf.stack([tf.range(0, columns.size, 1, "int32"), columns], 1) as Tensor2D;
}

/** The sum of the squares of all elements, a scalar. */
export function sumOfSquares(x: Tensor): Tensor {
  const native = nativeBackend();
  return native ? native.executeSingleOutput("L2Loss", [T], [x]).mul(2) : x.square().sum();
}

function withInteger<R extends Tensor>(value: number, use: (scalar: Tensor) => R): R {
  const scalar = tf.scalar(value, "int32");
  const result = use(scalar);
  scalar.dispose();
  return result;
}
