/** @file What a model's files hold and whether they fit together: what `gptlab doctor --model` shows. It changes nothing and prints nothing. */
import { totalmem } from "node:os";
import { nonFinite, shown, sizeOf, type TensorSource } from "../files/tensors";
import { generateText } from "../generate";
import { GPT } from "../model";
import type { FullConfig } from "../model/config";
import { openPretrained, type PretrainedOptions } from "../model/pretrained";
import type { Finding } from "../setup/inspect";
import { type LoadedTokenizer, loadTokenizer } from "../tokenizer/load";
import { scoreText } from "./perplexity";

/** All findings, and whether the model can be used, and whether with texts: it has a tokenizer that goes with it. */
export interface ModelInspection {
  readonly findings: readonly Finding[];
  readonly usable: boolean;
  readonly readsText: boolean;
}

/** A text that any model of English finds far more likely than chance. */
const SENTENCE =
  "The capital of France is Paris, and the capital of Italy is Rome. One, two, three, four, five, six, seven.";
const PROMPT = "The capital of France is";

/**
 * Looks at a model part by part. A part that fails is a finding, and ends what depends on it. A model whose weights cannot be loaded,
 * or are not all finite, cannot be used. The engine must be started.
 */
export async function inspectModel(idOrPath: string, options: PretrainedOptions = {}): Promise<ModelInspection> {
  const findings: Finding[] = [];
  const add = (part: string, found: string, remedy?: string): void =>
    void findings.push({ part, found, ...(remedy ? { remedy } : {}) });
  const attempt = async <T>(part: string, work: () => Promise<T>, remedy: string): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      const { message } = error as Error;
      if (findings.every(({ found }) => found !== message)) add(part, message, remedy); // a folder that is not there is said once
      return undefined;
    }
  };

  const opened = await attempt(
    "model",
    () => openPretrained(idOrPath, options),
    "another file or model; see the message",
  );
  let finite = false;
  if (opened) {
    const { config, names, weights } = opened;
    try {
      add("architecture", describe(config));
      finite = await lookAtWeights(weights, names.ignores, config, add);
    } finally {
      await weights.close();
    }
  }
  const tokenizer = await attempt(
    "tokenizer",
    () => loadTokenizer(idOrPath, options),
    "the tokenizer of the original model, in the same folder",
  );
  if (tokenizer) lookAtTokenizer(tokenizer, opened?.config, add);
  if (opened) {
    const model = await attempt(
      "loading",
      () => GPT.fromPretrained(idOrPath, options),
      "a config.json that belongs to these weights, or the weights again from their source",
    );
    const readsText = model !== undefined && tokenizer !== undefined && tokenizer.vocabSize <= model.config.vocabSize;
    if (readsText)
      await attempt(
        "sample",
        () => lookAtText(model, tokenizer, add),
        "the tokenizer of the original model: this one does not go with these weights",
      );
    model?.dispose();
    const usable = model !== undefined && finite;
    return { findings, usable, readsText: usable && readsText };
  }
  return { findings, usable: false, readsText: false };
}

type Add = (part: string, found: string, remedy?: string) => void;

function describe(config: FullConfig): string {
  const { architecture, nLayer, nHead, nKvHead, headSize, nEmbd, blockSize, vocabSize, tieWeights } = config;
  const shared = nKvHead === nHead ? "" : `, ${nKvHead} of keys and values`;
  const head = tieWeights ? "head tied to the embedding" : "head of its own";
  return `${architecture}: ${nLayer} layers, ${nHead} heads of ${headSize}${shared}, width ${nEmbd}, context ${blockSize}, vocabulary ${vocabSize}, ${head}`;
}

