/** @file Keeps decoders with their models, so that the next text of the same batch size and length needs no new recording. */
import { nativeBackend } from "../backend/native";
import { type Compiled, compile } from "../compile";
import type { GPT } from "../model";
import { tf } from "../tf";
import { Decoder } from "./decoder";

/** At most so many unused decoders of a model are kept, with at most so many numbers in their caches (256 MB). */
const KEPT = 4;
const KEPT_NUMBERS = 2 ** 26;

class Pool {
  /** Unused decoders, the one used last at the end. */
  readonly #idle: Decoder[] = [];
  /** Nobody calls it. The functions of all decoders join its session, so that the weights are there once. */
  readonly #common = compile(
    () => tf.scalar(0),
    nativeBackend()?.isUsingGpuDevice ? {} : { structure: "chain" },
  ) as Compiled;
  #disposed = false;

  lease(model: GPT, batch: number, capacity: number): Decoder {
    const fits = (decoder: Decoder): boolean =>
      decoder.batch === batch && decoder.capacity === capacity && decoder.backend === tf.getBackend();
    const at = this.#idle.findIndex(fits);
    return this.#idle.splice(at, at >= 0 ? 1 : 0)[0] ?? new Decoder(model, batch, capacity, this.#common);
  }

  giveBack(decoder: Decoder): void {
    this.#idle.push(decoder);
    const numbers = (): number => this.#idle.reduce((sum, { size }) => sum + size, 0);
    while (this.#idle.length > (this.#disposed ? 0 : KEPT) || numbers() > KEPT_NUMBERS) this.#idle.shift()?.dispose();
  }

  dispose(): void {
    this.#disposed = true;
    for (const decoder of this.#idle.splice(0)) decoder.dispose();
  }
}

const POOL = Symbol("the decoders");
/** A model may have dropped its pool, and have another, while a decoder was in use. */
const homes = new WeakMap<Decoder, Pool>();

/** A decoder of the model, for this use alone until `giveBack`. */
export function leaseDecoder(model: GPT, batch: number, capacity: number): Decoder {
  const pool = model.keep(POOL, () => new Pool());
  const decoder = pool.lease(model, batch, capacity);
  homes.set(decoder, pool);
  return decoder;
}

/** Ends a use. The decoder is kept for the next text, or disposed when there are enough. */
export function giveBack(decoder: Decoder): void {
  homes.get(decoder)?.giveBack(decoder);
}
