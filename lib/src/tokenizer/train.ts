/** @file Learns merges fast: each distinct piece is counted once, an index knows which pieces hold a pair, and a heap knows the most frequent pair. The clear version is `trainBasicBpe` in `basic.ts`. */
import type { ProgressReporter } from "../progress";
import type { Pair } from "./basic";
import { BYTES_IN_ID_ORDER, printableFromBytes, utf8Encode } from "./bytes";
import { Heap } from "./heap";
import { PairMap } from "./pairs";
import { splitPieces } from "./pattern";

/** A pair of neighbours, how often it occurs, and the pieces that have held it. */
interface PairCount {
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

/** Counts the distinct pieces of all texts. */
export function countPieces(
  texts: Iterable<string>,
  pattern: RegExp,
  onProgress: ProgressReporter,
): Map<string, number> {
  if (typeof texts === "string") {
    throw new TypeError(
      "BpeTokenizer.train() needs a list of texts, but found one string. Write [text] instead of text",
    );
  }
  const counts = new Map<string, number>();
  const report = throttle(onProgress, "Counting pieces", 0);
  let done = 0;
  for (const text of texts) {
    if (typeof text !== "string")
      throw new TypeError(`BpeTokenizer.train() needs texts, but text ${done} is of type ${typeof text}`);
    for (const piece of splitPieces(text, pattern)) {
      const count = counts.get(piece);
      if (count === undefined) counts.set(ownCopy(piece), 1);
      else counts.set(piece, count + 1);
    }
    report(++done);
  }
  return counts;
}

/**
 * Learns merges until the vocabulary has `vocabSize` tokens or no pair is left.
 * The order of ids and the choice between equal counts are Hugging Face's: special tokens, the 256 bytes by the code
 * point of their character, then the merges; at equal counts the smaller left id wins, then the smaller right id.
 */
export function learnMerges(
  pieces: ReadonlyMap<string, number>,
  {
    vocabSize,
    specialTokens,
    onProgress,
  }: { vocabSize: number; specialTokens: readonly string[]; onProgress: ProgressReporter },
): { merges: Pair[]; tokens: Uint8Array[] } {
  const tokens = [...specialTokens.map(utf8Encode), ...BYTES_IN_ID_ORDER.map((byte) => Uint8Array.of(byte))];
  const idOf = new Map(
    tokens.map((bytes, id) => [id < specialTokens.length ? specialTokens[id]! : printableFromBytes(bytes), id]),
  );
  requireUnused(idOf.size === tokens.length, "one of the 256 byte characters", specialTokens);
  const byteId = new Map(BYTES_IN_ID_ORDER.map((byte, i) => [byte, specialTokens.length + i]));
  const words = Array.from(pieces.keys(), (piece) => Array.from(utf8Encode(piece), (byte) => byteId.get(byte)!));
  const wordCounts = Array.from(pieces.values());

  const pairs = new PairMap<PairCount>();
  const grown = new Set<PairCount>();
  const change = (left: number, right: number, by: number, word: number): void => {
    const pair = pairs.get(left, right) ?? { left, right, count: 0, words: [] };
    if (pair.count === 0) pairs.set(left, right, pair);
    pair.count += by;
    if (by > 0) {
      grown.add(pair);
      if (pair.words.at(-1) !== word) pair.words.push(word);
    } else if (pair.count === 0) {
      pairs.delete(left, right);
    }
  };
  words.forEach((ids, word) => {
    for (let i = 0; i + 1 < ids.length; i++) change(ids[i]!, ids[i + 1]!, wordCounts[word]!, word);
  });

  const queue = new Heap<Candidate>(comesFirst);
  const queueGrown = (): void => {
    for (const pair of grown) if (pair.count > 0) queue.push({ pair, count: pair.count });
    grown.clear();
  };
  queueGrown();
  const merges: Pair[] = [];
  const report = throttle(onProgress, "Learning merges", vocabSize - tokens.length);
  const first = tokens.length;
  while (tokens.length < vocabSize) {
    const best = queue.pop();
    if (best === undefined) break;
    const { pair, count } = best;
    if (count !== pair.count) {
      if (count > pair.count && pair.count > 0) queue.push({ pair, count: pair.count }); // it shrank: ask again later
      continue; // it grew: a newer entry is in the queue
    }
    const bytes = joinBytes(tokens[pair.left]!, tokens[pair.right]!);
    const spelling = printableFromBytes(bytes);
    const newId = idOf.get(spelling) ?? tokens.length; // two merges may spell the same token
    requireUnused(newId >= specialTokens.length, JSON.stringify(spelling), specialTokens);
    if (newId === tokens.length) {
      tokens.push(bytes);
      idOf.set(spelling, newId);
    }
    merges.push([pair.left, pair.right]);
    for (const word of new Set(pair.words)) mergeInWord(words[word]!, pair, newId, wordCounts[word]!, word, change);
    queueGrown();
    report(tokens.length - first);
  }
  const short =
    tokens.length < vocabSize
      ? { note: `no pair left: the vocabulary has ${tokens.length} tokens, not ${vocabSize}` }
      : {};
  report(tokens.length - first, short);
  return { merges, tokens };
}

/** Replaces the pair by `newId` in one piece, in place, and tells `change` which neighbours came and went. */
function mergeInWord(
  ids: number[],
  { left, right }: PairCount,
  newId: number,
  count: number,
  word: number,
  change: (left: number, right: number, by: number, word: number) => void,
): void {
  let length = 0;
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] !== left || i + 1 >= ids.length || ids[i + 1] !== right) {
      ids[length++] = ids[i]!;
      continue;
    }
    change(left, right, -count, word);
    if (length > 0) {
      change(ids[length - 1]!, left, -count, word);
      change(ids[length - 1]!, newId, count, word);
    }
    if (i + 2 < ids.length) {
      change(right, ids[i + 2]!, -count, word);
      change(newId, ids[i + 2]!, count, word);
    }
    ids[length++] = newId;
    i++; // the right half is used up
  }
  ids.length = length;
}

function comesFirst(a: Candidate, b: Candidate): boolean {
  if (a.count !== b.count) return a.count > b.count;
  if (a.pair.left !== b.pair.left) return a.pair.left < b.pair.left;
  return a.pair.right < b.pair.right;
}

function joinBytes(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(left.length + right.length);
  bytes.set(left);
  bytes.set(right, left.length);
  return bytes;
}

/** A copy of the string that does not keep the text it was cut from in memory. */
function ownCopy(piece: string): string {
  return Buffer.from(piece, "utf16le").toString("utf16le");
}

function requireUnused(unused: boolean, spelling: string, specialTokens: readonly string[]): void {
  if (unused) return;
  const names = specialTokens.map((token) => JSON.stringify(token)).join(", ");
  throw new RangeError(
    `A special token must not be spelt like an ordinary token, but one of ${names} is ${spelling}. Use a spelling that no text has, such as "<|name|>"`,
  );
}

/** Reports at most five times a second, and always when a note is given. */
function throttle(
  onProgress: ProgressReporter,
  label: string,
  total: number,
): (done: number, extra?: { note?: string }) => void {
  const start = performance.now();
  let last = start;
  return (done, extra) => {
    const now = performance.now();
    if (now - last < 200 && extra === undefined) return;
    last = now;
    onProgress({ label, done, total, seconds: (now - start) / 1000, ...extra });
  };
}
