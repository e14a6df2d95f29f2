/** @file Saves a tokenizer beside a model, and says which of its tokens begin and end a text. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { SavableTokenizer } from "../tokenizer/tokenizer";
import type { TokenRoles } from "./huggingface";

/** Saves the tokenizer, and reads from what it wrote which ids config.json must name. Without a tokenizer none has a role. */
export async function saveTokenizer(folder: string, tokenizer?: SavableTokenizer): Promise<TokenRoles> {
  await tokenizer?.save(folder);
  const text = tokenizer ? await readFile(path.join(folder, "tokenizer_config.json"), "utf8") : "{}";
  const named = JSON.parse(text) as Record<string, unknown>;
  const id = (role: string): number | null => {
    const token = named[role]; // older files hold an object with `content`
    const content = typeof token === "object" && token !== null ? (token as { content?: unknown }).content : token;
    return tokenizer?.specialTokens.get(String(content)) ?? null;
  };
  return { bos_token_id: id("bos_token"), eos_token_id: id("eos_token"), pad_token_id: id("pad_token") };
}
