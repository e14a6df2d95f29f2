/** @file Masks what could point to a person in a mail: addresses, links, telephone numbers, names. Rules find most of them, not all. */
import type { Mail } from "./mail";

const EMAIL = /(?:mailto:)?[\w.+%=-]+@[\w-]+(?:\.[\w-]+)*/gi;
const LINK_REST = String.raw`[^\s<>"')\]]*[^\s<>"')\].,;:!?]`; // to the next space or bracket, without the mark that ends a sentence
const TOP_DOMAIN = "com|net|org|edu|gov|info|biz|ie|uk|de|ca|au|cz|fr|nl|it|jp";
const URL = new RegExp(
  String.raw`\b(?:https?|ftp|file|news):${LINK_REST}|\bwww\.${LINK_REST}|\b[\w-]+(?:\.[\w-]+)*\.(?:${TOP_DOMAIN})\b(?:[/:?]${LINK_REST})?`,
  "gi",
);
const IP = /\b\d{1,3}(?:\.\d{1,3}){3}\b/g;
const STREET =
  /\b\d{1,6} (?:[NSEW]\.? )?(?:[A-Z][\w'.]* ){1,4}(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Drive|Dr|Lane|Ln|Court|Ct|Suite|Way|Highway|Hwy|Parkway|Pkwy|Place|Plaza|Square)\b\.?(?:,? (?:Suite|Ste|Apt|Unit|#)\.? ?[\w-]+)?|\b[Pp]\.? ?[Oo]\.? ?(?:Box|BOX|box) \d+/g;
const PHONE = new RegExp(
  [
    String.raw`(?<![\d.$]|\d[-/])(?:\+\d{1,3}[ .-]?)?(?:\(\d{1,5}\)|\d{1,5})[ ./-]{1,3}(?:\d{2,4}[ .-]){1,3}\d{2,4}(?![\da-wyz])`, // in groups
    String.raw`(?<![\d.$]|\d[-/])\d{3}-\d{4}(?![\w-])`, // seven digits
    String.raw`\+\d{2,3} ?\d{6,}`, // with the code of a country
    String.raw`(?<=\b(?:tel|phone|fax)\b\W{0,4})\d[\d -]{5,}\d`, // after a word that says it
  ].join("|"),
  "gi",
);
const DATE = /^\d{4}-\d\d?-\d\d?$|^\d\d?[-.]\d\d?[-.]\d{2,4}$/;

/** A capitalised word, as names are written; hyphens and apostrophes belong to it. */
const CAPITALISED = /(?<![\w[])[A-ZÀ-Þ][a-zà-ÿ]+(?:['’-][A-Za-zà-ÿ]+)*(?![\w\]])/g;

/** What the whole set tells about a word. */
export interface Names {
  /** It stands in the headers as a part of a person's name, and the texts do not use it for much else. */
  readonly isName: (word: string) => boolean;
  /** The texts use it at least as often without a capital. */
  readonly isOrdinary: (word: string) => boolean;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Learns from all mails which words are names: no list of names is needed. */
export function learnNames(mails: readonly Mail[]): Names {
  const small = new Map<string, number>();
  const capital = new Map<string, number>();
  const inHeaders = new Map<string, number>();
  for (const { body, people } of mails) {
    for (const word of body.match(/[A-Za-zà-ÿÀ-Þ]+/g) ?? [])
      count(/^[a-zà-ÿ]/.test(word) ? small : capital, word.toLowerCase());
    for (const person of new Set(people)) {
      const parts = person.split(/\s+/);
      if (
        parts.length < 2 ||
        parts.length > 3 ||
        !parts.every((part) => /^[A-ZÀ-Þ][a-zà-ÿ'’-]+$|^[A-Z]\.?$/.test(part))
      )
        continue;
      for (const part of parts) if (part.length > 2) count(inHeaders, part.toLowerCase());
    }
  }
  return {
    isName: (word) => {
      const headers = inHeaders.get(word.toLowerCase()) ?? 0;
      const [without, withCapital] = [small.get(word.toLowerCase()) ?? 0, capital.get(word.toLowerCase()) ?? 0];
      // The limits were chosen by reading the list: they keep Windows, American and Sunday, and catch Tim and Bill.
      return headers >= 30 || (headers > 0 && without <= 0.15 * withCapital && 20 * headers >= withCapital);
    },
    isOrdinary: (word) => (small.get(word.toLowerCase()) ?? 0) >= (capital.get(word.toLowerCase()) ?? 1),
  };
}

/** The parts of the names of people, in lower case, without words that say what a list is. */
function nameParts(people: readonly string[]): Set<string> {
  const parts = people.flatMap((person) => person.toLowerCase().split(/[\s.]+/));
  const noName = /^(?:the|and|of|for|list|mail|news|team|inc|group|users?)$/;
  return new Set(parts.filter((part) => part.length > 1 && !noName.test(part)));
}

/** `[name] J. [name]` is one person. */
const joinNames = (text: string): string =>
  text.replace(/\[name\](?:[ ]+(?:(?:[A-Z]\.?|van|von|de|der|O['’])[ ]+)?\[name\])+/g, "[name]");

/**
 * Replaces what could point to a person by `[email]`, `[url]`, `[ip]`, `[address]`, `[phone]` and `[name]`.
 * Names are those in this mail's headers, those that are names everywhere, and whoever is greeted.
 */
export function mask(text: string, people: readonly string[], { isName, isOrdinary }: Names): string {
  const own = nameParts(people);
  const masked = text
    .replace(EMAIL, "[email]")
    .replace(URL, "[url]")
    .replace(IP, "[ip]")
    .replace(STREET, "[address]")
    .replace(PHONE, (digits) => (digits.replace(/\D/g, "").length >= 7 && !DATE.test(digits) ? "[phone]" : digits))
    .replace(/<(\[(?:email|url)\])>/g, "$1")
    .replace(CAPITALISED, (word) => (own.has(word.toLowerCase()) || isName(word) ? "[name]" : word))
    .replace(
      /\b(Hi|Hello|Dear|Hey|Thanks|Cheers|Regards|Sincerely|Mr|Mrs|Ms|Dr)(\.?,?\s+)([A-Z][a-z]+)\b/g,
      (whole, greeting: string, between: string, word: string) =>
        isOrdinary(word) ? whole : `${greeting}${between}[name]`,
    );
  return joinNames(masked);
}

/** Masks names in the last lines of a mail, where they are as short as a signature; there also names in small letters. */
export function maskSignature(text: string, people: readonly string[], { isOrdinary }: Names): string {
  const own = nameParts(people);
  const lines = text.split("\n");
  const written = lines.flatMap((line, i) => (line.trim() === "" ? [] : [i]));
  for (const i of written.slice(-3)) {
    const line = lines[i] ?? "";
    if (line.trim().split(/\s+/).length > 3) continue;
    lines[i] = line
      .replace(CAPITALISED, (word) => (isOrdinary(word) ? word : "[name]"))
      .replace(/(?<![\w[])[a-z'-]+(?![\w\]])/g, (word) => (own.has(word) ? "[name]" : word));
  }
  return joinNames(lines.join("\n"));
}
