/** @file A model as a folder in Hugging Face's layout: its config.json, read and written. The weights are `weights.ts`'s job. */
import path from "node:path";
import { Fields } from "../files/fields";
import { isRecord } from "../files/json";
import { shown } from "../files/tensors";
import { writeWhole } from "../whole_file";
import type { FullConfig, GPTConfig } from "./config";

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads config.json of a GPT-2, Llama or Qwen3 checkpoint, as transformers 4 or 5 write it. Throws RangeError for other architectures
 * and for what this library does not compute; TypeError for a value that is missing or no number.
 */
export async function readConfig(folder: string): Promise<GPTConfig> {
  const missing =
    ", which says what the model is like. A model is a folder with config.json and model.safetensors, or a .gguf file";
  const fields = await Fields.read(path.join(folder, "config.json"), missing);
  const { file, json } = fields;
  switch (json.model_type) {
    case "gpt2":
      return gpt2Config(fields);
    case "llama":
    case "qwen3":
      return llamaConfig(fields, json.model_type);
    default:
      throw new RangeError(
        `${file} describes a model of type ${shown(json.model_type)}, expected "gpt2", "llama" or "qwen3"`,
      );
  }
}

function gpt2Config(fields: Fields): GPTConfig {
  fields.require("activation_function", "gelu_new", "gelu_pytorch_tanh", null);
  fields.require("scale_attn_weights", true, null);
  fields.require("scale_attn_by_inverse_layer_idx", false, null);
  fields.require("add_cross_attention", false, null);
  const nEmbd = fields.number("n_embd");
  return {
    architecture: "gpt2",
    vocabSize: fields.number("vocab_size"),
    blockSize: fields.number("n_positions", 1024),
    nLayer: fields.number("n_layer"),
    nHead: fields.number("n_head"),
    nEmbd,
    nInner: fields.number("n_inner", 4 * nEmbd),
    normEpsilon: fields.number("layer_norm_epsilon", 1e-5),
    dropout: 0,
    tieWeights: fields.json.tie_word_embeddings !== false,
  };
}

function llamaConfig(fields: Fields, architecture: "llama" | "qwen3"): GPTConfig {
  const { json } = fields;
  const bias = json.attention_bias === true;
  fields.require("hidden_act", "silu", null);
  if (architecture === "qwen3") {
    fields.require("attention_bias", false, null);
    fields.require("use_sliding_window", false, null);
  } else fields.require("mlp_bias", ...(bias ? [true] : [false, null]));
  const [nHead, nEmbd] = [fields.number("num_attention_heads"), fields.number("hidden_size")];
  return {
    architecture,
    vocabSize: fields.number("vocab_size"),
    blockSize: fields.number("max_position_embeddings"),
    nLayer: fields.number("num_hidden_layers"),
    nHead,
    nEmbd,
    nKvHead: fields.number("num_key_value_heads", nHead),
    headSize: fields.number("head_dim", nEmbd / nHead),
    nInner: fields.number("intermediate_size"),
    ...ropeOf(fields),
    normEpsilon: fields.number("rms_norm_eps", 1e-6),
    bias,
    tieWeights: json.tie_word_embeddings === true,
  };
}

/** Rotary positions: transformers 5 has all in `rope_parameters`, 4 the base in `rope_theta` and the rest in `rope_scaling`. */
function ropeOf(fields: Fields): Pick<GPTConfig, "ropeTheta" | "ropeScaling"> {
  const { rope_parameters: parameters, rope_scaling: scaling, partial_rotary_factor: part } = fields.json;
  const rope: Json = { ...(isRecord(scaling) ? scaling : {}), ...(isRecord(parameters) ? parameters : {}) };
  const ropeTheta = fields.numberOf(rope.rope_theta ?? fields.json.rope_theta ?? 10_000, "rope_theta");
  const type = rope.rope_type ?? rope.type ?? "default";
  if ((part ?? rope.partial_rotary_factor ?? 1) !== 1 || (type !== "default" && type !== "llama3"))
    throw new RangeError(
      `${fields.file} asks for rotary positions of another kind (${JSON.stringify(rope).slice(0, 200)}), but this library computes only "default" and "llama3" in whole heads`,
    );
  if (type === "default") return { ropeTheta };
  const number = (name: string): number => fields.numberOf(rope[name], name);
  return {
    ropeTheta,
    ropeScaling: {
      type,
      factor: number("factor"),
      lowFrequencyFactor: number("low_freq_factor"),
      highFrequencyFactor: number("high_freq_factor"),
      originalBlockSize: number("original_max_position_embeddings"),
    },
  };
}

/** How floating-point weights are stored. */
export type FloatType = "F32" | "F16" | "BF16";

/** The ids of the tokens with a role; null where there is none, so that readers do not take their own default for it. */
export interface TokenRoles {
  readonly bos_token_id: number | null;
  readonly eos_token_id: number | null;
  readonly pad_token_id: number | null;
}

/** Writes config.json, so that transformers loads the folder. */
export async function writeConfig(
  folder: string,
  config: FullConfig,
  dtype: FloatType,
  roles: TokenRoles,
): Promise<void> {
  const torch = { F32: "float32", F16: "float16", BF16: "bfloat16" }[dtype];
  const json = {
    ...(config.architecture === "gpt2" ? gpt2Json(config) : llamaJson(config)),
    tie_word_embeddings: config.tieWeights,
    ...roles,
    torch_dtype: torch,
  };
  await writeWhole([{ path: path.join(folder, "config.json"), chunks: [`${JSON.stringify(json, null, 2)}\n`] }]);
}

function gpt2Json(config: FullConfig): Json {
  return {
    architectures: ["GPT2LMHeadModel"],
    model_type: "gpt2",
    activation_function: "gelu_new",
    vocab_size: config.vocabSize,
    n_positions: config.blockSize,
    n_ctx: config.blockSize,
    n_layer: config.nLayer,
    n_head: config.nHead,
    n_embd: config.nEmbd,
    n_inner: config.nInner,
    layer_norm_epsilon: config.normEpsilon,
    attn_pdrop: config.dropout,
    embd_pdrop: config.dropout,
    resid_pdrop: config.dropout,
  };
}

function llamaJson(config: FullConfig): Json {
  const { architecture, ropeScaling: scaling } = config;
  return {
    architectures: [architecture === "llama" ? "LlamaForCausalLM" : "Qwen3ForCausalLM"],
    model_type: architecture,
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
    rope_theta: config.ropeTheta, // transformers 4's place, which 5 reads too
    rope_scaling: scaling
      ? {
          rope_type: scaling.type,
          factor: scaling.factor,
          low_freq_factor: scaling.lowFrequencyFactor,
          high_freq_factor: scaling.highFrequencyFactor,
          original_max_position_embeddings: scaling.originalBlockSize,
        }
      : null,
    attention_bias: config.bias,
    ...(architecture === "llama" ? { mlp_bias: config.bias } : {}),
  };
}
