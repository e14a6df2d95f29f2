// Counts the GPT-2 tokens of a text and shows where they begin and end.
// usage: node count-tokens.mjs "some text"
import { gpt2Tokenizer } from "gptlab";

const text = process.argv[2] ?? "Tokenization is where a language model meets text.";
const tokenizer = gpt2Tokenizer();
const ids = tokenizer.encode(text);
console.log(`${ids.length} tokens: ${ids.map((id) => `[${tokenizer.decode([id])}]`).join("")}`);
