/** @file The checks of chapter 01: right answers written independently of the chapter, tiny cases by hand, and the mistakes that learners make. Messages are in `chapters/src/messages`. */
import { type Random, type Tensor2D, tf } from "gptlab";
import { exercise } from "gptlab/course";

type CountPairs = (ids: number[]) => Map<string, number>;
type MergePair = (ids: number[], pair: [number, number], newId: number) => number[];
type TrainBpe = (ids: number[], mergeCount: number) => Map<string, number>;
type EncodeBpe = (ids: number[], merges: Map<string, number>) => number[];
type DecodeBytes = (ids: number[], vocabulary: Uint8Array[]) => string;
type Fertility = (text: string, ids: number[]) => number;
type EmbeddingLookup = (table: Tensor2D, ids: number[]) => Tensor2D;
type SlidingWindows = (ids: number[], blockSize: number, stride: number) => { inputs: number[][]; targets: number[][] };

/** Few different ids, so that pairs repeat and overlap. */
function someIds(random: Random, length: number, kinds = 3): number[] {
  return Array.from({ length }, () => 97 + random.integer(kinds));
}

// countPairs

const pairKeys = (ids: number[]): string[] => ids.slice(1).map((right, i) => `${ids[i]},${right}`);
const tally = (keys: string[]): Map<string, number> =>
  keys.reduce((counts, key) => counts.set(key, (counts.get(key) ?? 0) + 1), new Map<string, number>());

const countPairs = exercise<CountPairs>({
  reference: (ids) => tally(pairKeys(ids)),
  examples: [
    {
      input: [[1, 2, 1, 2, 3]],
      expected: new Map([
        ["1,2", 2],
        ["2,1", 1],
        ["2,3", 1],
      ]),
    },
    { input: [[7, 7, 7]], expected: new Map([["7,7", 2]]) },
    { input: [[5]], expected: new Map() },
  ],
  random: (random, i) => [someIds(random, 2 + i)],
  extremes: [[[]], [[256, 50256]], [Array.from({ length: 300 }, () => 97)]],
  mistakes: {
    skipsOverlap: (ids) => {
      const keys: string[] = [];
      const all = pairKeys(ids);
      for (let i = 0; i < all.length; i++) {
        keys.push(all[i]!);
        if (all[i + 1] === all[i]) i++;
      }
      return tally(keys);
    },
    lastPairMissing: (ids) => tally(pairKeys(ids).slice(0, -1)),
    pastTheEnd: (ids) => tally(ids.map((left, i) => `${left},${ids[i + 1]}`)),
    pastTheEndJoined: (ids) => tally(ids.map((left, i) => [left, ids[i + 1]].join(","))),
    stepsByTwo: (ids) => tally(pairKeys(ids).filter((_, i) => i % 2 === 0)),
    onlyOnce: (ids) => new Map(pairKeys(ids).map((key) => [key, 1])),
    startsAtZero: (ids) => new Map([...tally(pairKeys(ids))].map(([key, count]) => [key, count - 1])),
    ignoresOrder: (ids) =>
      tally(
        pairKeys(ids).map((key) =>
          key
            .split(",")
            .sort((a, b) => Number(a) - Number(b))
            .join(","),
        ),
      ),
    countsTokens: (ids) => tally(ids.map(String)),
  },
  tolerance: 0,
});

// mergePair

/** In one pass, because an unsolved chapter trains with it: it looks back at what it has written. */
function mergeLookingBack(ids: number[], [left, right]: [number, number], newId: number): number[] {
  const out: number[] = [];
  let open = false; // the last id written is not a merged one
  for (const id of ids) {
    const joins: boolean = open && id === right && out.at(-1) === left;
    if (joins) out[out.length - 1] = newId;
    else out.push(id);
    open = !joins;
  }
  return out;
}
const startsOf = (ids: number[], [left, right]: [number, number]): boolean[] =>
  ids.map((id, i) => id === left && ids[i + 1] === right);

