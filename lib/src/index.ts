/** @file The public names of the package `gptlab`; each module says itself what it offers. */

export { type BackendOptions, initBackend } from "./backend/init";
export type { BackendName, BackendReport, EngineDescription } from "./backend/report";
export * from "./compile";
export * from "./data/batch";
export { type CopySource, CopyWindows } from "./data/copying";
export * from "./data/dataset";
export { epochWindows } from "./data/epochs";
export { isHeldOut, isTestText } from "./data/heldout";
export * from "./data/jsonl";
export { type Dataset, type FetchedDataset, fetchDatasets, loadDataset } from "./data/load";
export * from "./data/loader";
export { Mixture, type MixtureSource, type MixtureState } from "./data/mixture";
export { loadText } from "./data/owntext";
export { type DataRecord, datasetNames } from "./data/recipe";
export { type Stage, Stages, type StagesState } from "./data/stages";
export * from "./evaluate/copying";
export * from "./evaluate/forgetting";
export * from "./evaluate/perplexity";
export { type BlockType, blockSize, dequantize } from "./files/blocks";
export * from "./files/checkpoint";
export * from "./files/float16";
export * from "./files/gguf";
export { openTensors } from "./files/open";
export * from "./files/safetensors";
export { openSharded } from "./files/sharded";
export type { TensorFile } from "./files/tensor_file";
export {
  FormatError,
  type HostTensor,
  nonFinite,
  type StorageType,
  type TensorInfo,
  type TensorSource,
} from "./files/tensors";
export { loadAdapter, saveAdapter } from "./finetune/adapter_files";
export { Classifier, type ClassifierOptions, type Pooling, poolHidden } from "./finetune/classifier";
export { addLora, type LoraOptions, mergeLora } from "./finetune/lora";
export * from "./generate";
export * from "./hub";
export * from "./interrupt";
export * from "./loop";
export * from "./model";
export * from "./nn";
export * from "./ops";
export {
  AdamW,
  clipGradNorm,
  type DecayFilter,
  type Optimizer,
  type OptimizerState,
  SGD,
} from "./optim";
export * from "./plot";
export * from "./pretrain/base_model";
export { type ContinueOptions, continuePretraining, type DomainIds } from "./pretrain/continued/continue";
export { type ContinuePlan, continuationSteps, continuePlan } from "./pretrain/continued/plan";
export { coursePlan, type PretrainPlan, SPECIAL_TOKENS, trapezoid } from "./pretrain/plan";
export * from "./progress";
export * from "./random";
export * from "./schedule";
export * from "./setup/cache";
export * from "./tf";
export * from "./tokenizer/basic";
export * from "./tokenizer/bpe";
export * from "./tokenizer/bytes";
export * from "./tokenizer/char";
export type { ChatOptions, Message } from "./tokenizer/chat";
export * from "./tokenizer/gpt2";
export * from "./tokenizer/load";
export * from "./tokenizer/parts";
export * from "./tokenizer/pattern";
export type { RankTable } from "./tokenizer/ranks";
export { type Segment, splitSpecial } from "./tokenizer/special";
export * from "./tokenizer/stream";
export * from "./tokenizer/tokenizer";
export * from "./train";
