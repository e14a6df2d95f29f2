/** @file Writes Hugging Face's `tokenizer.json` for byte-level BPE. Reading it is in `huggingface_read.ts`. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../whole_file";
import { printableFromBytes } from "./bytes";
import type { BpeParts } from "./parts";
import { GPT2_PATTERN } from "./pattern";

/** Writes `tokenizer.json` and `tokenizer_config.json` into the folder, which is made when it is missing. */
export async function writeTokenizerFiles(dir: string, parts: BpeParts): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeWhole([
    { path: join(dir, "tokenizer.json"), chunks: [JSON.stringify(tokenizerJson(parts))] },
    { path: join(dir, "tokenizer_config.json"), chunks: [JSON.stringify(tokenizerConfig(parts), null, 2), "\n"] },
  ]);
}

function tokenizerJson({ tokens, merges, specialTokens, pattern }: BpeParts): object {
  const specialIds = new Map([...specialTokens].map(([text, id]) => [id, text]));
  const spellings = tokens.map((bytes, id) => specialIds.get(id) ?? (bytes && printableFromBytes(bytes)));
  const useGpt2 = pattern.source === GPT2_PATTERN.source;
  const byteLevelStep = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: useGpt2 };
  const splitStep = { type: "Split", pattern: { Regex: pattern.source }, behavior: "Isolated", invert: false };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [...specialIds]
      .sort(([a], [b]) => a - b)
      .map(([id, content]) => ({
        id,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      })),
    normalizer: null,
    pre_tokenizer: useGpt2 ? byteLevelStep : { type: "Sequence", pretokenizers: [splitStep, byteLevelStep] },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(spellings.flatMap((spelling, id) => (spelling === undefined ? [] : [[spelling, id]]))),
      merges: merges.map(([left, right]) => [spellings[left], spellings[right]]),
    },
  };
}

/** The class that transformers loads, and the roles of the tokens whose names say their role. */
function tokenizerConfig({ specialTokens }: BpeParts): object {
  const end = specialTokens.has("<|endoftext|>") ? { bos_token: "<|endoftext|>", eos_token: "<|endoftext|>" } : {};
  const pad = specialTokens.has("<|pad|>") ? { pad_token: "<|pad|>" } : {};
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    ...end,
    ...pad,
    clean_up_tokenization_spaces: false,
    add_prefix_space: false,
  };
}
