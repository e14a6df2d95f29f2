/** @file A real GGUF file: what SmolLM2-135M-Instruct's 4-bit weights mean is what Python's reader says. The model itself is tested in test/lib/model. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { gguf as readByHub } from "@huggingface/gguf";
import { type BlockType, dequantize, nonFinite, openGguf } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cachedPath } from "../../../lib/dist/data/prepare.js";
import { findRecipe } from "../../../lib/dist/data/recipe.js";
import { skip } from "../../support/skip.ts";

interface Expected {
  tensors: {
    gguf_name: string;
    type: string;
    "ggml_ne(fastest axis first)": number[];
    raw_first_block_hex: string;
    gguf_first8: number[];
    gguf_row1_first8: number[] | null;
    l2: number;
  }[];
  tensor_types: Record<string, number>;
  gguf_keys: Record<string, string | number | boolean>;
}
const expected = JSON.parse(
  readFileSync(path.resolve(import.meta.dirname, "../../fixtures/hf/smollm2.json"), "utf8"),
) as Expected;
const file = cachedPath(findRecipe("smollm2"));
const withFile = (body: () => Promise<void>) =>
  existsSync(file) ? body : skip("SmolLM2 is not in the cache (npx gptlab data smollm2)");
const asFloat32 = (values: readonly number[]) => values.map(Math.fround);

const test = suite("SmolLM2's GGUF file");

test("the first blocks of its tensors mean what the reference says", () => {
  let blocks = 0;
  for (const { type, raw_first_block_hex: hex, gguf_first8: first } of expected.tensors) {
    if (type === "F32") continue;
    blocks++;
    assert.equal(Array.from(dequantize(type as BlockType, Buffer.from(hex, "hex")).subarray(0, 8)), asFloat32(first));
  }
  assert.is(blocks, 5);
});

test(
  "its tensors have the reference's values as float32",
  withFile(async () => {
    const source = await openGguf(file);
    for (const tensor of expected.tensors) {
      const { gguf_name: name, type, "ggml_ne(fastest axis first)": axes, gguf_row1_first8: second } = tensor;
      assert.equal(source.info(name), { dtype: type, shape: [...axes].reverse() });
      const { data, dtype } = await source.read(name);
      const values = data as Float32Array;
      assert.is(dtype, "F32");
      assert.equal(Array.from(values.subarray(0, 8)), asFloat32(tensor.gguf_first8), name);
      if (second) assert.equal(Array.from(values.subarray(axes[0], axes[0]! + 8)), asFloat32(second), name);
      const l2 = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
      assert.ok(Math.abs(l2 / tensor.l2 - 1) < 1e-7, `${name} has the length ${l2}, expected ${tensor.l2}`);
      assert.equal(nonFinite(data), { nan: 0, infinite: 0 });
    }
    await source.close();
  }),
);

test(
  "its header is what Python's gguf and @huggingface/gguf read",
  withFile(async () => {
    const { metadata, names, info } = await opened();
    for (const [key, value] of Object.entries(expected.gguf_keys)) assert.equal(metadata[key], value, key);
    const types: Record<string, number> = {};
    for (const name of names) types[info(name)] = (types[info(name)] ?? 0) + 1;
    assert.equal(types, expected.tensor_types);
    const hub = await readByHub(file, { allowLocalFile: true });
    for (const key of ["tokens", "merges", "token_type"].map((part) => `tokenizer.ggml.${part}`))
      assert.equal(metadata[key], (hub.metadata as unknown as Record<string, unknown>)[key], key);
    assert.equal(
      names,
      hub.tensorInfos.map(({ name }) => name),
    );
  }),
);

async function opened() {
  const source = await openGguf(file);
  await source.close();
  return { metadata: source.metadata, names: source.names, info: (name: string) => source.info(name).dtype };
}

test.run();
