/** @file Which pairs of neighbours occur, how often, and in which words: kept up to date while words change, so that nothing is ever counted twice. */
import { Heap } from "./heap";
import { PairMap } from "./pairs";

/** A pair of neighbours, how often it occurs, and the numbers of the words that have held it. */
export interface PairCount {
  readonly left: number;
  readonly right: number;
  count: number;
  readonly words: number[];
}

/** An entry of the queue; `count` is out of date when the pair has changed since. */
interface Candidate {
  readonly pair: PairCount;
  readonly count: number;
}

/** Counts of pairs, and the most frequent pair at any time. */
export class PairIndex {
  readonly #pairs = new PairMap<PairCount>();
  readonly #queue = new Heap<Candidate>(comesFirst);
  readonly #grown = new Set<PairCount>();

  /** Says that word number `word` has the pair `by` times more; less when `by` is negative. */
  change(left: number, right: number, by: number, word: number): void {
    const pair = this.#pairs.get(left, right) ?? { left, right, count: 0, words: [] };
    if (pair.count === 0) this.#pairs.set(left, right, pair);
    pair.count += by;
    if (by > 0) {
      this.#grown.add(pair);
      if (pair.words.at(-1) !== word) pair.words.push(word);
    } else if (pair.count === 0) {
      this.#pairs.delete(left, right);
    }
  }

  /** Takes out the most frequent pair; at equal counts the one with the smaller left id, then the smaller right id. */
  takeBest(): PairCount | undefined {
    for (const pair of this.#grown) if (pair.count > 0) this.#queue.push({ pair, count: pair.count });
    this.#grown.clear();
    for (let best = this.#queue.pop(); best !== undefined; best = this.#queue.pop()) {
      const { pair, count } = best;
      if (pair.count === count) return pair;
      if (pair.count > 0 && pair.count < count) this.#queue.push({ pair, count: pair.count }); // it shrank: ask again later
      // else it is gone, or it grew and a newer entry is in the queue
    }
    return undefined;
  }
}

function comesFirst(a: Candidate, b: Candidate): boolean {
  if (a.count !== b.count) return a.count > b.count;
  if (a.pair.left !== b.pair.left) return a.pair.left < b.pair.left;
  return a.pair.right < b.pair.right;
}
