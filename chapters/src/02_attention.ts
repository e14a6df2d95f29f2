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
// # 2. Attention
//
// In this chapter you build the part of a GPT with which a word looks at the words before it. You start with three words on paper. At the end, a few lines serve all heads of all texts at once, and a small model that you train shows you where it looks.
//
// **You will be able to** compute attention weights by hand · keep a position from seeing the future · split attention into heads without a loop · say what attention costs when a text gets longer · read a picture of attention.
//
// *80 minutes · no GPU · no download · needs chapters 00 and 01*

// %% slug="setup"
import {
  barChart, causalAttention, causalMask as libraryMask, crossEntropy, dropoutMask, embedding, heatmap, initBackend,
  linear, lineChart, loop, Random, tf,
} from "gptlab";
import { check, hint, NotImplemented, orReference, profile, progress, show, table, text } from "gptlab/course";
const engine = await initBackend();
const size = profile("02_attention");                  // how long and how many: see course.json
console.log(`The engine "${engine.name}" computes on the ${engine.device}.`);

/** Title, axis titles and alternative text of a plot, in the language of this notebook. */
function titles(plot: string, values: Record<string, unknown> = {}) {
  const part = (name: string) => text(`plot.${plot}.${name}`, values);
  return { title: part("title"), xTitle: part("x"), yTitle: part("y"), alt: part("alt") };
}

// %% [markdown] slug="map"
// ## Where we are
//
// Chapter 01 ended with one vector for each token. The smallest GPT-2 has four large groups of parameters; the chart shows how many are in each. You know the first two: the tables of tokens and of positions. This chapter builds the third. The fourth comes in chapter 03.

// %% slug="map-chart"
const [layers, width] = [12, 768];                     // GPT-2, the smallest: 12 layers, C = 768
const groups = [50257 * width, 1024 * width, layers * (4 * width ** 2 + 4 * width), layers * (8 * width ** 2 + 5 * width)];
const millions = groups.map((count) => count / 1e6);
const [tokens, positions, attention, feed] = millions.map((count) => count.toFixed(1));
const parts = millions.map((value, i) => ({ label: text(`plot.parts.${i + 1}`), value }));
await show(barChart(parts, { ...titles("parts", { tokens, positions, attention, feed }), horizontal: true }));

// %% [markdown] slug="why"
// ## 1. A word looks around
//
// Read both lines, and notice where your eyes go at **it**:
//
// > The bird did not carry the branch because **it** was too heavy.
// >
// > The bird did not carry the branch because **it** was too weak.
//
// You looked back, each time at another word. An embedding cannot do that: the row of *it* is the same in every sentence. Attention lets the vector of a word depend on the words around it.
//
// **By hand.** Three words with two numbers each: $x_1=[1,0]$, $x_2=[0,1]$, $x_3=[1,1]$. How much should word 3 listen to each word?
//
// 1. **Scores.** Take the dot product of $x_3$ with each word: multiply entry by entry and add. We get $1$, $1$, $2$. The more two vectors point the same way, the larger the score.
// 2. **Weights.** Turn the scores into positive numbers that add up to 1: about $0.21$, $0.21$, $0.58$. (Section 2 shows how.)
// 3. **Mean.** The new vector of word 3 is the weighted mean of all words:
//
// $$0.21\,x_1+0.21\,x_2+0.58\,x_3\approx[0.79,\,0.79].$$
//
// This is attention. The rest of the chapter makes it learnable, causal, many-headed and fast.

// %% [markdown] slug="dotScores-text"
// ### Exercise 2.1 · Scores
//
// *difficulty 1 of 5 · importance 4 of 5 · 5 minutes · about 1 line*
//
// The vector that asks is called the **query**. The vectors that it is compared with are the **keys**. Write `dotScores(query, keys)`: the dot product of the query with each key.

// %% slug="dotScores" tags=["exercise"]
/** The dot product of the query with each key. query: (C), keys: (T, C) -> (T) */
function dotScores(query: number[], keys: number[][]): number[] {
  // #region solution
  return keys.map((key) => key.reduce((sum, value, i) => sum + value * query[i], 0));
  // #endregion
}
await check("dotScores", dotScores);

// %% [markdown] slug="dotScores-hints" tags=["hints"]
// 1. How many numbers does the answer have: as many as there are keys, or as many as a key has entries?
// 2. For each key: start a sum at 0, add `query[i] * key[i]` for every `i`. The sums, in the order of the keys, are the answer.
// 3. `keys.map((key) => …)` gives one number for each key. Inside: `key.reduce((sum, value, i) => sum + value * query[i], 0)`.

// %% [markdown] slug="toy"
// Now six words with three numbers each. The words are ours, and the numbers are those of a published example (see *Sources*), so that you can compare each step with what others got. In a real model they come from the embedding tables.
//
// The word *read* asks. **Predict before you run:** which word gets the highest score?

// %% slug="toy-code"
const scoresOf = await orReference("dotScores", dotScores);   // yours if it passes, else the book's
const words = ["people", "read", "write", "at", "home", "together"];
const toy = [                                          // (T=6, C=3)
  [0.43, 0.15, 0.89], [0.55, 0.87, 0.66], [0.57, 0.85, 0.64],
  [0.22, 0.58, 0.33], [0.77, 0.25, 0.10], [0.05, 0.80, 0.55],
];
const scores = scoresOf(toy[1], toy);                  // "read" against every word
table(words.map((word, i) => [word, toy[i].map((number) => number.toFixed(2)).join("  "), scores[i].toFixed(4)]),
  { head: ["key", "its vector", "score"] });

