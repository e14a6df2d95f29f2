/** @file Learns merges fast: each distinct piece is counted once, an index (`pair_index.ts`) knows the most frequent pair and which pieces hold it. The clear version is `trainBasicBpe` in `basic.ts`. */
import type { ProgressReporter } from "../progress";
import type { Pair } from "./basic";
import { BYTES_IN_ID_ORDER, printableFromBytes, utf8Encode } from "./bytes";
import { type PairCount, PairIndex } from "./pair_index";
import { splitPieces } from "./pattern";

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

  const index = new PairIndex();
  for (const [word, ids] of words.entries()) {
    for (let i = 0; i + 1 < ids.length; i++) index.change(ids[i]!, ids[i + 1]!, wordCounts[word]!, word);
  }
  const merges: Pair[] = [];
  const report = throttle(onProgress, "Learning merges", vocabSize - tokens.length);
  const first = tokens.length;
  while (tokens.length < vocabSize) {
    const pair = index.takeBest();
    if (pair === undefined) break;
    const bytes = joinBytes(tokens[pair.left]!, tokens[pair.right]!);
    const spelling = printableFromBytes(bytes);
    const newId = idOf.get(spelling) ?? tokens.length; // two merges may spell the same token
    requireUnused(newId >= specialTokens.length, JSON.stringify(spelling), specialTokens);
    if (newId === tokens.length) {
      tokens.push(bytes);
      idOf.set(spelling, newId);
    }
    merges.push([pair.left, pair.right]);
    for (const word of new Set(pair.words)) mergeInWord(words[word]!, pair, newId, index, wordCounts[word]!, word);
    report(tokens.length - first);
  }
  const isShort = tokens.length < vocabSize;
  const note = `no pair left: the vocabulary has ${tokens.length} tokens, not ${vocabSize}`;
  report(tokens.length - first, isShort ? { note } : {});
  return { merges, tokens };
}

/** Replaces the pair by `newId` in one word, in place, and tells the index which neighbours came and went. */
function mergeInWord(
  ids: number[],
  { left, right }: PairCount,
  newId: number,
  index: PairIndex,
  count: number,
  word: number,
): void {
  let length = 0;
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] !== left || i + 1 >= ids.length || ids[i + 1] !== right) {
      ids[length++] = ids[i]!;
      continue;
    }
    index.change(left, right, -count, word);
    if (length > 0) {
      index.change(ids[length - 1]!, left, -count, word);
      index.change(ids[length - 1]!, newId, count, word);
    }
    if (i + 2 < ids.length) {
      index.change(right, ids[i + 2]!, -count, word);
      index.change(newId, ids[i + 2]!, count, word);
    }
    ids[length++] = newId;
    i++; // the right half is used up
  }
  ids.length = length;
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

/** Reports at most five times a second, and always when it is the end, which `end` says. */
function throttle(
  onProgress: ProgressReporter,
  label: string,
  total: number,
): (done: number, end?: { note?: string }) => void {
  const start = performance.now();
  let last = start;
  return (done, end) => {
    const now = performance.now();
    if (now - last < 200 && end === undefined) return;
    last = now;
    onProgress({ label, done, total, seconds: (now - start) / 1000, ...end });
  };
}
