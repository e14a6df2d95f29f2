/** @file Level 3: a pattern cuts text into pieces (words, numbers, punctuation, blanks) before any merging, so that no token reaches across two of them. */

/**
 * GPT-2's pattern: English contractions, letters, digits and other characters, each with at most one space in front, and blanks.
 * A blank is Unicode's White_Space, as in every other implementation; JavaScript's own `\s` lacks U+0085 and has U+FEFF.
 *
 * Source: OpenAI's GPT-2 `encoder.py`.
 *
 * @example
 * import { GPT2_PATTERN } from "gptlab";
 * "They're 7 apples!".match(GPT2_PATTERN); // => ["They", "'re", " 7", " apples", "!"]
 */
export const GPT2_PATTERN: RegExp =
  /'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/**
 * The pieces of a text, in order; joined they give the text back. What the pattern does not match is a piece too.
 *
 * @example
 * import { splitPieces } from "gptlab";
 * [...splitPieces("to be or", /be/gu)]; // => ["to ", "be", " or"]
 */
export function* splitPieces(text: string, pattern: RegExp = GPT2_PATTERN): Generator<string> {
  const search = new RegExp(pattern.source, pattern.flags); // a copy: `lastIndex` of the caller's pattern stays as it is
  let end = 0;
  for (let match = search.exec(text); match !== null; match = search.exec(text)) {
    const found = match[0];
    if (found === "") {
      search.lastIndex += (text.codePointAt(search.lastIndex) ?? 0) > 0xffff ? 2 : 1;
      continue;
    }
    if (match.index > end) yield text.slice(end, match.index);
    yield found;
    end = match.index + found.length;
  }
  if (end < text.length) yield text.slice(end);
}

/**
 * The same pattern with `\s` and `\S` read as Unicode's White_Space, ready for a tokenizer file that other languages read.
 *
 * @throws TypeError if the pattern has other flags than g and u, which a tokenizer file cannot hold.
 * @example
 * import { portablePattern } from "gptlab";
 * portablePattern(/\s+|[^\s]+/gu).source; // => "\\p{White_Space}+|[^\\p{White_Space}]+"
 */
export function portablePattern(pattern: RegExp): RegExp {
  if (pattern.flags !== "gu") {
    throw new TypeError(
      `A tokenizer pattern needs the flags g and u and no others, but found ${pattern}. Write it as /…/gu`,
    );
  }
  const source = pattern.source.replace(/\\(.)/gsu, (found: string, letter: string) =>
    letter === "s" ? "\\p{White_Space}" : letter === "S" ? "\\P{White_Space}" : found,
  );
  return new RegExp(source, "gu");
}
