/** @file What a graph cannot do or must be told, and the error that says so. */
import { type Attribute, INT32, typeAttribute } from "../backend/native";

/** Operations that draw from a generator inside the engine: a graph would not repeat what the eager engine gives. */
export const DRAWS_RANDOM =
  /^(Random(Uniform|StandardNormal|UniformInt|Shuffle|Gamma|Poisson)|TruncatedNormal|Multinomial)/;

/** Operations that write into their first input. */
export const WRITES_INPUT = /^Inplace(Update|Add|Sub)$/;

/** Type attributes that tfjs-node leaves to the eager engine to infer; a graph must state them. By the type of the result. */
export const INFERRED: Readonly<Record<string, (dtype: number) => Attribute[]>> = {
  ExpandDims: (dtype) => [typeAttribute("T", dtype), typeAttribute("Tdim", INT32)],
};

/**
 * Why a function cannot be captured, and what to do about it.
 *
 * @example
 * import { CaptureError, compile, initBackend, tf } from "gptlab";
 * const { name } = await initBackend();
 * const draw = compile(() => tf.randomNormal([2]));
 * let problem: unknown;
 * try { draw({}); } catch (error) { problem = error; }
 * problem instanceof CaptureError || name !== "tensorflow"; // => true
 */
export class CaptureError extends Error {
  constructor(problem: string, remedy: string) {
    super(`compile() cannot capture this function: ${problem}. ${remedy}, or call the function without compile()`);
    this.name = "CaptureError";
  }
}
