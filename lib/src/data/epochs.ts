/** @file A text that is read several times, cut at another place in each round, so that a model does not meet the same windows again. */
import type { Random } from "../random";
import { TokenDataset } from "./dataset";

/**
 * The windows of each epoch (0, 1, …) of a text: in the first they begin with its first id, in later ones at a random id of the
 * first window. Made to be the `examples` of a {@link Mixture}.
 *
 * @param options.name tells the texts of one generator apart
 * @example
 * import { epochWindows, Random } from "gptlab";
 * const windows = epochWindows(Uint16Array.of(1, 2, 3, 4, 5, 6, 7), { blockSize: 3, name: "text", random: new Random(1) });
 * windows(0).length; // => 2
 * Array.from(windows(0).at(0).ids); // => [1, 2, 3]
 */
export function epochWindows(
  ids: Uint16Array | Uint32Array,
  { blockSize, name, random }: { blockSize: number; name: string; random: Random },
): (epoch: number) => TokenDataset {
  return (epoch) => {
    const places = Math.min(blockSize, ids.length - blockSize); // one window always fits behind the cut
    const start = epoch === 0 ? 0 : random.fork(`${name} ${epoch}`).integer(places);
    return new TokenDataset(ids.subarray(start), { blockSize });
  };
}