// %% [markdown] slug="softmax"
// Look at the two highest: *read* itself, and *write*, whose vector is almost the same.
//
// ## 2. From scores to weights
//
// **Softmax** raises $e$ to each score and divides by the sum:
//
// $$\text{weight}_i=\frac{e^{s_i}}{e^{s_1}+e^{s_2}+\dots+e^{s_T}}$$
//
// Powers of $e$ are positive, also for negative scores, and the division makes the sum 1. The scores of a trained model can be large. **Predict before you run:** what is the second result?

// %% slug="softmax-code"
function naiveSoftmax(scores: number[]): number[] {
  const powers = scores.map((score) => Math.exp(score));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}
console.log(naiveSoftmax([1, 1, 2]));
console.log(naiveSoftmax([1000, 1000, 1001]));

// %% [markdown] slug="stableSoftmax-text"
// $e^{710}$ is larger than any number that JavaScript can hold. It becomes `Infinity`, and infinity divided by infinity is NaN: not a number.
//
// ### Exercise 2.2 · Stable softmax
//
// *difficulty 2 of 5 · importance 5 of 5 · 8 minutes · about 4 lines*
//
// Write `stableSoftmax(scores)`. For small scores it gives what `naiveSoftmax` gives, and for large ones, positive or negative, it gives the right weights too. You need one fact: softmax stays the same when you add the same number to every score. (Why? Every power is then multiplied by the same factor, and the division removes it.)

// %% slug="stableSoftmax" tags=["exercise"]
/** Weights that are positive and add up to 1, for scores of any size. (T) -> (T) */
function stableSoftmax(scores: number[]): number[] {
  // #region solution
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - top));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
  // #endregion
}
await check("stableSoftmax", stableSoftmax);

// %% [markdown] slug="stableSoftmax-hints" tags=["hints"]
// 1. Which number could you add to every score, so that no power is larger than 1 and at least one is exactly 1?
// 2. Find the largest score. Subtract it from every score. Then do what `naiveSoftmax` does.
// 3. `const top = Math.max(...scores)`, then `Math.exp(score - top)` for each score. Divide each power by the sum of all powers.

// %% slug="context"
const softmax = await orReference("stableSoftmax", stableSoftmax);

/** The mean of the vectors, each counted by its weight. weights: (T), values: (T, C) -> (C) */
function weightedMean(weights: number[], values: number[][]): number[] {
  return values[0].map((_, c) => weights.reduce((sum, weight, t) => sum + weight * values[t][c], 0));
}
const digits = (numbers: ArrayLike<number>) => Array.from(numbers, (number) => number.toFixed(4)).join("  ");
const weights = softmax(scores);
console.log("weights of read:   ", digits(weights));
console.log("new vector of read:", digits(weightedMean(weights, toy)));

// %% [markdown] slug="all-words"
// The published numbers are 0.1385, 0.2379, 0.2333, 0.1240, 0.1082, 0.1581 for the weights, and 0.4419, 0.6515, 0.5683 for the new vector. Compare.
//
// Every word may ask. This gives one row of weights for each word, and a picture that you will see again and again. Rows ask, columns are asked:

// %% slug="all-words-chart"
const allWeights = toy.map((query) => softmax(scoresOf(query, toy)));   // (T, T)
const range = [Math.min(...allWeights.flat()), Math.max(...allWeights.flat())].map((weight) => weight.toFixed(2));
const labels = { rows: words, columns: words, width: 360 };
await show(heatmap(allWeights, { ...titles("toy", { low: range[0], high: range[1] }), ...labels }));

// %% [markdown] slug="all-words-look"
// **Question about the picture:** *people* gives *read* another weight than *read* gives *people*. But their score is the same: $x_1\cdot x_2=x_2\cdot x_1$. Why do the weights differ?
//
// <details><summary>Answer</summary>
//
// Each row is divided by its own sum. *read* has larger scores with all other words, so the same score is a smaller part of its sum.
//
// </details>

// %% [markdown] slug="qkv"
// ## 3. Queries, keys and values
//
// Two things are missing. First, a word listens most to words that resemble it, but *it* does not resemble *branch*. Second, there are no parameters, so nothing can be learnt. One idea mends both: each word plays three roles, and each role has its own matrix of parameters.
//
// | role | made by | what it says |
// |--|--|--|
// | query $Q$ | $x\,W_Q$ | what I look for |
// | key $K$ | $x\,W_K$ | what I offer to those who look |
// | value $V$ | $x\,W_V$ | what I hand over to those who choose me |
//
// All queries are rows of $Q$, all keys rows of $K$. Then one product, $QK^\top$, holds the scores of every query with every key:
//
// $$\text{attention}(Q,K,V)=\text{softmax}\!\left(\frac{QK^\top}{\sqrt{d}}\right)V$$
//
// Softmax works on each row. $d$ is the number of entries of a query; why we divide, you will see below. From here on we use tensors:

// %% slug="qkv-code"
const random = new Random(123);
const matrix = () => tf.tensor2d(random.uniform(3 * 2), [3, 2]);      // (C=3, d=2), as in the published example
const [wQ, wK, wV] = [matrix(), matrix(), matrix()];
const x = tf.tensor2d(toy);                                           // (T=6, C=3)
const [q, k, v] = [wQ, wK, wV].map((w) => tf.matMul<tf.Tensor2D>(x, w));   // (T, C) x (C, d) -> (T, d)
console.log(q.shape, k.shape, v.shape);

