/**
 * @file The forward passes of generation for one model, batch size and capacity: the prompts at once, then token by token. On
 * TensorFlow both are captured and share the key-value cache inside their session. It chooses no tokens.
 */
import { nativeBackend } from "../backend/native";
import { type Compiled, compile } from "../compile";
import { padBatch } from "../data/batch";
import { type GPT, KVCache } from "../model";
import { causalMask, HIDDEN } from "../ops/attention";
import { type NamedTensorMap, type Tensor, type Tensor1D, type Tensor2D, type Tensor3D, tf } from "../tf";

/** What a forward pass says of the next token of each row. */
export interface Scores {
  /** The most likely token of each row. */
  readonly best: Int32Array;
  /** log(sum(exp(logits - largest))) of each row: minus the log-probability of the most likely token. */
  readonly spread: Float32Array;
  /** All logits (B · V), where asked for. */
  readonly logits?: Float32Array;
}

/** From the last position's hidden state (B, 1, C): logits (B, V), the best token (B) and its surprise (B). */
function scoresOf(model: GPT, hidden: Tensor3D): Tensor[] {
  const logits = model.logits(hidden).reshape([hidden.shape[0], model.config.vocabSize]);
  const spread = logits.sub(logits.max(1, true)).exp().sum(1).log();
  return [logits, logits.argMax(1), spread];
}

/** Reads the scores; the logits stay where they are unless they are needed. */
async function read([logits, best, spread]: Tensor[], withLogits: boolean): Promise<Scores> {
  try {
    return {
      best: await best!.data<"int32">(),
      spread: await spread!.data<"float32">(),
      ...(withLogits ? { logits: await logits!.data<"float32">() } : {}),
    };
  } finally {
    tf.dispose([logits, best, spread] as Tensor[]);
  }
}

/** The scores after rows of any length, without a cache. */
export function scoresWithoutCache(
  model: GPT,
  rows: readonly ArrayLike<number>[],
  withLogits: boolean,
): Promise<Scores> {
  const scores = tf.tidy(() => {
    const { ids, attentionMask } = padBatch(rows, { padId: 0, side: "left" });
    const T = ids[0]!.length;
    const padded = rows.some(({ length }) => length < T);
    return scoresOf(model, lastOf(model.hidden(ids, padded ? { attentionMask } : {})));
  });
  return read(scores, withLogits);
}

const lastOf = (hidden: Tensor3D): Tensor3D => {
  const [B, T, C] = hidden.shape as [number, number, number];
  return hidden.slice([0, T - 1, 0], [B, 1, C]) as Tensor3D;
};

/** The next of 16, 24, 32, 48, 64, 96 …: so few graphs serve all lengths. */
function rounded(length: number): number {
  let power = 16;
  while (power < length) power *= 2;
  return power > 16 && length <= (power / 4) * 3 ? (power / 4) * 3 : power;
}

/** To how many tokens prompts are padded: with graphs a rounded number, else as few as can be. */
function promptRoom({ config: { blockSize } }: GPT, longest: number): number {
  return nativeBackend() ? Math.min(rounded(longest), blockSize) : longest;
}

/** Up to this capacity a cache is made for all tokens that may come; a longer one starts small, because most of it may stay empty. */
const WHOLE = 256;

/** A capacity for prompts and new tokens. */
export function capacityFor(model: GPT, longest: number, maxNewTokens: number): number {
  const prompt = promptRoom(model, longest);
  const all = prompt + maxNewTokens - 1; // the last token is not read
  return Math.max(prompt, rounded(Math.min(all, Math.max(WHOLE, 2 * prompt))));
}

export class Decoder {
  readonly #cache: KVCache;
  readonly #prefill: Compiled<NamedTensorMap, Tensor[]>;
  readonly #decode: Compiled<NamedTensorMap, Tensor[]>;
  readonly backend = tf.getBackend();
  /** Where each row's text begins: what stands before is padding. */
  #starts: number[] = [];
  #length = 0;

