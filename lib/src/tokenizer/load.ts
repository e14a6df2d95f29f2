/** @file Any tokenizer in Hugging Face's file format, by the package @huggingface/tokenizers, and chat templates by @huggingface/jinja. It reads local folders only; it trains nothing. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { resolveAllowedSpecial } from "./special";
import type { EncodeOptions, Tokenizer } from "./tokenizer";

/** One turn of a conversation. */
export interface Message {
  readonly role: string;
  readonly content: string;
}

/** A tokenizer from a model folder. */
export interface LoadedTokenizer extends Tokenizer {
  /**
   * A conversation as the text that the model was trained on. Encode it with `allowedSpecial: "all"`.
   * `addGenerationPrompt` ends it with the start of an answer.
   *
   * @throws Error if the folder has no chat template.
   */
  applyChatTemplate(messages: readonly Message[], options?: { readonly addGenerationPrompt?: boolean }): string;
}

type JsonObject = Readonly<Record<string, unknown>>;

/** What this file uses of the package's `Tokenizer`. */
interface Engine {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string;
  id_to_token(id: number): string | undefined;
  get_vocab(): Map<string, number>;
}

/** The package's own declarations cannot be read by `moduleResolution: node16`. */
interface EngineModule {
  readonly Tokenizer: new (file: object, config: object) => Engine;
}

/**
 * Reads `tokenizer.json` and `tokenizer_config.json` of a folder, of any kind that Hugging Face's tokenizers write.
 * Encoding adds no start or end token, and decoding keeps special tokens and spaces as they are.
 *
 * @throws Error if there is no such folder or a file is missing or is not JSON.
 * @example
 * import { BpeTokenizer, loadTokenizer } from "gptlab";
 * await BpeTokenizer.train(["low lower lowest"], { vocabSize: 260 }).save("my-tokenizer");
 * const tokenizer = await loadTokenizer("my-tokenizer");
 * tokenizer.encode("lower"); // => [257, 68, 81]
 */
export async function loadTokenizer(dir: string): Promise<LoadedTokenizer> {
  const isFolder = await stat(dir).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    throw new Error(
      `loadTokenizer() needs a folder with tokenizer.json and tokenizer_config.json, but found no folder "${dir}". Names on the Hugging Face hub cannot be read yet: download the two files and give their folder`,
    );
  }
  const file = withUnicodeBlanks(await readJson(join(dir, "tokenizer.json")));
  const config = await readJson(join(dir, "tokenizer_config.json"));
  const template = await chatTemplateOf(dir, config);
  const engineModule: EngineModule = await import("@huggingface/tokenizers");
  const { Template } = await import("@huggingface/jinja");

  const added = addedTokens(file);
  const make = (allowed: readonly string[]): Engine => {
    const keep = added.filter((token) => token["special"] !== true || allowed.includes(String(token["content"])));
    return new engineModule.Tokenizer({ ...file, added_tokens: keep }, { ...config, additional_special_tokens: [] });
  };
  const specialTokens = new Map(
    added.filter((token) => token["special"] === true).map((token) => [String(token["content"]), Number(token["id"])]),
  );
  const full = make([...specialTokens.keys()]);
  const engines = new Map<string, Engine>([[[...specialTokens.keys()].sort().join("\0"), full]]); // one for each set of allowed special tokens
  const vocabSize = 1 + [...full.get_vocab().values()].reduce((largest, id) => Math.max(largest, id), -1);

  return {
    vocabSize,
    specialTokens,
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
    applyChatTemplate(messages, { addGenerationPrompt = false } = {}): string {
      if (template === undefined) {
        throw new Error(
          `applyChatTemplate() needs chat_template in tokenizer_config.json, or chat_template.jinja, but "${dir}" has neither. A base model has none; use an instruction-tuned one`,
        );
      }
      return new Template(template).render({
        ...namedTokens(config),
        messages,
        add_generation_prompt: addGenerationPrompt,
      });
    },
  };
}

async function readJson(path: string): Promise<JsonObject> {
  const value: unknown = JSON.parse(await readFile(path, "utf8"));
  if (!isObject(value))
    throw new TypeError(`${path} should hold a JSON object, but holds ${JSON.stringify(value)?.slice(0, 40)}`);
  return value;
}

/** The package reads blanks in GPT-2's pattern by JavaScript's `\s`; spelt as a Split step, it reads them as Unicode does. */
function withUnicodeBlanks(file: JsonObject): JsonObject {
  const pattern = { Regex: String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` };
  const mend = (step: unknown): unknown[] => {
    if (!isObject(step)) return [step];
    if (step["type"] === "Sequence" && Array.isArray(step["pretokenizers"]))
      return [{ ...step, pretokenizers: step["pretokenizers"].flatMap(mend) }];
    if (step["type"] !== "ByteLevel" || step["use_regex"] === false || step["add_prefix_space"] === true) return [step];
    return [
      { type: "Split", pattern, behavior: "Isolated", invert: false },
      { ...step, use_regex: false },
    ];
  };
  const steps = mend(file["pre_tokenizer"]);
  return { ...file, pre_tokenizer: steps.length === 1 ? steps[0] : { type: "Sequence", pretokenizers: steps } };
}

function addedTokens(file: JsonObject): JsonObject[] {
  const added = file["added_tokens"];
  return Array.isArray(added) ? added.filter(isObject) : [];
}

async function chatTemplateOf(dir: string, config: JsonObject): Promise<string | undefined> {
  const inFile = await readFile(join(dir, "chat_template.jinja"), "utf8").catch(() => undefined);
  if (inFile !== undefined) return inFile;
  const inConfig = config["chat_template"];
  if (typeof inConfig === "string") return inConfig;
  const named = Array.isArray(inConfig)
    ? inConfig.filter(isObject).find((entry) => entry["name"] === "default")
    : undefined;
  return typeof named?.["template"] === "string" ? named["template"] : undefined;
}

/** `bos_token`, `eos_token` and the like, which templates name; older files hold an object with `content`. */
function namedTokens(config: JsonObject): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    const text = isObject(value) ? value["content"] : value;
    if (name.endsWith("_token") && typeof text === "string") tokens[name] = text;
  }
  return tokens;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