/** Types, sizes, memory, and numbers that are none. Gives whether all numbers could be read and are finite. */
async function lookAtWeights(
  weights: TensorSource,
  ignores: (name: string) => boolean,
  config: FullConfig,
  add: Add,
): Promise<boolean> {
  const types = new Map<string, number>();
  let parameters = 0;
  for (const name of weights.names) {
    const { dtype, shape } = weights.info(name);
    types.set(dtype, (types.get(dtype) ?? 0) + 1);
    parameters += sizeOf(shape);
  }
  const kinds = [...types].sort(([, a], [, b]) => b - a).map(([dtype, count]) => `${count} of ${dtype}`);
  add("weights", `${weights.names.length} tensors (${kinds.join(", ")}), ${(parameters / 1e6).toFixed(2)} M numbers`);

  const { nLayer, nKvHead, headSize, blockSize } = config;
  const cache = 2 * nLayer * nKvHead * headSize * blockSize;
  const machine = totalmem();
  const needed = `${space(4 * parameters)} to run, ${space(4 * cache)} for a full context beside, ${space(16 * parameters)} and activations to train; the machine has ${space(machine)}`;
  const small = 1.3 * 4 * parameters > machine; // loading needs some more
  add("memory", needed, small ? "a smaller model, or a machine with more memory" : undefined);

  let nan = 0;
  let infinite = 0;
  const bad: string[] = [];
  const unread: Error[] = [];
  for (const name of weights.names.filter((one) => !ignores(one))) {
    const found = await weights.read(name).then(
      ({ data }) => nonFinite(data),
      (error: Error) => void unread.push(error),
    );
    if (!found || found.nan + found.infinite === 0) continue;
    nan += found.nan;
    infinite += found.infinite;
    bad.push(name);
  }
  const [first] = unread;
  if (first) {
    const others = unread.length > 1 ? ` (and ${unread.length - 1} more)` : "";
    add("numbers", `${first.message}${others}`, "a file of a type that gptlab reads, or the same file fetched again");
  }
  if (bad.length > 0)
    add(
      "numbers",
      `${nan} NaN and ${infinite} infinite, in ${bad
        .slice(0, 3)
        .map((name) => shown(name))
        .join(", ")}${bad.length > 3 ? ` and ${bad.length - 3} more` : ""}`,
      "the weights from before training failed (lower the learning rate, clip the gradients), or fetched again; stored as F16, numbers above 65504 become infinite: use BF16",
    );
  const finite = bad.length + unread.length === 0;
  if (finite) add("numbers", "all finite");
  return finite;
}

const space = (bytes: number): string =>
  bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;

function lookAtTokenizer(tokenizer: LoadedTokenizer, config: FullConfig | undefined, add: Add): void {
  const { vocabSize, eosIds, chatTemplate } = tokenizer;
  const ends = eosIds.map((id) => `${tokenizer.decode([id])} (${id})`).join(", ");
  const template = chatTemplate === undefined ? "no chat template: a base model" : "with a chat template";
  const found = `${vocabSize} ids, ${template}, ends with ${ends || "no token that it names"}`;
  const rows = config?.vocabSize ?? vocabSize;
  const wrong =
    vocabSize > rows
      ? `the tokenizer of this model: this one has ids up to ${vocabSize - 1}, but the model has ${rows} rows`
      : undefined;
  add("tokenizer", found, wrong);
}

/** What it says, and whether it knows more than nothing. */
async function lookAtText(model: GPT, tokenizer: LoadedTokenizer, add: Add): Promise<void> {
  const { loss, tokens } = await scoreText(model, tokenizer, [SENTENCE], {
    blockSize: Math.min(64, model.config.blockSize),
  });
  const chance = Math.log(model.config.vocabSize);
  add(
    "prediction",
    `loss ${loss.toFixed(2)} over ${tokens} tokens of a plain sentence; guessing would give ${chance.toFixed(2)}`,
    loss < chance - 1
      ? undefined
      : "nothing to mend in a model that was never trained or knows no English; else weights are in wrong places or the tokenizer is another's: compare with the original program",
  );
  const room = Math.min(12, model.config.blockSize - tokenizer.encode(PROMPT).length);
  if (room < 1) return;
  const text = await generateText(model, tokenizer, PROMPT, {
    maxNewTokens: room,
    temperature: 0,
    eosId: tokenizer.eosIds,
  });
  add("sample", JSON.stringify(PROMPT + text));
}
