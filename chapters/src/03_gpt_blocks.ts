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
// # 3. GPT blocks
//
// In this chapter you build a whole GPT-2. Attention was its best-known part; now come the other parts, and the plan that holds them together. At the end stands a model of the size of GPT-2, and it writes its first ten words.
//
// **You will be able to** keep the numbers of a deep network at one size · say why a block has two shortcuts, and measure it · build a block, and a GPT from blocks · count the parameters of every GPT-2 exactly · let a model write, and judge what it writes.
//
// *90 minutes · no GPU · no download · 2 GB of free memory · needs chapters 00 to 02*

// %% slug="setup"
import {
  barChart, causalAttention, embedding, GPT, gpt2Tokenizer, initBackend, linear, linearTransposed, lineChart, Random,
  tf,
} from "gptlab";
import { check, hint, NotImplemented, orReference } from "gptlab/course";
import { profile, progress, show, table, text } from "gptlab/course";
const engine = await initBackend();
const size = profile("03_gpt_blocks");                   // how deep and how wide: see course.json

/** Title, axis titles and alternative text of a plot, in the language of this notebook. */
function titles(plot: string, values: Record<string, unknown> = {}) {
  const part = (name: string) => text(`plot.${plot}.${name}`, values);
  return { title: part("title"), xTitle: part("x"), yTitle: part("y"), alt: part("alt") };
}
console.log(`The engine "${engine.name}" computes on the ${engine.device}.`);

// %% [markdown] slug="map"
// ## Where we are
//
// Chapter 01 turned text into vectors. In chapter 02 each vector looked at those before it. A GPT does more with them: it norms them, works on each one alone, adds, and repeats all of this many times.
//
// The smallest GPT-2 has 124 million parameters. You know its two tables from chapter 01 and attention from chapter 02. Steps 1 to 3 of this chapter build the other parts, steps 4 to 6 join them. **Predict before you run:** which part has the most parameters?

// %% slug="map-chart"
const [V, S, L, C] = [50257, 1024, 12, 768];             // tokens, positions, blocks, width of the smallest GPT-2
const parts = [V * C, S * C, L * (4 * C * C + 4 * C), L * (8 * C * C + 5 * C), (2 * L + 1) * 2 * C];
const bars = parts.map((count, i) => ({ label: text(`plot.modelParts.${i + 1}`), value: Number((count / 1e6).toFixed(2)) }));
const [inTokens, , inAttention, inFeedForward] = bars.map(({ value }) => value.toFixed(0));
await show(barChart(bars, { ...titles("modelParts", { inTokens, inAttention, inFeedForward }), horizontal: true }));

// %% [markdown] slug="sizes"
// Feed-forward has nearly half, and the famous part, attention, less than a quarter. The norms have almost nothing, and yet nothing works without them. We begin there.
//
// ## 1. Layer norm: numbers of one size
//
// A deep network multiplies its numbers by one matrix after another. Suppose that each layer makes them a little smaller, times 0.8. Or a little larger, times 1.25. **Predict:** how large are they after 24 layers?

// %% slug="sizes-code"
/** The typical size (root mean square) of the numbers after each layer. Each layer multiplies it by about `factor`. */
async function sizesByLayer(factor: number, before = (x: tf.Tensor2D) => x): Promise<number[]> {
  const [random, width] = [new Random(1), size.width];
  const sizes = tf.tidy(() => {
    let x = tf.tensor2d(random.normal(16 * width), [16, width]);                        // (16, width)
    return tf.stack(Array.from({ length: size.depth }, () => {
      const weight = random.normal(width * width, 0, factor / Math.sqrt(width));
      x = tf.matMul(before(x), tf.tensor2d(weight, [width, width]));
      return x.square().mean().sqrt();
    }));
  });
  return [...await sizes.data()];
}

// %% slug="sizes-table"
const [shrinking, growing] = [await sizesByLayer(0.8), await sizesByLayer(1.25)];
const somewhere = [0, 1, size.depth / 2 - 1, size.depth - 1];
table(somewhere.map((i) => [i + 1, shrinking[i], growing[i]]), { head: ["layer", "times 0.8", "times 1.25"] });

// %% [markdown] slug="layerNorm-text"
// Small differences multiply. A network that ends near zero learns nothing, and one that explodes ends in `Infinity`. **Layer norm** brings every vector back to one size. By hand, for $[1,2,6]$:
//
// 1. The mean is 3. Subtract it: $[-2,-1,3]$.
// 2. The **variance** is the mean of the squares: $(4+1+9)/3\approx4.67$. Its root, $2.16$, is the typical distance from the mean.
// 3. Divide by it: $[-0.93,-0.46,1.39]$. The mean is now 0 and the variance 1.
//
// As a formula, with two vectors that the model learns, a gain $g$ (1 at first) and a bias $b$ (0 at first):
//
// $$\text{layerNorm}(x)=\frac{x-\text{mean}(x)}{\sqrt{\text{variance}(x)+\epsilon}}\cdot g+b$$
//
// The small $\epsilon$ keeps a vector of equal numbers from a division by zero.
//
// ### Exercise 3.1 · Layer norm
//
// *difficulty 2 of 5 · importance 5 of 5 · 10 minutes · about 5 lines*
//
// Write `layerNorm(x, gain, bias, epsilon)`. Mean and variance belong to **each vector**, along the last axis: no token may learn something about another token here. Wrap your work in `tf.tidy`, as in chapter 00.

