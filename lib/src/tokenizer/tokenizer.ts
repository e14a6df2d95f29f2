/** @file What every tokenizer offers. How each one works is in its own file. */

/** How special text such as `<|endoftext|>` in the input is read. */
export interface EncodeOptions {
  /** The special tokens that may become their own id; all other special text is plain text. Default: none. */
  readonly allowedSpecial?: "all" | readonly string[];
}

/** Text to ids and back. An id is an integer from 0 to `vocabSize` - 1. */
export interface Tokenizer {
  /** The largest id plus one: how many rows an embedding table needs. */
  readonly vocabSize: number;
  /** Text of each special token, with its id. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** Text to ids. Nothing is added: no start token, no end token. */
  encode(text: string, options?: EncodeOptions): number[];
  /** Ids to text. Bytes that are not UTF-8 become U+FFFD. Throws a RangeError that names an id outside the vocabulary. */
  decode(ids: ArrayLike<number>): string;
}

/** A tokenizer that can be written beside a model's weights. */
export interface SavableTokenizer extends Tokenizer {
  /** Writes Hugging Face's files into the folder, which is made when it is missing. */
  save(dir: string): Promise<void>;
}
