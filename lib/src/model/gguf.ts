/** @file What the metadata of a GGUF file says of the model in it. The names of its tensors are in `names.ts`. */
import { shown, type TensorSource } from "../files/tensors";
import { type RopeScaling, rotaryFrequencies } from "../ops";
import type { GPTConfig } from "./config";
import { ROPE_FACTORS } from "./names";

const ARCHITECTURES = ["gpt2", "llama", "qwen3"] as const;

/**
 * The configuration of the model in an open GGUF file. Throws RangeError for other architectures, and for what this library does not
 * compute; TypeError for a value that is missing or no number.
 * Source: the specification in ggml's `docs/gguf.md`.
 */
export async function ggufConfig(file: TensorSource): Promise<GPTConfig> {
  const named = file.metadata["general.architecture"];
  const architecture = ARCHITECTURES.find((known) => known === named);
  if (!architecture)
    throw new RangeError(
      `${file.path} holds a model of the architecture ${say(named)}, expected one of ${ARCHITECTURES.join(", ")}`,
    );
  const value = (key: string): unknown => file.metadata[`${architecture}.${key}`];
  const number = (key: string, fallback?: number): number => {
    const found = value(key) ?? fallback;
    if (typeof found !== "number" || !Number.isFinite(found))
      throw new TypeError(`${file.path} has ${say(found)} for "${architecture}.${key}", expected a number`);
    return found;
  };
  const refuse = (key: string, why: string): never => {
    throw new RangeError(
      `${file.path} has ${say(value(key))} for "${architecture}.${key}": ${why}, which this library does not compute`,
    );
  };
  const [nHead, nEmbd] = [number("attention.head_count"), number("embedding_length")];
  const common = {
    architecture,
    vocabSize: rowsOf(file, "token_embd.weight"),
    blockSize: number("context_length"),
    nLayer: number("block_count"),
    nHead,
    nEmbd,
    nInner: number("feed_forward_length"),
    tieWeights: !file.has("output.weight"),
  };
  if (architecture === "gpt2") return { ...common, normEpsilon: number("attention.layer_norm_epsilon", 1e-5) };

  const headSize = number("attention.key_length", number("rope.dimension_count", nEmbd / nHead));
  if (number("attention.value_length", headSize) !== headSize)
    refuse("attention.value_length", "values of another size than keys");
  if (number("rope.dimension_count", headSize) !== headSize)
    refuse("rope.dimension_count", "rotary positions in a part of a head");
  if (number("expert_count", 0) > 0) refuse("expert_count", "a mixture of experts");
  if ((value("rope.scaling.type") ?? "none") !== "none") refuse("rope.scaling.type", "scaled rotary positions");
  const ropeTheta = number("rope.freq_base", 10_000);
  const ropeScaling = file.has(ROPE_FACTORS) ? await scalingOf(file, headSize, ropeTheta) : undefined;
  return {
    ...common,
    nKvHead: number("attention.head_count_kv", nHead),
    headSize,
    ropeTheta,
    ...(ropeScaling ? { ropeScaling } : {}),
    normEpsilon: number("attention.layer_norm_rms_epsilon", 1e-6),
    bias: file.has("blk.0.attn_q.bias"),
  };
}

/**
 * GGUF keeps what Llama 3's rule gives, not its numbers: a divisor for each frequency. The rule's published numbers, and the largest
 * divisor as its factor, must give the same.
 */
async function scalingOf(file: TensorSource, headSize: number, theta: number): Promise<RopeScaling> {
  const divisors = (await file.read(ROPE_FACTORS)).data as Float32Array;
  const factor = divisors.reduce((largest, divisor) => Math.max(largest, divisor), 1);
  const rule = { lowFrequencyFactor: 1, highFrequencyFactor: 4, originalBlockSize: 8192 };
  const scaling: RopeScaling = { type: "llama3", factor, ...rule };
  const plain = rotaryFrequencies(headSize, theta);
  const scaled = rotaryFrequencies(headSize, theta, scaling);
  const same = scaled.every((frequency, i) => Math.abs((frequency * divisors[i]!) / plain[i]! - 1) < 1e-4);
  if (!same || divisors.length !== scaled.length)
    throw new RangeError(
      `${file.path} scales its rotary positions by "${ROPE_FACTORS}" in another way than Llama 3, which this library does not compute`,
    );
  return scaling;
}

function rowsOf(file: TensorSource, name: string): number {
  return file.info(name).shape[0] ?? 0;
}

function say(value: unknown): string {
  return value === undefined ? "nothing" : shown(value);
}
