/** @file A file of GPT-2's full size with the hub's own names, shapes and saved masks: it loads whole, into little more memory than its weights. In CI only. */
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type HostTensor, presets, writeSafetensors } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { temporaryFolder } from "../../support/checkpoints.ts";
import { end } from "../../support/project.ts";
import { root } from "../../support/repository.ts";
import { skip } from "../../support/skip.ts";

const test = suite("GPT-2 of full size");
const { vocabSize, blockSize, nLayer, nHead, nEmbd } = presets.gpt2;

/** Every tensor holds the beginning of this sequence. */
const value = (i: number) => Math.fround((((i * 2_654_435_761) % 2 ** 32) / 2 ** 32 - 0.5) * 0.04);

/** The 160 tensors of the hub's `gpt2`: no prefix, no head, a mask in each layer. */
function shapes(): Map<string, number[]> {
  const map = new Map([
    ["wte.weight", [vocabSize, nEmbd]],
    ["wpe.weight", [blockSize, nEmbd]],
    ["ln_f.weight", [nEmbd]],
    ["ln_f.bias", [nEmbd]],
  ]);
  const layers: [string, number, number][] = [
    ["attn.c_attn", nEmbd, 3 * nEmbd],
    ["attn.c_proj", nEmbd, nEmbd],
    ["mlp.c_fc", nEmbd, 4 * nEmbd],
    ["mlp.c_proj", 4 * nEmbd, nEmbd],
  ];
  for (let i = 0; i < nLayer; i++) {
    map.set(`h.${i}.attn.bias`, [1, 1, blockSize, blockSize]);
    for (const [name, inputs, outputs] of layers)
      map.set(`h.${i}.${name}.weight`, [inputs, outputs]).set(`h.${i}.${name}.bias`, [outputs]);
    for (const norm of ["ln_1", "ln_2"]) map.set(`h.${i}.${norm}.weight`, [nEmbd]).set(`h.${i}.${norm}.bias`, [nEmbd]);
  }
  return map;
}

/** Loads in a process of its own, and says what it found and how much memory it took at most. */
const LOAD = `
const { readFileSync } = require("node:fs");
const { GPT, initBackend, tf } = require("gptlab");
const memory = (name) => Number(new RegExp(name + ":\\\\s+(\\\\d+) kB").exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
(async () => {
  await initBackend();
  tf.tidy(() => tf.ones([64, 64]).matMul(tf.ones([64, 64])).dataSync()); // the engine is up
  const before = memory("VmRSS");
  const model = await GPT.fromPretrained(process.argv[1]);
  const grown = memory("VmHWM") - before;
  const first = (name, count) => Array.from(model.parameters().get(name).flatten().slice([0], [count]).dataSync());
  const last = Array.from(model.tokens.weight.slice([50256, 760], [1, 8]).dataSync());
  const row = Array.from(model.parameters().get("blocks.11.attention.qkv.weight").slice([1, 0], [1, 4]).dataSync());
  const loss = tf.tidy(() => tf.logSoftmax(model.forward([[1, 2, 3]])).max().dataSync()[0]);
  console.log(JSON.stringify({ grown, count: model.parameterCount(), first: first("blocks.0.norm1.gain", 4), row, last, loss }));
})();`;

async function loads(): Promise<void> {
  const folder = temporaryFolder();
  const all = shapes();
  assert.is(all.size, 160);
  const size = (shape: number[]) => shape.reduce((product, length) => product * length, 1);
  const numbers = Float32Array.from({ length: vocabSize * nEmbd }, (_, i) => value(i));
  const tensors = new Map<string, HostTensor>();
  for (const [name, shape] of all) tensors.set(name, { dtype: "F32", shape, data: numbers.subarray(0, size(shape)) });
  await writeSafetensors(path.join(folder, "model.safetensors"), tensors, { format: "pt" });
  const config = { model_type: "gpt2", vocab_size: vocabSize, n_positions: blockSize, n_layer: nLayer };
  writeFileSync(path.join(folder, "config.json"), JSON.stringify({ ...config, n_head: nHead, n_embd: nEmbd }));

  const { code, stdout, stderr } = await end(["-e", LOAD, folder], root, { GPTLAB_BACKEND: "tensorflow" });
  assert.is(code, 0, stderr);
  const found = JSON.parse(stdout);
  assert.is(found.count, 124_439_808);
  assert.equal(found.first, [0, 1, 2, 3].map(value));
  assert.equal(
    found.row,
    [0, 1, 2, 3].map((i) => value(3 * nEmbd + i)),
  );
  assert.equal(
    found.last,
    Array.from({ length: 8 }, (_, i) => value(vocabSize * nEmbd - 8 + i)),
  );
  assert.ok(Number.isFinite(found.loss));
  const share = found.grown / (4 * found.count);
  if (existsSync("/proc/self/status")) assert.ok(share < 1.3, `loading took ${share.toFixed(2)} times the weights`);
  console.log(`memory while loading: ${share.toFixed(2)} times the weights`);
}

test(
  "its 160 tensors load, in less than 1.3 times their memory",
  process.env.CI ? loads : skip("a file of 550 MB is written: CI=true does it"),
);

test.run();