// %% slug="layerNorm" tags=["exercise"]
/** Each vector with mean 0 and variance 1, times gain plus bias. x: (…, C), gain and bias: (C) -> (…, C) */
function layerNorm(x: tf.Tensor, gain: tf.Tensor1D, bias: tf.Tensor1D, epsilon = 1e-5): tf.Tensor {
  // #region solution
  return tf.tidy(() => {
    const centred = x.sub(x.mean(-1, true));                                            // (…, C) - (…, 1)
    const variance = centred.square().mean(-1, true);                                   // (…, 1)
    return centred.div(variance.add(epsilon).sqrt()).mul(gain).add(bias);
  });
  // #endregion
}
await check("layerNorm", layerNorm);

// %% [markdown] slug="layerNorm-hints" tags=["hints"]
// 1. `x.mean(-1)` of a tensor (2, 5) has the shape (2). Which shape do you need, so that you can subtract it from (2, 5)?
// 2. Centred = x minus the mean of each vector. Variance = mean of the centred squares. Divide by the root of variance plus epsilon, then gain, then bias.
// 3. `const centred = x.sub(x.mean(-1, true))` and `const variance = centred.square().mean(-1, true)`. Then `centred.div(variance.add(epsilon).sqrt())`, `.mul(gain)`, `.add(bias)`.

// %% slug="layerNorm-use"
const normalize = await orReference("layerNorm", layerNorm);
const [ones, zeros] = [tf.ones([size.width]) as tf.Tensor1D, tf.zeros([size.width]) as tf.Tensor1D];
const normed = (x: tf.Tensor2D) => normalize(x, ones, zeros) as tf.Tensor2D;
const nameOf = (factor: number) => text("plot.layerSizes.normed", { factor });
const series = [
  { name: "× 0.8", y: shrinking }, { name: nameOf(0.8), y: await sizesByLayer(0.8, normed) },
  { name: "× 1.25", y: growing }, { name: nameOf(1.25), y: await sizesByLayer(1.25, normed) },
].map(({ name, y }) => ({ name, x: y.map((_, i) => i + 1), y }));
const [low, lowNormed, high, highNormed] = series.map(({ y }) => Number(y[y.length - 1].toPrecision(2)));
const found = { depth: size.depth, low, lowNormed, high, highNormed };
await show(lineChart(series, { ...titles("layerSizes", found), yLog: true }));

// %% [markdown] slug="sizes-look"
// **Question about the plot:** the axis is logarithmic. Why are the two lines without a norm nearly straight on it?
//
// <details><summary>Answer</summary>
//
// Each layer multiplies by about the same factor. On a logarithmic axis, a multiplication is a step of fixed height. (The steps are not quite equal, because the matrices are random.)
//
// </details>
//
// With the norm, each layer starts at size 1 again, however deep it lies.
//
// ## 2. GELU: a bend that is smooth
//
// Next comes work on each vector alone: a linear layer, and another one. But two linear layers in a row are a waste. Watch:

// %% slug="linear-waste"
const [a, b] = [tf.tensor2d([[1, 2], [0, 1]]), tf.tensor2d([[3, 0], [1, 1]])];
const point = tf.tensor2d([[5, -4]]);                    // (1, 2)
console.log(await tf.matMul(tf.matMul(point, a), b).array());   // two layers
console.log(await tf.matMul(point, tf.matMul(a, b)).array());   // one layer, whose matrix is the product of both

// %% [markdown] slug="gelu-text"
// The same answer: the two matrices could have been one. Something between them must bend. The simplest bend is **ReLU**: a negative number becomes 0, a positive one stays. But left of 0 its slope is 0, so a number that is always negative there learns nothing (you met this at the end of chapter 00).
//
// GPT-2 uses **GELU**, which bends smoothly:
//
// $$\text{gelu}(x)=\frac{x}{2}\Big(1+\tanh\big(\sqrt{2/\pi}\,(x+0.044715\,x^3)\big)\Big)$$
//
// Read it as a gate: $x$ times a number between 0 (closed) and 1 (open). For $x=1$ the inner bracket is $1.0447$, times $0.7979$ gives $0.8336$, its $\tanh$ is $0.6824$, so the gate is $(1+0.6824)/2=0.8412$.
//
// ### Exercise 3.2 · GELU
//
// *difficulty 1 of 5 · importance 4 of 5 · 6 minutes · about 4 lines*
//
// Write `gelu(x)` for tensors of any shape. **Predict first:** what is gelu(100), and what is gelu(−100)?

