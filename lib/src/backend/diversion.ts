/** @file A function that takes the place of what an operation normally does, while a graph is captured. What it takes the place of, the users of this file say. */

/** Holds the function that has the place at the moment. */
export class Diversion<F> {
  #current: F | undefined;

  /** The function that has the place; undefined outside {@link during}. */
  get current(): F | undefined {
    return this.#current;
  }

  /** Runs `body` with `listen` in the place, then gives the place back to what had it before, also when `body` throws. */
  during<T>(listen: F, body: () => T): T {
    const before = this.#current;
    this.#current = listen;
    try {
      return body();
    } finally {
      this.#current = before;
    }
  }
}
