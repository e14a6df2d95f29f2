/** @file Level 4: special tokens. They are cut out of the text before the pattern sees it, and only where the caller allows it. */
import type { EncodeOptions } from "./tokenizer";

/** A stretch of plain text, or the text of one special token. */
export interface Segment {
  readonly text: string;
  readonly special: boolean;
}

/**
 * Cuts text at the given special tokens: leftmost first, and the longest where several start at the same place.
 *
 * @example
 * import { splitSpecial } from "gptlab";
 * splitSpecial("a<|end|>b", ["<|end|>"]).map((segment) => segment.text); // => ["a", "<|end|>", "b"]
 */
export function splitSpecial(text: string, tokens: Iterable<string>): Segment[] {
  const longestFirst = [...tokens].sort((a, b) => b.length - a.length);
  if (longestFirst.length === 0) return text === "" ? [] : [{ text, special: false }];
  const search = new RegExp(`(${longestFirst.map(escapeForPattern).join("|")})`, "u");
  return text
    .split(search) // the group keeps the special tokens, at the odd places
    .map((part, i) => ({ text: part, special: i % 2 === 1 }))
    .filter((segment) => segment.text !== "");
}

/** The special tokens that an `encode()` call allows. Throws a RangeError when one of them does not exist. */
export function resolveAllowedSpecial(
  known: ReadonlyMap<string, number>,
  { allowedSpecial = [] }: EncodeOptions = {},
): readonly string[] {
  if (allowedSpecial === "all") return [...known.keys()];
  for (const token of allowedSpecial) {
    if (!known.has(token)) {
      const names = [...known.keys()].map((name) => JSON.stringify(name)).join(", ");
      throw new RangeError(
        `encode() was asked to allow the special token ${JSON.stringify(token)}, but this tokenizer has ${names || "none"}`,
      );
    }
  }
  return allowedSpecial;
}

/** The list as it was given. Throws when a token is empty, occurs twice, or is not whole characters. */
export function requireSpecialTokens(tokens: readonly string[]): readonly string[] {
  for (const [i, token] of tokens.entries()) {
    if (typeof token !== "string" || token === "" || !isWellFormed(token)) {
      throw new TypeError(
        `A special token must be a text of at least one whole character, but specialTokens[${i}] is ${JSON.stringify(token)}`,
      );
    }
    if (tokens.indexOf(token) !== i) {
      throw new RangeError(`Special tokens must differ, but ${JSON.stringify(token)} is given twice`);
    }
  }
  return tokens;
}

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

function escapeForPattern(text: string): string {
  return text.replace(/[\\^$*+?.()|[\]{}/]/g, "\\$&");
}
