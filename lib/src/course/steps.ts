/** @file Work that waits only when it must: a check runs in one go while answers are plain values, and waits when one is a promise. In a notebook the part before the first wait can be stopped by the interrupt button, so an endless loop in a learner's function does not cost the kernel. */

/** Work in steps. It yields what it must wait for and receives the settled value. */
export type Steps<T> = Generator<PromiseLike<unknown>, T, unknown>;

/** True for a promise and for everything that `await` would wait for. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "then") === "function";
}

/** The value itself, or what the promise turns into. */
export function* settle(value: unknown): Steps<unknown> {
  return isThenable(value) ? yield value : value;
}

/** Runs the steps. The result is a plain value if nothing had to be waited for, else a promise of it. */
export function drive<T>(steps: Steps<T>): T | Promise<T> {
  const go = (step: IteratorResult<PromiseLike<unknown>, T>): T | Promise<T> =>
    step.done
      ? step.value
      : Promise.resolve(step.value).then(
          (value) => go(steps.next(value)),
          (error: unknown) => go(steps.throw(error)),
        );
  return go(steps.next());
}