// %% [markdown] slug="scaledDotProduct-text"
// ### Exercise 2.3 · Scaled dot-product attention
//
// *difficulty 3 of 5 · importance 5 of 5 · 12 minutes · about 4 lines*
//
// Write the formula with tensors. `tf.matMul(a, b, false, true)` multiplies `a` with the transpose of `b`, on the last two axes. `tf.softmax` works on the last axis and is stable. If a `mask` is given, add it to the divided scores before softmax; section 4 needs this. Do not count on two axes: in section 6 your function gets tensors with four.
//
// Your function makes tensors on its way. Put the work into `tf.tidy(() => …)`, as in chapter 00.

// %% slug="scaledDotProduct" tags=["exercise"]
/** Attention. q, k, v: (..., T, d), mask: (T, T), added to the scores -> (..., T, d) */
function scaledDotProduct(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask?: tf.Tensor): tf.Tensor {
  // #region solution
  return tf.tidy(() => {
    const d = q.shape[q.rank - 1];
    const scores = tf.matMul(q, k, false, true).div(Math.sqrt(d));    // (..., T, T)
    const weights = tf.softmax(mask ? scores.add(mask) : scores);
    return tf.matMul(weights, v);                                     // (..., T, d)
  });
  // #endregion
}
await check("scaledDotProduct", scaledDotProduct);

// %% [markdown] slug="scaledDotProduct-hints" tags=["hints"]
// 1. The scores have one row for each query and one column for each key. Which of the two must be transposed, so that the shapes fit?
// 2. Multiply `q` with the transpose of `k`. Divide by the square root of the last size of `q`. Add the mask if there is one. Softmax. Multiply with `v`.
// 3. `const scores = tf.matMul(q, k, false, true).div(Math.sqrt(q.shape[q.rank - 1]))`, then `tf.softmax(mask ? scores.add(mask) : scores)`, then `tf.matMul(weights, v)`.

// %% slug="scaledDotProduct-use"
const attend = await orReference("scaledDotProduct", scaledDotProduct);
const firstRow = async (result: tf.Tensor) => digits((await result.data()).slice(0, result.shape[result.rank - 1]));
console.log("new vector of people:", await firstRow(attend(q, k, v)));    // published: 0.2996  0.8053

/** The weights alone: the mean of one-hot rows shows how much of each row was taken. */
const weightsOf = (q: tf.Tensor, k: tf.Tensor, mask?: tf.Tensor) => attend(q, k, tf.eye(q.shape[0]), mask) as tf.Tensor2D;
console.log("weights of people:   ", await firstRow(weightsOf(q, k)));

// %% [markdown] slug="scale"
// The second function is a trick worth a second look. Remember from chapter 01: a one-hot matrix picks rows. Here the values are `tf.eye(6)`, whose rows are one-hot. Their weighted mean *is* the weights.
//
// Now the division by $\sqrt{d}$. A dot product of $d$ random entries is a sum of $d$ terms, so it grows with $d$: its typical size is $\sqrt{d}$. We take a random query and 16 random keys and look at the largest of the 16 weights. **Predict before you run:** what happens to it without the division, when $d$ grows from 2 to 1,024?

// %% slug="scale-chart"
const headSizes = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const dice = new Random(5);
const vector = (entries: number) => Array.from(dice.normal(entries));
/** The largest weight, with the scores divided by `divisor`: the mean of many random draws. */
function largestWeight(d: number, divisor: number): number {
  const draws = Array.from({ length: size.draws }, () =>
    Math.max(...softmax(scoresOf(vector(d), Array.from({ length: 16 }, () => vector(d))).map((s) => s / divisor))));
  return draws.reduce((a, b) => a + b) / draws.length;
}
const undivided = headSizes.map((d) => largestWeight(d, 1));
const divided = headSizes.map((d) => largestWeight(d, Math.sqrt(d)));
const ends = { without: undivided.at(-1)?.toFixed(2), with: divided.at(-1)?.toFixed(2) };
const lines = [{ name: text("plot.division.without"), y: undivided }, { name: text("plot.division.with"), y: divided }];
await show(lineChart(lines.map((line) => ({ ...line, x: headSizes })), { ...titles("division", ends), xLog: true }));

// %% [markdown] slug="scale-look"
// **Question about the plot:** why is a largest weight near 1 bad at the start of training?
//
// <details><summary>Answer</summary>
//
// One word gets all the weight, by chance, and the others get almost none. If the scores change a little, the weights stay where they are: the slope is near 0. Without a slope, training cannot mend the choice.
//
// </details>

// %% [markdown] slug="causal"
// ## 4. The causal mask
//
// A GPT learns to say the next word. During training the whole text is there, so the word at position $t$ could simply look at position $t+1$ and copy the answer. Such a model learns nothing. Position $t$ may look at itself and at what is before it, never at what comes after. This is called **causal**.
//
// The first idea: compute all weights, then set those of the future to 0. **Predict before you run:** what do the rows add up to then?

// %% slug="causal-wrong"
const full = await weightsOf(q, k).array();
const zeroed = full.map((row, t) => row.map((weight, s) => (s <= t ? weight : 0)));
table(zeroed.map((row, t) => [words[t], ...row.map((w) => w.toFixed(2)), row.reduce((a, b) => a + b).toFixed(2)]),
  { head: ["", ...words, "sum"] });

