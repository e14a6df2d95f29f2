/** @file Wrong answers to the exercises of chapter 01, as learners write them, and the message that each must get. Written without a look at `mistakes`. */
import { type Tensor2D, tf } from "gptlab";
import { NotImplemented } from "gptlab/course";

interface Mutant {
  readonly name: string;
  /** Key of the message that must be shown. */
  readonly message: string;
  // biome-ignore lint/complexity/noBannedTypes: a wrong answer may have any signature
  readonly answer: Function;
}

type Pair = [number, number];

/** The pairs of neighbours in a Map; `step` and `end` as a learner may get them wrong. */
function tallyPairs(ids: number[], { step = 1, end = ids.length - 1, start = 1 } = {}): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < end; i += step) {
    const key = [ids[i], ids[i + 1]].join(",");
    counts.set(key, counts.has(key) ? counts.get(key)! + 1 : start);
  }
  return counts;
}

function replacePair(ids: number[], [left, right]: Pair, newId: number): number[] {
  const out: number[] = [];
  let i = 0;
  while (i < ids.length) {
    const here = ids[i] === left && ids[i + 1] === right;
    out.push(here ? newId : ids[i]!);
    i += here ? 2 : 1;
  }
  return out;
}

/** The best pair of a count; `better(a, b)` says whether a beats b at equal counts. */
function bestKey(counts: Map<string, number>, better: (a: Pair, b: Pair) => boolean): string | undefined {
  const pair = (key: string): Pair => {
    const [left = 0, right = 0] = key.split(",").map(Number);
    return [left, right];
  };
  let best: string | undefined;
  for (const [key, n] of counts) {
    if (best === undefined || n > counts.get(best)! || (n === counts.get(best)! && better(pair(key), pair(best))))
      best = key;
  }
  return best;
}
const smaller = (a: Pair, b: Pair): boolean => a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
const asPair = (key: string): Pair => [Number(key.split(",")[0]), Number(key.split(",")[1])];

interface Learner {
  readonly better?: (a: Pair, b: Pair) => boolean;
  readonly firstId?: (ids: number[]) => number;
  readonly replaces?: boolean;
  readonly keepsCounts?: boolean;
  readonly least?: number;
  readonly extra?: number;
}
const trainer =
  ({ better = smaller, firstId = () => 256, replaces = true, keepsCounts = false, least = 1, extra = 0 }: Learner) =>
  (ids: number[], mergeCount: number): Map<string, number> => {
    const merges = new Map<string, number>();
    const start = firstId(ids);
    let text = ids;
    const firstCounts = tallyPairs(text);
    for (let step = 0; step < mergeCount + extra; step++) {
      const counts = keepsCounts ? firstCounts : tallyPairs(text);
      const key = bestKey(counts, better);
      if (key === undefined || counts.get(key)! < least) return merges;
      merges.set(key, start + step);
      if (keepsCounts) firstCounts.delete(key);
      if (replaces) text = replacePair(text, asPair(key), start + step);
    }
    return merges;
  };

const decoder = () => new TextDecoder();

/** Windows with a `for` loop; `end` and `targetAt` as a learner may get them wrong. */
function cutWindows(
  ids: number[],
  block: number,
  { stride, end = ids.length - block, targetAt = 1 }: { stride: number; end?: number; targetAt?: number },
): { inputs: number[][]; targets: number[][] } {
  const inputs: number[][] = [];
  const targets: number[][] = [];
  for (let i = 0; i < end; i += stride) {
    inputs.push(ids.slice(i, i + block));
    targets.push(ids.slice(i + targetAt, i + targetAt + block));
  }
  return { inputs, targets };
}

