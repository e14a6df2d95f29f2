/** @file Mixtures one after the other, each from a certain batch on, with a cursor that can be saved. */
import type { Batch } from "./batch";
import type { Mixture, MixtureState } from "./mixture";

/** What the batches are from one batch on. */
export interface Stage {
  /** Number of the first batch, from 0. */
  readonly from: number;
  /** The mixture, at its beginning. It is called when the stage begins, or when a run is taken up in it. */
  readonly open: () => Mixture;
}

/** Where the stages stand: plain JSON. */
export interface StagesState {
  /** Batches given in all. */
  readonly given: number;
  /** The mixture of the last of them; null before the first. */
  readonly mixture: MixtureState | null;
}

/**
 * Batches without end whose mixture changes in the course of a run, as in a curriculum.
 *
 * @example
 * import { Mixture, Random, Stages, TokenDataset } from "gptlab";
 * const of = (id: number) => () =>
 *   new Mixture([{ name: "text", weight: 1, examples: new TokenDataset(Array(9).fill(id), { blockSize: 2 }) }], {
 *     batchSize: 1,
 *     random: new Random(1),
 *   });
 * const stages = new Stages([{ from: 0, open: of(5) }, { from: 2, open: of(6) }]);
 * [1, 2, 3].map(() => stages.next().ids[0][0]); // => [5, 5, 6]
 */
export class Stages implements Iterable<Batch> {
  readonly #stages: readonly Stage[];
  #given = 0;
  #open: { readonly stage: Stage; readonly mixture: Mixture } | undefined;

  /** @throws RangeError if the first stage does not begin at 0, or one not after the one before */
  constructor(stages: readonly Stage[]) {
    const odd = stages.findIndex(({ from }, i) => (i === 0 ? from !== 0 : !(from > stages[i - 1]!.from)));
    if (stages.length === 0 || odd >= 0)
      throw new RangeError(
        `Stages must begin at batch 0, each later than the one before, but found ${stages.map(({ from }) => from).join(", ") || "none"}`,
      );
    this.#stages = stages;
  }

  /** The next batch; there is always one. */
  next(): Batch {
    const mixture = this.#mixtureOf(this.#given);
    this.#given++;
    return mixture.next();
  }

  *[Symbol.iterator](): Generator<Batch, void, undefined> {
    while (true) yield this.next();
  }

  /** The cursor, for a checkpoint. */
  state(): StagesState {
    return { given: this.#given, mixture: this.#open?.mixture.state() ?? null };
  }

  /**
   * Goes on exactly where `state()` was taken; the stages must be the same.
   *
   * @throws RangeError if the state does not fit these stages
   */
  restore({ given, mixture }: StagesState): void {
    if (!Number.isInteger(given) || given < 0 || given > 0 !== (mixture !== null))
      throw new RangeError(
        `Stages.restore() needs how many batches were given and where their mixture stands, but found ${given} and ${JSON.stringify(mixture)}`,
      );
    this.#open = undefined;
    if (mixture) this.#mixtureOf(given - 1).restore(mixture);
    this.#given = given;
  }

  /** The mixture of a batch; opened if it is another than the last. */
  #mixtureOf(batch: number): Mixture {
    const stage = this.#stages.filter(({ from }) => from <= batch).at(-1) as Stage;
    if (this.#open?.stage !== stage) this.#open = { stage, mixture: stage.open() };
    return this.#open.mixture;
  }
}
