/** @file What defines a byte-level BPE tokenizer: plain data, however it was trained or read. */
import type { Pair } from "./basic";

/** All parts of a `BpeTokenizer`. */
export interface BpeParts {
  /** The bytes of each id, also those of a special token's text; `undefined` where an id is not in use. */
  readonly tokens: readonly (Uint8Array | undefined)[];
  /** The pairs of ids that become one token, in the order in which they are applied. */
  readonly merges: readonly Pair[];
  readonly specialTokens: ReadonlyMap<string, number>;
  /** Cuts text into pieces. */
  readonly pattern: RegExp;
}
