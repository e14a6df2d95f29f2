/** @file Examples → batches, in order or shuffled as PyTorch does it, with a cursor that can be saved. */
import { Random, type RandomState } from "../random";
import type { Batch } from "./batch";
import type { TokenWindow } from "./dataset";

/** Anything with examples by number: a `TokenDataset`, or an array. */
export interface Examples<Example> {
  readonly length: number;
  at(index: number): Example | undefined;
}

/** Options of `DataLoader`. */
export interface DataLoaderOptions<Example> {
  /** Examples in a batch, B. */
  readonly batchSize: number;
  /** Shuffles each epoch anew with this generator; without it the examples come in order. */
  readonly shuffle?: Random;
  /** Leaves out the last batch of an epoch when it has fewer than `batchSize` examples. */
  readonly dropLast?: boolean;
  /** One `for` loop goes on for ever instead of ending with the epoch. */
  readonly infinite?: boolean;
  /** Makes a batch of examples; by default `stackWindows`, which takes those of a `TokenDataset`. */
  readonly collate?: (examples: readonly Example[]) => Batch;
}

/** Where a loader stands: plain JSON. */
export interface DataLoaderState {
  /** Epochs finished. */
  readonly epoch: number;
  /** Batches of this epoch already given out. */
  readonly batch: number;
  /** What this epoch's order was shuffled with; `null` when there is no order yet or no shuffling. */
  readonly orderSeed: number | null;
  readonly random: RandomState | null;
}

/**
 * Batches of examples. One `for` loop is one epoch, or what is left of it after a `break`; the next loop is the next epoch.
 * The order is PyTorch's: `DataLoader(shuffle=True)` after `torch.manual_seed(seed)` equals `shuffle: new Random(seed)`.
 *
 * @example
 * import { DataLoader, Random, TokenDataset } from "gptlab";
 * const data = new TokenDataset([0, 1, 2, 3, 4, 5, 6, 7, 8], { blockSize: 2 });
 * const loader = new DataLoader(data, { batchSize: 2, shuffle: new Random(123) });
 * [...loader].map((batch) => batch.ids.map((row) => row[0])); // => [[4, 0], [2, 6]]
 */
export class DataLoader<Example = TokenWindow> implements Iterable<Batch> {
  /** Batches in one epoch. */
  readonly batchesPerEpoch: number;
  readonly #examples: Examples<Example>;
  readonly #batchSize: number;
  readonly #infinite: boolean;
  readonly #collate: (examples: readonly Example[]) => Batch;
  #random: Random | undefined;
  #epoch = 0;
  #batch = 0;
  #orderSeed: number | null = null;
  #order: Uint32Array | undefined;

  /** @throws RangeError if `batchSize` is not a positive integer or the examples give no batch. */
  constructor(
    examples: Examples<Example>,
    { batchSize, shuffle, dropLast = false, infinite = false, collate = stackWindows }: DataLoaderOptions<Example>,
  ) {
    if (!Number.isInteger(batchSize) || batchSize < 1)
      throw new RangeError(`DataLoader needs a batchSize that is an integer of at least 1, but found ${batchSize}`);
    this.batchesPerEpoch = dropLast ? Math.floor(examples.length / batchSize) : Math.ceil(examples.length / batchSize);
    if (this.batchesPerEpoch === 0) {
      throw new RangeError(
        `DataLoader needs examples for at least one batch, but found ${examples.length} with batchSize ${batchSize} and dropLast ${dropLast}`,
      );
    }
    this.#examples = examples;
    this.#batchSize = batchSize;
    this.#random = shuffle;
    this.#infinite = infinite;
    this.#collate = collate;
  }

  *[Symbol.iterator](): Generator<Batch, void, undefined> {
    if (this.#batch === this.batchesPerEpoch) this.#nextEpoch(); // the last loop stopped right at the end
    do {
      this.#order ??= this.#drawOrder();
      while (this.#batch < this.batchesPerEpoch) {
        const start = this.#batch * this.#batchSize;
        const batch = this.#collate(
          Array.from(this.#order.subarray(start, start + this.#batchSize), (index) => this.#example(index)),
        );
        this.#batch++; // before the batch is given out, so that state() then says what comes next
        yield batch;
      }
      this.#nextEpoch();
    } while (this.#infinite);
  }

  /** The cursor, for a checkpoint. */
  state(): DataLoaderState {
    return {
      epoch: this.#epoch,
      batch: this.#batch,
      orderSeed: this.#orderSeed,
      random: this.#random?.state() ?? null,
    };
  }

  /**
   * Goes on exactly where `state()` was taken. The examples and options must be the same; the generator
   * given as `shuffle` is replaced by the saved one.
   *
   * @throws RangeError if the state does not fit this loader.
   */
  restore({ epoch, batch, orderSeed, random }: DataLoaderState): void {
    if ((random === null) !== (this.#random === undefined)) {
      throw new RangeError(
        `DataLoader.restore() found a state ${random === null ? "without" : "with"} shuffling, but this loader is made ${random === null ? "with" : "without"} it`,
      );
    }
    if (!Number.isInteger(batch) || batch < 0 || batch > this.batchesPerEpoch) {
      throw new RangeError(
        `DataLoader.restore() needs a batch from 0 to ${this.batchesPerEpoch}, but found ${batch}. Are the examples and batchSize the same?`,
      );
    }
    this.#epoch = epoch;
    this.#batch = batch;
    this.#orderSeed = orderSeed;
    this.#random = random === null ? undefined : Random.fromState(random);
    this.#order = orderSeed === null ? undefined : new Random(orderSeed).permutation(this.#examples.length);
  }

  /** PyTorch draws one u64 for its workers and one for the sampler, whose low half seeds the order. */
  #drawOrder(): Uint32Array {
    if (this.#random === undefined) return Uint32Array.from({ length: this.#examples.length }, (_, i) => i);
    for (let word = 0; word < 4; word++) this.#orderSeed = this.#random.word();
    return new Random(this.#orderSeed ?? 0).permutation(this.#examples.length);
  }

  #nextEpoch(): void {
    this.#epoch++;
    this.#batch = 0;
    this.#orderSeed = null;
    this.#order = undefined;
  }

  #example(index: number): Example {
    const example = this.#examples.at(index);
    if (example === undefined)
      throw new RangeError(
        `DataLoader found no example ${index} of ${this.#examples.length}. The examples must not change while they are read`,
      );
    return example;
  }
}

/**
 * Windows as the rows of a batch. (B windows of T) -> (B, T)
 *
 * @throws TypeError if an example has no `ids` and `targets`.
 * @example
 * import { stackWindows, TokenDataset } from "gptlab";
 * const data = new TokenDataset([1, 2, 3, 4, 5], { blockSize: 2 });
 * stackWindows([data.at(0), data.at(1)]).ids.map((row) => Array.from(row)); // => [[1, 2], [3, 4]]
 */
export function stackWindows(examples: readonly unknown[]): Batch {
  const windows = examples.map((example, i) => {
    if (isWindow(example)) return example;
    throw new TypeError(
      `DataLoader needs examples with ids and targets, but example ${i} of a batch has none. Give a collate function for other examples`,
    );
  });
  return { ids: windows.map((window) => window.ids), targets: windows.map((window) => window.targets) };
}

function isWindow(example: unknown): example is TokenWindow {
  return (
    typeof example === "object" &&
    example !== null &&
    "ids" in example &&
    "targets" in example &&
    example.ids instanceof Int32Array &&
    example.targets instanceof Int32Array
  );
}
