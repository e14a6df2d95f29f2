/** @file Several sources of windows → batches that hold them in fixed shares, with a cursor that can be saved. */
import type { Random } from "../random";
import type { Batch } from "./batch";
import type { TokenWindow } from "./dataset";
import { type Examples, stackWindows } from "./loader";

/** One ingredient. */
export interface MixtureSource {
  readonly name: string;
  /** Its share of the rows, relative to the others' weights. */
  readonly weight: number;
  /** Windows of one length, or a function that gives those of an epoch (0, 1, …); the same epoch must give the same windows. */
  readonly examples: Examples<TokenWindow> | ((epoch: number) => Examples<TokenWindow>);
}

/** Where a mixture stands: plain JSON. For each source by name: rows given in all, the epoch, and rows given in it. */
export type MixtureState = Readonly<
  Record<string, { readonly drawn: number; readonly epoch: number; readonly next: number }>
>;

/**
 * Batches of windows from several sources, without end. The next row comes from the source that is furthest behind its share, so
 * that the shares hold from the first rows on, to within fewer rows than there are sources, not only on average. Each source is shuffled anew in every epoch
 * of its own; one with `length` Infinity is read in order.
 *
 * @example
 * import { Mixture, Random, TokenDataset } from "gptlab";
 * const source = (name: string, weight: number, id: number) =>
 *   ({ name, weight, examples: new TokenDataset(Array(9).fill(id), { blockSize: 2 }) });
 * const mixture = new Mixture([source("a", 3, 0), source("b", 1, 1)], { batchSize: 4, random: new Random(1) });
 * mixture.next().ids.map((row) => row[0]); // => [0, 0, 1, 0]
 */
export class Mixture implements Iterable<Batch> {
  readonly #sources: readonly Source[];
  readonly #batchSize: number;

  /**
   * @param options.random gives the order of each epoch; nothing is drawn from it, so it can be used elsewhere too
   * @throws RangeError if `batchSize` is no positive integer, two names are equal, a weight is not above 0 or a source is empty
   */
  constructor(sources: readonly MixtureSource[], { batchSize, random }: { batchSize: number; random: Random }) {
    if (!Number.isInteger(batchSize) || batchSize < 1)
      throw new RangeError(`Mixture needs a batchSize that is an integer of at least 1, but found ${batchSize}`);
    if (sources.length === 0) throw new RangeError("Mixture needs at least one source, but found none");
    const total = sources.reduce((sum, { weight }) => sum + weight, 0);
    for (const [i, { name, weight }] of sources.entries()) {
      if (!(weight > 0 && Number.isFinite(weight)))
        throw new RangeError(`Mixture needs weights above 0, but found ${weight} for "${name}". Leave the source out`);
      if (sources.findIndex((other) => other.name === name) !== i)
        throw new RangeError(`Mixture needs sources of different names, but found "${name}" twice`);
    }
    this.#sources = sources.map((source) => new Source(source, source.weight / total, random));
    this.#batchSize = batchSize;
  }

  /** The next batch; there is always one. */
  next(): Batch {
    return stackWindows(Array.from({ length: this.#batchSize }, () => this.#nextSource().take()));
  }

  *[Symbol.iterator](): Generator<Batch, void, undefined> {
    while (true) yield this.next();
  }

  /** The cursor, for a checkpoint. */
  state(): MixtureState {
    return Object.fromEntries(this.#sources.map(({ name, drawn, epoch, next }) => [name, { drawn, epoch, next }]));
  }

  /**
   * Goes on exactly where `state()` was taken; sources, weights and generator must be the same.
   *
   * @throws RangeError if the state does not fit these sources.
   */
  restore(state: MixtureState): void {
    const names = this.#sources.map(({ name }) => name);
    const found = Object.keys(state);
    if (found.length !== names.length || !names.every((name) => found.includes(name)))
      throw new RangeError(
        `Mixture.restore() found a state of ${found.join(", ") || "nothing"}, but has the sources ${names.join(", ")}`,
      );
    for (const source of this.#sources) source.restore(state[source.name]!);
  }

  #nextSource(): Source {
    const rows = this.#sources.reduce((sum, { drawn }) => sum + drawn, 1); // with the one to come
    return this.#sources.reduce((best, source) => (source.behind(rows) > best.behind(rows) ? source : best));
  }
}

/** One source with its place. */
class Source {
  readonly name: string;
  drawn = 0;
  epoch = 0;
  next = 0;
  #examples: Examples<TokenWindow>;
  #order: Uint32Array | undefined;

  constructor(
    readonly source: MixtureSource,
    readonly share: number,
    readonly random: Random,
  ) {
    this.name = source.name;
    this.#examples = this.#open();
  }

  behind(rows: number): number {
    return this.share * rows - this.drawn;
  }

  take(): TokenWindow {
    if (this.next >= this.#examples.length) {
      this.epoch++;
      this.next = 0;
      this.#examples = this.#open();
    }
    const index = this.#order ? this.#order[this.next]! : this.next;
    const window = this.#examples.at(index);
    if (!window) throw new RangeError(`The source "${this.name}" has no window ${index} of ${this.#examples.length}`);
    this.next++;
    this.drawn++;
    return window;
  }

  restore({ drawn, epoch, next }: MixtureState[string]): void {
    this.epoch = epoch;
    this.#examples = this.#open();
    if (!(Number.isInteger(next) && next >= 0 && next <= this.#examples.length))
      throw new RangeError(
        `Mixture.restore() found place ${next} for "${this.name}", which has ${this.#examples.length} windows. Is the data the same?`,
      );
    this.drawn = drawn;
    this.next = next;
  }

  #open(): Examples<TokenWindow> {
    const { examples } = this.source;
    const opened = typeof examples === "function" ? examples(this.epoch) : examples;
    if (!(opened.length > 0))
      throw new RangeError(`Mixture needs windows in every source, but "${this.name}" has none in epoch ${this.epoch}`);
    this.#order = Number.isFinite(opened.length)
      ? this.random.fork(`${this.name} ${this.epoch}`).permutation(opened.length)
      : undefined;
    return opened;
  }
}
