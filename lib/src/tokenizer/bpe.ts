/** @file The byte-level BPE tokenizer that puts the levels together: special tokens, pattern, bytes, merges. Training, merging and the file format have files of their own. */
import { type ProgressReporter, report } from "../progress";
import type { Pair } from "./basic";
import { BYTE_CHARACTERS, printableFromBytes, splitUtf8, utf8Decode, utf8Encode } from "./bytes";
import { type Merge, mergePiece } from "./encode";
import { writeTokenizerFiles } from "./huggingface";
import { PairMap } from "./pairs";
import type { BpeParts } from "./parts";
import { GPT2_PATTERN, portablePattern, splitPieces } from "./pattern";
import { partsFromRanks, type RankTable } from "./ranks";
import { requireSpecialTokens, resolveAllowedSpecial, splitSpecial } from "./special";
import type { EncodeOptions, Tokenizer } from "./tokenizer";
import { countPieces, learnMerges } from "./train";

/** Options of `BpeTokenizer.train()`. */
export interface BpeTrainOptions {
  /** Ids in all: special tokens + 256 bytes + merges. */
  readonly vocabSize: number;
  /** They get the first ids, in this order. */
  readonly specialTokens?: readonly string[];
  /** Cuts text into pieces; no token reaches across two of them. */
  readonly pattern?: RegExp;
  readonly onProgress?: ProgressReporter;
}

const CACHE_PIECES = 65_536; // pieces whose ids are remembered
const CACHE_LENGTH = 64; // longer pieces are rarely seen twice

/**
 * Byte-level byte-pair encoding, as in GPT-2: every text has ids, and the ids give the text back.
 * One exception: half of a surrogate pair is no character and comes back as U+FFFD.
 *
 * @example
 * import { BpeTokenizer } from "gptlab";
 * const tokenizer = BpeTokenizer.train(["low lower lowest"], { vocabSize: 260, specialTokens: ["<|end|>"] });
 * tokenizer.encode("low"); // => [258]
 * tokenizer.decode([258, 0]); // => "low<|end|>"
 */
