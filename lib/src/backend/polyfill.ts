/** @file What @tensorflow/tfjs-node-gpu 4.22 expects of Node and Node 23 removed. Import it before anything of TensorFlow.js. */
import util from "node:util";

const node = util as { isNullOrUndefined?: (value: unknown) => boolean };
node.isNullOrUndefined ??= (value) => value === null || value === undefined;
