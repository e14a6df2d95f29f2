/** @file GPT-2's tokenizer: the ranks that js-tiktoken publishes, with this library's encoder, whose time does not grow with the square of a long word. */
import { BpeTokenizer } from "./bpe";
import type { RankTable } from "./ranks";

let shared: BpeTokenizer | undefined;

/**
 * The tokenizer of GPT-2, with 50,257 tokens and the special token `<|endoftext|>`. It is built once and shared.
 *
 * Ids equal those of OpenAI's tiktoken and of Hugging Face. js-tiktoken differs from all of them on text with
 * U+0085 or U+FEFF, because JavaScript's `\s` does.
 *
 * @example
 * import { gpt2Tokenizer } from "gptlab";
 * gpt2Tokenizer().encode("Every effort moves you"); // => [6109, 3626, 6100, 345]
 */
export function gpt2Tokenizer(): BpeTokenizer {
  shared ??= BpeTokenizer.fromRanks(readRanks());
  return shared;
}

/** The table is one megabyte, so it is read when it is first needed. */
function readRanks(): RankTable {
  const ranks: unknown = require("js-tiktoken/ranks/gpt2");
  if (!isRankTable(ranks))
    throw new TypeError(
      "js-tiktoken/ranks/gpt2 should hold pat_str, special_tokens and bpe_ranks. Install js-tiktoken 1.0.21",
    );
  return ranks;
}

function isRankTable(value: unknown): value is RankTable {
  return (
    typeof value === "object" &&
    value !== null &&
    "pat_str" in value &&
    "special_tokens" in value &&
    "bpe_ranks" in value
  );
}
