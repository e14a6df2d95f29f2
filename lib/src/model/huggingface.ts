/** @file A model as a folder in Hugging Face's layout: its config.json, read and written. The weights are `weights.ts`'s job. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { writeWhole } from "../whole_file";
import type { FullConfig, GPTConfig } from "./config";

/** Reads config.json of a GPT-2, Llama or Qwen3 checkpoint. Throws for other architectures, and for what this library does not compute. */
export async function readConfig(folder: string): Promise<GPTConfig> {
  const file = path.join(folder, "config.json");
  const json = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
  const number = (name: string, fallback?: number): number => {
    const value = json[name] ?? fallback;
    if (typeof value !== "number")
      throw new TypeError(`${file} has ${JSON.stringify(json[name])} for "${name}", expected a number`);
    return value;
  };
  if (json.model_type === "gpt2") {
    const activation = json.activation_function ?? "gelu_new";
    if (activation !== "gelu_new" && activation !== "gelu_pytorch_tanh")
      throw new RangeError(
        `${file} asks for the activation ${JSON.stringify(activation)}, but this library computes "gelu_new"`,
      );
    const nEmbd = number("n_embd");
    return {
      architecture: "gpt2",
      vocabSize: number("vocab_size"),
      blockSize: number("n_positions", 1024),
      nLayer: number("n_layer"),
      nHead: number("n_head"),
      nEmbd,
      nInner: number("n_inner", 4 * nEmbd),
      normEpsilon: number("layer_norm_epsilon", 1e-5),
      dropout: 0,
      tieWeights: json.tie_word_embeddings !== false,
    };
  }
  if (json.model_type === "llama" || json.model_type === "qwen3") {
    const rope = (json.rope_parameters ?? {}) as Record<string, unknown>; // transformers 5; 4 writes rope_theta beside
    const scaled = json.rope_scaling ?? (rope.rope_type !== undefined && rope.rope_type !== "default" ? rope : null);
    if (scaled)
      throw new RangeError(
        `${file} asks for scaled rotary positions (${JSON.stringify(scaled)}), which this library does not compute`,
      );
    const [nHead, nEmbd] = [number("num_attention_heads"), number("hidden_size")];
    return {
      architecture: json.model_type,
      vocabSize: number("vocab_size"),
      blockSize: number("max_position_embeddings"),
      nLayer: number("num_hidden_layers"),
      nHead,
      nEmbd,
      nKvHead: number("num_key_value_heads", nHead),
      headSize: number("head_dim", nEmbd / nHead),
      nInner: number("intermediate_size"),
      ropeTheta: number("rope_theta", typeof rope.rope_theta === "number" ? rope.rope_theta : 10_000),
      normEpsilon: number("rms_norm_eps", 1e-6),
      bias: json.attention_bias === true,
      tieWeights: json.tie_word_embeddings === true,
    };
  }
  throw new RangeError(
    `${file} describes a model of type ${JSON.stringify(json.model_type)}, expected "gpt2", "llama" or "qwen3"`,
  );
}

/** How floating-point weights are stored. */
export type FloatType = "F32" | "F16" | "BF16";

/** Writes config.json, so that transformers loads the folder. */
export async function writeConfig(folder: string, config: FullConfig, dtype: FloatType): Promise<void> {
  const text = `${JSON.stringify(configJson(config, dtype), null, 2)}\n`;
  await writeWhole([{ path: path.join(folder, "config.json"), chunks: [text] }]);
}

function configJson(config: FullConfig, dtype: FloatType): Record<string, unknown> {
  const torch = { F32: "float32", F16: "float16", BF16: "bfloat16" }[dtype];
  if (config.architecture === "gpt2") {
    const { vocabSize, blockSize, nLayer, nHead, nEmbd, nInner, normEpsilon, tieWeights } = config;
    return {
      architectures: ["GPT2LMHeadModel"],
      model_type: "gpt2",
      activation_function: "gelu_new",
      vocab_size: vocabSize,
      n_positions: blockSize,
      n_ctx: blockSize,
      n_layer: nLayer,
      n_head: nHead,
      n_embd: nEmbd,
      n_inner: nInner,
      layer_norm_epsilon: normEpsilon,
      tie_word_embeddings: tieWeights,
      attn_pdrop: config.dropout,
      embd_pdrop: config.dropout,
      resid_pdrop: config.dropout,
      torch_dtype: torch,
    };
  }
  return {
    architectures: [config.architecture === "llama" ? "LlamaForCausalLM" : "Qwen3ForCausalLM"],
    model_type: config.architecture,
    hidden_act: "silu",
    vocab_size: config.vocabSize,
    max_position_embeddings: config.blockSize,
    num_hidden_layers: config.nLayer,
    num_attention_heads: config.nHead,
    num_key_value_heads: config.nKvHead,
    head_dim: config.headSize,
    hidden_size: config.nEmbd,
    intermediate_size: config.nInner,
    rms_norm_eps: config.normEpsilon,
    rope_theta: config.ropeTheta,
    attention_bias: config.bias,
    mlp_bias: config.bias,
    tie_word_embeddings: config.tieWeights,
    torch_dtype: torch,
  };
}
