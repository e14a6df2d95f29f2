/** @file Questions and answers of a chat robot in English and Persian: one record a pair. */
import { parse } from "yaml";
import type { DataRecord, Recipe } from "../../lib/src/data/recipe";
import { hasListedWord } from "../blocklist";
import { deduplicate, sortedFiles } from "../text";

const LANGUAGES: Readonly<Record<string, string>> = { english: "en", persian: "fa" };
/** Left out: jokes about peoples, women and men; rumours about religions and politics that nobody checked. */
const LEFT_OUT = new Set(["fa/humor", "fa/gossip", "fa/politics"]);
/** Here people take turns: each line answers the line before. Everywhere else all lines answer the first. */
const TURN_BY_TURN = new Set(["en/conversations", "en/health", "en/sports", "fa/conversations"]);
/** What stands before a question and before an answer, in the language of the pair. */
const MARKS: Readonly<Record<string, readonly [string, string]>> = { en: ["Q:", "A:"], fa: ["س:", "ج:"] };

/** Ordinary letters instead of Arabic presentation forms, one space instead of several; code keeps its indentation. */
export function tidyLine(text: string): string {
  const plain = text
    .replace(/[\ufb50-\ufdff\ufe70-\ufefc]/g, (letter) => letter.normalize("NFKC"))
    .replace(/[ \t]+$/gm, "")
    .trim();
  return plain.includes("\n") ? plain : plain.replace(/\s+/g, " ");
}

/** The pairs of one file, which is YAML with a list `conversations` of lists of lines. */
export function readPairs(yaml: string, language: string, topic: string): DataRecord[] {
  const { conversations } = parse(yaml) as { conversations: readonly unknown[] };
  const dialogues = conversations.filter(
    (lines): lines is string[] => Array.isArray(lines) && lines.every((line) => typeof line === "string"),
  );
  const inTurns = TURN_BY_TURN.has(`${language}/${topic}`);
  const [q, a] = MARKS[language] ?? ["", ""];
  /** The same answers to another wording, or other answers to the same wording: one dialogue, named by its first question, so that all are held out together. */
  const names = new Map<string, string>();
  return dialogues.flatMap((raw) => {
    const [opening = "", ...rest] = raw.map(tidyLine).filter((line) => line !== "");
    const keys = inTurns ? [opening] : [`${opening}\n`, rest.join("\n")];
    const dialogue = keys.map((key) => names.get(key)).find((name) => name !== undefined) ?? opening;
    for (const key of keys) if (!names.has(key)) names.set(key, dialogue);
    return rest.map((answer, i) => {
      const question = inTurns ? (rest[i - 1] ?? opening) : opening;
      return { language, topic, dialogue, question, answer, text: `${q} ${question}\n${a} ${answer}` };
    });
  });
}

export const recipe: Recipe = {
  name: "chatterbot",
  title: "ChatterBot corpus: questions and answers for a chat robot, English and Persian",
  licence: "BSD-3-Clause",
  sources: [
    {
      registry: "pypi",
      package: "chatterbot-corpus",
      version: "1.3.3",
      integrity: "86de5300afb9a80826386339d3bec79c0a72eb0358abb8327e2ecef5ae0ce154",
      bytes: 345_706,
    },
  ],
  files: /\/data\/(?:english|persian)\/\w+\.yml$/,
  expected: {
    records: 3_114,
    characters: 214_536,
    sha256: "e51990d87a702e54bbbe81ac9ec796ca56640db2a942453cdd0677840b68e825",
  },
  convert: (files) => {
    const pairs = sortedFiles(files).flatMap(([path, yaml]) => {
      const [folder = "", file = ""] = path.split("/").slice(-2);
      const language = LANGUAGES[folder] ?? folder;
      const topic = file.replace(/\.yml$/, "");
      return LEFT_OUT.has(`${language}/${topic}`) ? [] : readPairs(yaml, language, topic);
    });
    const real = pairs.filter(({ question, answer, text }) => question !== answer && !hasListedWord(text));
    return deduplicate(real, ({ language, question, answer }) => `${language}\n${question}\n${answer}`);
  },
};
