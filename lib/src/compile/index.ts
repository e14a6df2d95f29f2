/** @file `compile`: records a tfjs function once and runs it as one TensorFlow graph. On other engines the function runs as it is. */

import { nativeBackend } from "../backend/native";
import { type NamedTensorMap, type Tensor, tf } from "../tf";
import type { Structure } from "./graph";
import type { Recording } from "./recording";
import { Session } from "./session";

export type { Structure } from "./graph";
export { CaptureError } from "./limits";

/** What a compiled function has done so far. */
export interface CompileStats {
  /** False where the function runs as it is: on every engine but tensorflow. */
  readonly captured: boolean;
  /** How often it was recorded: once for each combination of feed shapes. */
  readonly recordings: number;
  /** Operations of the newest recording. */
  readonly operations: number;
  readonly calls: number;
}

/** A function made by {@link compile}; call it as you would call the original. */
export interface Compiled<
  In extends NamedTensorMap = NamedTensorMap,
  Out extends Tensor | Tensor[] = Tensor | Tensor[],
> {
  (feeds: In): Out;
  /**
   * Records for feeds of these shapes without running. Functions that share a session are best all recorded before the first run:
   * each new recording loads the session again.
   */
  prepare(feeds: In): void;
  /** Copies all values that only the session has back to their variables, in one go. They are also fetched one by one when somebody asks. */
  sync(): void;
  /** Frees the graphs. Variables keep their newest values. The next call throws. */
  dispose(): void;
  stats(): CompileStats;
}

/** At most so many recordings of one function; the one unused for longest goes. */
const RECORDINGS_KEPT = 8;

const sessionOf = new WeakMap<object, () => Session>();

const isTensor = (value: unknown): value is Tensor =>
  typeof value === "object" && value !== null && "dataSync" in value;

/** Throws TypeError if a feed is no tensor. */
function requireTensors(feeds: NamedTensorMap): void {
  for (const [name, value] of Object.entries<unknown>(feeds ?? {}))
    if (!isTensor(value))
      throw new TypeError(
        `A compiled function is fed with tensors, but "${name}" is ${String(value)}. Make one: tf.scalar(value), tf.tensor(values)`,
      );
}

/** The result of a function. Throws TypeError if it is neither a tensor nor a list of tensors. */
function requireResult<Out>(result: Out): Out {
  if (result instanceof Promise)
    throw new TypeError("A function for compile() must not be async: what it awaits cannot be part of a graph");
  const parts: readonly unknown[] = Array.isArray(result) ? result : [result];
  for (const one of parts)
    if (!isTensor(one))
      throw new TypeError(
        `A function for compile() must return a tensor or a list of tensors, but returned ${String(one)}`,
      );
  return result;
}

/**
 * Makes a function of tensors as fast as a hand-written TensorFlow graph. On the first call with feeds of certain shapes it runs
 * once as it is while every operation is recorded, gradients and variable updates included; the recording becomes one graph, and
 * this and later calls are one call of TensorFlow each. Results are the same as without `compile`.
 *
 * What a graph cannot do is a `CaptureError` at the first call: reading values in JavaScript (`dataSync`), drawing random
 * numbers, creating variables. Loops and conditions are those of the first call; everything that changes from call to call must
 * be a feed or a variable.
 *
 * @param fn from named tensors to one tensor or a list; TypeError for anything else
 * @param options.structure of what it computes, where that is known: "branches" for as many independent parts as there are
 * processors, "chain" for small steps that each need the one before. It changes threads and kernels, and the results at most
 * by rounding; the first function of a session decides
 * @param options.share another compiled function whose session this one joins: variables that both use are then not copied between them
 *
 * Source: the same idea as `tf.function` (Agrawal et al., 2019, TensorFlow Eager), for TensorFlow.js.
 *
 * @example
 * import { compile, initBackend, tf } from "gptlab";
 * await initBackend();
 * const w = tf.variable(tf.scalar(0));
 * const step = compile(({ x, y }) => {
 *   const { value, grads } = tf.variableGrads(() => tf.squaredDifference(x.mul(w), y).mean() as tf.Scalar, [w]);
 *   w.assign(w.sub(grads[w.name].mul(0.1)));
 *   return value;
 * });
 * const x = tf.tensor1d([1, 2]), y = tf.tensor1d([3, 6]);
 * for (let i = 0; i < 50; i++) step({ x, y });
 * w.dataSync()[0].toFixed(3); // => "3.000"
 */
export function compile<In extends NamedTensorMap, Out extends Tensor | Tensor[]>(
  fn: (feeds: In) => Out,
  options: { share?: Compiled; structure?: Structure } = {},
): Compiled<In, Out> {
  const recordings = new Map<string, Recording>();
  let session: Session | undefined;
  const { structure } = options;
  let { share } = options;
  let disposed = false;
  let recorded = 0;
  let operations = 0;
  let calls = 0;

  const openSession = (): Session => {
    const backend = nativeBackend();
    if (!backend) throw new Error("compile() has no session on this engine");
    session ??= (share && sessionOf.get(share)?.()) ?? new Session(backend, structure);
    share = undefined; // and all that it holds may go
    return session;
  };
  const recordingOf = (feeds: In): Recording => {
    const key = Object.entries(feeds)
      .map(([name, { shape, dtype }]) => `${name}:${dtype}[${shape}]`)
      .join();
    const known = recordings.get(key);
    recordings.delete(key); // and back at the end: the order is that of last use
    const recording = known ?? openSession().add((named) => requireResult(fn(named as In)), feeds);
    recordings.set(key, recording);
    if (!known) {
      recorded++;
      operations = recording.operations;
      const [oldest] = recordings;
      if (recordings.size > RECORDINGS_KEPT && oldest) {
        recordings.delete(oldest[0]);
        openSession().remove(oldest[1]);
      }
    }
    return recording;
  };

  const call = (feeds: In): Out => {
    if (disposed) throw new Error("This compiled function was disposed. Make a new one with compile()");
    requireTensors(feeds);
    calls++;
    if (!nativeBackend()) return tf.tidy(() => requireResult(fn(feeds))); // what is made on the way is freed, as in a graph
    const recording = recordingOf(feeds);
    const outputs = openSession().run(recording, feeds);
    return (recording.single ? outputs[0] : outputs) as Out; // the recording knows which of the two fn returns
  };
  const compiled = Object.assign(call, {
    prepare: (feeds: In) => {
      requireTensors(feeds);
      if (!disposed && nativeBackend()) recordingOf(feeds);
    },
    sync: () => session?.sync(),
    dispose: () => {
      disposed = true;
      for (const recording of recordings.values()) session?.remove(recording);
      recordings.clear();
    },
    stats: () => ({ captured: nativeBackend() !== undefined, recordings: recorded, operations, calls }),
  });
  sessionOf.set(compiled, openSession);
  return compiled;
}
