/** @file Rows of a table by their numbers, with a gradient on every engine. */
import { type SaveFunction, type Tensor, type Tensor1D, type Tensor2D, tf } from "../tf";
import { gatherRows, scatterRows } from "./kernels";
import { rowsOf } from "./linear";

const lookup = (ids: Tensor1D) =>
  tf.customGrad((table: Tensor2D, save: SaveFunction) => {
    save([ids]);
    const size = table.shape[0]!;
    return {
      value: gatherRows(table, ids),
      gradFunc: (dy: Tensor, saved: Tensor[]) => scatterRows(rowsOf(dy), saved[0] as Tensor1D, size),
    };
  });

/**
 * The rows of a table: token ids to vectors. The same as a one-hot matrix times the table, without making that matrix.
 * An id outside the table is an error of the engine (on a GPU: zeros), so check ids where they come in.
 *
 * @param table (V, C)
 * @param ids int32, any shape (…)
 * @returns (…, C)
 * @example
 * import { embedding, initBackend, tf } from "gptlab";
 * await initBackend();
 * embedding(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor1d([1, 0, 1], "int32")).arraySync(); // => [[3, 4], [1, 2], [3, 4]]
 */
export function embedding(table: Tensor2D, ids: Tensor): Tensor {
  return lookup(ids.flatten())(table).reshape([...ids.shape, table.shape[1]!]);
}
