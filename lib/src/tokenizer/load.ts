/** @file Any tokenizer in Hugging Face's file format, or inside a GGUF file, by the package @huggingface/tokenizers. It trains nothing. */
import { mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isRecord } from "../files/json";
import { type ResolveOptions, resolveModel } from "../hub";
import { isGguf } from "../hub/choose";
import { writeWhole } from "../whole_file";
import { type ChatOptions, chatTemplate, type Message } from "./chat";
import { type JsonObject, readTokenizerFolder, type TokenizerFiles } from "./files";
import { readTokenizerGguf } from "./gguf";
import { GPT2_PATTERN } from "./pattern";
import { resolveAllowedSpecial } from "./special";
import type { EncodeOptions, SavableTokenizer } from "./tokenizer";

/** A tokenizer that belongs to a model. */
export interface LoadedTokenizer extends SavableTokenizer {
  /** The token that begins a text, where the model has one. */
  readonly bosId: number | undefined;
  /** The tokens at which an answer ends; give them to {@link generateText} as `eosId`. */
  readonly eosIds: readonly number[];
  /** The template as it was written; undefined for a base model. */
  readonly chatTemplate: string | undefined;
  /**
   * A conversation as the text that the model was trained on. Encode it with `allowedSpecial: "all"`, as {@link generateText}
   * does: then special text inside a message counts as special too, as it does in transformers.
   *
   * @throws Error if there is no chat template, or it refuses the conversation
   */
  applyChatTemplate(messages: readonly Message[], options?: ChatOptions): string;
}

/** What this file uses of the package's `Tokenizer`. */
interface Engine {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string;
  id_to_token(id: number): string | undefined;
  token_to_id(token: string): number | undefined;
  get_vocab(): Map<string, number>;
}

/** The package's own declarations cannot be read by `moduleResolution: node16`. */
interface EngineModule {
  readonly Tokenizer: new (file: object, config: object) => Engine;
}

/**
 * Reads the tokenizer of a model, of any kind that Hugging Face's tokenizers write: from a folder with `tokenizer.json`, or a
 * weights file in it, a `.gguf` file, or a name on the hub (see {@link resolveModel}), from which it fetches no weights. Encoding adds no start or
 * end token, and decoding keeps special tokens and spaces as they are.
 *
 * @throws Error if there is no such model, or a file is missing or is not what it should be
 * @example
 * import { BpeTokenizer, loadTokenizer } from "gptlab";
 * await BpeTokenizer.train(["low lower lowest"], { vocabSize: 260 }).save("my-tokenizer");
 * const tokenizer = await loadTokenizer("my-tokenizer");
 * tokenizer.encode("lower"); // => [257, 68, 81]
 */