const mergePair = exercise<MergePair>({
  reference: mergeLookingBack,
  examples: [
    { input: [[1, 2, 3, 1, 2], [1, 2], 256], expected: [256, 3, 256] },
    { input: [[1, 2, 3], [1, 2], 256], expected: [256, 3] },
    { input: [[7, 7, 7], [7, 7], 256], expected: [256, 7] },
    { input: [[11, 1, 1, 12], [1, 1], 256], expected: [11, 256, 12] },
    { input: [[2, 1, 3], [1, 2], 256], expected: [2, 1, 3] },
  ],
  random: (random, i) => [someIds(random, 3 + i, 2), [97 + random.integer(2), 97 + random.integer(2)], 256 + i],
  extremes: [
    [[], [1, 2], 256],
    [[1], [1, 2], 256],
    [Array.from({ length: 301 }, () => 97), [97, 97], 256],
  ],
  mistakes: {
    forgetsToSkip: (ids, pair, newId) => ids.map((id, i) => (startsOf(ids, pair)[i] ? newId : id)),
    overlaps: (ids, pair, newId) => {
      const starts = startsOf(ids, pair);
      return ids.flatMap((id, i) => (starts[i] ? [newId] : starts[i - 1] ? [] : [id]));
    },
    rightToLeft: (ids, [left, right], newId) => mergeLookingBack([...ids].reverse(), [right, left], newId).reverse(),
    onlyFirst: (ids, pair, newId) => {
      const at = startsOf(ids, pair).indexOf(true);
      return at < 0 ? [...ids] : [...ids.slice(0, at), newId, ...ids.slice(at + 2)];
    },
    dropsLast: (ids, pair, newId) => {
      const out: number[] = [];
      for (let i = 0; i + 1 < ids.length; i++) {
        const here = startsOf(ids, pair)[i];
        out.push(here ? newId : ids[i]!);
        if (here) i++;
      }
      return out;
    },
    dropsOthers: (ids, pair, newId) => mergeLookingBack(ids, pair, newId).filter((id) => id === newId),
    ignoresOrder: (ids, [left, right], newId) =>
      mergeLookingBack(mergeLookingBack(ids, [left, right], newId), [right, left], newId),
    joinsText: (ids, [left, right], newId) => {
      const merged = ids.join(",").replaceAll(`${left},${right}`, String(newId));
      return merged === "" ? [] : merged.split(",").map(Number);
    },
  },
  tolerance: 0,
});

// trainBpe

interface Counted {
  readonly left: number;
  readonly right: number;
  readonly count: number;
}
const countSorted = (ids: number[], order: (a: Counted, b: Counted) => number): Counted[] =>
  [...tally(pairKeys(ids))]
    .map(([key, count]) => {
      const [left = 0, right = 0] = key.split(",").map(Number);
      return { left, right, count };
    })
    .sort(order);
const byCountThenIds = (a: Counted, b: Counted): number => b.count - a.count || a.left - b.left || a.right - b.right;

interface TrainingRule {
  readonly order?: (a: Counted, b: Counted) => number;
  readonly recount?: boolean;
  readonly newId?: (step: number, ids: number[]) => number;
  readonly stopBelow?: number;
}
/** One trainer with its rules as options, so that each mistake is one changed rule. */
function trainWith({
  order = byCountThenIds,
  recount = true,
  newId = (step) => 256 + step,
  stopBelow = 1,
}: TrainingRule): TrainBpe {
  return (ids, mergeCount) => {
    const merges = new Map<string, number>();
    let work = ids;
    let counted = countSorted(work, order);
    for (let step = 0; step < mergeCount; step++) {
      if (recount) counted = countSorted(work, order);
      const best = recount ? counted[0] : counted[step];
      if (!best || best.count < stopBelow) break;
      const id = newId(step, ids);
      merges.set(`${best.left},${best.right}`, id);
      work = mergeLookingBack(work, [best.left, best.right], id);
    }
    return merges;
  };
}

const banana = [98, 97, 110, 97, 110, 97, 32, 98, 97, 110, 100, 97, 110, 97]; // "banana bandana"

