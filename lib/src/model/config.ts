/** @file What a model looks like in numbers, with the published sizes. */
import type { RopeScaling } from "../ops";

/** The numbers that fix a decoder. Names follow GPT-2. */
export interface GPTConfig {
  readonly architecture: "gpt2" | "llama" | "qwen3";
  readonly vocabSize: number;
  /** Longest text, in tokens. */
  readonly blockSize: number;
  readonly nLayer: number;
  readonly nHead: number;
  /** Width of the model, C. */
  readonly nEmbd: number;
  /** Heads of keys and values, each shared by nHead / nKvHead queries; default nHead. */
  readonly nKvHead?: number;
  /** Default nEmbd / nHead. */
  readonly headSize?: number;
  /** Width of the feed-forward layer; default 4 · nEmbd. */
  readonly nInner?: number;
  /** Biases of the linear layers; default true for gpt2, false else. Qwen3 has none. */
  readonly bias?: boolean;
  /** The output layer shares the token embedding; default true. */
  readonly tieWeights?: boolean;
  /** Base of the rotary wavelengths; default 10,000. */
  readonly ropeTheta?: number;
  /** Stretched rotary positions; default none. */
  readonly ropeScaling?: RopeScaling;
  /** Default 1e-5. */
  readonly normEpsilon?: number;
  /** Rate of dropout while training; default 0. */
  readonly dropout?: number;
}

/** A configuration with every default filled in. */
export type FullConfig = Required<Omit<GPTConfig, "ropeScaling">> & Pick<GPTConfig, "ropeScaling">;

const gpt2 = (nLayer: number, nHead: number, nEmbd: number): GPTConfig => ({
  architecture: "gpt2",
  vocabSize: 50257,
  blockSize: 1024,
  nLayer,
  nHead,
  nEmbd,
});

/**
 * Published sizes, and the course's own. Sources: Radford et al. (2019) for GPT-2 with the parameter counts of its released files;
 * the model card of HuggingFaceTB/SmolLM2-135M.
 *
 * @example
 * import { presets } from "gptlab";
 * presets.gpt2.nLayer; // => 12
 */
export const presets = {
  gpt2: gpt2(12, 12, 768), //          124,439,808 parameters
  "gpt2-medium": gpt2(24, 16, 1024), // 354,823,168
  "gpt2-large": gpt2(36, 20, 1280), //  774,030,080
  "gpt2-xl": gpt2(48, 25, 1600), //   1,557,611,200
  // 134,515,008 parameters
  "smollm2-135m": {
    architecture: "llama",
    vocabSize: 49152,
    blockSize: 8192,
    nLayer: 30,
    nHead: 9,
    nKvHead: 3,
    nEmbd: 576,
    nInner: 1536,
    ropeTheta: 100_000,
  },
  course: { architecture: "gpt2", vocabSize: 8192, blockSize: 256, nLayer: 6, nHead: 6, nEmbd: 192 },
} as const satisfies Record<string, GPTConfig>;

/** The longest contexts that are published have four million tokens, with heads of 128. */
const LONGEST = 2 ** 22;
const LARGEST_TABLE = 128 * LONGEST;

/** The numbers in the matrices of a model, before it is made. */
export function matrixNumbers(config: FullConfig): number {
  const { architecture, nLayer, nEmbd, nInner, nHead, nKvHead, headSize, vocabSize, blockSize, tieWeights } = config;
  const gpt2Family = architecture === "gpt2";
  const attention = nEmbd * headSize * 2 * (nHead + nKvHead); // queries and projection, keys and values
  const feedForward = nEmbd * nInner * (gpt2Family ? 2 : 3);
  return nEmbd * (vocabSize * (tieWeights ? 1 : 2) + (gpt2Family ? blockSize : 0)) + nLayer * (attention + feedForward);
}

/** Fills in the defaults. Throws RangeError for numbers that make no model. */
export function fullConfig(config: GPTConfig): FullConfig {
  const gpt2Family = config.architecture === "gpt2";
  const full: FullConfig = {
    nKvHead: config.nHead,
    headSize: config.nEmbd / config.nHead,
    nInner: 4 * config.nEmbd,
    bias: gpt2Family,
    tieWeights: true,
    ropeTheta: 10_000,
    normEpsilon: 1e-5,
    dropout: 0,
    ...config,
  };
  for (const name of ["vocabSize", "blockSize", "nLayer", "nHead", "nKvHead", "nEmbd", "headSize", "nInner"] as const) {
    if (name === "headSize" && config.headSize === undefined && !Number.isInteger(full.headSize))
      throw new RangeError(
        `nEmbd must be a multiple of nHead, but found ${full.nEmbd} and ${full.nHead}. Or give the headSize`,
      );
    if (!Number.isInteger(full[name]) || full[name] < 1)
      throw new RangeError(`A model's ${name} must be a whole number of at least 1, but found ${full[name]}`);
  }
  if (full.nHead % full.nKvHead !== 0)
    throw new RangeError(`nHead must be a multiple of nKvHead, but found ${full.nHead} and ${full.nKvHead}`);
  if (!gpt2Family && full.headSize % 2 !== 0)
    throw new RangeError(`Rotary positions need an even headSize, but found ${full.headSize}`);
  if (!gpt2Family && !(full.blockSize <= LONGEST && full.blockSize * full.headSize <= LARGEST_TABLE))
    throw new RangeError(
      `A table of rotary positions has room for ${LONGEST} tokens and ${LARGEST_TABLE} numbers, but found blockSize ${full.blockSize} and headSize ${full.headSize}. A smaller blockSize will do`,
    );
  if (full.architecture === "qwen3" && full.bias)
    throw new RangeError(
      'A model of the architecture "qwen3" has no biases, but found bias: true. Use "llama" for biases',
    );
  if (!(full.dropout >= 0 && full.dropout < 1))
    throw new RangeError(`dropout must be at least 0 and less than 1, but found ${full.dropout}`);
  return full;
}
