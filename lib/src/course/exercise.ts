/** @file What the check of an exercise is made of: data, examples and known mistakes. The runner is in `check.ts`. */
import type { Random } from "../random";

/** Any function; its parameters are checked where an exercise is defined. */
export type AnyFunction = (...args: never[]) => unknown;

/** One call and its result, written by hand (never computed by the reference). */
export interface Example<F extends AnyFunction> {
  readonly input: Parameters<F>;
  readonly expected: Awaited<ReturnType<F>>;
}

/**
 * The check of one exercise. The runner goes through it in this order and stops at the first failure:
 * is it a function → examples (shape, type, value) → random cases against `reference` → extremes against `reference` →
 * input unchanged → `verify`. When a value is wrong, each of `mistakes` runs on the same inputs; the first that gives
 * what the learner's function gave names the mistake: the message `<exercise>.<mistake>` of the catalogue is shown.
 */
export interface Exercise<F extends AnyFunction> {
  /** A right answer, independent of the chapter's own solution where that is possible. */
  readonly reference: F;
  /** Tiny exact cases, the most telling first. */
  readonly examples: readonly Example<F>[];
  /** Input of the i-th random case; sizes should all differ, so that mixed-up axes show. */
  readonly random?: (random: Random, i: number) => Parameters<F>;
  /** How many random cases. Default 20. */
  readonly cases?: number;
  /** Inputs that break careless arithmetic: ±100, ×1000, empty, one element. Compared with `reference`. */
  readonly extremes?: readonly Parameters<F>[];
  /** Wrong answers that learners give, by the key of their message. */
  readonly mistakes: Readonly<Record<string, F>>;
  /** Largest |found - expected| / (1 + |expected|) that counts as equal. Default 1e-6; 0 for exact. */
  readonly tolerance?: number;
  /** True when the function is meant to change its arguments. Default false: the runner fails it if it does. */
  readonly mutatesInput?: boolean;
  /** Properties that examples cannot state. Ends in an assertion of its own. */
  readonly verify?: (answer: F, verify: Verify) => void | Promise<void>;
}

/** What `verify` asserts with. A failure ends the check with the message of that key. */
export interface Verify {
  /** Fails with message `<exercise>.<key>`, its {placeholders} filled from `values`, unless `condition` holds. */
  that(condition: boolean, key: string, values?: Readonly<Record<string, unknown>>): asserts condition;
  /** Compares as the examples are compared; `call` is how the input is shown, for example "sgdStep([1, 2], 0.1)". */
  equal(found: unknown, expected: unknown, call: string): void;
  readonly random: Random;
}

/**
 * Keeps the type of F while a record of exercises is written.
 *
 * @example
 * import { exercise } from "gptlab/course";
 * type Double = (x: number) => number;
 * const double = exercise<Double>({
 *   reference: (x) => 2 * x,
 *   examples: [{ input: [3], expected: 6 }],
 *   mistakes: { squares: (x) => x * x },
 * });
 * double.reference(4); // => 8
 */
export function exercise<F extends AnyFunction>(definition: Exercise<F>): Exercise<F> {
  return definition;
}