const trainBpe = exercise<TrainBpe>({
  reference: trainWith({}),
  examples: [
    { input: [[1, 2, 3, 1, 2], 1], expected: new Map([["1,2", 256]]) },
    {
      input: [banana, 3],
      expected: new Map([
        ["97,110", 256],
        ["98,256", 257],
        ["256,97", 258],
      ]),
    },
    { input: [[9, 8, 1, 2], 1], expected: new Map([["1,2", 256]]) },
    {
      input: [[3, 4, 5], 5],
      expected: new Map([
        ["3,4", 256],
        ["256,5", 257],
      ]),
    },
  ],
  random: (random, i) => [someIds(random, 4 + 3 * i), 1 + (i % 7)],
  extremes: [
    [[], 3],
    [[97], 2],
    [banana, 0],
    [Array.from({ length: 70 }, () => 97), 6],
  ],
  mistakes: {
    noRecount: trainWith({ recount: false }),
    idFromZero: trainWith({ newId: (step) => step }),
    idFromOne: trainWith({ newId: (step) => 257 + step }),
    idAfterLargest: trainWith({ newId: (step, ids) => Math.max(...ids) + 1 + step }),
    tieFirstSeen: trainWith({ order: (a, b) => b.count - a.count }),
    tieLargest: trainWith({ order: (a, b) => b.count - a.count || b.left - a.left || b.right - a.right }),
    tieRightFirst: trainWith({ order: (a, b) => b.count - a.count || a.right - b.right || a.left - b.left }),
    rarestFirst: trainWith({ order: (a, b) => a.count - b.count || a.left - b.left || a.right - b.right }),
    stopsAtOne: trainWith({ stopBelow: 2 }),
    oneTooMany: (ids, mergeCount) => trainWith({})(ids, mergeCount + 1),
    oneTooFew: (ids, mergeCount) => trainWith({})(ids, mergeCount - 1),
    neverMerges: (ids, mergeCount) => {
      const best = countSorted(ids, byCountThenIds)[0];
      return best && mergeCount > 0 ? new Map([[`${best.left},${best.right}`, 255 + mergeCount]]) : new Map();
    },
  },
  tolerance: 0,
});

// encodeBpe

/** Repeats: choose one of the pairs that have a merge, replace it everywhere or only there. `undefined` from `choose` ends it. */
function encodeWith(
  choose: (
    pairs: { key: string; at: number; id: number }[],
    ids: number[],
  ) => { key: string; at: number; id: number } | undefined,
  everywhere = true,
): EncodeBpe {
  return (ids, merges) => {
    let work = [...ids];
    for (;;) {
      const pairs = pairKeys(work).flatMap((key, at) => (merges.has(key) ? [{ key, at, id: merges.get(key)! }] : []));
      const chosen = choose(pairs, work);
      if (!chosen) return work;
      const [left = 0, right = 0] = chosen.key.split(",").map(Number);
      work = everywhere
        ? mergeLookingBack(work, [left, right], chosen.id)
        : [...work.slice(0, chosen.at), chosen.id, ...work.slice(chosen.at + 2)];
    }
  };
}
const smallestId = (pairs: { key: string; at: number; id: number }[]) =>
  pairs.reduce<(typeof pairs)[number] | undefined>(
    (best, pair) => (best && best.id <= pair.id ? best : pair),
    undefined,
  );
const tricky = new Map([
  ["2,3", 256],
  ["1,2", 257],
  ["257,4", 258],
  ["1,256", 259],
]);
const encodeRight = encodeWith(smallestId, false);

