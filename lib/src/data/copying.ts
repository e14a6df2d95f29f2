/** @file Windows whose later tokens stand earlier in the same window, made from training text, so that a small model learns to copy. */

// A model copies by induction heads: they look for the place where the present token stood before and predict what followed
// it there (Olsson et al., 2022, arXiv 2209.11895). Ordinary text rewards that so rarely that a small model does not find it.
import type { Random } from "../random";
import type { Tokenizer } from "../tokenizer/tokenizer";
import { IGNORE_INDEX } from "./batch";
import type { TokenWindow } from "./dataset";
import type { Examples } from "./loader";

/** What the windows are made of: training text only. */
export interface CopySource {
  /** For words that are listed or spelled. */
  readonly tokenizer: Tokenizer;
  /** Ids of running text; the repeated spans are cut from it. */
  readonly tokens: ArrayLike<number>;
  readonly entries: readonly { readonly word: string; readonly definition: string }[];
}

/** The share of each kind of document. */
const KINDS = { span: 0.5, random: 0.2, list: 0.12, spelling: 0.08, definition: 0.1 };
type Kind = keyof typeof KINDS;

/** A document: its ids, and how many at its start cannot be predicted by anything. */
interface Piece {
  readonly ids: readonly number[];
  readonly noise?: number;
}

/**
 * Windows full of repetition, without end: spans of real text that come again at once or after other text, spans of random tokens,
 * lists of words given twice, spelled words (`cat: c a t`), and definitions that are said again. Window `i` is always the same.
 * The first copy of random tokens is not to be learnt (target -100). Every document ends with `<|endoftext|>`.
 *
 * @example
 * import { BpeTokenizer, CopyWindows, Random } from "gptlab";
 * const text = "the whale and the sea and the sun and the wind";
 * const tokenizer = BpeTokenizer.train([text], { vocabSize: 265, specialTokens: ["<|endoftext|>"] });
 * const source = { tokenizer, tokens: tokenizer.encode(text), entries: [{ word: "whale", definition: "the sun" }] };
 * const windows = new CopyWindows(source, { blockSize: 64, random: new Random(1) });
 * windows.at(5).ids.length; // => 64
 */
export class CopyWindows implements Examples<TokenWindow> {
  readonly length = Number.POSITIVE_INFINITY;
  readonly #source: CopySource;
  readonly #blockSize: number;
  readonly #random: Random;
  readonly #end: number;
  readonly #ordinary: readonly number[];

  /** @throws RangeError if there is too little text, no entry, or no token `<|endoftext|>`. */
  constructor(source: CopySource, { blockSize, random }: { blockSize: number; random: Random }) {
    const { tokenizer, tokens, entries } = source;
    const end = tokenizer.specialTokens.get("<|endoftext|>");
    if (end === undefined) throw new RangeError('CopyWindows needs a tokenizer with the special token "<|endoftext|>"');
    if (tokens.length < 8 || entries.length === 0)
      throw new RangeError(
        `CopyWindows needs at least 8 tokens of text and an entry, but found ${tokens.length} and ${entries.length}`,
      );
    this.#source = source;
    this.#blockSize = blockSize;
    this.#random = random;
    this.#end = end;
    const special = new Set(tokenizer.specialTokens.values());
    this.#ordinary = Array.from({ length: tokenizer.vocabSize }, (_, id) => id).filter((id) => !special.has(id));
  }

