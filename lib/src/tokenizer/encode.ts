/** @file Applies merges to one piece in O(n log n): the time grows almost in step with the length, so a piece of 100,000 letters is no trap. The clear version is `encodeBasicBpe` in `basic.ts`. */
import { Heap } from "./heap";
import type { PairMap } from "./pairs";

/** What a pair of ids becomes, and how early: lower ranks merge first. */
export interface Merge {
  readonly rank: number;
  readonly newId: number;
}

const POSITIONS = 2 ** 27; // rank * POSITIONS + position orders by rank, then from left to right

/**
 * The ids of one piece: the pair of lowest rank is merged, the leftmost first, until no neighbours have a merge.
 * ids: (bytes of the piece) -> (tokens of the piece)
 */
export function mergePiece(ids: readonly number[], merges: PairMap<Merge>): number[] {
  const end = ids.length;
  if (end >= POSITIONS)
    throw new RangeError(
      `A piece must be shorter than ${POSITIONS} bytes, but found ${end}. Cut the text into documents`,
    );
  const current = Int32Array.from(ids);
  const next = new Int32Array(end); // the parts form a list: each knows the one before and the one after
  const previous = new Int32Array(end);
  for (let at = 0; at < end; at++) {
    next[at] = at + 1;
    previous[at] = at - 1;
  }
  const queue = new Heap<number>((a, b) => a < b);
  const offer = (at: number): void => {
    const after = next[at]!;
    const merge = after < end ? merges.get(current[at]!, current[after]!) : undefined;
    if (merge !== undefined) queue.push(merge.rank * POSITIONS + at);
  };
  for (let at = 0; at + 1 < end; at++) offer(at);

  for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
    const at = entry % POSITIONS;
    const after = next[at]!;
    const merge = current[at]! >= 0 && after < end ? merges.get(current[at]!, current[after]!) : undefined;
    if (merge === undefined || merge.rank !== Math.floor(entry / POSITIONS)) continue; // the pair is gone since it was queued
    current[at] = merge.newId;
    current[after] = -1;
    next[at] = next[after]!;
    if (next[at]! < end) previous[next[at]!] = at;
    offer(at);
    if (previous[at]! >= 0) offer(previous[at]!);
  }
  const merged: number[] = [];
  for (let at = 0; at < end; at = next[at]!) merged.push(current[at]!);
  return merged;
}