// %% [markdown] slug="causalMask-text"
// Only the last row still adds up to 1. The first words would get a small part of a vector, only because they come first. So the future must go **before** softmax: add a hugely negative number to its scores. $e$ to that number is 0, and softmax shares the whole 1 among the rest. For three positions the mask is
//
// $$\begin{bmatrix}0&-10^9&-10^9\\0&0&-10^9\\0&0&0\end{bmatrix}$$
//
// Why not $-\infty$? It works here. But in later chapters a row may have nothing to look at, and $-\infty-(-\infty)$ is NaN.
//
// ### Exercise 2.4 · Causal mask
//
// *difficulty 2 of 5 · importance 5 of 5 · 6 minutes · about 3 lines*
//
// Write `causalMask(T)`. In row $t$ and column $s$ it holds 0 where $s\le t$, else $-10^9$, which TypeScript writes as `-1e9`.

// %% slug="causalMask" tags=["exercise"]
/** What to add to the scores, so that no position sees the future. -> (T, T) */
function causalMask(T: number): tf.Tensor2D {
  // #region solution
  const rows = Array.from({ length: T }, (_, t) => Array.from({ length: T }, (_, s) => (s <= t ? 0 : -1e9)));
  return tf.tensor2d(rows, [T, T]);
  // #endregion
}
await check("causalMask", causalMask);

// %% [markdown] slug="causalMask-hints" tags=["hints"]
// 1. Row 0 is the first word. How many words may it look at, and which entry of the row is that?
// 2. Make an array of `T` rows with `T` numbers each. The number at row `t` and column `s` is 0 if `s <= t`, else `-1e9`. Make a tensor of it.
// 3. `Array.from({ length: T }, (_, t) => …)` makes the rows, and inside it `Array.from({ length: T }, (_, s) => (s <= t ? 0 : -1e9))` makes the numbers of row `t`. Give the result to `tf.tensor2d(rows, [T, T])`.

// %% slug="causal-chart"
const mask = await orReference("causalMask", causalMask);
const causalWeights = await weightsOf(q, k, mask(6)).array();
const [second, last] = [causalWeights[1][0].toFixed(2), Math.max(...causalWeights[5]).toFixed(2)];
await show(heatmap(causalWeights, { ...titles("causal", { second, last }), ...labels }));

// %% [markdown] slug="causal-look"
// **Question about the picture:** what is the new vector of *people*, the first word?
//
// <details><summary>Answer</summary>
//
// Its own value, unchanged: its only weight is 1.
//
// </details>
//
// A picture can look right and be wrong. The proof is an experiment: change the last word, and no other row may change.

// %% slug="causal-proof"
const other = tf.tensor2d([...toy.slice(0, 5), [9, -9, 9]]);           // another last word
const [q2, k2, v2] = [wQ, wK, wV].map((w) => tf.matMul(other, w));
const change = attend(q, k, v, mask(6)).sub(attend(q2, k2, v2, mask(6))).abs().sum(1);
console.log("change in each row:", digits(await change.data()));

// %% [markdown] slug="dropout"
// ## 5. Dropout
//
// A small data set is easily learnt by heart. **Dropout** makes that harder: while training, it sets each weight to 0 with probability $p$ and divides the others by $1-p$. The model cannot count on one word alone. When the model is used, dropout is off.
//
// Why divide? So that the mean stays what it was. The library makes the factors: 0 or $1/(1-p)$. **Predict before you run:** with $p=0.5$, does a row still add up to 1?

// %% slug="dropout-code"
const before = weightsOf(q, k, mask(6));
const once = before.mul(dropoutMask([6, 6], 0.5, new Random(7)));
console.log("row sums, one time:       ", digits(await once.sum(1).data()));
const often = before.mul(dropoutMask([size.masks, 6, 6], 0.5, new Random(8))).mean(0);   // (many, T, T) -> (T, T)
console.log(`row sums, mean of ${size.masks}: `, digits(await often.sum(1).data()));

// %% [markdown] slug="heads"
// One time, a row adds up to anything from 0 to 2. On average it is near 1.
//
// ## 6. Many heads
//
// One softmax gives one mean. But a word may need to look at two places for two reasons: *it* wants its noun, and also its verb. If one row of weights serves both, the two are mixed. So attention is done several times side by side. Each time is a **head**. (Section 8 shows a task that one head cannot solve and two can.)
//
// More heads need no more parameters: they share the width. With $C=6$ and 2 heads, each head gets 3 entries of every vector, its **head size**:
//
// | | entries | goes to |
// |--|--|--|
// | token 0 | `1 2 3 4 5 6` | head 0: `1 2 3`, head 1: `4 5 6` |
// | token 1 | `7 8 9 10 11 12` | head 0: `7 8 9`, head 1: `10 11 12` |
//
// From here on a tensor holds a batch of $B$ texts: (B, T, C). We write $H$ for the number of heads.

// %% [markdown] slug="splitHeads-text"
// ### Exercise 2.5 · Split into heads
//
// *difficulty 3 of 5 · importance 5 of 5 · 10 minutes · about 3 lines*
//
// Write `splitHeads(x, nHead)`, from (B, T, C) to (B, H, T, C/H). The head comes before the position, because `tf.matMul` multiplies on the last two axes and repeats over the axes in front. **Predict first:** `x.reshape([B, H, T, C / H])` has the right shape. Does head 0 then get `1 2 3` and `7 8 9`?

// %% slug="splitHeads" tags=["exercise"]
/** Each vector cut into heads. (B, T, C) -> (B, H, T, C/H) */
function splitHeads(x: tf.Tensor3D, nHead: number): tf.Tensor4D {
  // #region solution
  const [B, T, C] = x.shape;
  const cut = [B, T, nHead, C / nHead];
  return tf.tidy(() => x.reshape(cut).transpose([0, 2, 1, 3]));       // (B, T, H, C/H) -> (B, H, T, C/H)
  // #endregion
}
await check("splitHeads", splitHeads);