const encodeBpe = exercise<EncodeBpe>({
  reference: encodeRight,
  examples: [
    {
      input: [
        [1, 2, 3],
        new Map([
          ["1,2", 256],
          ["2,3", 257],
        ]),
      ],
      expected: [256, 3],
    },
    {
      input: [
        [2, 3, 4],
        new Map([
          ["2,3", 256],
          ["256,4", 257],
        ]),
      ],
      expected: [257],
    },
    { input: [[1, 2, 3, 4], tricky], expected: [259, 4] },
    { input: [[1, 2, 1, 2, 3], tricky], expected: [257, 259] },
    { input: [[9, 8], tricky], expected: [9, 8] },
  ],
  random: (random, i) => [someIds(random, 3 + i), trainWith({})(someIds(random, 40), 3 + (i % 9))],
  extremes: [
    [[], tricky],
    [[5], tricky],
    [[1, 2, 3], new Map()],
    [
      Array.from({ length: 65 }, () => 97),
      new Map([
        ["97,97", 256],
        ["256,256", 257],
      ]),
    ],
  ],
  mistakes: {
    onlyOneMerge: (ids, merges) => {
      const first = smallestId(
        pairKeys(ids).flatMap((key, at) => (merges.has(key) ? [{ key, at, id: merges.get(key)! }] : [])),
      );
      const [left = 0, right = 0] = first ? first.key.split(",").map(Number) : [];
      return first ? mergeLookingBack(ids, [left, right], first.id) : [...ids];
    },
    mostFrequent: encodeWith((pairs) => {
      const counts = tally(pairs.map((pair) => pair.key));
      return [...pairs].sort((a, b) => counts.get(b.key)! - counts.get(a.key)! || a.id - b.id)[0];
    }),
    leftToRight: (ids, merges) => {
      const out: number[] = [];
      for (const id of ids) {
        out.push(id);
        for (
          let newId = merges.get(out.slice(-2).join(","));
          newId !== undefined;
          newId = merges.get(out.slice(-2).join(","))
        ) {
          out.splice(-2, 2, newId);
        }
      }
      return out;
    },
    leftmostEverywhere: encodeWith((pairs) => pairs[0]),
    latestFirst: encodeWith((pairs) =>
      pairs.reduce<(typeof pairs)[number] | undefined>(
        (best, pair) => (best && best.id >= pair.id ? best : pair),
        undefined,
      ),
    ),
    newestLost: (ids, merges) => encodeRight(ids, new Map([...merges].slice(0, -1))),
    unchanged: (ids) => [...ids],
  },
  tolerance: 0,
});

// decodeBytes

const pieces = [
  [104, 105],
  [32],
  [216],
  [179],
  [240, 159],
  [153, 130],
  [0xe2, 0x80],
  [0x8c],
  [217, 133, 219, 140],
  [195, 169],
].map((bytes) => Uint8Array.from(bytes));
const joined = (ids: number[], vocabulary: Uint8Array[]): Buffer => Buffer.concat(ids.map((id) => vocabulary[id]!));

const decodeBytes = exercise<DecodeBytes>({
  reference: (ids, vocabulary) => joined(ids, vocabulary).toString("utf8"),
  examples: [
    { input: [[0, 1, 0], pieces], expected: "hi hi" },
    { input: [[0, 1, 2, 3], pieces], expected: "hi س" },
    { input: [[4, 5], pieces], expected: "🙂" },
    { input: [[8, 6, 7], pieces], expected: "می\u200c" },
    { input: [[], pieces], expected: "" },
  ],
  random: (random, i) => [Array.from({ length: 1 + i }, () => random.integer(pieces.length)), pieces],
  extremes: [
    [[2], pieces],
    [[3, 2], pieces],
    [[4], pieces],
  ],
  mistakes: {
    tokenByToken: (ids, vocabulary) => ids.map((id) => joined([id], vocabulary).toString("utf8")).join(""),
    byteByByte: (ids, vocabulary) => joined(ids, vocabulary).toString("latin1"),
    idsAsBytes: (ids) => Buffer.from(ids).toString("utf8"),
    dropsBroken: (ids, vocabulary) => joined(ids, vocabulary).toString("utf8").replaceAll("\ufffd", ""),
    withCommas: (ids, vocabulary) => ids.map((id) => joined([id], vocabulary).toString("utf8")).join(","),
    numbersNotText: (ids, vocabulary) => [...joined(ids, vocabulary)].join(","),
  },
  tolerance: 0,
});

// fertility

const words = (text: string): number => (text.match(/\S+/gu) ?? []).length;
const persian = "من می\u200cخواهم کتاب\u200cها را بخوانم";

