/** @file js-tiktoken's rank tables. They list the tokens in the order in which they were learnt, but not which two parts made each: that is found out here. */
import type { Pair } from "./basic";
import { printableFromBytes, utf8Encode } from "./bytes";
import { type Merge, mergePiece } from "./encode";
import { PairMap } from "./pairs";
import type { BpeParts } from "./parts";

/** A rank table as js-tiktoken ships it (`js-tiktoken/ranks/…`). */
export interface RankTable {
  readonly pat_str: string;
  readonly special_tokens: Readonly<Record<string, number>>;
  /** Lines of "! first-id token token …", each token in base64. */
  readonly bpe_ranks: string;
}

/** The parts of a tokenizer from its rank table. Throws a RangeError if a token is not made of two earlier ones. */
export function partsFromRanks({ pat_str, special_tokens, bpe_ranks }: RankTable): BpeParts {
  const tokens: Uint8Array[] = [];
  for (const line of bpe_ranks.split("\n").filter(Boolean)) {
    const [, firstId, ...encoded] = line.split(" ");
    for (const [i, token] of encoded.entries())
      tokens[Number(firstId) + i] = Uint8Array.from(Buffer.from(token, "base64"));
  }
  const merges = recoverMerges(tokens);
  for (const [text, id] of Object.entries(special_tokens)) tokens[id] = utf8Encode(text);
  return { tokens, merges, specialTokens: new Map(Object.entries(special_tokens)), pattern: new RegExp(pat_str, "gu") };
}

/** Merges each token's bytes by the merges found so far; the two parts that are left are its own merge. */
function recoverMerges(tokens: readonly Uint8Array[]): Pair[] {
  const byteIds: number[] = [];
  tokens.forEach((bytes, id) => {
    if (bytes.length === 1) byteIds[bytes[0]!] = id;
  });
  const merges: Pair[] = [];
  const table = new PairMap<Merge>();
  tokens.forEach((bytes, newId) => {
    if (bytes.length === 1) return;
    const parts = mergePiece(
      Array.from(bytes, (byte) => byteIds[byte] ?? -1),
      table,
    );
    const [left, right] = parts;
    if (parts.length !== 2 || left === undefined || right === undefined) {
      throw new RangeError(
        `Token ${newId} of a rank table must be two earlier tokens, but "${printableFromBytes(bytes)}" is ${parts.length}`,
      );
    }
    table.set(left, right, { rank: merges.length, newId });
    merges.push([left, right]);
  });
  return merges;
}