// %% [markdown] slug="splitHeads-hints" tags=["hints"]
// 1. `reshape` moves no number, it only cuts the block in another way. Which shape cuts the vector of each token into heads, and leaves batch and position as they are?
// 2. First reshape: cut the last axis into two, heads and entries. Then transpose: exchange the axes of position and head.
// 3. `x.reshape([B, T, nHead, C / nHead])`, then `.transpose([0, 2, 1, 3])`.

// %% slug="splitHeads-use"
const split = await orReference("splitHeads", splitHeads);
const numbered = tf.range(1, 13).reshape<tf.Tensor3D>([1, 2, 6]);      // (B=1, T=2, C=6): 1 to 12
console.log("split:       ", JSON.stringify(await split(numbered, 2).array()));
console.log("only reshape:", JSON.stringify(await numbered.reshape([1, 2, 2, 3]).array()));

// %% [markdown] slug="mergeHeads-text"
// Compare with the table. `reshape` alone gave token 0 to head 0 and token 1 to head 1: the right shape with the wrong content. No error tells you.
//
// ### Exercise 2.6 · Merge the heads
//
// *difficulty 2 of 5 · importance 5 of 5 · 6 minutes · about 2 lines*
//
// Write `mergeHeads(x)`, the way back: the results of all heads side by side, head 0 first.

// %% slug="mergeHeads" tags=["exercise"]
/** The heads of each position side by side. (B, H, T, hs) -> (B, T, H · hs) */
function mergeHeads(x: tf.Tensor4D): tf.Tensor3D {
  // #region solution
  const [B, H, T, headSize] = x.shape;
  return tf.tidy(() => x.transpose([0, 2, 1, 3]).reshape([B, T, H * headSize]));
  // #endregion
}
await check("mergeHeads", mergeHeads);

// %% [markdown] slug="mergeHeads-hints" tags=["hints"]
// 1. `splitHeads` did two steps. To go back, which of them must be undone first?
// 2. First transpose: the position comes before the head again. Then reshape: join the last two axes into one.
// 3. `x.transpose([0, 2, 1, 3])`, then `.reshape([B, T, H * headSize])`.

// %% slug="mergeHeads-use"
const merge = await orReference("mergeHeads", mergeHeads);
const sample = tf.tensor3d(new Random(4).normal(2 * 5 * 12), [2, 5, 12]);
const roundTrip = merge(split(sample, 3)).sub(sample).abs().max();
console.log("largest change after split and merge:", (await roundTrip.data())[0]);

// %% [markdown] slug="multiHeadAttention-text"
// ### Exercise 2.7 · Multi-head attention
//
// *difficulty 4 of 5 · importance 5 of 5 · 15 minutes · about 5 lines*
//
// Now everything together, without a loop. One matrix `qkv` of shape (C, 3C) makes queries, keys and values in one product: its first C columns are $W_Q$, then $W_K$, then $W_V$. After the heads are merged, a last matrix `out` mixes what they found.
//
// You have `split`, `attend`, `mask`, `merge`, and from the library `linear(x, weight)`, the product of (B, T, C) with a matrix. `tf.split(y, 3, 2)` cuts axis 2 into three equal parts. The order: product, three parts, heads, attention with the mask, merge, product.

// %% slug="multiHeadAttention" tags=["exercise"]
interface AttentionWeights { qkv: tf.Tensor2D; out: tf.Tensor2D }

/** Causal attention with heads. x: (B, T, C), qkv: (C, 3C), out: (C, C) -> (B, T, C) */
function multiHeadAttention(x: tf.Tensor3D, weights: AttentionWeights, nHead: number): tf.Tensor3D {
  // #region solution
  return tf.tidy(() => {
    const three: tf.Tensor3D[] = tf.split(linear(x, weights.qkv), 3, 2);    // (B, T, 3C) -> 3 x (B, T, C)
    const [q, k, v] = three.map((part) => split(part, nHead));              // 3 x (B, H, T, hs)
    const heads = attend(q, k, v, mask(x.shape[1])) as tf.Tensor4D;         // (B, H, T, hs)
    return linear(merge(heads), weights.out) as tf.Tensor3D;                // (B, T, C)
  });
  // #endregion
}
await check("multiHeadAttention", multiHeadAttention);

// %% [markdown] slug="multiHeadAttention-hints" tags=["hints"]
// 1. Write down the shape after each of the six steps. Which axis of (B, T, 3C) must be cut into three?
// 2. Multiply `x` with `qkv`; cut the last axis into three; split each part into heads; attend with the mask for `T` positions; merge; multiply with `out`.
// 3. `const [q, k, v] = tf.split(linear(x, weights.qkv), 3, 2).map((part) => split(part as tf.Tensor3D, nHead))`, then `attend(q, k, v, mask(x.shape[1]))`, then `merge(…)`, then `linear(…, weights.out)`. Wrap it in `tf.tidy`.

// %% slug="multiHeadAttention-use"
const multiHead = await orReference("multiHeadAttention", multiHeadAttention);
const torch = new Random(123);                         // draws as PyTorch does
const uniform = (count: number, inputs: number) => torch.uniform(count, -1 / Math.sqrt(inputs), 1 / Math.sqrt(inputs));
const layer = (inputs: number, outputs: number) =>     // PyTorch keeps (out, in): we transpose
  tf.tensor2d(uniform(inputs * outputs, inputs), [outputs, inputs]).transpose<tf.Tensor2D>();