const fertility = exercise<Fertility>({
  reference: (text, ids) => (words(text) === 0 ? 0 : ids.length / words(text)),
  examples: [
    { input: ["one two", [1, 2, 3]], expected: 1.5 },
    { input: ["one  two\nthree\nfour", [1, 2, 3, 4, 5, 6]], expected: 1.5 },
    { input: [" two words\n", [1, 2, 3, 4]], expected: 2 },
    { input: [persian, Array.from({ length: 20 }, (_, i) => i)], expected: 4 },
    { input: ["don't stop", [1, 2, 3]], expected: 1.5 },
    { input: ["", []], expected: 0 },
  ],
  random: (random, i) => {
    const parts = Array.from(
      { length: 1 + i },
      () =>
        ["word", "سلام", "می\u200cشود", "don't", "x=1;"][random.integer(5)] +
        [" ", "  ", "\n", "\t"][random.integer(4)]!,
    );
    return [parts.join(""), someIds(random, 5 + 2 * i)];
  },
  extremes: [
    ["   ", [1]],
    ["word", []],
    [" word", [1, 2, 3]],
  ],
  mistakes: {
    noWords: (text, ids) => ids.length / words(text),
    countsCharacters: (text, ids) => ids.length / text.length,
    emptyWords: (text, ids) => ids.length / text.split(/\s+/).length,
    onlySpaces: (text, ids) => ids.length / text.split(" ").length,
    onlySpacesTrimmed: (text, ids) => ids.length / text.trim().split(/ +/).length,
    lettersOnly: (text, ids) => ids.length / (text.match(/\p{L}+/gu) ?? []).length,
    latinWords: (text, ids) => ids.length / (text.match(/\w+/g) ?? []).length,
    upsideDown: (text, ids) => words(text) / ids.length,
    sumOfIds: (text, ids) => ids.reduce((sum, id) => sum + id, 0) / words(text),
    rounded: (text, ids) => (words(text) === 0 ? 0 : Math.round(ids.length / words(text))),
  },
});

// embeddingLookup

const tableOf = (rows: number, columns: number): Tensor2D =>
  tf.tensor2d(
    Array.from({ length: rows * columns }, (_, i) => i / 8 - 1),
    [rows, columns],
  );
const rowsOf = (table: Tensor2D, ids: number[]): Tensor2D => {
  const values = table.arraySync();
  return tf.tensor2d(
    ids.flatMap((id) => values[id]!),
    [ids.length, table.shape[1]],
  );
};

const embeddingLookup = exercise<EmbeddingLookup>({
  reference: rowsOf,
  get examples() {
    // tensors can be made only when an engine has been chosen
    return [
      {
        input: [
          tf.tensor2d([
            [1, 2, 3],
            [4, 5, 6],
            [7, 8, 9],
            [0, -1, -2],
          ]),
          [2, 0],
        ] as [Tensor2D, number[]],
        expected: tf.tensor2d([
          [7, 8, 9],
          [1, 2, 3],
        ]),
      },
      {
        input: [
          tf.tensor2d([
            [1, 2],
            [3, 4],
            [5, 6],
          ]),
          [1, 1, 0],
        ] as [Tensor2D, number[]],
        expected: tf.tensor2d([
          [3, 4],
          [3, 4],
          [1, 2],
        ]),
      },
    ];
  },
  random: (random, i) => [
    tableOf(3 + i, 2 + (i % 5)),
    Array.from({ length: 1 + ((3 * i) % 7) }, () => random.integer(3 + i)),
  ],
  cases: 8,
  mistakes: {
    columns: (table, ids) => rowsOf(table.transpose() as Tensor2D, ids).transpose() as Tensor2D,
    columnsAsRows: (table, ids) => rowsOf(table.transpose() as Tensor2D, ids),
    firstRows: (table, ids) =>
      rowsOf(
        table,
        ids.map((_, i) => i),
      ),
    noRepeats: (table, ids) => rowsOf(table, [...new Set(ids)]),
    sorted: (table, ids) =>
      rowsOf(
        table,
        [...ids].sort((a, b) => a - b),
      ),
    countsFromOne: (table, ids) =>
      rowsOf(
        table,
        ids.map((id) => Math.max(id - 1, 0)),
      ),
    oneRow: (table, ids) => rowsOf(table, ids).sum(0, true) as Tensor2D,
  },
});

// slidingWindows

