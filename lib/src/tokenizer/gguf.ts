/** @file The tokenizer inside a GGUF file, as the contents of Hugging Face's files. Byte-level BPE only; other kinds are refused by name. */
import { openGguf } from "../files/gguf";
import type { JsonObject, TokenizerFiles } from "./files";

/** How text is cut before BPE. Names are those of llama.cpp's `tokenizer.ggml.pre`, patterns those of the models' own tokenizer.json. */
const CUTS: readonly {
  readonly names: readonly string[];
  readonly steps: readonly JsonObject[];
  readonly more?: JsonObject;
}[] = [
  { names: ["gpt-2", "phi-2", "jina-es", "jina-de"], steps: [byteLevel(true)] },
  {
    names: ["smollm", "starcoder", "refact", "command-r", "codeshell"],
    steps: [{ type: "Digits", individual_digits: true }, byteLevel(true)],
  },
  {
    names: ["llama3", "llama-v3", "llama-bpe"],
    steps: [split(modernPattern(String.raw`\p{N}{1,3}`)), byteLevel(false)],
    more: { ignore_merges: true },
  },
  { names: ["qwen2", "deepseek-r1-qwen"], steps: [split(modernPattern(String.raw`\p{N}`)), byteLevel(false)] },
];
/** These models bring text into composed form first; GGUF does not say so. */
const COMPOSED = /^qwen2$|-qwen$/;

/** llama.cpp's `token_type`. */
const CONTROL = 3;
const USER_DEFINED = 4;

/** Reads the tokenizer of a GGUF file. Throws an Error for a kind that is not byte-level BPE, or one whose cuts are not known. */
export async function readTokenizerGguf(path: string): Promise<TokenizerFiles> {
  const file = await openGguf(path);
  const { metadata } = file;
  await file.close();
  return tokenizerOf(metadata, path);
}

/** The same from the file's key-value pairs. */
export function tokenizerOf(metadata: Readonly<Record<string, unknown>>, path: string): TokenizerFiles {
  const value = (key: string): unknown => metadata[`tokenizer.ggml.${key}`];
  const kind = value("model");
  if (kind !== "gpt2")
    throw new Error(
      `${path} has ${kind === undefined ? "no tokenizer" : `a tokenizer of the kind ${JSON.stringify(kind)}`}, expected byte-level BPE ("gpt2"). Load the tokenizer from the folder or the hub name of the original model`,
    );
  const tokens = texts(value("tokens"));
  const merges = texts(value("merges"));
  if (!tokens || !merges) throw new Error(`${path} should have lists of texts as tokens and merges of its tokenizer`);
  const types = Array.isArray(value("token_type")) ? (value("token_type") as unknown[]) : [];
  const added = tokens.flatMap((content, id) => {
    const special = types[id] === CONTROL;
    return special || types[id] === USER_DEFINED ? [{ id, content, special, ...PLAIN }] : [];
  });
  const role = (name: string): Record<string, string> => {
    const token = tokens[Number(value(`${name}_token_id`))];
    return token === undefined ? {} : { [`${{ padding: "pad", unknown: "unk" }[name] ?? name}_token`]: token };
  };
  const bos = value("add_bos_token") === true ? role("bos")["bos_token"] : undefined;
  const pre = value("pre") ?? "gpt-2"; // files of before 2024 do not say it
  const cut = CUTS.find(({ names }) => names.includes(String(pre)));
  if (!cut)
    throw new Error(
      `${path} cuts text as ${JSON.stringify(pre)} does, but gptlab knows ${CUTS.flatMap(({ names }) => names).join(", ")}. Load the tokenizer from the folder or the hub name of the original model`,
    );
  const template = metadata["tokenizer.chat_template"];
  return {
    file: {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: added,
      normalizer: COMPOSED.test(String(pre)) ? { type: "NFC" } : null,
      pre_tokenizer: { type: "Sequence", pretokenizers: cut.steps },
      post_processor: bos === undefined ? null : beginWith(bos, tokens.indexOf(bos)),
      decoder: byteLevel(true),
      model: {
        type: "BPE",
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ...cut.more,
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges,
      },
    },
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      clean_up_tokenization_spaces: false,
      ...role("bos"),
      ...role("eos"),
      ...role("padding"),
      ...role("unknown"),
      ...(typeof template === "string" ? { chat_template: template } : {}),
    },
    endIds: ["eos", "eot"].flatMap((name) => {
      const id = value(`${name}_token_id`);
      return typeof id === "number" ? [id] : [];
    }),
  };
}

const PLAIN = { single_word: false, lstrip: false, rstrip: false, normalized: false };

function byteLevel(useRegex: boolean): JsonObject {
  return { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: useRegex };
}

function split(pattern: string): JsonObject {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
}

/** Of Llama 3 and Qwen; they differ in how many digits stay together. */
function modernPattern(digits: string): string {
  return String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
}

/** What makes transformers begin every text with a token. */
function beginWith(token: string, id: number): JsonObject {
  const first = { SpecialToken: { id: token, type_id: 0 } };
  const whole = (sequence: string, type_id: number): JsonObject => ({ Sequence: { id: sequence, type_id } });
  return {
    type: "TemplateProcessing",
    single: [first, whole("A", 0)],
    pair: [first, whole("A", 0), whole("B", 1)],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}

function texts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((text: unknown) => typeof text === "string") ? value : undefined;
}