  /** Window `index`, any integer from 0 on. */
  at(index: number): TokenWindow {
    const random = this.#random.fork(`window ${index}`);
    const ids: number[] = [this.#end];
    const targets: number[] = [];
    while (ids.length <= this.#blockSize) {
      const { ids: piece, noise = 0 } = this.#piece(random);
      for (const [i, id] of piece.entries()) targets.push(i < noise ? IGNORE_INDEX : id);
      targets.push(this.#end);
      ids.push(...piece, this.#end);
    }
    return {
      ids: Int32Array.from(ids.slice(0, this.#blockSize)),
      targets: Int32Array.from(targets.slice(0, this.#blockSize)),
    };
  }

  #piece(random: Random): Piece {
    const kind = Object.keys(KINDS)[random.choice(Object.values(KINDS))] as Kind;
    switch (kind) {
      case "span":
        return { ids: this.#repeated(random, this.#span(random, this.#spanLength(random, 120))) };
      case "random": {
        const span = this.#randomSpan(random, this.#spanLength(random, 64));
        return { ids: this.#repeated(random, span), noise: span.length };
      }
      case "list":
        return { ids: this.#source.tokenizer.encode(this.#list(random)) };
      case "spelling":
        return { ids: this.#source.tokenizer.encode(this.#spelling(random)) };
      case "definition":
        return { ids: this.#source.tokenizer.encode(this.#definition(random)) };
    }
  }

  /** From 6 tokens on; short ones come more often, so that a window holds many. */
  #spanLength(random: Random, longest: number): number {
    const limit = Math.max(2, Math.min(longest, this.#source.tokens.length - 1, this.#blockSize >> 1));
    return Math.min(limit, Math.floor(6 * Math.exp(random.uniform53() * Math.log(longest / 6))));
  }

  #span(random: Random, length: number): number[] {
    const { tokens } = this.#source;
    const start = random.integer(tokens.length - length + 1);
    return Array.from({ length }, (_, i) => tokens[start + i]!);
  }

  /** Tokens without order: half the time all equally likely, else as often as in text. */
  #randomSpan(random: Random, length: number): number[] {
    const { tokens } = this.#source;
    const even = random.integer(2) === 0;
    return Array.from({ length }, () =>
      even ? this.#ordinary[random.integer(this.#ordinary.length)]! : tokens[random.integer(tokens.length)]!,
    );
  }

  /** The span two to four times: at once, after a line break, or after some other text. */
  #repeated(random: Random, span: readonly number[]): number[] {
    const times = 2 + random.choice([0.6, 0.25, 0.15]);
    const between = [
      () => [],
      () => this.#source.tokenizer.encode("\n"),
      () => this.#span(random, 1 + random.integer(Math.min(24, this.#source.tokens.length))),
    ][random.choice([0.4, 0.25, 0.35])]!;
    const ids = [...span];
    for (let i = 1; i < times; i++) ids.push(...between(), ...span);
    return ids;
  }

  /** Words in a row, twice. */
  #list(random: Random): string {
    const words = Array.from({ length: 2 + random.integer(7) }, () => this.#entry(random).word);
    const separator = pick(random, [", ", " ", "\n", "; ", "\n- "]);
    const list = words.join(separator);
    return pick(random, [
      `${list}\n${list}`,
      `${list}\n\n${list}`,
      `Words: ${list}\nAgain: ${list}`,
      `${list}. Once more: ${list}.`,
      words.map((word) => `${word} = ${word}`).join("\n"),
    ]);
  }

  /** Some words with their letters, in one form. */
  #spelling(random: Random): string {
    const between = pick(random, [" ", "-", ", "]);
    const form = pick<(word: string, letters: string) => string>(random, [
      (word, letters) => `${word}: ${letters}`,
      (word, letters) => `${letters}: ${word}`,
      (word, letters) => `${word} is spelled ${letters}.`,
    ]);
    return Array.from({ length: 1 + random.integer(5) }, () => {
      const { word } = this.#entry(random);
      return form(word, [...word].filter((letter) => letter !== " ").join(between));
    }).join("\n");
  }

  /** A definition, said again; or the definitions of two words, and the first again. */
  #definition(random: Random): string {
    const [{ word, definition }, other] = [this.#entry(random), this.#entry(random)];
    return pick(random, [
      `${word}: ${definition}. ${word} means: ${definition}.`,
      `What is ${definition}? ${definition}: ${word}.`,
      `${word} (${definition}) and ${other.word} (${other.definition}). ${word}: ${definition}. ${other.word}: ${other.definition}.`,
      `Q: What does ${word} mean?\nA: ${word} means ${definition}.\nQ: Which word means ${definition}?\nA: ${word}`,
    ]);
  }

  #entry(random: Random): { readonly word: string; readonly definition: string } {
    return this.#source.entries[random.integer(this.#source.entries.length)]!;
  }
}

function pick<T>(random: Random, options: readonly T[]): T {
  return options[random.integer(options.length)]!;
}