/** One cutter with its rules as options: the first token after `start`, the shift of the targets, and when to stop. */
function windowsWith({
  shift = 1,
  fits = (start: number, blockSize: number, length: number) => start + blockSize < length,
  step = (_blockSize: number, stride: number) => stride,
}): SlidingWindows {
  return (ids, blockSize, stride) => {
    const starts = ids
      .map((_, i) => i)
      .filter((i) => i % step(blockSize, stride) === 0 && fits(i, blockSize, ids.length));
    return {
      inputs: starts.map((s) => ids.slice(s, s + blockSize)),
      targets: starts.map((s) => ids.slice(Math.max(s + shift, 0), s + shift + blockSize)),
    };
  };
}
const upTo = (length: number): number[] => Array.from({ length }, (_, i) => i);

const slidingWindows = exercise<SlidingWindows>({
  reference: windowsWith({}),
  examples: [
    {
      input: [[1, 2, 3, 4, 5], 2, 2],
      expected: {
        inputs: [
          [1, 2],
          [3, 4],
        ],
        targets: [
          [2, 3],
          [4, 5],
        ],
      },
    },
    {
      input: [[1, 2, 3, 4, 5], 2, 1],
      expected: {
        inputs: [
          [1, 2],
          [2, 3],
          [3, 4],
        ],
        targets: [
          [2, 3],
          [3, 4],
          [4, 5],
        ],
      },
    },
    { input: [[1, 2, 3, 4], 2, 2], expected: { inputs: [[1, 2]], targets: [[2, 3]] } },
    {
      input: [[1, 2, 3, 4, 5, 6, 7], 2, 3],
      expected: {
        inputs: [
          [1, 2],
          [4, 5],
        ],
        targets: [
          [2, 3],
          [5, 6],
        ],
      },
    },
    { input: [[1, 2], 2, 1], expected: { inputs: [], targets: [] } },
  ],
  random: (random, i) => [someIds(random, 4 + 2 * i, 50), 1 + random.integer(5), 1 + random.integer(6)],
  extremes: [
    [[], 4, 4],
    [[1], 1, 1],
    [upTo(3), 8, 2],
    [upTo(9), 8, 2],
  ],
  mistakes: {
    notShifted: windowsWith({ shift: 0 }),
    shiftedBack: windowsWith({
      shift: -1,
      fits: (start, blockSize, length) => start > 0 && start + blockSize <= length,
    }),
    targetTooShort: windowsWith({ fits: (start, blockSize, length) => start + blockSize <= length }),
    keepsPartial: windowsWith({ fits: () => true }),
    keepsPartialButEmpty: windowsWith({ fits: (start, _blockSize, length) => start + 1 < length }),
    lastDropped: windowsWith({ fits: (start, blockSize, length) => start + blockSize + 1 < length }),
    strideIsBlock: windowsWith({ step: (blockSize) => blockSize }),
    strideIsOne: windowsWith({ step: () => 1 }),
    nextBlock: (ids, blockSize, stride) =>
      windowsWith({ shift: blockSize, fits: (start, block, length) => start + 2 * block <= length })(
        ids,
        blockSize,
        stride,
      ),
    onlyNextToken: (ids, blockSize, stride) => {
      const { inputs, targets } = windowsWith({})(ids, blockSize, stride);
      return { inputs, targets: targets.map((target) => target[blockSize - 1]) as unknown as number[][] }; // as a learner may misread "the next token"
    },
    swapped: (ids, blockSize, stride) => {
      const { inputs, targets } = windowsWith({})(ids, blockSize, stride);
      return { inputs: targets, targets: inputs };
    },
  },
  tolerance: 0,
  verify: (answer, verify) => {
    // The counts that a published example prints: 4,612 and 534 tokens cut into blocks of 256.
    verify.equal(
      [answer(upTo(4612), 256, 256).inputs.length, answer(upTo(534), 256, 256).inputs.length],
      [18, 2],
      "slidingWindows(4612 or 534 ids, 256, 256).inputs.length",
    );
  },
});

export const exercises = {
  countPairs,
  mergePair,
  trainBpe,
  encodeBpe,
  decodeBytes,
  fertility,
  embeddingLookup,
  slidingWindows,
};
