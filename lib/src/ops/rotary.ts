/** @file Rotary position embeddings: the position turns pairs of a head's numbers, so a dot product sees only the distance. */
import { type SaveFunction, type Tensor, type Tensor4D, tf } from "../tf";

/** Cosines and sines of the angles of each position. Made once, used by all layers. */
export interface RotaryAngles {
  /** (T, hs / 2), or (B, 1, T, hs / 2) if rows have positions of their own */
  readonly cos: Tensor;
  readonly sin: Tensor;
}

const turn = (cos: Tensor, sin: Tensor) =>
  tf.customGrad((x: Tensor4D, save: SaveFunction) => {
    save([cos, sin]);
    return {
      value: rotate(x, cos, sin),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [c, s] = saved as [Tensor, Tensor];
        return rotate(dy as Tensor4D, c, s.neg()); // the turn back
      },
    };
  });

/** Pairs are (i, i + hs/2), Hugging Face's order; GGUF files of the Llama family keep (2i, 2i + 1). */
function rotate(x: Tensor4D, cos: Tensor, sin: Tensor): Tensor4D {
  const [first, second] = tf.split(x, 2, 3) as [Tensor4D, Tensor4D];
  return tf.concat([first.mul(cos).sub(second.mul(sin)), second.mul(cos).add(first.mul(sin))], 3) as Tensor4D;
}

/** How the slow turns of a model are stretched for texts longer than those it was first trained on: the rule of Llama 3.1. */
export interface RopeScaling {
  readonly type: "llama3";
  /** By how much the slowest turns become slower. */
  readonly factor: number;
  /** Pairs that turn less often than this in the original length become slower by `factor` … */
  readonly lowFrequencyFactor: number;
  /** … those that turn more often than this stay; between the two it is a mixture. */
  readonly highFrequencyFactor: number;
  /** Length of the texts before, in tokens. */
  readonly originalBlockSize: number;
}

/**
 * How far each pair turns from one position to the next, in radians: `theta^(-2i / hs)` for the i-th pair, less with `scaling`.
 * Source: Su et al. (2021), arXiv 2104.09864; for the scaling `_compute_llama3_parameters` of transformers' `modeling_rope_utils.py`.
 *
 * @param headSize hs, even
 * @param theta base of the wavelengths; default 10,000
 * @returns (hs / 2)
 * @example
 * import { rotaryFrequencies } from "gptlab";
 * Array.from(rotaryFrequencies(4)); // => [1, 0.01]
 */
export function rotaryFrequencies(headSize: number, theta = 10_000, scaling?: RopeScaling): Float64Array {
  if (headSize % 2 !== 0) throw new RangeError(`Rotary positions need an even head size, but found ${headSize}`);
  const half = headSize / 2;
  return Float64Array.from({ length: half }, (_, i) => {
    const frequency = theta ** (-i / half);
    if (!scaling) return frequency;
    const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalBlockSize } = scaling;
    const turns = (originalBlockSize * frequency) / (2 * Math.PI); // in a text of the original length
    const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)));
    return frequency * (kept + (1 - kept) / factor);
  });
}

/**
 * The angles of positions: position times {@link rotaryFrequencies}.
 *
 * @param positions (T), or (B, T) when the rows differ (left padding)
 * @param headSize hs, even
 * @param theta base of the wavelengths; default 10,000
 * @example
 * import { initBackend, rotaryAngles } from "gptlab";
 * await initBackend();
 * rotaryAngles([0, 1], 2).cos.dataSync()[1].toFixed(4); // => "0.5403"
 */
export function rotaryAngles(
  positions: readonly number[] | readonly (readonly number[])[],
  headSize: number,
  theta = 10_000,
  scaling?: RopeScaling,
): RotaryAngles {
  const frequencies = rotaryFrequencies(headSize, theta, scaling);
  const half = frequencies.length;
  const flat = positions.flat() as number[];
  const shape = Array.isArray(positions[0])
    ? [positions.length, 1, flat.length / positions.length, half]
    : [flat.length, half];
  const table = (turn: (angle: number) => number): Tensor => {
    const values = new Float32Array(flat.length * half);
    for (let i = 0; i < values.length; i++) values[i] = turn(flat[Math.floor(i / half)]! * frequencies[i % half]!);
    return tf.tensor(values, shape);
  };
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

/**
 * Turns queries or keys by their positions.
 *
 * @param x (B, H, T, hs)
 * @param angles of the T positions
 * @returns (B, H, T, hs)
 * @example
 * import { initBackend, rotary, rotaryAngles, tf } from "gptlab";
 * await initBackend();
 * const x = tf.tensor4d([[[[1, 0]]]]);
 * Array.from(rotary(x, rotaryAngles([1], 2)).dataSync(), (v) => v.toFixed(4)); // => ["0.5403", "0.8415"]
 */
export function rotary(x: Tensor4D, { cos, sin }: RotaryAngles): Tensor4D {
  return turn(cos, sin)(x) as Tensor4D;
}
