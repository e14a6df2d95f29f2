/** @file The comparison with transformers was made for the sources as they are: `make parity` leaves a result, which must not be stale. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { currentSources, readParity, TOLERANCE } from "../parity/result.ts";

const test = suite("parity with transformers");

test("bench/parity.json holds for these sources", () => {
  assert.is(
    readParity()?.sources,
    currentSources(),
    "the model, its operations or its files have changed since: run `make parity` (PARITY_PYTHON=<python> uses one that has PyTorch)",
  );
});

test("transformers loads every family in every type, and computes the same", () => {
  const { differences } = readParity()!;
  for (const family of ["gpt2", "llama", "qwen3"])
    for (const dtype of ["F32", "F16", "BF16"])
      assert.ok(differences[`${family} ${dtype}`]! < TOLERANCE, `${family} ${dtype}`);
});

test("PEFT loads adapters of every family, and computes the same", () => {
  const { differences } = readParity()!;
  for (const family of ["gpt2", "gpt2-untied", "llama", "llama-untied", "qwen3", "qwen3-untied"])
    assert.ok(differences[`${family} F32 adapter`]! < TOLERANCE, family);
});

test.run();