  /** @param share a compiled function whose session has the weights, or will have them */
  constructor(
    readonly model: GPT,
    readonly batch: number,
    readonly capacity: number,
    share: Compiled,
  ) {
    const { config } = model;
    this.#cache = new KVCache({ capacity });
    this.#cache.reserve(config, batch, capacity);
    this.#prefill = compile(
      ({ ids, visible, positions, rows }: NamedTensorMap) => {
        const T = ids!.shape[1]!;
        const at = { rows: rows as Tensor1D, mask: causalMask(T, T, visible), positions: positions as Tensor2D };
        return scoresOf(model, lastOf(model.hidden(ids as Tensor2D, { cache: this.#cache, at })));
      },
      { share },
    );
    this.#decode = compile(
      ({ ids, positions, mask, rows }: NamedTensorMap) => {
        const at = { rows: rows as Tensor1D, mask: mask as Tensor, positions: positions as Tensor2D };
        return scoresOf(model, model.hidden(ids as Tensor2D, { cache: this.#cache, at }));
      },
      { share },
    );
  }

  /** True when there is no room for another token. */
  get full(): boolean {
    return this.#length >= this.capacity;
  }

  /** Numbers in the cache. */
  get size(): number {
    const { nLayer, nKvHead, headSize } = this.model.config;
    return 2 * nLayer * this.batch * nKvHead * headSize * this.capacity;
  }

  /** Reads the prompts into the empty cache. The scores are those after the last token. */
  prefill(prompts: readonly ArrayLike<number>[], withLogits: boolean): Promise<Scores> {
    const longest = Math.max(...prompts.map(({ length }) => length));
    const T = promptRoom(this.model, longest);
    const { batch } = this;
    const ids = new Int32Array(batch * T);
    const visible = new Float32Array(batch * T);
    for (const [row, prompt] of prompts.entries()) {
      ids.set(prompt, (row + 1) * T - prompt.length);
      visible.fill(1, (row + 1) * T - prompt.length, (row + 1) * T);
    }
    const starts = prompts.map(({ length }) => T - length);
    const positions = Int32Array.from(ids, (_, i) => Math.max(0, (i % T) - starts[Math.floor(i / T)]!));
    this.#starts = starts;
    this.#length = T;
    const feeds = {
      ids: tf.tensor2d(ids, [batch, T], "int32"),
      visible: tf.tensor2d(visible, [batch, T]),
      positions: tf.tensor2d(positions, [batch, T], "int32"),
      rows: tf.tensor1d(this.#cache.rowsOf(0, T), "int32"),
    };
    const next = this.#decodeFeeds(new Int32Array(batch)); // both are recorded before the session's first run
    try {
      this.#prefill.prepare(feeds);
      if (!this.full) this.#decode.prepare(next);
      return read(this.#prefill(feeds), withLogits);
    } finally {
      tf.dispose([feeds, next]);
    }
  }

  /** Adds one token to each row. */
  decode(ids: Int32Array, withLogits: boolean): Promise<Scores> {
    const feeds = this.#decodeFeeds(ids);
    this.#length++;
    try {
      return read(this.#decode(feeds), withLogits);
    } finally {
      tf.dispose(feeds);
    }
  }

  /** Takes the texts of a smaller decoder over. */
  takeOver(other: Decoder): void {
    other.#decode.sync();
    this.#cache.takeOver(this.model.config, other.#cache);
    this.#starts = other.#starts;
    this.#length = other.#length;
  }

  dispose(): void {
    this.#cache.dispose(); // first: then nobody fetches its values from the session
    this.#prefill.dispose();
    this.#decode.dispose();
  }

  #decodeFeeds(ids: Int32Array): NamedTensorMap {
    const { batch, capacity } = this;
    const place = Math.min(this.#length, capacity - 1);
    const mask = new Float32Array(batch * capacity).fill(HIDDEN);
    for (const [row, start] of this.#starts.entries()) mask.fill(0, row * capacity + start, row * capacity + place + 1);
    return {
      ids: tf.tensor2d(ids, [batch, 1], "int32"),
      positions: tf.tensor2d(
        Int32Array.from(this.#starts, (start) => place - start),
        [batch, 1],
        "int32",
      ),
      mask: tf.tensor4d(mask, [batch, 1, 1, capacity]),
      rows: tf.tensor1d(this.#cache.rowsOf(place, 1), "int32"),
    };
  }
}