const qkv = tf.concat([layer(3, 2), layer(3, 2), layer(3, 2)], 1);     // (C=3, 3 · 2)
const out = layer(2, 2);
const bias = uniform(2, 2);                            // PyTorch adds a bias at the end
const twoTexts = tf.stack([x, x]) as tf.Tensor3D;      // (B=2, T=6, C=3)
console.log(await firstRow(multiHead(twoTexts, { qkv, out }, 2).add(bias)));   // published: 0.3190  0.4858

// %% [markdown] slug="library"
// Your code gives the numbers that a PyTorch program printed.
//
// The library has the same, made for speed, with a gradient of its own: [`causalAttention` and `causalMask`](../../lib/src/ops/attention.ts); the model's [`SelfAttention`](../../lib/src/model/attention.ts) projects, splits and merges as you do. A test proves on random input that they give what your functions give. Here is one such comparison:

// %% slug="library-code"
const [B, T, C, H] = [2, 7, 24, 4];
const draw = (count: number) => new Random(9 + count).normal(count, 0, 0.5);
const some = tf.tensor3d(draw(B * T * C), [B, T, C]);
const theirWeights = { qkv: tf.tensor2d(draw(3 * C * C), [C, 3 * C]), out: tf.tensor2d(draw(C * C), [C, C]) };
const [hq, hk, hv] = tf.split<tf.Tensor3D>(linear(some, theirWeights.qkv), 3, 2).map((part) => split(part, H));
const library = linear(merge(causalAttention(hq, hk, hv)), theirWeights.out);
const gap = multiHead(some, theirWeights, H).sub(library).abs().max();
console.log("largest difference:", (await gap.data())[0].toExponential(0), "of values near 1");
console.log("of the masks:", (await mask(T).sub(libraryMask(T)).abs().max().data())[0]);

// %% [markdown] slug="cost"
// ## 7. What attention costs
//
// Every word looks at every word before it. So twice the text means four times as many pairs. We measure three ways to do the same work, with 4 heads of 32 entries:
//
// - **numbers**: loops over heads and words, with your `dotScores` and `stableSoftmax`;
// - **head by head**: tensors, one head after the other;
// - **all heads**: one product for all heads, as in your `multiHeadAttention`.
//
// First the loops. **Predict before you run:** each row has twice the text. How does the time grow?

// %% slug="cost-loops"
const [nHead, headSize] = [4, 32];
const randomHeads = (T: number, seed: number) => tf.tensor4d(new Random(seed).normal(nHead * T * headSize), [1, nHead, T, headSize]);

/** One head with loops; position t sees keys 0 to t. (T, hs) each -> (T, hs) */
function attendWithLoops(q: number[][], k: number[][], v: number[][]): number[][] {
  return q.map((query, t) => {
    const scores = scoresOf(query, k.slice(0, t + 1)).map((score) => score / Math.sqrt(query.length));
    return weightedMean(softmax(scores), v);
  });
}
/** The milliseconds that one call of `work` takes. */
async function milliseconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

// %% slug="cost-measure"
const lengths = Array.from({ length: size.lengths }, (_, i) => size.shortest * 2 ** i);
const times = lengths.map(() => [Infinity, Infinity, Infinity]);       // the fastest of five rounds
const measured = await loop(5 * lengths.length, async (i) => {
  const n = i % lengths.length;
  const [q, k, v] = [1, 2, 3].map((seed) => randomHeads(lengths[n], seed));   // (1, H, T, hs)
  const future = mask(lengths[n]);
  const arrays = await Promise.all([q, k, v].map((heads) => heads.squeeze<tf.Tensor3D>([0]).array()));
  const tensors = [q, k, v].map((heads) => tf.unstack(heads.squeeze([0])));   // H x (T, hs)
  const ways = [
    () => arrays[0].map((head, h) => attendWithLoops(head, arrays[1][h], arrays[2][h])),
    () => tf.tidy(() => tf.stack(tensors[0].map((head, h) => attend(head, tensors[1][h], tensors[2][h], future)))).data(),
    () => tf.tidy(() => attend(q, k, v, future)).data(),
  ];
  for (const [w, way] of ways.entries()) times[n][w] = Math.min(times[n][w], await milliseconds(way));
}, { label: "attention" });

// %% slug="cost-table"
const growth = times.map(([loops], i) => (i === 0 ? "" : `${(loops / times[i - 1][0]).toFixed(1)} times`));
table(lengths.map((length, i) => [length, ...times[i].map((ms) => ms.toFixed(1)), growth[i]]),
  { head: ["words T", "numbers (ms)", "head by head (ms)", "all heads (ms)", "growth of numbers"],
    caption: `${engine.name}: the fastest of ${measured / lengths.length} rounds` });

// %% slug="cost-chart"
const ms = times[times.length - 1].map((time) => time.toFixed(1));
const curves = ["loops", "heads", "batched"].map((name, w) =>
  ({ name: text(`plot.cost.${name}`), x: lengths, y: times.map((row) => row[w]) }));
const at = { length: lengths.at(-1), loops: ms[0], heads: ms[1], batched: ms[2] };
await show(lineChart(curves, { ...titles("cost", at), xLog: true, yLog: true }));

// %% [markdown] slug="cost-look"
// **Question about the plot:** the line of the numbers is steep from the start. Why do the two lines of the engine rise so little at first?
//
// <details><summary>Answer</summary>
//
// For a short text the engine is hardly busy. Most of the time goes into starting each operation, and a start costs the same for any length. All heads in one product need fewer starts than head by head. When the text is long, the work itself counts, and it grows with the square.
//
// </details>
//
// The loops do only half of the pairs, because they skip the future. The engine computes all scores and hides half of them, and is faster all the same on long texts: native code multiplies many numbers at once. (On the engine "cpu", plain JavaScript, the gain is smaller.)
//
// Time is not all. The weights are a matrix of $T\times T$ numbers for each head, and training keeps them for the way back:

// %% slug="cost-memory"
const megabytes = (T: number) => (4 * 12 * T * T) / 1e6;               // 4 bytes, 12 heads
table([256, 512, 1024, 2048, 4096].map((T) => [T, megabytes(T).toFixed(0), (12 * megabytes(T)).toFixed(0)]),
  { head: ["words T", "one layer (MB)", "12 layers (MB)"], caption: "Attention weights of one text, with the sizes of GPT-2" });

// %% [markdown] slug="cards"
// ## 8. Watch it learn where to look
//
// So far the matrices were random. Now we train them, and look. The task is a game with eight cards, each with a letter and a digit. At each position the model sees one card and **two questions**: two letters that it has seen on a card by now. It must answer with the two digits.
//
// | position | card | questions | answers |
// |--|--|--|--|
// | 0 | `C7` | `C? C?` | 7 7 |
// | 1 | `A2` | `C? A?` | 7 2 |
// | 2 | `F9` | `A? C?` | 2 7 |
//
// Each game has new letters and digits, so nothing can be learnt by heart. Nobody tells the model to compare letters. It has only one layer of attention: yours.

// %% slug="cards-data"
/** Random games. ids: (games, T=8, 4) for letter, digit and two questions; answers: (games, T, 2) */
function deal(random: Random, games: number) {
  const game = () => {
    const letters = [...random.permutation(8)];
    const digits = letters.map(() => random.integer(10));
    const asked = letters.map((_, t) => [random.integer(t + 1), random.integer(t + 1)]);   // positions up to t
    const ids = letters.map((letter, t) => [letter, 8 + digits[t], 18 + letters[asked[t][0]], 26 + letters[asked[t][1]]]);
    return { ids, asked, answers: asked.map(([a, b]) => [digits[a], digits[b]]) };
  };
  return Array.from({ length: games }, game);
}
const idsOf = (games: { ids: number[][] }[]) => tf.tensor3d(games.map(({ ids }) => ids), undefined, "int32");
const answersOf = (games: { answers: number[][] }[]) => tf.tensor1d(games.flatMap(({ answers }) => answers.flat()), "int32");

// %% [markdown] slug="cards-model"
// A position becomes a vector as in chapter 01: the sum of embeddings, here of four. Then attention. Then a matrix turns each vector into 10 scores for the first answer and 10 for the second.

// %% slug="cards-model-code"
const wide = 32;                                       // C
function newModel(nHead: number) {
  const random = new Random(2);
  const parameters = (rows: number, columns: number, std: number) =>
    tf.variable(tf.tensor2d(random.normal(rows * columns, 0, std), [rows, columns])) as tf.Tensor as tf.Tensor2D;
  const std = 1 / Math.sqrt(wide);
  return { nHead, table: parameters(34, wide, 0.3), answer: parameters(wide, 20, std),
    qkv: parameters(wide, 3 * wide, std), out: parameters(wide, wide, std) };
}
type Model = ReturnType<typeof newModel>;
const vectorsOf = (model: Model, ids: tf.Tensor) => embedding(model.table, ids).sum<tf.Tensor3D>(2);   // (B, T, 4) -> (B, T, C)

/** Scores of the ten digits for both answers. ids: (B, T, 4) -> (B · T · 2, 10) */
const guess = (model: Model, ids: tf.Tensor) =>
  linear(multiHead(vectorsOf(model, ids), model, model.nHead), model.answer).reshape<tf.Tensor2D>([-1, 10]);

// %% [markdown] slug="cards-train"
// The loss is called cross-entropy: the smaller it is, the more the right digit wins. Adam is a better `sgdStep`. Chapter 04 builds both; here we take them as they are.
//
// We train two models with the same number of parameters: one with **one head** of 32 entries, one with **two heads** of 16. **Predict before you run:** can the first one learn the game?

// %% slug="cards-train-code"
const exam = deal(new Random(99), 200);                // games that are never trained on

/** Trains a model on new games. Returns the loss of each step. */
async function train(model: Model, label: string): Promise<number[]> {
  const [optimizer, random, losses] = [tf.train.adam(0.01), new Random(3), [] as number[]];
  await loop(size.steps, async () => {
    const games = deal(random, size.games);
    const loss = tf.tidy(() => optimizer.minimize(() => crossEntropy(guess(model, idsOf(games)), answersOf(games)) as tf.Scalar, true)!);
    losses.push((await loss.data())[0]);
    loss.dispose();
  }, { label, note: () => `loss ${losses[losses.length - 1].toFixed(3)}` });
  return losses;
}
const [single, double] = [newModel(1), newModel(2)];
const lossesOf = { one: await train(single, "one head"), two: await train(double, "two heads") };

// %% slug="cards-curves"
/** Part of the answers that are right, in games that the model has not seen. */
const accuracy = async (model: Model) =>
  (await tf.tidy(() => guess(model, idsOf(exam)).argMax(1).equal(answersOf(exam)).toFloat().mean()).data())[0];
const right = { one: (await accuracy(single)).toFixed(2), two: (await accuracy(double)).toFixed(2) };
const learning = [{ name: text("plot.learning.one"), y: lossesOf.one }, { name: text("plot.learning.two"), y: lossesOf.two }];
await show(lineChart(learning, titles("learning", right)));
console.log("right answers with one head:", right.one, " with two heads:", right.two);