export const mutants: Record<string, readonly Mutant[]> = {
  countPairs: [
    {
      name: "stops one pair too early",
      message: "countPairs.lastPairMissing",
      answer: (ids: number[]) => tallyPairs(ids, { end: ids.length - 2 }),
    },
    {
      name: "goes past the end",
      message: "countPairs.pastTheEndJoined",
      answer: (ids: number[]) => tallyPairs(ids, { end: ids.length }),
    },
    {
      name: "takes disjoint pairs",
      message: "countPairs.stepsByTwo",
      answer: (ids: number[]) => tallyPairs(ids, { step: 2 }),
    },
    {
      name: "starts a count at 0",
      message: "countPairs.startsAtZero",
      answer: (ids: number[]) => tallyPairs(ids, { start: 0 }),
    },
    {
      name: "does not count the overlap of 7, 7, 7",
      message: "countPairs.skipsOverlap",
      answer: (ids: number[]) => {
        const counts = new Map<string, number>();
        for (let i = 0; i + 1 < ids.length; i++) {
          const key = `${ids[i]},${ids[i + 1]}`;
          counts.set(key, (counts.get(key) ?? 0) + 1);
          if (ids[i] === ids[i + 1] && ids[i + 1] === ids[i + 2]) i++;
        }
        return counts;
      },
    },
    {
      name: "sorts the two ids",
      message: "countPairs.ignoresOrder",
      answer: (ids: number[]) => {
        const counts = new Map<string, number>();
        for (let i = 1; i < ids.length; i++) {
          const key = `${Math.min(ids[i - 1]!, ids[i]!)},${Math.max(ids[i - 1]!, ids[i]!)}`;
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
        return counts;
      },
    },
    { name: "gives an object", message: "check.type", answer: (ids: number[]) => Object.fromEntries(tallyPairs(ids)) },
  ],

  mergePair: [
    {
      name: "keeps the right half",
      message: "mergePair.forgetsToSkip",
      answer: (ids: number[], [left, right]: Pair, newId: number) => {
        const out: number[] = [];
        for (let i = 0; i < ids.length; i++) out.push(ids[i] === left && ids[i + 1] === right ? newId : ids[i]!);
        return out;
      },
    },
    {
      name: "looks back and uses an id twice",
      message: "mergePair.overlaps",
      answer: (ids: number[], [left, right]: Pair, newId: number) => {
        const out: number[] = [];
        ids.forEach((id, i) => {
          if (id === right && ids[i - 1] === left) {
            if (out.at(-1) === left) out.pop();
            out.push(newId);
          } else out.push(id);
        });
        return out;
      },
    },
    {
      name: "walks from the end",
      message: "mergePair.rightToLeft",
      answer: (ids: number[], [left, right]: Pair, newId: number) => {
        const out = [...ids];
        for (let i = out.length - 2; i >= 0; i--) if (out[i] === left && out[i + 1] === right) out.splice(i, 2, newId);
        return out;
      },
    },
    {
      name: "loses the last id",
      message: "mergePair.dropsLast",
      answer: (ids: number[], [left, right]: Pair, newId: number) => {
        const out: number[] = [];
        let i = 0;
        while (i < ids.length - 1) {
          const here = ids[i] === left && ids[i + 1] === right;
          out.push(here ? newId : ids[i]!);
          i += here ? 2 : 1;
        }
        return out;
      },
    },
    {
      name: "replaces in a string",
      message: "mergePair.joinsText",
      answer: (ids: number[], pair: Pair, newId: number) =>
        ids.join(",").split(pair.join(",")).join(String(newId)).split(",").filter(Boolean).map(Number),
    },
    {
      name: "works on the list itself",
      message: "check.changedInput",
      answer: (ids: number[], [left, right]: Pair, newId: number) => {
        for (let i = 0; i + 1 < ids.length; i++) if (ids[i] === left && ids[i + 1] === right) ids.splice(i, 2, newId);
        return ids;
      },
    },
  ],

  trainBpe: [
    { name: "takes all merges from one count", message: "trainBpe.noRecount", answer: trainer({ keepsCounts: true }) },
    { name: "starts new ids at 0", message: "trainBpe.idFromZero", answer: trainer({ firstId: () => 0 }) },
    {
      name: "starts new ids after the largest",
      message: "trainBpe.idAfterLargest",
      answer: trainer({ firstId: (ids) => Math.max(...ids) + 1 }),
    },
    {
      name: "keeps the first of equal pairs",
      message: "trainBpe.tieFirstSeen",
      answer: trainer({ better: () => false }),
    },
    {
      name: "prefers larger ids",
      message: "trainBpe.tieLargest",
      answer: trainer({ better: (a, b) => smaller(b, a) }),
    },
    { name: "forgets to replace", message: "trainBpe.neverMerges", answer: trainer({ replaces: false }) },
    { name: "stops at counts of 1", message: "trainBpe.stopsAtOne", answer: trainer({ least: 2 }) },
    { name: "makes one merge more", message: "trainBpe.oneTooMany", answer: trainer({ extra: 1 }) },
    {
      name: "gives a list of pairs",
      message: "check.type",
      answer: (ids: number[], mergeCount: number) => [...trainer({})(ids, mergeCount).keys()],
    },
    {
      name: "uses an unsolved exercise",
      message: "check.needs",
      answer: () => {
        throw new NotImplemented("mergePair");
      },
    },
  ],

  encodeBpe: [
    {
      name: "merges what comes first in the text",
      message: "encodeBpe.leftToRight",
      answer: (ids: number[], merges: Map<string, number>) => {
        let out = [...ids];
        for (let i = 0; i + 1 < out.length; ) {
          const id = merges.get(`${out[i]},${out[i + 1]}`);
          if (id === undefined) i++;
          else {
            out = [...out.slice(0, i), id, ...out.slice(i + 2)];
            i = 0;
          }
        }
        return out;
      },
    },
    {
      name: "merges the most frequent pair, as in training",
      message: "encodeBpe.mostFrequent",
      answer: (ids: number[], merges: Map<string, number>) => {
        let out = ids;
        for (;;) {
          const counts = new Map([...tallyPairs(out)].filter(([key]) => merges.has(key)));
          const top = Math.max(0, ...counts.values());
          const ties = [...counts.keys()]
            .filter((key) => counts.get(key) === top)
            .sort((a, b) => merges.get(a)! - merges.get(b)!);
          if (ties[0] === undefined) return out;
          out = replacePair(out, asPair(ties[0]), merges.get(ties[0])!);
        }
      },
    },
    {
      name: "does one merge only",
      message: "encodeBpe.onlyOneMerge",
      answer: (ids: number[], merges: Map<string, number>) => {
        for (const [key, id] of merges) if (tallyPairs(ids).has(key)) return replacePair(ids, asPair(key), id);
        return ids;
      },
    },
    {
      name: "starts with the last merge",
      message: "encodeBpe.latestFirst",
      answer: (ids: number[], merges: Map<string, number>) => {
        let out = ids;
        const reversed = [...merges].reverse();
        for (let again = true; again; ) {
          const found = reversed.find(([key]) => tallyPairs(out).has(key));
          if (found) out = replacePair(out, asPair(found[0]), found[1]);
          again = found !== undefined;
        }
        return out;
      },
    },
    {
      name: "writes keys with a space",
      message: "encodeBpe.unchanged",
      answer: (ids: number[], merges: Map<string, number>) =>
        ids.filter((_, i) => !merges.has(`${ids[i]}, ${ids[i + 1]}`)),
    },
  ],

  decodeBytes: [
    {
      name: "decodes token by token",
      message: "decodeBytes.tokenByToken",
      answer: (ids: number[], vocabulary: Uint8Array[]) =>
        ids.reduce((text, id) => text + decoder().decode(vocabulary[id]), ""),
    },
    {
      name: "makes a character of each byte",
      message: "decodeBytes.byteByByte",
      answer: (ids: number[], vocabulary: Uint8Array[]) =>
        ids.flatMap((id) => Array.from(vocabulary[id]!, (byte) => String.fromCharCode(byte))).join(""),
    },
    {
      name: "decodes the ids",
      message: "decodeBytes.idsAsBytes",
      answer: (ids: number[]) => decoder().decode(Uint8Array.from(ids)),
    },
    {
      name: "refuses bytes that are not UTF-8",
      message: "check.threw",
      answer: (ids: number[], vocabulary: Uint8Array[]) =>
        new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(ids.flatMap((id) => [...vocabulary[id]!]))),
    },
  ],

  fertility: [
    {
      name: "divides by the letters",
      message: "fertility.countsCharacters",
      answer: (text: string, ids: number[]) => ids.length / text.length,
    },
    {
      name: "counts empty words",
      message: "fertility.emptyWords",
      answer: (text: string, ids: number[]) => ids.length / text.split(/\s+/g).length,
    },
    {
      name: "splits at one space",
      message: "fertility.onlySpaces",
      answer: (text: string, ids: number[]) => ids.length / text.split(" ").length,
    },
    {
      name: "counts Latin words",
      message: "fertility.latinWords",
      answer: (text: string, ids: number[]) => ids.length / [...text.matchAll(/\w+/g)].length,
    },
    {
      name: "splits at ZWNJ",
      message: "fertility.lettersOnly",
      answer: (text: string, ids: number[]) => ids.length / [...text.matchAll(/\p{L}+/gu)].length,
    },
    {
      name: "divides the wrong way",
      message: "fertility.upsideDown",
      answer: (text: string, ids: number[]) => text.split(/\s+/).filter(Boolean).length / ids.length,
    },
    {
      name: "gives NaN without words",
      message: "fertility.noWords",
      answer: (text: string, ids: number[]) => ids.length / text.split(/\s+/).filter(Boolean).length,
    },
  ],

  embeddingLookup: [
    {
      name: "gathers columns",
      message: "embeddingLookup.columns",
      answer: (table: Tensor2D, ids: number[]) => tf.gather(table, ids, 1),
    },
    {
      name: "takes the first rows",
      message: "embeddingLookup.firstRows",
      answer: (table: Tensor2D, ids: number[]) => table.slice([0, 0], [ids.length, table.shape[1]]),
    },
    {
      name: "counts from 1",
      message: "embeddingLookup.countsFromOne",
      answer: (table: Tensor2D, ids: number[]) =>
        tf.tidy(() => tf.stack(ids.map((id) => tf.gather(table, Math.max(0, id - 1))))),
    },
    {
      name: "adds the rows up",
      message: "embeddingLookup.oneRow",
      answer: (table: Tensor2D, ids: number[]) => tf.tidy(() => tf.gather(table, ids).sum(0, true)),
    },
    {
      name: "frees the result",
      message: "check.disposed",
      answer: (table: Tensor2D, ids: number[]) => {
        const rows = tf.gather(table, ids);
        rows.dispose();
        return rows;
      },
    },
  ],

  slidingWindows: [
    {
      name: "does not shift the targets",
      message: "slidingWindows.notShifted",
      answer: (ids: number[], block: number, stride: number) => cutWindows(ids, block, { stride, targetAt: 0 }),
    },
    {
      name: "lets the last target be short",
      message: "slidingWindows.targetTooShort",
      answer: (ids: number[], block: number, stride: number) =>
        cutWindows(ids, block, { stride, end: ids.length - block + 1 }),
    },
    {
      name: "drops the last window",
      message: "slidingWindows.lastDropped",
      answer: (ids: number[], block: number, stride: number) =>
        cutWindows(ids, block, { stride, end: ids.length - block - 1 }),
    },
    {
      name: "ignores the stride",
      message: "slidingWindows.strideIsBlock",
      answer: (ids: number[], block: number) => cutWindows(ids, block, { stride: block }),
    },
    {
      name: "takes the next block as target",
      message: "slidingWindows.nextBlock",
      answer: (ids: number[], block: number, stride: number) =>
        cutWindows(ids, block, { stride, targetAt: block, end: ids.length - 2 * block + 1 }),
    },
    {
      name: "gives only the next token as target",
      message: "slidingWindows.onlyNextToken",
      answer: (ids: number[], block: number, stride: number) => {
        const { inputs } = cutWindows(ids, block, { stride });
        return { inputs, targets: inputs.map((_, i) => ids[i * stride + block]) };
      },
    },
  ],
};
