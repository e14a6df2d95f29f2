/** @file Level 2: byte-pair encoding of plain id sequences, written for reading. It recounts everything at each merge; `train.ts` and `encode.ts` do the same work fast, and a test proves them equal. */

/** Two ids that stand side by side. */
export type Pair = readonly [left: number, right: number];

/**
 * How often each pair of neighbours occurs, by the key "left,right".
 *
 * @example
 * import { countPairs } from "gptlab";
 * Object.fromEntries(countPairs([1, 2, 3, 1, 2])); // => { "1,2": 2, "2,3": 1, "3,1": 1 }
 */
export function countPairs(ids: ArrayLike<number>): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + 1 < ids.length; i++) {
    const key = `${ids[i]},${ids[i + 1]}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/**
 * A copy of the ids in which each occurrence of the pair, from left to right, is one new id.
 *
 * @example
 * import { mergePair } from "gptlab";
 * mergePair([1, 2, 3, 1, 2], [1, 2], 4); // => [4, 3, 4]
 */
export function mergePair(ids: ArrayLike<number>, [left, right]: Pair, newId: number): number[] {
  const merged: number[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === left && i + 1 < ids.length && ids[i + 1] === right) {
      merged.push(newId);
      i++; // the right half is used up
    } else {
      merged.push(ids[i]!);
    }
  }
  return merged;
}

/**
 * Learns merges: again and again the most frequent pair becomes one new id, counted up from `firstNewId`.
 * Equal counts: the smaller left id wins, then the smaller right id. Stops early when no pair is left.
 *
 * Source: Sennrich, Haddow and Birch (2016), "Neural Machine Translation of Rare Words with Subword Units".
 *
 * @example
 * import { trainBasicBpe, utf8Encode } from "gptlab";
 * trainBasicBpe(utf8Encode("aaabdaaabac"), 3); // => [[97, 97], [97, 98], [256, 257]]
 */
export function trainBasicBpe(ids: ArrayLike<number>, mergeCount: number, firstNewId = 256): Pair[] {
  const merges: Pair[] = [];
  let current = Array.from(ids);
  while (merges.length < mergeCount) {
    const best = mostFrequentPair(countPairs(current));
    if (best === undefined) break;
    current = mergePair(current, best, firstNewId + merges.length);
    merges.push(best);
  }
  return merges;
}

/**
 * Applies merges in the order in which they were learnt.
 *
 * @example
 * import { encodeBasicBpe, utf8Encode } from "gptlab";
 * encodeBasicBpe(utf8Encode("aaab"), [[97, 97], [97, 98], [256, 257]]); // => [258]
 */
export function encodeBasicBpe(ids: ArrayLike<number>, merges: readonly Pair[], firstNewId = 256): number[] {
  return merges.reduce((current, pair, i) => mergePair(current, pair, firstNewId + i), Array.from(ids));
}

function mostFrequentPair(counts: ReadonlyMap<string, number>): Pair | undefined {
  let best: Pair | undefined;
  let bestCount = 0;
  for (const [key, count] of counts) {
    const [left = 0, right = 0] = key.split(",").map(Number);
    const wins =
      count > bestCount ||
      (count === bestCount && best !== undefined && (left < best[0] || (left === best[0] && right < best[1])));
    if (wins) {
      best = [left, right];
      bestCount = count;
    }
  }
  return best;
}
