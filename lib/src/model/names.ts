/** @file The only place with foreign names of tensors: which tensors of a published checkpoint make which parameter, and how they are turned. */
import type { FullConfig } from "./config";

/** How one parameter is made of tensors of a checkpoint, and the reverse. */
export interface Source {
  /** One tensor, or several side by side along the parameter's last axis. */
  readonly names: readonly string[];
  /** Width of each in the parameter. */
  readonly widths: readonly number[];
  /** The checkpoint keeps (out, in), this library (in, out). */
  readonly transpose: boolean;
  /** Heads of each tensor whose rows lie in the order 0, hs/2, 1, hs/2 + 1 …; 0 for rows in their own order. Default all 0. */
  readonly interleaved?: readonly number[];
}

/** What a kind of checkpoint calls its tensors. */
export interface Names {
  /** For each parameter of the model. */
  readonly sources: ReadonlyMap<string, Source>;
  /** Whether a tensor carries no weights that are needed. */
  readonly ignores: (name: string) => boolean;
  /** Names begin with this, or not: some checkpoints hold the model without its head, and its names without this. */
  readonly prefix: string;
}

/** The names in Hugging Face's files. Throws RangeError for a GPT-2 that this layout cannot hold. */
export function huggingFaceNames(config: FullConfig): Names {
  const gpt2Family = config.architecture === "gpt2";
  return {
    sources: gpt2Family ? gpt2Sources(config) : llamaSources(config),
    // GPT-2's saved masks, old files' frequencies, and a head that is the embedding once more
    ignores: (name) =>
      /\.attn\.(masked_)?bias$/.test(name) ||
      /rotary_emb\.inv_freq$/.test(name) ||
      (config.tieWeights && name === "lm_head.weight"),
    prefix: gpt2Family ? "transformer." : "model.",
  };
}

/**
 * The names in GGUF files. Source: `gguf-py/gguf/constants.py` and `convert_hf_to_gguf.py` of llama.cpp, which turns GPT-2's weights
 * to (out, in), and puts the rows of the Llama family's queries and keys in the order of its rotary pairs (2i, 2i + 1).
 */
export function ggufNames(config: FullConfig): Names {
  const { architecture, nHead, nKvHead } = config;
  const translate = ([parameter, source]: [string, Source]): [string, Source] => {
    const matrix = /^blocks\..*\.weight$/.test(parameter);
    const permuted = architecture === "llama" && parameter.includes(".qkv.");
    const turned = { ...source, names: source.names.map(ggufName), transpose: source.transpose || matrix };
    return [parameter, permuted ? { ...turned, interleaved: [nHead, nKvHead, 0] } : turned];
  };
  return {
    sources: new Map([...huggingFaceNames(config).sources].map(translate)),
    ignores: (name) => name === ROPE_FACTORS, // read with the configuration
    prefix: "",
  };
}

/** GGUF's tensor of what each rotary frequency is divided by: (hs / 2). */
export const ROPE_FACTORS = "rope_freqs.weight";

const GGUF_PARTS: readonly (readonly [string, string])[] = [
  ["transformer.wte.", "token_embd."],
  ["transformer.wpe.", "position_embd."],
  ["transformer.ln_f.", "output_norm."],
  ["transformer.h.", "blk."],
  [".attn.c_attn.", ".attn_qkv."],
  [".attn.c_proj.", ".attn_output."],
  [".mlp.c_fc.", ".ffn_up."],
  [".mlp.c_proj.", ".ffn_down."],
  [".ln_1.", ".attn_norm."],
  [".ln_2.", ".ffn_norm."],
  ["model.embed_tokens.", "token_embd."],
  ["model.norm.", "output_norm."],
  ["lm_head.", "output."],
  ["model.layers.", "blk."],
  [".self_attn.q_proj.", ".attn_q."],
  [".self_attn.k_proj.", ".attn_k."],
  [".self_attn.v_proj.", ".attn_v."],
  [".self_attn.o_proj.", ".attn_output."],
  [".self_attn.q_norm.", ".attn_q_norm."],
  [".self_attn.k_norm.", ".attn_k_norm."],
  [".mlp.gate_proj.", ".ffn_gate."],
  [".mlp.up_proj.", ".ffn_up."],
  [".mlp.down_proj.", ".ffn_down."],
  [".input_layernorm.", ".attn_norm."],
  [".post_attention_layernorm.", ".ffn_norm."],
];

function ggufName(name: string): string {
  return GGUF_PARTS.reduce((text, [theirs, gguf]) => text.replace(theirs, gguf), name);
}

const one = (name: string, width: number, transpose = false): Source => ({ names: [name], widths: [width], transpose });

function gpt2Sources(config: FullConfig): Map<string, Source> {
  const { nLayer, nHead, nKvHead, headSize, nEmbd, nInner, vocabSize, tieWeights } = config;
  if (nKvHead !== nHead || headSize !== nEmbd / nHead)
    throw new RangeError(
      `GPT-2's layout needs as many heads of keys as of queries, and nEmbd / nHead as their size, but found nHead ${nHead}, nKvHead ${nKvHead}, headSize ${headSize}, nEmbd ${nEmbd}. Use the architecture "llama" for other heads`,
    );
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

function llamaSources(config: FullConfig): Map<string, Source> {
  const { architecture, nLayer, nEmbd, nInner, nHead, nKvHead, headSize, vocabSize, tieWeights, bias } = config;
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