// %% [markdown] slug="cards-curves-look"
// **Question about the plot:** one head stops near 0.70. Why there?
//
// <details><summary>Answer</summary>
//
// It finds both digits, but mixes them in one mean and cannot tell which digit answers which question: it throws a coin. The two questions name the same card in 34 % of all cases, and then nothing is mixed. In the other 66 % both digits are equal by chance once in ten; else half of the answers are right. Together $0.34+0.66\cdot(0.1+0.9\cdot0.5)\approx0.70$.
//
// </details>
//
// Now the picture for one new game. Each row is a position with its two questions, each column a card.

// %% slug="cards-picture"
const newGame = deal(new Random(6), 1)[0];
/** The weights of every head for one game. -> (H, T, T) */
const look = (model: Model) => tf.tidy(() => {
  const three = tf.split<tf.Tensor3D>(linear(vectorsOf(model, idsOf([newGame])), model.qkv), 3, 2);
  const [q, k] = three.map((part) => split(part, model.nHead));        // (1, H, T, hs)
  return attend(q, k, tf.eye(8, 8, [1, model.nHead]), mask(8)).squeeze<tf.Tensor3D>([0]);
});
const letterOf = (id: number) => "ABCDEFGH"[id];
const cards = newGame.ids.map(([letter, digit]) => `${letterOf(letter)}${digit - 8}`);
const questions = newGame.ids.map(([, , first, second]) => `${letterOf(first - 18)}? ${letterOf(second - 26)}?`);

// %% slug="cards-pictures"
/** Percent of the weight on the card of the first (0) or second (1) question, where the two differ. */
function percentOn(weights: number[][], question: number): string {
  const rows = newGame.asked.flatMap((asked, t) => (asked[0] === asked[1] ? [] : [weights[t][asked[question]]]));
  return ((100 * rows.reduce((a, b) => a + b)) / rows.length).toFixed(0);
}
for (const [name, model] of [["single", single], ["double", double]] as const) {
  for (const [h, weights] of (await look(model).array()).entries()) {
    const found = { head: h + 1, first: percentOn(weights, 0), second: percentOn(weights, 1) };
    await show(heatmap(weights, { ...titles(`cards.${name}`, found), rows: questions, columns: cards }));
  }
}

// %% [markdown] slug="cards-look"
// **Question about the pictures:** the first is from the model with one head. The other two are the two heads of the second model. What has each head learnt?
//
// <details><summary>Answer</summary>
//
// The single head divides its weight between the two cards. In the second model, one head looks at the card of the first question, the other at the card of the second. Which head takes which question is chance. Where both questions name the same card, all heads look there.
//
// </details>
//
// These pictures tell *where* a head looks, not *why*, and a real model has many heads in many layers. Read them as a hint, not as an explanation.

// %% [markdown] slug="takeaways"
// ## Key takeaways
//
// - Attention is a weighted mean of values. The weights come from dot products of queries and keys, and softmax.
// - Divide by the square root of the head size, and subtract the maximum: both keep softmax healthy.
// - The causal mask is added **before** softmax, so that every row still adds up to 1.
// - Heads are a reshape and a transpose, not a loop. Two heads can look at two places for two reasons.
// - Time and memory of the weights grow with the square of the length: twice the text, four times the work.

// %% [markdown] slug="quiz" tags=["quiz"]
// ## Check yourself
//
// <details><summary>1. What does softmax give for the scores 5, 5, 5, 5, and what for 105, 105, 105, 105?</summary>
//
// Both times 0.25 four times. Adding 100 to every score changes nothing.
//
// </details>
//
// <details><summary>2. Why three matrices? What would you lose if the key were always equal to the query?</summary>
//
// Scores would be symmetric, and every word would listen most to words like itself. With matrices of their own, a word can look for something that it does not offer: a pronoun looks for a noun.
//
// </details>
//
// <details><summary>3. Someone writes −1 instead of −1,000,000,000 into the mask. What happens?</summary>
//
// Almost nothing is hidden: a score that is smaller by 1 only makes the weight 2.7 times smaller. The model sees the future, its loss in training looks wonderful, and it writes nonsense.
//
// </details>
//
// <details><summary>4. A tensor has shape (2, 10, 48). What is its shape after it is split into 6 heads, and what is the shape of the weights?</summary>
//
// (2, 6, 10, 8), and (2, 6, 10, 10): one row and one column for each position, in each head of each text.
//
// </details>
//
// <details><summary>5. A text becomes 8 times as long. How much more memory do the attention weights need?</summary>
//
// 64 times as much.
//
// </details>

// %% [markdown] slug="further"
// ## Going further
//
// - Train the cards with three questions, and with two and three heads.
// - Leave out the mask in `multiHeadAttention` and train the cards again. Does the game get easier? Why not?
// - The weights need not be stored at all: *FlashAttention* computes them block by block and forgets them. Its memory grows with the length, not with the square.
//
// **Sources.** D. Bahdanau, K. Cho, Y. Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate", [arXiv:1409.0473](https://arxiv.org/abs/1409.0473) · A. Vaswani and others, "Attention Is All You Need", [arXiv:1706.03762](https://arxiv.org/abs/1706.03762) · T. Dao and others, "FlashAttention", [arXiv:2205.14135](https://arxiv.org/abs/2205.14135) · S. Jain, B. Wallace, "Attention is not Explanation", [arXiv:1902.10186](https://arxiv.org/abs/1902.10186) · the toy of six vectors and the published numbers: S. Raschka, "Build a Large Language Model (From Scratch)" (2024), [chapter 3](https://github.com/rasbt/LLMs-from-scratch/blob/main/ch03/01_main-chapter-code/ch03.ipynb).
//
// *Last checked 2026-11-22.*

// %% slug="end"
progress();
