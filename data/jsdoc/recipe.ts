/** @file The documentation comments of TypeScript's own libraries and of Node's types: one record a comment. */
import type { DataRecord, Recipe } from "../../lib/src/data/recipe";
import { deduplicate, sortedFiles } from "../text";

const MIN_LETTERS = 20; // less is a tag alone, such as "@deprecated"

/** The text of each JSDoc comment of a file, in order: without the stars, with its tags and code samples. */
export function jsdocComments(source: string): string[] {
  return [...source.replace(/\r\n?/g, "\n").matchAll(/^[ \t]*\/\*\*(?!\/)([\s\S]*?)\*\//gm)].map((match) =>
    (match[1] ?? "")
      .split("\n")
      .map((line) => line.replace(/^[ \t]*\*? ?/, "").trimEnd())
      .filter((line) => !/^\[MDN Reference\]\([^)]*\)$/.test(line.trim())) // the same line under thousands of names
      .join("\n")
      .replace(/\n{3,}/g, "\n\n")
      .trim(),
  );
}

export const recipe: Recipe = {
  name: "jsdoc",
  title: "JSDoc comments of TypeScript's libraries (JavaScript, DOM, compiler) and of Node.js's types",
  licence: "Apache-2.0 (typescript) and MIT (@types/node)",
  sources: [
    {
      registry: "npm",
      package: "typescript",
      version: "5.9.3",
      integrity: "sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw==",
      bytes: 4_377_468,
    },
    {
      registry: "npm",
      package: "@types/node",
      version: "26.6.6",
      integrity: "sha512-MzQj+8Kx3XI40OmUAE6Qoh58ZMNstNNMwn2nfd3qWsfe7nDNSqJNzes4njhz6AHwrSHOffSLwXU6yb474Q4aog==",
      bytes: 480_378,
    },
  ],
  files: /^typescript\/lib\/(?:lib\.[^/]*|typescript)\.d\.ts$|^@types\/node\/.*\.d\.ts$/,
  expected: {
    records: 8_898,
    characters: 2_060_850,
    sha256: "77b111750aa5a3cf489e4d9aa9d3b6f6c46ab3880e34a5e305aab08e909609aa",
  },
  convert: (files) => {
    const all = sortedFiles(files).flatMap(([source, code]) =>
      jsdocComments(code).map((text): DataRecord => ({ source, text })),
    );
    const prose = all.filter(({ text }) => text.replace(/@\w+|[^A-Za-z]/g, "").length >= MIN_LETTERS);
    return deduplicate(prose, ({ text }) => text.replace(/\s+/g, " "));
  },
};