// %% slug="gelu" tags=["exercise"]
/** The bend of GPT-2, for each number. any shape -> same shape */
function gelu(x: tf.Tensor): tf.Tensor {
  // #region solution
  return tf.tidy(() => {
    const inner = x.add(x.pow(3).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
    return x.mul(0.5).mul(inner.tanh().add(1));
  });
  // #endregion
}
await check("gelu", gelu);

// %% [markdown] slug="gelu-hints" tags=["hints"]
// 1. Which brackets of the formula must be finished before tanh, and which after?
// 2. Inner = x plus 0.044715 times the cube of x, all of it times the root of 2/π. Result = half of x, times one plus tanh of inner.
// 3. `const inner = x.add(x.pow(3).mul(0.044715)).mul(Math.sqrt(2 / Math.PI))`, then `x.mul(0.5).mul(inner.tanh().add(1))`.

// %% slug="gelu-use"
const activate = await orReference("gelu", gelu);
const line = tf.linspace(-4, 4, 81);                     // (81)
const numbers = async (curve: tf.Tensor) => [...await curve.data()];
const [xs, bends, relus] = await Promise.all([line, activate(line), line.relu()].map(numbers));
const lowest = Math.min(...bends);
const where = { lowest: lowest.toFixed(2), at: xs[bends.indexOf(lowest)].toFixed(1) };
await show(lineChart([{ name: "ReLU", x: xs, y: relus }, { name: "GELU", x: xs, y: bends }], titles("geluCurve", where)));

// %% [markdown] slug="gelu-look"
// **Question about the plot:** where do the two curves differ most, and does it matter far from 0?
//
// <details><summary>Answer</summary>
//
// They differ most near −0.75 and 0.75, by 0.17. Far to the left both are 0, far to the right both are $x$: gelu(−100) is 0 and gelu(100) is 100. Left of −0.75, GELU falls while $x$ rises: it is not monotonic. And its slope is almost nowhere exactly 0.
//
// </details>
//
// The name means "Gaussian error linear unit". The exact form uses the error function `erf`; this one, with tanh, differs from it by at most 0.0005. The weights of GPT-2 were trained with tanh, so we keep tanh.
//
// ## 3. Feed-forward: work on each vector alone
//
// The **feed-forward** part is linear → GELU → linear. It first makes a vector four times as wide, then as narrow as before: $C\to4C\to C$. By hand, with widths $1\to3\to1$:
//
// $$1\;\to\;[1,\,2,\,-1]\;\to\;[0.841,\,1.955,\,-0.159]\;\to\;0.841\cdot1+1.955\cdot1-0.159\cdot10+0.5\approx1.71$$
//
// The next cell gives you the type of a linear layer, and random ones by the rule of PyTorch: uniform between $-1/\sqrt{n}$ and $1/\sqrt{n}$ for $n$ inputs. Our `Random` draws what PyTorch draws, so a seed gives the same weights in both. `linear(x, weight, bias)` of the library computes $x\cdot\text{weight}+\text{bias}$ along the last axis.

// %% slug="linear-code"
interface Linear { weight: tf.Tensor2D; bias: tf.Tensor1D }                             // (in, out), (out)

/** A linear layer as PyTorch starts it. PyTorch keeps the weight as (out, in), so it is drawn so and turned. */
function randomLinear(inputs: number, outputs: number, random: Random, withBias = true): Linear {
  const bound = 1 / Math.sqrt(inputs);
  const weight = tf.tidy(() =>
    tf.tensor2d(random.uniform(inputs * outputs, -bound, bound), [outputs, inputs]).transpose() as tf.Tensor2D);
  const bias = withBias ? tf.tensor1d(random.uniform(outputs, -bound, bound)) : tf.zeros([outputs]);
  return { weight, bias: bias as tf.Tensor1D };
}

// %% [markdown] slug="feedForward-text"
// ### Exercise 3.3 · Feed-forward
//
// *difficulty 1 of 5 · importance 4 of 5 · 5 minutes · about 3 lines*
//
// Write `feedForward(x, { up, down })` with `linear` and `activate`, which is your GELU.

// %% slug="feedForward" tags=["exercise"]
interface FeedForward { up: Linear; down: Linear }                                      // (C, 4C), (4C, C)

/** Linear, GELU, linear, for each vector alone. x: (…, C) -> (…, C) */
function feedForward(x: tf.Tensor, { up, down }: FeedForward): tf.Tensor {
  // #region solution
  return tf.tidy(() => {
    const wide = activate(linear(x, up.weight, up.bias));                               // (…, 4C)
    return linear(wide, down.weight, down.bias);                                        // (…, C)
  });
  // #endregion
}
await check("feedForward", feedForward);

// %% [markdown] slug="feedForward-hints" tags=["hints"]
// 1. How many bends are there, and between which two steps does the bend stand?
// 2. Wide = GELU of the linear layer `up`. Result = the linear layer `down` of wide, with nothing after it.
// 3. `const wide = activate(linear(x, up.weight, up.bias))`, then `return linear(wide, down.weight, down.bias)`, both inside `tf.tidy`.

// %% slug="feedForward-use"
const work = await orReference("feedForward", feedForward);
const one = { up: randomLinear(C, 4 * C, new Random(1)), down: randomLinear(4 * C, C, new Random(2)) };
const three = tf.tensor2d(new Random(3).normal(3 * C), [3, C]);                         // (T=3, C)
const gap = tf.tidy(() => work(three.reverse(0), one).sub(work(three, one).reverse(0)).abs().max());
console.log("words in another order, largest difference:", (await gap.data())[0]);
const count = ({ weight, bias }: Linear) => weight.size + bias.size;
table([["feed-forward", count(one.up) + count(one.down)], ["attention", 4 * C * C + 4 * C]],
  { head: ["in one block of GPT-2", "parameters"] });

// %% [markdown] slug="feedForward-look"
// The first line is 0: turn the words round before or after, it is the same. Each vector is worked on without a look at its neighbours. Attention carries information between positions; feed-forward works on what has arrived. It holds two thirds of the parameters of a block.
//
// ## 4. Shortcuts: a way for the gradient
//
// Now stack layers. To learn, the first layer needs a gradient, and it must come back through all later ones. Chapter 00 said: slopes along a path are multiplied. If each layer has a slope of about 0.3, five layers leave $0.3^5\approx0.002$.
//
// A **shortcut** adds the input of a layer to its output: $y=x+f(x)$. Its slope is $1+f'(x)$. With the same 0.3, five layers give $1.3^5\approx3.7$. The 1 is a path on which nothing is multiplied.
//
// We measure it on a toy: five layers, widths $3\to3\to3\to3\to3\to1$, each linear and GELU.

// %% slug="shortcut-code"
/** Through all layers. A layer that changes the width has no shortcut. x: (1, in) -> (1, out) */
function deepForward(x: tf.Tensor, layers: Linear[], shortcuts: boolean): tf.Tensor {
  for (const { weight, bias } of layers) {
    const y = activate(linear(x, weight, bias));
    x = shortcuts && weight.shape[0] === weight.shape[1] ? x.add(y) : y;
  }
  return x;
}

// %% slug="shortcut-sizes"
/** The mean size of the gradient of each layer's weight; the loss is the mean square of the output. */
async function gradientSizes(x: tf.Tensor, layers: Linear[], shortcuts: boolean): Promise<number[]> {
  const loss = (...weights: tf.Tensor[]) => {
    const same = layers.map(({ bias }, i) => ({ weight: weights[i] as tf.Tensor2D, bias }));
    return deepForward(x, same, shortcuts).square().mean();
  };
  const sizes = tf.tidy(() => {
    const gradients = tf.grads(loss)(layers.map(({ weight }) => weight));
    return tf.stack(gradients.map((gradient) => gradient.abs().mean()));
  });
  return [...await sizes.data()];
}

// %% slug="shortcut-toy"
/** Layers of these widths from one stream of random numbers. */
const stack = (widths: number[], random: Random) =>
  widths.slice(1).map((outputs, i) => randomLinear(widths[i], outputs, random));
const toy = stack([3, 3, 3, 3, 3, 1], new Random(123));
const toyInput = tf.tensor2d([[1, 0, -1]]);
const [without, withShortcuts] = [await gradientSizes(toyInput, toy, false), await gradientSizes(toyInput, toy, true)];
table(without.map((value, i) => [i + 1, value, withShortcuts[i]]),
  { head: ["layer", "without shortcuts", "with shortcuts"], caption: "mean size of the gradient" });

// %% [markdown] slug="shortcut-read"
// Without shortcuts the first layer gets about 0.0002, and the last one 25 times as much. With them all layers get between 0.2 and 1.4. These are not only our numbers: a PyTorch program with the seed 123 prints the same, 0.00020174 and 0.22170 for layer 1. The sizes of all ten agree to five digits. A test holds this.
//
// A toy of five layers is not deep. **Predict before you run:** what happens to the first layer of a network with many more layers?

// %% slug="shortcut-plot"
const deep = stack(Array.from({ length: size.depth + 1 }, () => size.width), new Random(1));
const deepInput = tf.tensor2d(new Random(2).normal(size.width), [1, size.width]);
const [bare, eased] = [await gradientSizes(deepInput, deep, false), await gradientSizes(deepInput, deep, true)];
const layerNumbers = bare.map((_, i) => i + 1);
const digits = (value: number) => String(Number(value.toPrecision(1)));
const ends = { depth: size.depth, first: digits(bare[0]), last: digits(bare[size.depth - 1]),
  easedFirst: digits(eased[0]), easedLast: digits(eased[size.depth - 1]) };
await show(lineChart([
  { name: text("plot.shortcutGradients.without"), x: layerNumbers, y: bare },
  { name: text("plot.shortcutGradients.with"), x: layerNumbers, y: eased },
], { ...titles("shortcutGradients", ends), yLog: true }));

// %% [markdown] slug="shortcut-look"
// **Question about the plot:** gradient descent multiplies every gradient by the same learning rate. Which layers of the network without shortcuts will learn?
//
// <details><summary>Answer</summary>
//
// Only the last few. A step that is right for layer 24 changes layer 1 by almost nothing: its gradient is many powers of ten smaller. This is called the **vanishing gradient**. With shortcuts all layers get gradients of a similar size. (Here they are large, because nothing keeps the sums small. The block of step 5 has norms as well.)
//
// </details>
//
// ## 5. The block
//
// Now all is there. A **block** of GPT-2 has two halves, each with a norm in front and a shortcut around:
//
// $$y=x+\text{attention}(\text{norm}_1(x)),\qquad\text{block}(x)=y+\text{feedForward}(\text{norm}_2(y))$$
//
// The vectors flow through the model on the shortcuts. Each half only **adds** something to them. The norm stands inside the half, not on the road: so the road itself stays free for the gradient.
//
// The next cell gives you attention: that of chapter 02, and the biases that GPT-2 has there.

// %% slug="attention-code"
interface Attention { qkv: Linear; out: Linear }                                        // (C, 3C), (C, C)

/** Causal attention with many heads. x: (B, T, C) -> (B, T, C) */
function attention(x: tf.Tensor3D, { qkv, out }: Attention, nHead: number): tf.Tensor3D {
  return tf.tidy(() => {
    const [B, T, C] = x.shape;
    const joined = linear(x, qkv.weight, qkv.bias).reshape([B, T, 3 * nHead, C / nHead]);
    const [q, k, v] = tf.split(joined.transpose([0, 2, 1, 3]), 3, 1) as tf.Tensor4D[];  // (B, H, T, C/H) each
    const mixed = causalAttention(q, k, v).transpose([0, 2, 1, 3]).reshape([B, T, C]);
    return linear(mixed, out.weight, out.bias) as tf.Tensor3D;
  });
}

// %% slug="norm-code"
interface Norm { gain: tf.Tensor1D; bias: tf.Tensor1D }                                 // (C), (C)

const norm = (x: tf.Tensor3D, { gain, bias }: Norm) => normalize(x, gain, bias) as tf.Tensor3D;  // yours, or the book's

// %% [markdown] slug="transformerBlock-text"
// ### Exercise 3.4 · A block
//
// *difficulty 2 of 5 · importance 5 of 5 · 8 minutes · about 4 lines*
//
// Write `transformerBlock(x, weights, nHead)` with `norm`, `attention` and `work`, which is your feed-forward. **Predict first:** what does a block do when all its weights and biases are 0?

// %% slug="transformerBlock" tags=["exercise"]
interface Block { norm1: Norm; attention: Attention; norm2: Norm; feedForward: FeedForward }

/** Two halves, each with a norm in front and a shortcut around. x: (B, T, C) -> (B, T, C) */
function transformerBlock(x: tf.Tensor3D, weights: Block, nHead: number): tf.Tensor3D {
  // #region solution
  return tf.tidy(() => {
    const y: tf.Tensor3D = x.add(attention(norm(x, weights.norm1), weights.attention, nHead));
    return y.add(work(norm(y, weights.norm2), weights.feedForward));
  });
  // #endregion
}
await check("transformerBlock", transformerBlock);

// %% [markdown] slug="transformerBlock-hints" tags=["hints"]
// 1. Look at the two formulas: what goes into the second half, $x$ or $y$? And what does its shortcut add?
// 2. y = x plus attention of the first norm of x. Result = y plus feed-forward of the second norm of y.
// 3. `const y: tf.Tensor3D = x.add(attention(norm(x, weights.norm1), weights.attention, nHead))`, then `return y.add(work(norm(y, weights.norm2), weights.feedForward))`.

// %% slug="transformerBlock-use"
const runBlock = await orReference("transformerBlock", transformerBlock);
function randomBlock(C: number, random: Random): Block {
  const newNorm = () => ({ gain: tf.ones([C]) as tf.Tensor1D, bias: tf.zeros([C]) as tf.Tensor1D });
  const [q, k, v] = [1, 2, 3].map(() => randomLinear(C, C, random, false));         // one by one, as PyTorch does
  const joined = tf.concat([q.weight, k.weight, v.weight], 1) as tf.Tensor2D;
  const qkv = { weight: joined, bias: tf.zeros([3 * C]) as tf.Tensor1D };
  const out = randomLinear(C, C, random);
  const feedForward = { up: randomLinear(C, 4 * C, random), down: randomLinear(4 * C, C, random) };
  tf.dispose([q, k, v].flatMap(({ weight, bias }) => [weight, bias]));                  // they live on in qkv
  return { norm1: newNorm(), attention: { qkv, out }, norm2: newNorm(), feedForward };
}

// %% slug="causal-code"
const someBlock = randomBlock(24, new Random(1));
const before = tf.tensor3d(new Random(2).normal(5 * 24), [1, 5, 24]);                   // (B=1, T=5, C=24)
const another = tf.tensor3d(new Random(3).normal(24), [1, 1, 24]);                      // only position 3 changes
const ahead = before.slice([0, 0, 0], [1, 3, 24]);
const changed = tf.concat([ahead, another, before.slice([0, 4, 0], [1, 1, 24])], 1) as tf.Tensor3D;
const moved = runBlock(before, someBlock, 4).sub(runBlock(changed, someBlock, 4)).abs().max(2);
const changes = await moved.data();
console.log("change at positions 0 to 4:", [...changes].map((value) => value.toFixed(3)).join("  "));

// %% [markdown] slug="transformerBlock-look"
// A block whose weights are all 0 adds 0 twice: it passes on what came in. This was the question of the exercise.
//
// The shape that goes in comes out: (B, T, C). So blocks can be stacked as high as you like. And the future stays hidden: we changed position 3, and only positions 3 and 4 noticed.
//
// ## 6. The whole model
//
// A GPT is short, now that you have blocks:
//
// | step | shape |
// |--|--|
// | ids | (B, T) |
// | their rows of the token table, plus the rows of the position table | (B, T, C) |
// | each block, one after the other | (B, T, C) |
// | a last norm | (B, T, C) |
// | times the output layer, the **head** | (B, T, V) |
//
// The head compares each vector with one row for each token of the vocabulary. The results are scores, one for each possible next token. They are called **logits**; softmax makes probabilities of them.

// %% [markdown] slug="gptForward-text"
// ### Exercise 3.5 · GPT
//
// *difficulty 3 of 5 · importance 5 of 5 · 12 minutes · about 7 lines*
//
// Write `gptForward(ids, weights, nHead)` with `norm` and `runBlock`, which is your block. `embedding(table, ids)` of the library gives the rows of a table, as `tf.gather` does, and has a gradient on every engine. The head is kept as (V, C), like the token table. `linearTransposed(x, head)` of the library multiplies by it: (B, T, C) and (V, C) give (B, T, V).

// %% slug="gptForward" tags=["exercise"]
interface GPTWeights { tokens: tf.Tensor2D; positions: tf.Tensor2D; blocks: Block[]; norm: Norm; head: tf.Tensor2D }

/** The logits of the next token at every position. ids: (B, T) -> (B, T, V) */
function gptForward(ids: number[][], weights: GPTWeights, nHead: number): tf.Tensor3D {
  // #region solution
  return tf.tidy(() => {
    const [T, C] = [ids[0].length, weights.tokens.shape[1]];
    const rows = embedding(weights.tokens, tf.tensor2d(ids, [ids.length, T], "int32"));  // (B, T, C)
    let x: tf.Tensor3D = rows.add(weights.positions.slice([0, 0], [T, C]));             // (B, T, C) + (T, C)
    for (const block of weights.blocks) x = runBlock(x, block, nHead);
    return linearTransposed(norm(x, weights.norm), weights.head) as tf.Tensor3D;        // (B, T, V)
  });
  // #endregion
}
await check("gptForward", gptForward);

// %% [markdown] slug="gptForward-hints" tags=["hints"]
// 1. Which rows of the position table does a text of `T` tokens need? Are they the same for every text of the batch?
// 2. x = token rows + the first T position rows. For each block: x = block of x. Then the last norm, then the head.
// 3. `embedding(weights.tokens, tf.tensor2d(ids, [ids.length, T], "int32"))` gives (B, T, C). Add `weights.positions.slice([0, 0], [T, C])`. Loop with `x = runBlock(x, block, nHead)`. At the end `linearTransposed(norm(x, weights.norm), weights.head)`.

// %% slug="gpt-sizes"
interface Sizes { vocabSize: number; blockSize: number; nLayer: number; nHead: number; nEmbd: number }

/** A model as a PyTorch program starts it: tables, blocks, last norm, head, from one stream of random numbers. */
function randomGpt({ vocabSize, blockSize, nLayer, nEmbd }: Sizes, random: Random): GPTWeights {
  const tokens = tf.tensor2d(random.normal(vocabSize * nEmbd), [vocabSize, nEmbd]);
  const positions = tf.tensor2d(random.normal(blockSize * nEmbd), [blockSize, nEmbd]);
  const blocks = Array.from({ length: nLayer }, () => randomBlock(nEmbd, random));
  const norm = { gain: tf.ones([nEmbd]) as tf.Tensor1D, bias: tf.zeros([nEmbd]) as tf.Tensor1D };
  const bound = 1 / Math.sqrt(nEmbd);
  const head = tf.tensor2d(random.uniform(vocabSize * nEmbd, -bound, bound), [vocabSize, nEmbd]);
  return { tokens, positions, blocks, norm, head };
}

// %% slug="gpt-shape"
const gpt = await orReference("gptForward", gptForward);
const smallSizes = { vocabSize: 100, blockSize: 16, nLayer: 2, nHead: 4, nEmbd: 24 };
const small = randomGpt(smallSizes, new Random(1));
gpt([[1, 2, 3], [4, 5, 6]], small, 4).shape;

// %% [markdown] slug="library"
// Two texts of three tokens gave (2, 3, 100): at each position, a score for each of 100 tokens.
//
// Is it right? The library has a [`GPT`](../../lib/src/model/gpt.ts) too, made for speed, with the names of GPT-2. We take all its weights, put random numbers into them, and compare.

// %% slug="library-code"
const model = new GPT({ architecture: "gpt2", ...smallSizes }, new Random(1));
const named = model.parameters();                        // Map: name -> variable
for (const weight of named.values())
  weight.assign(tf.tensor(new Random(weight.size).normal(weight.size, 0.1, 0.3), weight.shape));
const bias = (name: string) => named.get(`${name}.bias`) as tf.Tensor;
const weight = (name: string) => named.get(`${name}.weight`) as tf.Tensor;
const linearOf = (name: string) => ({ weight: weight(name), bias: bias(name) }) as Linear;
const normOf = (name: string) => ({ gain: named.get(`${name}.gain`) as tf.Tensor, bias: bias(name) }) as Norm;
const blockOf = (name: string) => ({
  norm1: normOf(`${name}.norm1`), norm2: normOf(`${name}.norm2`),
  attention: { qkv: linearOf(`${name}.attention.qkv`), out: linearOf(`${name}.attention.projection`) },
  feedForward: { up: linearOf(`${name}.feedForward.up`), down: linearOf(`${name}.feedForward.down`) },
});

// %% slug="library-compare"
const [tokens, positions] = [weight("tokens"), weight("positions")] as tf.Tensor2D[];
const blocks = [blockOf("blocks.0"), blockOf("blocks.1")];
const same = { tokens, positions, blocks, norm: normOf("norm"), head: tokens };
const apart = gpt([[7, 8, 9, 7]], same, 4).sub(model.forward([[7, 8, 9, 7]])).abs().max();
console.log("largest difference of the logits:", (await apart.data())[0].toExponential(0));

// %% [markdown] slug="tying"
// They agree, up to the rounding of `float32`. A test proves the same on random input for [`layerNorm`](../../lib/src/ops/norm.ts), [`gelu`](../../lib/src/ops/activation.ts), the [block](../../lib/src/model/block.ts) with its feed-forward part, the whole `GPT`, its parameter count, and [`generate`](../../lib/src/generate/index.ts), which is step 8.
//
// Did you see `head: tokens` in that cell? The model has no head of its own: it uses the token table once more. This is **weight tying**. It saves 38.6 million numbers in the smallest GPT-2. It also changes what is learnt. **Predict:** the model reads three different tokens. How many rows of the token table get a gradient, without and with tying?

// %% slug="tying-code"
/** How many rows of the token table get a gradient when the model reads these three tokens. */
async function rowsThatLearn(tied: boolean): Promise<number> {
  const learning = tf.tidy(() => {
    const loss = (table: tf.Tensor) => {
      const tokens = table as tf.Tensor2D;
      return gpt([[7, 8, 9]], { ...small, tokens, head: tied ? tokens : small.head }, 4).square().mean();
    };
    return tf.grad(loss)(small.tokens).abs().sum(1).greater(0).sum();                   // (V, C) -> (V) -> ()
  });
  return (await learning.data())[0];
}
table([["own head", await rowsThatLearn(false)], ["tied", await rowsThatLearn(true)]],
  { head: ["", "rows of 100 that learn"] });

// %% [markdown] slug="tying-look"
// With a head of its own, the token table learns only about tokens that are read. Tied, each row learns from both ends: as a token that is read, and as a token that could have come next.
//
// ## 7. Counting
//
// Now the sizes. Every parameter stands in a table, a matrix, a bias or a norm, so they can be counted exactly.

// %% [markdown] slug="countParameters-text"
// ### Exercise 3.6 · Count the parameters
//
// *difficulty 2 of 5 · importance 4 of 5 · 10 minutes · about 7 lines*
//
// Write `countParameters(sizes, tied)`. All linear layers have biases, except the head. By hand, for 10 tokens, 5 positions, 3 blocks and width 4: the tables have $40+20$. In each block the norms have $8+8$, attention $(48+12)+(16+4)$, feed-forward $(64+16)+(64+4)$, together 244. The last norm has 8. So $60+3\cdot244+8=800$, and 40 more with a head of its own.

// %% slug="countParameters" tags=["exercise"]
/** How many numbers a GPT-2 of these sizes learns. */
function countParameters({ vocabSize, blockSize, nLayer, nEmbd }: Sizes, tied = true): number {
  // #region solution
  const linear = (inputs: number, outputs: number) => inputs * outputs + outputs;
  const norm = 2 * nEmbd;
  const attention = linear(nEmbd, 3 * nEmbd) + linear(nEmbd, nEmbd);
  const feedForward = linear(nEmbd, 4 * nEmbd) + linear(4 * nEmbd, nEmbd);
  const head = tied ? 0 : vocabSize * nEmbd;
  return (vocabSize + blockSize) * nEmbd + nLayer * (2 * norm + attention + feedForward) + norm + head;
  // #endregion
}
await check("countParameters", countParameters);

// %% [markdown] slug="countParameters-hints" tags=["hints"]
// 1. A linear layer from $n$ to $m$ numbers: how many weights, and how many biases?
// 2. Tables = (V + S) · C. Block = 2 norms + attention (C → 3C, C → C) + feed-forward (C → 4C, 4C → C). Total = tables + blocks + a last norm, and V · C for a head that is not tied.
// 3. With `const linear = (n: number, m: number) => n * m + m`, a block is `4 * nEmbd + linear(nEmbd, 3 * nEmbd) + linear(nEmbd, nEmbd) + linear(nEmbd, 4 * nEmbd) + linear(4 * nEmbd, nEmbd)`.

// %% slug="countParameters-use"
const parameters = await orReference("countParameters", countParameters);
const family = [[12, 12, 768], [24, 16, 1024], [36, 20, 1280], [48, 25, 1600]].map(([nLayer, nHead, nEmbd]) =>
  ({ vocabSize: V, blockSize: S, nLayer, nHead, nEmbd }));
const names = ["GPT-2", "GPT-2 medium", "GPT-2 large", "GPT-2 XL"];
const published = [124439808, 354823168, 774030080, 1557611200];                    // in the files that OpenAI released
const digitsOf = (value: number) => value.toLocaleString("en");
table(family.map((sizes, i) => [names[i], sizes.nLayer, sizes.nHead, sizes.nEmbd, digitsOf(parameters(sizes)),
  parameters(sizes) === published[i] ? "yes" : "no", `${((100 * V * sizes.nEmbd) / parameters(sizes)).toFixed(0)} %`]),
  { head: ["model", "blocks", "heads", "width", "parameters", "as published", "in the token table"] });

// %% [markdown] slug="memory"
// All four are equal to what OpenAI published, to the last digit. (The number of heads does not matter: heads only cut the width into pieces.) In a larger model the token table weighs less: blocks grow with the square of the width, the table does not.
//
// What does it take to keep them in memory? A number of type `float32` takes 4 bytes, one of type `bfloat16` takes 2. Training with AdamW, the method of chapter 04, keeps four numbers for each parameter: itself, its gradient, and two running means.

// %% slug="memory-code"
const gigabytes = (count: number, bytesEach: number) => `${((bytesEach * count) / 1e9).toFixed(2)} GB`;
const byTying = (sizes: Sizes) => parameters(sizes, false) - parameters(sizes);
table(family.map((sizes, i) => [names[i], ...[2, 4, 16].map((each) => gigabytes(parameters(sizes), each)),
  gigabytes(byTying(sizes), 4)]),
  { head: ["model", "bfloat16", "float32", "training, float32", "saved by tying, float32"] });

// %% [markdown] slug="greedyDecode-text"
// The largest GPT-2 fits a laptop to run it. To train it in this way takes 25 GB, and more for the numbers in between.
//
// ## 8. The first words
//
// A GPT says one token at a time. Read the text, take the logits of the **last** position, choose the largest, append it, repeat. Always to choose the largest is called **greedy**. When the text is longer than the model can see, only its end is shown to the model.
//
// ### Exercise 3.7 · Write greedily
//
// *difficulty 2 of 5 · importance 5 of 5 · 8 minutes · about 7 lines*
//
// Write `greedyDecode(forward, ids, count, blockSize)`. `forward(ids)` gives the logits (T, V) of one text, and it takes at most `blockSize` ids. Return all ids: those given and `count` new ones. It is `async`, because `await tensor.data()` waits for the engine; `tf.tidy` may wrap only what is synchronous.

// %% slug="greedyDecode" tags=["exercise"]
type Forward = (ids: number[]) => tf.Tensor2D;                                          // (T) -> (T, V)

/** The ids, followed by `count` new ones, each the most likely. */
async function greedyDecode(forward: Forward, ids: number[], count: number, blockSize: number): Promise<number[]> {
  // #region solution
  const all = [...ids];
  for (let i = 0; i < count; i++) {
    const best = tf.tidy(() => forward(all.slice(-blockSize)).argMax(1));               // (T, V) -> (T)
    const choices = await best.data();
    best.dispose();
    all.push(choices[choices.length - 1]);
  }
  return all;
  // #endregion
}
await check("greedyDecode", greedyDecode);

// %% [markdown] slug="greedyDecode-hints" tags=["hints"]
// 1. The logits have one row for each position. Which row speaks about the token that is not there yet?
// 2. Copy the ids. Repeat `count` times: forward of the last `blockSize` ids, the index of the largest logit in the last row, append it. Return the copy.
// 3. `const best = tf.tidy(() => forward(all.slice(-blockSize)).argMax(1))`, then `const choices = await best.data()`, then `all.push(choices[choices.length - 1])`.

// %% [markdown] slug="first-model"
// Now a model of full size. The next cell makes 163 million random numbers: GPT-2's sizes, with a head of its own. It takes about 10 seconds and 700 MB. **Predict before you run:** what will a model write that has never been trained? Choose one: real sentences · real words in no order · the same word again and again · letters without sense.

// %% slug="first-model-code"
const writes = await orReference("greedyDecode", greedyDecode);
const gptSizes = { vocabSize: V, blockSize: S, nLayer: size.nLayer, nHead: size.nHead, nEmbd: size.nEmbd };
const untrained = randomGpt(gptSizes, new Random(123));
const tokenizer = gpt2Tokenizer();
const logitsOf = (weights: GPTWeights) => (ids: number[]) =>
  gpt([ids], weights, size.nHead).reshape([ids.length, V]) as tf.Tensor2D;
const prompt = tokenizer.encode("Hello, I am");
const written = await writes(logitsOf(untrained), prompt, size.newTokens, S);
console.log(tokenizer.decode(written));
console.log(written.slice(prompt.length).join(" "));

// %% [markdown] slug="first-model-look"
// Real pieces of words, in no order. They are pieces of words because the tokenizer can say nothing else, not because the model knows words. With the seed 123, a PyTorch program with the same parts prints the same ten tokens. So all your parts work as they should: one wrong sign would almost surely give other words.
//
// Now tie the head to the token table. It takes one line. **Predict:** does it change what the model writes?

// %% slug="tied-code"
const tiedModel = { ...untrained, head: untrained.tokens };
console.log(tokenizer.decode(await writes(logitsOf(tiedModel), prompt, size.newTokens, S)));

/** The probability of the most likely next token. */
async function confidence(weights: GPTWeights): Promise<number> {
  const top = tf.tidy(() => logitsOf(weights)(prompt).softmax().max(1));                // (T, V) -> (T)
  const values = await top.data();
  return values[values.length - 1];
}
table([["own head", await confidence(untrained)], ["tied", await confidence(tiedModel)], ["pure chance", 1 / V]],
  { head: ["untrained model", "probability of its choice"] });

// %% [markdown] slug="tied-look"
// **Question:** the tied model repeats the last word, and it is almost certain. Has it understood something?
//
// <details><summary>Answer</summary>
//
// No. The vector of the last word flows along the shortcuts to the end; the blocks add only a little to it. The tied head compares it with all rows of the token table, and one of them is the row that it started from. So it finds itself. (The rows here are large, with numbers around 1. GPT-2 starts with numbers around 0.02, and then nothing is so certain.)
//
// </details>
//
// Conclude two things. First: what an untrained model writes tells you about its random start and its wiring, and nothing about language. A probability near 1 is no proof of knowledge. Second: this was the hard part. From here on the model is not changed any more, only its numbers. Chapter 04 trains them.
//
// Did you notice the wait? For each new token the whole text goes through the model again. Chapter 04 mends this too.

// %% slug="progress"
tf.dispose([untrained.tokens, untrained.positions, untrained.head]);                    // 300 MB back
progress();

// %% [markdown] slug="takeaways"
// ## Key takeaways
//
// - Layer norm gives each vector mean 0 and variance 1, then a learnt gain and bias. Deep networks need it.
// - Attention carries information between positions; feed-forward works on each vector alone and holds two thirds of a block.
// - A shortcut adds a path with slope 1. Without it, gradients vanish on their way to the first layers.
// - GPT: tables, blocks, a last norm, a head. With tied weights the head is the token table.
// - An untrained model writes its random start. All that it will know comes from training.

// %% [markdown] slug="quiz" tags=["quiz"]
// ## Check yourself
//
// <details><summary>1. Layer norm of <code>[5, 5, 5]</code>, with gain 1 and bias 0: what comes out, and which part of the formula saves you?</summary>
//
// `[0, 0, 0]`. All differences from the mean are 0, and so is the variance. The small $\epsilon$ under the root makes it 0 divided by a small number, instead of 0 divided by 0.
//
// </details>
//
// <details><summary>2. Someone leaves out GELU to save time. What does the feed-forward part become?</summary>
//
// One linear layer, written as two. Their product is a single matrix of size $C\times C$. It can do less, and it costs more.
//
// </details>
//
// <details><summary>3. Why does the shortcut add <code>x</code> and not <code>norm(x)</code>?</summary>
//
// The shortcut is the road on which nothing is multiplied, so that the gradient reaches the first layer unchanged. A norm on the road would scale it in every block.
//
// </details>
//
// <details><summary>4. You double the width of a GPT and leave the rest. How many times as many parameters has a block?</summary>
//
// About 4 times. Its matrices have $12\,C^2$ numbers, and twice the width gives four times the square. The token table only doubles.
//
// </details>
//
// <details><summary>5. A friend shows you a new model that says <code>am</code> with a probability of 1. What do you ask?</summary>
//
// Whether it was trained, and how often it is right. A probability tells how sure the model is, not whether it is right. Our tied model was sure before it had read one word.
//
// </details>

// %% [markdown] slug="further"
// ## Going further
//
// - Put the norm after the addition, as the first transformer did (post-norm), and measure the gradients of a deep stack of blocks.
// - Change `new Random(123)` to your own number, and read what your model writes.
// - Take out `norm1` of all blocks: how large do the vectors become, block by block?
//
// **Sources.** J. Ba, J. Kiros, G. Hinton, "Layer Normalization", [arXiv:1607.06450](https://arxiv.org/abs/1607.06450) · D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units", [arXiv:1606.08415](https://arxiv.org/abs/1606.08415) · K. He and others, "Deep Residual Learning for Image Recognition" (shortcuts), [arXiv:1512.03385](https://arxiv.org/abs/1512.03385) · R. Xiong and others, "On Layer Normalization in the Transformer Architecture" (norm before or after), [arXiv:2002.04745](https://arxiv.org/abs/2002.04745) · O. Press, L. Wolf, "Using the Output Embedding to Improve Language Models" (tying), [arXiv:1608.05859](https://arxiv.org/abs/1608.05859) · A. Radford and others, "Language Models are Unsupervised Multitask Learners" (GPT-2, 2019) · The toy of step 4 and the seed of step 8 come from S. Raschka, *Build a Large Language Model (From Scratch)* (2024), so that you can compare.
//
// *Last checked 2026-11-22.*
