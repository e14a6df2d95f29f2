/** @file The decoder and what belongs to it. */

export { type CachePlaces, KVCache } from "./cache";
export { type FullConfig, type GPTConfig, presets } from "./config";
export { type ForwardOptions, GPT, type Ids } from "./gpt";
export type { FloatType } from "./huggingface";
export { tokenLogProbs } from "./log_probs";
export type { PretrainedOptions } from "./pretrained";
