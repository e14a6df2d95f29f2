/** @file A map whose key is a pair of ids, without building a key out of the two. */

/** `Map` for pairs of ids: one small map for each left id. */
export class PairMap<T> {
  readonly #byLeft: (Map<number, T> | undefined)[] = [];

  get(left: number, right: number): T | undefined {
    return this.#byLeft[left]?.get(right);
  }

  set(left: number, right: number, value: T): void {
    const rights = this.#byLeft[left] ?? new Map<number, T>();
    this.#byLeft[left] = rights.set(right, value);
  }

  delete(left: number, right: number): void {
    this.#byLeft[left]?.delete(right);
  }
}
