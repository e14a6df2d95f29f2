/** @file The only place with foreign names: which tensors of a published checkpoint make which parameter, and how they are turned. */
import type { FullConfig } from "./config";

/** How one parameter is made of tensors of a checkpoint, and the reverse. */
export interface Source {
  /** One tensor, or several side by side along the parameter's last axis. */
  readonly names: readonly string[];
  /** Width of each in the parameter. */
  readonly widths: readonly number[];
  /** The checkpoint keeps (out, in), this library (in, out). */
  readonly transpose: boolean;
}

/** For each parameter of the model, what Hugging Face's file holds. */
export function sources(config: FullConfig): Map<string, Source> {
  return config.architecture === "gpt2" ? gpt2Sources(config) : llamaSources(config);
}

/** Names in a file that carry no weights: GPT-2's saved masks, and a head that is the embedding once more. */
export function isIgnored(name: string, config: FullConfig): boolean {
  return (
    /\.attn\.(masked_)?bias$/.test(name) ||
    /rotary_emb\.inv_freq$/.test(name) ||
    (config.tieWeights && name === "lm_head.weight")
  );
}

const one = (name: string, width: number, transpose = false): Source => ({ names: [name], widths: [width], transpose });

function gpt2Sources({ nLayer, nEmbd, nInner, vocabSize, tieWeights }: FullConfig): Map<string, Source> {
  const map = new Map<string, Source>([
    ["tokens.weight", one("transformer.wte.weight", nEmbd)],
    ["positions.weight", one("transformer.wpe.weight", nEmbd)],
    ["norm.gain", one("transformer.ln_f.weight", nEmbd)],
    ["norm.bias", one("transformer.ln_f.bias", nEmbd)],
  ]);
  if (!tieWeights) map.set("head.weight", one("lm_head.weight", vocabSize, true));
  const layers = [
    ["attention.qkv", "attn.c_attn", 3 * nEmbd],
    ["attention.projection", "attn.c_proj", nEmbd],
    ["feedForward.up", "mlp.c_fc", nInner],
    ["feedForward.down", "mlp.c_proj", nEmbd],
  ] as const;
  for (let i = 0; i < nLayer; i++) {
    for (const [ours, theirs, width] of layers) {
      for (const kind of ["weight", "bias"])
        map.set(`blocks.${i}.${ours}.${kind}`, one(`transformer.h.${i}.${theirs}.${kind}`, width)); // Conv1D keeps (in, out)
    }
    for (const norm of [1, 2]) {
      map.set(`blocks.${i}.norm${norm}.gain`, one(`transformer.h.${i}.ln_${norm}.weight`, nEmbd));
      map.set(`blocks.${i}.norm${norm}.bias`, one(`transformer.h.${i}.ln_${norm}.bias`, nEmbd));
    }
  }
  return map;
}

function llamaSources({
  architecture,
  nLayer,
  nEmbd,
  nInner,
  nHead,
  nKvHead,
  headSize,
  vocabSize,
  tieWeights,
  bias,
}: FullConfig): Map<string, Source> {
  const map = new Map<string, Source>([
    ["tokens.weight", one("model.embed_tokens.weight", nEmbd)],
    ["norm.gain", one("model.norm.weight", nEmbd)],
  ]);
  if (!tieWeights) map.set("head.weight", one("lm_head.weight", vocabSize, true));
  const [queries, keys] = [nHead * headSize, nKvHead * headSize];
  for (let i = 0; i < nLayer; i++) {
    const [ours, theirs] = [`blocks.${i}`, `model.layers.${i}`];
    const linear = (name: string, parts: readonly (readonly [string, number])[]): void => {
      for (const kind of bias ? ["weight", "bias"] : ["weight"]) {
        map.set(`${ours}.${name}.${kind}`, {
          names: parts.map(([part]) => `${theirs}.${part}.${kind}`),
          widths: parts.map(([, width]) => width),
          transpose: kind === "weight",
        });
      }
    };
    linear("attention.qkv", [
      ["self_attn.q_proj", queries],
      ["self_attn.k_proj", keys],
      ["self_attn.v_proj", keys],
    ]);
    linear("attention.projection", [["self_attn.o_proj", nEmbd]]);
    linear("feedForward.up", [
      ["mlp.gate_proj", nInner],
      ["mlp.up_proj", nInner],
    ]);
    linear("feedForward.down", [["mlp.down_proj", nEmbd]]);
    map.set(`${ours}.norm1.gain`, one(`${theirs}.input_layernorm.weight`, nEmbd));
    map.set(`${ours}.norm2.gain`, one(`${theirs}.post_attention_layernorm.weight`, nEmbd));
    if (architecture === "qwen3") {
      map.set(`${ours}.attention.queryNorm.gain`, one(`${theirs}.self_attn.q_norm.weight`, headSize));
      map.set(`${ours}.attention.keyNorm.gain`, one(`${theirs}.self_attn.k_norm.weight`, headSize));
    }
  }
  return map;
}
