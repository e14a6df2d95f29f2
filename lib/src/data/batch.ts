/** @file Rows of different lengths → one batch of equal lengths, with a mask that says which positions are real. */

/** The target that the loss ignores; PyTorch's `ignore_index`. */
export const IGNORE_INDEX = -100;

/** What a model trains on. All rows have the same length. */
export interface Batch {
  /** Token ids. (B, T) */
  readonly ids: Int32Array[];
  /** The id that should follow each position, or -100 where nothing is to be learnt. (B, T) */
  readonly targets: Int32Array[];
  /** 1 where `ids` is real, 0 where it is padding; absent when there is no padding. (B, T) */
  readonly attentionMask?: Uint8Array[];
}

/** Padded rows and what is real in them. */
export interface PaddedRows {
  readonly ids: Int32Array[]; // (B, T)
  readonly attentionMask: Uint8Array[]; // (B, T)
}

/** How rows are padded. */
export interface PadOptions {
  /** The id that fills the gaps. */
  readonly padId: number;
  /** Where the padding goes: "right" for training, "left" for generation, where the last position must be real. */
  readonly side?: "left" | "right";
  /** The length of all rows; the longest row's when it is not given. */
  readonly length?: number;
}

/**
 * Pads rows to one length. (B rows of any length) -> (B, T)
 *
 * @throws RangeError if a row is longer than `length`; nothing is cut silently.
 * @example
 * import { padBatch } from "gptlab";
 * const { ids, attentionMask } = padBatch([[5, 6, 7], [8]], { padId: 0 });
 * Array.from(ids[1]); // => [8, 0, 0]
 * Array.from(attentionMask[1]); // => [1, 0, 0]
 */
export function padBatch(
  rows: readonly ArrayLike<number>[],
  { padId, side = "right", length = longest(rows) }: PadOptions,
): PaddedRows {
  return {
    ids: rows.map((row, i) => padRow(row, { length, fill: padId, side, name: `row ${i}` })),
    attentionMask: rows.map((row) =>
      Uint8Array.from({ length }, (_, t) => ((side === "right" ? t < row.length : t >= length - row.length) ? 1 : 0)),
    ),
  };
}

/**
 * A batch that teaches the next token: `ids` is each row without its last id, `targets` each row without its first.
 * A row should end with the end-of-text id, so that the model learns to stop. (B rows) -> (B, T - 1)
 *
 * @throws RangeError if a row has fewer than 2 ids, or is longer than `length` + 1.
 * @example
 * import { nextTokenBatch } from "gptlab";
 * const { ids, targets } = nextTokenBatch([[1, 2, 3, 9], [5, 9]], { padId: 9 });
 * Array.from(ids[1]); // => [5, 9, 9]
 * Array.from(targets[1]); // => [9, -100, -100]
 */
export function nextTokenBatch(
  rows: readonly ArrayLike<number>[],
  { padId, side = "right", length = longest(rows) - 1 }: PadOptions,
): Batch {
  const short = rows.findIndex((row) => row.length < 2);
  if (short >= 0)
    throw new RangeError(`nextTokenBatch() needs rows of at least 2 ids, but row ${short} has ${rows[short]!.length}`);
  const all = rows.map((row) => Int32Array.from(row));
  const inputs = padBatch(
    all.map((row) => row.subarray(0, -1)),
    { padId, side, length },
  );
  const targets = all.map((row, i) => padRow(row.subarray(1), { length, fill: IGNORE_INDEX, side, name: `row ${i}` }));
  return { ...inputs, targets };
}

function padRow(
  row: ArrayLike<number>,
  { length, fill, side, name }: { length: number; fill: number; side: "left" | "right"; name: string },
): Int32Array {
  if (row.length > length) {
    throw new RangeError(
      `Padding to ${length} ids cannot hold ${name} with ${row.length} ids. Cut the row or ask for a larger length`,
    );
  }
  const padded = new Int32Array(length).fill(fill);
  padded.set(row, side === "right" ? 0 : length - row.length);
  return padded;
}

function longest(rows: readonly ArrayLike<number>[]): number {
  return rows.reduce((length, row) => Math.max(length, row.length), 0);
}