export class BpeTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly specialTokens: ReadonlyMap<string, number>;
  /** The pairs of ids that become one token, in the order in which they are applied. */
  readonly merges: ReadonlyArray<Pair>;
  readonly pattern: RegExp;
  readonly #tokens: readonly (Uint8Array | undefined)[];
  readonly #table = new PairMap<Merge>();
  readonly #byteIds: readonly number[];
  readonly #cache = new Map<string, readonly number[]>();

  /** Checks that the parts fit together. Most callers want `train()`, `load()` or `fromRanks()`. */
  constructor({ tokens, merges, specialTokens, pattern }: BpeParts) {
    this.vocabSize = tokens.length;
    this.specialTokens = specialTokens;
    this.merges = merges;
    this.pattern = portablePattern(pattern);
    this.#tokens = tokens;
    const specialIds = new Set(specialTokens.values());
    const spellings = Array.from(tokens, (bytes, id) =>
      bytes === undefined || specialIds.has(id) ? undefined : printableFromBytes(bytes),
    );
    const ids = new Map(spellings.map((spelling, id) => [spelling, id]));
    const find = (spelling: string): number => {
      const id = ids.get(spelling);
      if (id === undefined) throw new RangeError(`A BPE vocabulary needs a token spelt "${spelling}", but has none`);
      return id;
    };
    this.#byteIds = BYTE_CHARACTERS.map(find);
    for (const [rank, [left, right]] of merges.entries()) {
      this.#table.set(left, right, { rank, newId: find(`${spellings[left]}${spellings[right]}`) });
    }
  }

  /**
   * Learns a vocabulary from texts, which are read once. When no pair is left to merge it stops early: then
   * `vocabSize` of the result is smaller than asked for, and the last progress report says so.
   * Ids and merges equal those of Hugging Face's `BpeTrainer` with its initial byte alphabet.
   *
   * @throws RangeError if `vocabSize` leaves no room for the bytes and special tokens, or a special token is spelt like an ordinary one.
   * @throws TypeError if the pattern has other flags than g and u.
   */
  static train(
    texts: Iterable<string>,
    { vocabSize, specialTokens = [], pattern = GPT2_PATTERN, onProgress = report }: BpeTrainOptions,
  ): BpeTokenizer {
    requireSpecialTokens(specialTokens);
    const least = 256 + specialTokens.length;
    if (!Number.isInteger(vocabSize) || vocabSize < least) {
      throw new RangeError(
        `BpeTokenizer.train() needs a vocabSize of at least ${least} (256 bytes and ${specialTokens.length} special tokens), but found ${vocabSize}`,
      );
    }
    const portable = portablePattern(pattern);
    const pieces = countPieces(texts, portable, onProgress);
    const { merges, tokens } = learnMerges(pieces, { vocabSize, specialTokens, onProgress });
    return new BpeTokenizer({
      tokens,
      merges,
      specialTokens: new Map(specialTokens.map((token, id) => [token, id])),
      pattern: portable,
    });
  }

  /**
   * The tokenizer of a js-tiktoken rank table. The table lists tokens, not merges: the last two parts of each token are its merge.
   *
   * @throws RangeError if a token cannot be put together from two earlier ones.
   */
  static fromRanks(table: RankTable): BpeTokenizer {
    return new BpeTokenizer(partsFromRanks(table));
  }

  /**
   * Reads a folder that `save()` or Hugging Face's libraries wrote, when it holds plain byte-level BPE.
   *
   * @throws RangeError that names what the file has beyond that; `loadTokenizer()` reads those files too.
   */
  static async load(dir: string): Promise<BpeTokenizer> {
    const { readTokenizerFiles } = await import("./huggingface_read.js");
    return new BpeTokenizer(await readTokenizerFiles(dir));
  }

  /** Writes `tokenizer.json` and `tokenizer_config.json` in Hugging Face's format into the folder, both or none. */
  async save(dir: string): Promise<void> {
    await writeTokenizerFiles(dir, {
      tokens: this.#tokens,
      merges: this.merges,
      specialTokens: this.specialTokens,
      pattern: this.pattern,
    });
  }

  /** Text to ids. Special tokens in the text are plain text unless `allowedSpecial` names them. */
  encode(text: string, options?: EncodeOptions): number[] {
    const ids: number[] = [];
    for (const segment of splitSpecial(text, resolveAllowedSpecial(this.specialTokens, options))) {
      if (segment.special) ids.push(this.specialTokens.get(segment.text)!);
      else
        for (const piece of splitPieces(segment.text, this.pattern))
          for (const id of this.#encodePiece(piece)) ids.push(id);
    }
    return ids;
  }

  /** Any bytes to ids, lossless: what is UTF-8 is encoded as text, each other run of bytes as one piece. */
  encodeBytes(bytes: Uint8Array): number[] {
    return splitUtf8(bytes).flatMap((run) =>
      run.text === undefined ? this.#mergeBytes(run.bytes) : this.encode(run.text),
    );
  }

  decode(ids: ArrayLike<number>): string {
    return utf8Decode(this.decodeBytes(ids));
  }

  /** The bytes that the ids stand for, even where they are not UTF-8. */
  decodeBytes(ids: ArrayLike<number>): Uint8Array {
    const parts = Array.from(ids, (id) => this.#bytesOf(id));
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** A copy of the bytes of one token; for a special token, of its text. */
  tokenBytes(id: number): Uint8Array {
    return this.#bytesOf(id).slice();
  }

  #encodePiece(piece: string): readonly number[] {
    const known = this.#cache.get(piece);
    if (known !== undefined) return known;
    const ids = this.#mergeBytes(utf8Encode(piece));
    if (piece.length > CACHE_LENGTH) return ids;
    if (this.#cache.size >= CACHE_PIECES) this.#cache.clear();
    this.#cache.set(piece, ids);
    return ids;
  }

  #mergeBytes(bytes: Uint8Array): number[] {
    return mergePiece(
      Array.from(bytes, (byte) => this.#byteIds[byte]!),
      this.#table,
    );
  }

  #bytesOf(id: number): Uint8Array {
    const bytes = this.#tokens[id];
    if (bytes === undefined)
      throw new RangeError(
        `A token id must be an integer from 0 to ${this.vocabSize - 1} that the vocabulary has, but found ${id}`,
      );
    return bytes;
  }
}
