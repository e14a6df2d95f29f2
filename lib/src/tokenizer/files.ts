/** @file What describes a tokenizer of any kind: the contents of Hugging Face's files, read from a folder. The same for a GGUF file is in `gguf.ts`. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isRecord } from "../files/json";

/** An object as JSON gives it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The contents of the files, wherever they came from. */
export interface TokenizerFiles {
  /** tokenizer.json. */
  readonly file: JsonObject;
  /** tokenizer_config.json, with the roles of tokens from special_tokens_map.json, and with the chat template as one text. */
  readonly config: JsonObject;
  /** The ids at which the model's own settings end a text. */
  readonly endIds: readonly number[];
}

/** Reads the files of a folder. Throws an Error that names the file which is missing or is not JSON. */
export async function readTokenizerFolder(dir: string): Promise<TokenizerFiles> {
  const file = await readJson(join(dir, "tokenizer.json"));
  if (!file)
    throw new Error(
      `${dir} has no tokenizer.json, which is the only format of tokenizers that gptlab reads in a folder. Python's transformers writes it: AutoTokenizer.from_pretrained("…").save_pretrained("…")`,
    );
  const [config, roles, generation, model, processor] = await Promise.all(
    ["tokenizer_config", "special_tokens_map", "generation_config", "config", "chat_template"].map((name) =>
      readJson(join(dir, `${name}.json`)),
    ),
  );
  const template =
    (await textOf(join(dir, "chat_template.jinja"))) ??
    oneTemplate(config?.["chat_template"] ?? processor?.["chat_template"]);
  const { chat_template: _, ...rest } = { ...roles, ...withoutEmpty(config) };
  const ends = generation?.["eos_token_id"] ?? model?.["eos_token_id"];
  return {
    file,
    config: template === undefined ? rest : { ...rest, chat_template: template },
    endIds: [ends].flat().filter((id): id is number => Number.isInteger(id)),
  };
}

/** A template as text, or the one called "default" of several. */
function oneTemplate(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  const named = Array.isArray(value) ? value.filter(isRecord) : [];
  const template = named.find(({ name }) => name === "default")?.["template"];
  return typeof template === "string" ? template : undefined;
}

function withoutEmpty(config: JsonObject = {}): JsonObject {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
}

/** The file's object; undefined when there is no such file. */
async function readJson(path: string): Promise<JsonObject | undefined> {
  const text = await textOf(path);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path} should hold a JSON object, but ${(cause as Error).message}. Fetch it again`, { cause });
  }
  if (!isRecord(value))
    throw new TypeError(`${path} should hold a JSON object, but holds ${JSON.stringify(value)?.slice(0, 40)}`);
  return value;
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
