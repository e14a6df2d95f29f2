// Trains a byte-pair tokenizer on your own text and saves it in Hugging Face's format.
// usage: node train-tokenizer.mjs my-text.txt my-tokenizer 1000
import { readFileSync } from "node:fs";
import { BpeTokenizer } from "gptlab";

const [file, folder = "my-tokenizer", size = "1000"] = process.argv.slice(2);
if (!file) {
  console.error("usage: node train-tokenizer.mjs TEXT_FILE [FOLDER] [VOCABULARY_SIZE]");
  process.exit(2);
}
let text;
try {
  text = readFileSync(file, "utf8");
} catch (error) {
  console.error(`${file} cannot be read: ${error.message}`);
  process.exit(1);
}
const tokenizer = BpeTokenizer.train([text], { vocabSize: Number(size), specialTokens: ["<|endoftext|>"] });
await tokenizer.save(folder);

const ids = tokenizer.encode(text);
console.log(
  `${tokenizer.vocabSize} tokens in ${folder}; your text: ${Buffer.byteLength(text)} bytes, ${ids.length} tokens`,
);
