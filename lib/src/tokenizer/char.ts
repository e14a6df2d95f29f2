/** @file The simplest tokenizer: each character is one id. It knows only the characters that it was trained on. */
import { resolveAllowedSpecial } from "./special";
import type { EncodeOptions, Tokenizer } from "./tokenizer";

/**
 * One id for each character (Unicode code point), in the order of the code points.
 *
 * @example
 * import { CharTokenizer } from "gptlab";
 * const tokenizer = CharTokenizer.train("banana");
 * tokenizer.encode("nab"); // => [2, 0, 1]
 * tokenizer.decode([2, 0, 1]); // => "nab"
 */
export class CharTokenizer implements Tokenizer {
  /** The character of each id. */
  readonly characters: readonly string[];
  readonly specialTokens: ReadonlyMap<string, number> = new Map<string, number>();
  readonly #ids: ReadonlyMap<string, number>;

  /** @throws RangeError if an entry is not one character or occurs twice. */
  constructor(characters: readonly string[]) {
    this.characters = [...characters];
    this.#ids = new Map(this.characters.map((character, id) => [character, id]));
    const wrong = this.characters.find((character) => [...character].length !== 1);
    if (wrong !== undefined)
      throw new RangeError(`CharTokenizer needs single characters, but found ${JSON.stringify(wrong)}`);
    if (this.#ids.size !== this.characters.length) {
      throw new RangeError(
        `CharTokenizer needs characters that differ, but only ${this.#ids.size} of ${this.characters.length} do`,
      );
    }
  }

  /** Takes all characters of the text. */
  static train(text: string): CharTokenizer {
    return new CharTokenizer([...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!));
  }

  get vocabSize(): number {
    return this.characters.length;
  }

  /** Text to ids. Throws a RangeError that names a character which the training text did not have. */
  encode(text: string, options?: EncodeOptions): number[] {
    resolveAllowedSpecial(this.specialTokens, options);
    return Array.from(text, (character, place) => {
      const id = this.#ids.get(character);
      if (id === undefined) {
        throw new RangeError(
          `encode() knows the ${this.vocabSize} characters of the training text, but found ${JSON.stringify(character)} at character ${place}`,
        );
      }
      return id;
    });
  }

  decode(ids: ArrayLike<number>): string {
    return Array.from(ids, (id) => {
      const character = this.characters[id];
      if (character === undefined)
        throw new RangeError(`A token id must be an integer from 0 to ${this.vocabSize - 1}, but found ${id}`);
      return character;
    }).join("");
  }
}