export async function loadTokenizer(
  idOrPath: string,
  options: Omit<ResolveOptions, "only"> = {},
): Promise<LoadedTokenizer> {
  const found = await resolveModel(idOrPath, { ...options, only: "tokenizer" });
  const path = isGguf(found) || (await stat(found)).isDirectory() ? found : dirname(found); // a weights file stands for its folder
  const files = await (isGguf(path) ? readTokenizerGguf(path) : readTokenizerFolder(path));
  const engineModule: EngineModule = await import("@huggingface/tokenizers");
  const added = addedTokens(files.file);
  const specialTokens = new Map(
    added.filter((token) => token["special"] === true).map((token) => [String(token["content"]), Number(token["id"])]),
  );
  const file = inUnicode(files.file);
  const make = (allowed: readonly string[]): Engine => {
    const keep = added.filter((token) => token["special"] !== true || allowed.includes(String(token["content"])));
    return new engineModule.Tokenizer(
      { ...file, added_tokens: keep },
      { ...files.config, additional_special_tokens: [] },
    );
  };
  const full = readable(path, () => make([...specialTokens.keys()]));
  const engines = new Map<string, Engine>([[[...specialTokens.keys()].sort().join("\0"), full]]); // one for each set of allowed special tokens
  const vocabSize = 1 + [...full.get_vocab().values()].reduce((largest, id) => Math.max(largest, id), -1);
  const roles = namedTokens(files.config);
  const idOf = (role: string): number | undefined => {
    const token = roles[role];
    return token === undefined ? undefined : full.token_to_id(token);
  };
  const known = (id: number | undefined): id is number => id !== undefined && full.id_to_token(id) !== undefined;
  const template = files.config["chat_template"];
  const source = typeof template === "string" ? template : undefined;
  const render = source === undefined ? undefined : await chatTemplate(source, roles, path);

  return {
    vocabSize,
    specialTokens,
    bosId: idOf("bos_token"),
    eosIds: [...new Set([...files.endIds, idOf("eos_token")].filter(known))],
    chatTemplate: source,
    encode(text: string, options?: EncodeOptions): number[] {
      const allowed = resolveAllowedSpecial(specialTokens, options);
      const key = [...allowed].sort().join("\0");
      const engine = engines.get(key) ?? make(allowed);
      engines.set(key, engine);
      return engine.encode(text, { add_special_tokens: false }).ids;
    },
    decode(ids: ArrayLike<number>): string {
      const list = Array.from(ids);
      const wrong = list.find((id) => full.id_to_token(id) === undefined);
      if (wrong !== undefined)
        throw new RangeError(
          `A token id must be an integer from 0 to ${vocabSize - 1} that the vocabulary has, but found ${wrong}`,
        );
      return list.length === 0
        ? ""
        : full.decode(list, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    },
    applyChatTemplate(messages, options): string {
      if (!render)
        throw new Error(
          `applyChatTemplate() needs a chat template, but ${path} has none. A base model has none; use an instruction-tuned one`,
        );
      return render(messages, options);
    },
    save: (dir) => saveFiles(dir, files),
  };
}

/** The package says what is wrong, but not where. */
function readable(path: string, make: () => Engine): Engine {
  try {
    return make();
  } catch (cause) {
    throw new Error(
      `The tokenizer of ${path} cannot be read: ${(cause as Error).message}. Fetch it again, or take that of the original model`,
      { cause },
    );
  }
}

/** Writes the files as they were read, and everything that lay in others in the one where all versions of transformers look. */
async function saveFiles(dir: string, { file, config }: TokenizerFiles): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeWhole([
    { path: join(dir, "tokenizer.json"), chunks: [JSON.stringify(file)] },
    { path: join(dir, "tokenizer_config.json"), chunks: [JSON.stringify(config, null, 2), "\n"] },
  ]);
}

/**
 * The package reads blanks in GPT-2's pattern, and digits, as JavaScript's `\s` and `\d`: no Persian or Arabic digits. Spelt as
 * Split steps, they are read as Unicode has them, which is what Hugging Face's tokenizers do.
 */
function inUnicode(file: JsonObject): JsonObject {
  const split = (pattern: string): JsonObject => ({
    type: "Split",
    pattern: { Regex: pattern },
    behavior: "Isolated",
    invert: false,
  });
  const mend = (step: unknown): unknown[] => {
    if (!isRecord(step)) return [step];
    if (step["type"] === "Sequence" && Array.isArray(step["pretokenizers"]))
      return [{ ...step, pretokenizers: step["pretokenizers"].flatMap(mend) }];
    if (step["type"] === "Digits")
      return [split(step["individual_digits"] === true ? String.raw`\p{N}` : String.raw`\p{N}+`)];
    if (step["type"] !== "ByteLevel" || step["use_regex"] === false || step["add_prefix_space"] === true) return [step];
    return [split(GPT2_PATTERN.source), { ...step, use_regex: false }];
  };
  const steps = mend(file["pre_tokenizer"]);
  return { ...file, pre_tokenizer: steps.length === 1 ? steps[0] : { type: "Sequence", pretokenizers: steps } };
}

function addedTokens(file: JsonObject): JsonObject[] {
  const added = file["added_tokens"];
  return Array.isArray(added) ? added.filter(isRecord) : [];
}

/** `bos_token`, `eos_token` and the like, which templates name; older files hold an object with `content`. */
function namedTokens(config: JsonObject): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    const text = isRecord(value) ? value["content"] : value;
    if (name.endsWith("_token") && typeof text === "string") tokens[name] = text;
  }
  return tokens;
}
