/** @file Reads Hugging Face's `tokenizer.json` for byte-level BPE. Anything that such a file can hold beyond that is refused by name, never ignored. Loaded on demand, because zod takes longer to load than the rest of the tokenizer. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { bytesFromPrintable, utf8Encode } from "./bytes";
import type { BpeParts } from "./parts";
import { GPT2_PATTERN, portablePattern } from "./pattern";

const byteLevel = z.looseObject({
  type: z.literal("ByteLevel"),
  add_prefix_space: z.literal(false),
  use_regex: z.boolean().default(true),
});
const split = z.looseObject({
  type: z.literal("Split"),
  pattern: z.object({ Regex: z.string() }),
  behavior: z.literal("Isolated"),
  invert: z.literal(false),
});

const tokenizerFile = z.looseObject({
  added_tokens: z.array(
    z.looseObject({
      id: z.int().min(0),
      content: z.string(),
      single_word: z.literal(false),
      lstrip: z.literal(false),
      rstrip: z.literal(false),
      special: z.literal(true),
    }),
  ),
  normalizer: z.null(),
  pre_tokenizer: z.union([
    byteLevel,
    z.looseObject({ type: z.literal("Sequence"), pretokenizers: z.tuple([split, byteLevel]) }),
  ]),
  model: z.looseObject({
    type: z.literal("BPE").default("BPE"), // old files leave it out
    dropout: z.null().optional(),
    continuing_subword_prefix: z.union([z.null(), z.literal("")]).optional(),
    end_of_word_suffix: z.union([z.null(), z.literal("")]).optional(),
    ignore_merges: z.literal(false).optional(),
    vocab: z.custom<Readonly<Record<string, number>>>(isVocabulary, "expected an object of ids"), // z.record drops the token "__proto__"
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])), // "a b" in old files, ["a", "b"] in new ones
  }),
});

/** Reads `tokenizer.json` of the folder. Throws a RangeError that names the first field that is not plain byte-level BPE. */
export async function readTokenizerFiles(dir: string): Promise<BpeParts> {
  const path = join(dir, "tokenizer.json");
  const parsed = tokenizerFile.safeParse(JSON.parse(await readFile(path, "utf8")));
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new RangeError(
      `${path} is not plain byte-level BPE: ${issue.path.join(".")}: ${issue.message}. loadTokenizer() reads tokenizers of other kinds`,
    );
  }
  const { added_tokens, model, pre_tokenizer } = parsed.data;
  const specialTokens = new Map(added_tokens.map((token) => [token.content, token.id]));
  const tokens: (Uint8Array | undefined)[] = [];
  const vocabulary = new Map(Object.entries(model.vocab));
  for (const [spelling, id] of vocabulary) {
    if (specialTokens.has(spelling)) continue;
    const bytes = bytesFromPrintable(spelling);
    if (bytes === undefined)
      throw new RangeError(
        `${path}: every token must be spelt in GPT-2's byte characters, but token ${id} is ${JSON.stringify(spelling)}`,
      );
    tokens[id] = bytes;
  }
  for (const [text, id] of specialTokens) tokens[id] = utf8Encode(text);
  const idOf = (spelling: string): number => {
    const id = vocabulary.get(spelling);
    if (id === undefined)
      throw new RangeError(`${path}: a merge names the token ${JSON.stringify(spelling)}, which the vocabulary lacks`);
    return id;
  };
  const merges = model.merges.map((merge) => {
    const [left = "", right = ""] = typeof merge === "string" ? merge.split(" ") : merge;
    return [idOf(left), idOf(right)] as const;
  });
  return { tokens: Array.from(tokens), merges, specialTokens, pattern: patternOf(pre_tokenizer, path) };
}

function isVocabulary(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((id: unknown) => typeof id === "number" && Number.isInteger(id) && id >= 0)
  );
}

function patternOf(preTokenizer: z.infer<typeof tokenizerFile>["pre_tokenizer"], path: string): RegExp {
  if (preTokenizer.type === "ByteLevel") return preTokenizer.use_regex ? GPT2_PATTERN : /[\s\S]+/gu;
  const [splitStep, byteLevelStep] = preTokenizer.pretokenizers;
  if (byteLevelStep.use_regex)
    throw new RangeError(`${path} cuts text by two patterns, one after the other; loadTokenizer() reads such a file`);
  try {
    return portablePattern(new RegExp(splitStep.pattern.Regex, "gu"));
  } catch (cause) {
    throw new RangeError(
      `${path}: JavaScript cannot read the pattern ${splitStep.pattern.Regex}; loadTokenizer() may`,
      { cause },
    );
  }
}
