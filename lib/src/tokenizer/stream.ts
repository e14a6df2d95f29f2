/** @file Turns ids that arrive one by one into text, in whole characters only. */
import type { Tokenizer } from "./tokenizer";

/**
 * Text of a growing sequence of ids. A character whose bytes are spread over several tokens is held back until it is whole.
 * All that `push()` and `end()` return, joined, is what `decode()` gives for all ids at once.
 *
 * @example
 * import { gpt2Tokenizer, TextStream } from "gptlab";
 * const stream = new TextStream(gpt2Tokenizer());
 * [10545, 245, 98, 17312, 105].map((id) => stream.push(id)); // => [" ", "", "日", "", "本"]
 */
export class TextStream {
  readonly #tokenizer: Tokenizer;
  #ids: number[] = []; // the last whole token and what came after it
  #shown = 0; // how many UTF-16 units of their text are out

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** Takes the next id and returns the text that is now certain; often a whole word, sometimes "". */
  push(id: number): string {
    this.#ids.push(id);
    const text = this.#tokenizer.decode(this.#ids);
    const whole = !text.endsWith("\ufffd"); // an unfinished character shows as one replacement character
    const news = this.#take(text, whole ? text.length : text.length - 1);
    if (whole) {
      this.#ids = [id];
      this.#shown = this.#tokenizer.decode(this.#ids).length;
    }
    return news;
  }

  /** Returns what was held back, as replacement characters, and starts afresh. */
  end(): string {
    const text = this.#tokenizer.decode(this.#ids);
    const news = this.#take(text, text.length);
    this.#ids = [];
    this.#shown = 0;
    return news;
  }

  #take(text: string, end: number): string {
    const news = text.slice(this.#shown, end);
    this.#shown = Math.max(this.#shown, end);
    return news;
  }
}
