/** @file What is held out for ever: the one place that says which records no model of this course may be trained on. */

// The course's own models, every chapter and every later training run ask isHeldOut(). What it says must not change: a model
// that has seen a record cannot forget it. Words and questions are split by a hash, so that one does not depend on the others.
import { createHash } from "node:crypto";

/** A number between 0 and 2³² − 1 that is the same for a text on every machine: the first four bytes of its SHA-256. */
function stableHash(text: string): number {
  return createHash("sha256").update(text.normalize("NFC").toLowerCase(), "utf8").digest().readUInt32BE(0);
}

/** The same for questions that differ only in case, spaces and the marks at their end. */
function plainQuestion(question: string): string {
  return question
    .normalize("NFC")
    .toLowerCase()
    .replace(/\s+/g, " ")
    .replace(/[\s.?!؟…]+$/, "")
    .trim();
}

const isHeldOutWord = (word: string) => stableHash(word) % 20 === 0;
const isHeldOutQuestion = (question: string) => stableHash(plainQuestion(question)) % 10 === 0;

/** The strings in a field that holds one, several or none. */
function strings(field: unknown): string[] {
  const values: readonly unknown[] = Array.isArray(field) ? field : [field];
  return values.filter((value): value is string => typeof value === "string");
}

/** The rule of each data set that has one. */
const RULES: Readonly<Record<string, (record: Readonly<Record<string, unknown>>) => boolean>> = {
  /** Speeches from 2000 on. */
  sotu: ({ year }) => Number(year) >= 2000,
  /** All of it: it is the new domain of chapter 06, which trains on what isTestText() leaves of it. */
  jsdoc: () => true,
  /** One word in twenty, with every entry in which it stands, also as a synonym: that definition is its definition too. */
  wordnet: ({ word, synonyms }) => [...strings(word), ...strings(synonyms)].some(isHeldOutWord),
  /** One dialogue in ten, by the question that names it: rewordings of it and all its answers go with it. */
  chatterbot: ({ dialogue, question }) => strings(dialogue ?? question).some(isHeldOutQuestion),
  /** The last five chapters, and the epilogue after them. */
  "moby-dick": ({ chapter }) => chapter === "Epilogue" || Number(chapter) >= 131,
};

/**
 * Whether a record is held out for ever: no base model and no training set may contain it; evaluation uses it.
 *
 * A data set without a rule (`spam`, `udhr`, your own) holds out nothing here: its chapter splits it. For WordNet a single word
 * can be asked: `isHeldOut("wordnet", { word })`.
 *
 * @example
 * import { isHeldOut } from "gptlab";
 * isHeldOut("sotu", { year: 1999 }); // => false
 * isHeldOut("sotu", { year: 2000 }); // => true
 */
export function isHeldOut(dataset: string, record: Readonly<Record<string, unknown>>): boolean {
  return RULES[dataset]?.(record) ?? false;
}

/**
 * Whether a text of a new domain belongs to its test part: one in twelve, by a hash of its words. Names in backticks, digits and
 * case do not count, so that comments that differ only in them stay together. Continued pretraining learns the others.
 *
 * @example
 * import { isTestText } from "gptlab";
 * isTestText("The `width` property of 2 classes.") === isTestText("The `height` property of 3 classes."); // => true
 */
export function isTestText(text: string): boolean {
  const words = text.replace(/`[^`]*`|\d+/g, " ").match(/\p{L}+/gu) ?? [];
  return stableHash(words.join(" ")) % 12 === 0;
}
