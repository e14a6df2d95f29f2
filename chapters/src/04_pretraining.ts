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
// # 4. Pretraining
//
// In chapter 03 you built a GPT, and it wrote nonsense. In this chapter you teach it. At the end your own model, trained on your own computer, writes in the voice of a president.
//
// **You will be able to** say how good a prediction is, in one number · build batches, an optimiser and a schedule, and know why each is there · train a GPT and read its curves · choose how daring its text is, and write it several times as fast · stop a training and go on as if nothing had happened.
//
// *90 minutes · no GPU · needs chapters 01 and 03 · data: speeches of American presidents (10 MB, downloaded once)*

// %% slug="setup"
import {
  AdamW, barChart, BpeTokenizer, causalAttention, DataLoader, generate, generateText, GPT, initBackend, isHeldOut,
  lineChart, loadDataset, nextTokenProbabilities, Random, scoreIds, tf, TokenDataset, train,
} from "gptlab";
import { check, hint, NotImplemented, orReference, profile, progress } from "gptlab/course";
import { show, table, text, watch } from "gptlab/course";
const engine = await initBackend();
const size = profile("04_pretraining");                // sizes of model and training, see course.json
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
// Chapter 01 turned text into ids, and chapter 03 turned ids into a guess of the next id. What is missing is learning. First the material: the speeches from 1790 to 1999 are for training. Those from 2000 on are for **validation**: the model never learns from them, so they tell whether it has learnt the language, or only those speeches by heart.

// %% slug="data"
const speeches = (await loadDataset("sotu")).records;
const read = (held: boolean) => speeches.filter((one) => isHeldOut("sotu", one) === held).map((one) => one.text);
const [older, newer] = [read(false).slice(0, size.speeches), read(true).slice(0, size.newSpeeches)];
const tokenizer = BpeTokenizer.train(older, { vocabSize: size.vocabSize });
const V = tokenizer.vocabSize;
const trainIds = older.flatMap((speech) => tokenizer.encode(speech));
const newIds = newer.map((speech) => tokenizer.encode(speech));
const validIds = newIds.flat();
console.log(`${V} tokens in the vocabulary, ${trainIds.length} for training, ${validIds.length} for validation`);

// %% [markdown] slug="map-text"
// The map of this chapter is a chart. Three simple predictors guess each next token of the new speeches. The first knows nothing: every token is equally likely to it. The second knows how often each token occurs in the old speeches. The third has counted pairs: which token comes after which. The **loss** says how surprised a predictor is. Step 1 makes this exact; for now, lower is better.

// %% slug="map-count"
const singles = new Float64Array(V).fill(1);            // how often each token occurs; 1 more, so that none is impossible
const pairs = new Float64Array(V * V);                  // how often token b follows token a
for (const [i, id] of trainIds.entries()) {
  singles[id]++;
  if (i > 0) pairs[trainIds[i - 1] * V + id]++;
}
const all = trainIds.length + V;
const predictors = [
  () => 1 / V,
  (_: number, id: number) => singles[id] / all,
  (before: number, id: number) => (pairs[before * V + id] + (10 * singles[id]) / all) / (singles[before] + 10),
];
/** The mean loss of a predictor on a text. */
const lossOf = (predict: (before: number, id: number) => number, ids: number[]) =>
  ids.slice(1).reduce((sum, id, i) => sum - Math.log(predict(ids[i], id)), 0) / (ids.length - 1);

// %% slug="map-chart"
const stations = predictors.map((predict, i) => ({ label: text(`plot.map.${i + 1}`), value: lossOf(predict, validIds) }));
const [nothing, single, pair] = stations.map(({ value }) => value);
await show(barChart(stations, { ...titles("map", { nothing, single, pair }), horizontal: true }));

// %% [markdown] slug="map-question"
// **Question about the chart:** your GPT will see many tokens before, not only one. Where will its bar end, after some minutes of training? Step 6 adds the bar.
//
// ## 1. The price of a guess
//
// A predictor gives each token of the vocabulary a probability. We look only at the probability $p$ of the token that really came. The loss is $-\ln p$. By hand, for a vocabulary of three tokens:
//
// | token | logit | probability | loss if it comes |
// |--|--|--|--|
// | `union` | 2 | 0.665 | 0.41 |
// | `world` | 1 | 0.245 | 1.41 |
// | `banana` | 0 | 0.090 | 2.41 |
//
// Sure and right costs almost nothing. Sure and wrong costs much. The probabilities come from the logits $z$ by softmax, so for the token $t$ that came
//
// $$-\ln\frac{e^{z_t}}{\sum_i e^{z_i}}=\ln\Big(\sum_i e^{z_i}\Big)-z_t$$
//
// This is the **cross-entropy**. Check the first row: $\ln(e^2+e^1+e^0)-2=2.41-2$.

// %% [markdown] slug="crossEntropy-text"
// ### Exercise 4.1 · Cross-entropy
//
// *difficulty 2 of 5 · importance 5 of 5 · 10 minutes · about 9 lines*
//
// Write `crossEntropy(logits, targets)`: the mean loss over the rows. Two traps wait. `Math.exp(1000)` is infinite; but you may subtract the largest logit of a row from all its logits, because the difference stays the same. And a target of -100 means "nothing to learn here": such a row does not count, neither in the sum nor in the number of rows. If no row counts, the loss is 0.

// %% slug="crossEntropy" tags=["exercise"]
/** Mean loss of the targets that are not -100. logits: (N, V), targets: (N) -> a number */
function crossEntropy(logits: number[][], targets: number[]): number {
  // #region solution
  let [sum, count] = [0, 0];
  for (const [i, row] of logits.entries()) {
    if (targets[i] === -100) continue;
    const top = Math.max(...row);
    const logOfSum = top + Math.log(row.reduce((powers, z) => powers + Math.exp(z - top), 0));
    sum += logOfSum - row[targets[i]];
    count++;
  }
  return count === 0 ? 0 : sum / count;
  // #endregion
}
await check("crossEntropy", crossEntropy);

// %% [markdown] slug="crossEntropy-hints" tags=["hints"]
// 1. In the formula, which part is the same for every possible target, and which part is one number of the row?
// 2. For each row that counts: take the largest logit `top`; add up `Math.exp(z - top)` over the row; its logarithm plus `top` is the left part; subtract the logit of the target. Divide the sum by the number of rows that counted.
// 3. In the loop: `if (targets[i] === -100) continue`, `const top = Math.max(...row)`, `sum += top + Math.log(row.reduce((s, z) => s + Math.exp(z - top), 0)) - row[targets[i]]`, `count++`. At the end `return count === 0 ? 0 : sum / count`.

// %% slug="crossEntropy-use"
const ce = await orReference("crossEntropy", crossEntropy);
const dimensions = { vocabSize: V, blockSize: size.blockSize, nLayer: size.nLayer, nHead: size.nHead, nEmbd: size.nEmbd };
const model = new GPT({ architecture: "gpt2", ...dimensions }, new Random(1));
const T = size.blockSize;
const firstLogits = model.forward([validIds.slice(0, T)]);              // (1, T) -> (1, T, V)
const [rows] = (await firstLogits.array()) as number[][][];
firstLogits.dispose();
console.log(`${model.parameterCount().toLocaleString("en")} parameters, all of them random`);
console.log(`loss of the model: ${ce(rows, validIds.slice(1, T + 1)).toFixed(2)}`);
console.log(`ln ${V} = ${Math.log(V).toFixed(2)}`);

// %% [markdown] slug="crossEntropy-look"
// Look at the last two lines. A fresh model knows nothing, so each token gets a probability near $1/V$, and the loss is near $\ln V$. This is the first test of every training: a start far above $\ln V$ means a mistake in the code. The library has this loss for tensors, with its gradient: [`crossEntropy`](../../lib/src/ops/cross_entropy.ts).
//
// ## 2. Perplexity
//
// What does a loss of 3 mean? The **perplexity** $e^{\text{loss}}$ says it in tokens: the model is as uncertain as if it chose among $e^3\approx 20$ equally likely ones.
//
// A text is scored in parts, and parts have different lengths. A part of 20 tokens must weigh twice as much as one of 10.

// %% [markdown] slug="perplexity-text"
// ### Exercise 4.2 · Perplexity
//
// *difficulty 1 of 5 · importance 4 of 5 · 5 minutes · about 2 lines*
//
// Write `perplexity(losses, tokens)`. Part `i` of a text has the mean loss `losses[i]` and `tokens[i]` tokens. Return $e$ to the mean loss of a **token** of the whole text.

// %% slug="perplexity" tags=["exercise"]
/** e to the mean loss of a token, from the mean losses of parts of a text and their lengths. */
function perplexity(losses: number[], tokens: number[]): number {
  // #region solution
  const total = losses.reduce((sum, loss, i) => sum + loss * tokens[i], 0);
  return Math.exp(total / tokens.reduce((sum, count) => sum + count, 0));
  // #endregion
}
await check("perplexity", perplexity);

// %% [markdown] slug="perplexity-hints" tags=["hints"]
// 1. A part has 20 tokens and the mean loss 3. What do its tokens cost together?
// 2. Add up loss times tokens over the parts. Divide by the number of all tokens. Take `Math.exp` of the result, once, at the end.
// 3. `const total = losses.reduce((sum, loss, i) => sum + loss * tokens[i], 0)`, then `return Math.exp(total / tokens.reduce((a, b) => a + b, 0))`.

// %% slug="perplexity-use"
const ppl = await orReference("perplexity", perplexity);
const lengths = newIds.map((ids) => ids.length - 1);     // one part for each new speech
table(predictors.map((predict, i) => {
  const losses = newIds.map((ids) => lossOf(predict, ids));
  const mean = losses.reduce((sum, loss) => sum + Math.exp(loss), 0) / losses.length;
  return [stations[i].label, ppl(losses, lengths).toFixed(1), mean.toFixed(1)];
}), { head: ["predictor", "perplexity", "mean of the parts' perplexities"] });

// %% [markdown] slug="perplexity-look"
// Look at the two columns. Only the first is the perplexity of the text; the second would change if we cut the text in another way.
//
// ## 3. Batches
//
// The model learns from several texts at once: a **batch**. All rows of a batch have one length, but sentences have not. The simple way: fill the short rows with a **padding** token, and set the target to -100 there.
//
// | place | 1 | 2 | 3 | 4 |
// |--|--|--|--|--|
// | input | The | state | of | it |
// | target | state | of | it | `end` |
// | input | Thank | `pad` | `pad` | `pad` |
// | target | `end` | -100 | -100 | -100 |

// %% [markdown] slug="nextTokenBatch-text"
// ### Exercise 4.3 · A batch of next tokens
//
// *difficulty 2 of 5 · importance 4 of 5 · 8 minutes · about 6 lines*
//
// Write `nextTokenBatch(rows, padId)`. Each row is a whole text with its end token. The input is the row without its last id; the target is the row without its first. Fill both on the right to the length of the longest: inputs with `padId`, targets with -100. **Watch out:** many programs use the end token for padding too. The real end must still be learnt.

// %% slug="nextTokenBatch" tags=["exercise"]
interface TokenBatch { ids: number[][]; targets: number[][] }

/** Inputs and targets of equal lengths. rows: (B, different lengths) -> ids and targets: (B, T) */
function nextTokenBatch(rows: number[][], padId: number): TokenBatch {
  // #region solution
  const T = Math.max(...rows.map((row) => row.length)) - 1;
  const fill = (row: number[], id: number) => [...row, ...new Array(T - row.length).fill(id)];
  return {
    ids: rows.map((row) => fill(row.slice(0, -1), padId)),
    targets: rows.map((row) => fill(row.slice(1), -100)),
  };
  // #endregion
}
await check("nextTokenBatch", nextTokenBatch);

// %% [markdown] slug="nextTokenBatch-hints" tags=["hints"]
// 1. The longest row has 5 ids. How long are its input and its target?
// 2. `T` is the length of the longest row minus 1. For each row, cut off one id, at the end for the input and at the start for the target. Then append as many `padId` or -100 as are missing to `T`.
// 3. `const fill = (row, id) => [...row, ...new Array(T - row.length).fill(id)]`, then `ids: rows.map((row) => fill(row.slice(0, -1), padId))` and `targets: rows.map((row) => fill(row.slice(1), -100))`.

// %% slug="nextTokenBatch-use"
const batchOf = await orReference("nextTokenBatch", nextTokenBatch);
const sentences = older[0].split(/(?<=[.!?]) /).slice(0, 64).map((sentence) => [...tokenizer.encode(sentence), 0]);
const padded = batchOf(sentences, 0);
const places = padded.targets.flat();
const wasted = places.filter((target) => target === -100).length;
console.log(`a batch of ${padded.ids.length} sentences, ${padded.ids[0].length} places each`);
console.log(`${((100 * wasted) / places.length).toFixed(0)} % of the places are padding`);

// %% [markdown] slug="pack"
// More than half of the work would be for nothing. So pretraining does it in another way: all texts become one long stream, and the stream is cut into windows of equal length, as in chapter 01. No place is wasted. Padding comes back in chapter 08, where each row must stay alone.
//
// The library does both: [`nextTokenBatch`](../../lib/src/data/batch.ts) pads, [`TokenDataset`](../../lib/src/data/dataset.ts) cuts windows, and a [`DataLoader`](../../lib/src/data/loader.ts) gives them out in a new order in each round.

// %% slug="pack-code"
const windows = new TokenDataset(trainIds, { blockSize: T });
const loader = new DataLoader(windows, { batchSize: size.batchSize, shuffle: new Random(2) });
console.log(`${windows.length} windows of ${T} tokens, ${loader.batchesPerEpoch} batches of ${size.batchSize}`);

// %% [markdown] slug="valley"
// ## 4. A better step downhill: AdamW
//
// In chapter 00 a step was: parameter minus learning rate times slope. Networks make this hard. Some slopes are a thousand times as steep as others, and one learning rate must serve them all. The smallest example is a valley, steep along $y$ and flat along $x$:
//
// $$\text{loss}=\tfrac12x^2+500\,y^2$$
//
// The steep side allows no rate above 0.002: beyond it, $y$ jumps further out at every step. But at this rate $x$ hardly moves.
//
// **AdamW** gives each parameter a step size of its own. It keeps two memories for each parameter: $m$, a running mean of its slopes $g$, and $v$, a running mean of their squares. The step is the learning rate times $m/\sqrt v$. Where slopes are a thousand times as large, $\sqrt v$ is too, and the step stays the same.
//
// $$m\leftarrow\beta_1m+(1-\beta_1)\,g\qquad v\leftarrow\beta_2v+(1-\beta_2)\,g^2$$
//
// $$\hat m=\frac{m}{1-\beta_1^t}\qquad\hat v=\frac{v}{1-\beta_2^t}\qquad p\leftarrow p\,(1-\text{lr}\cdot\text{decay})-\text{lr}\,\frac{\hat m}{\sqrt{\hat v}+\varepsilon}$$
//
// The memories start at 0, so at first they are too small; the hats mend that. $t$ is the number of the step, 1 for the first. The **weight decay** pulls each parameter a little towards 0, so that none grows without a reason.
//
// By hand, the first step with $g=3$, $\beta_1=0.9$, $\beta_2=0.999$: $m=0.3$ and $v=0.009$, so $\hat m=3$ and $\hat v=9$. The step is $\text{lr}\cdot3/3$. **Predict:** and with $g=300$?

// %% slug="adam-types"
/** Parameters, the two memories of each (m and v above), and how many steps were done. */
interface AdamState { parameters: number[]; first: number[]; second: number[]; step: number }
interface AdamOptions { lr: number; beta1: number; beta2: number; epsilon: number; weightDecay: number }

// %% [markdown] slug="adamWStep-text"
// ### Exercise 4.4 · A step of AdamW
//
// *difficulty 3 of 5 · importance 5 of 5 · 12 minutes · about 9 lines*
//
// Write `adamWStep(state, gradient, options)`. It returns the new state and leaves the old one as it is. `first` is $m$, `second` is $v$; store them without the hats.

// %% slug="adamWStep" tags=["exercise"]
/** The state after one step of AdamW. gradient: one slope for each parameter */
function adamWStep(state: AdamState, gradient: number[], options: AdamOptions): AdamState {
  // #region solution
  const { lr, beta1, beta2, epsilon, weightDecay } = options;
  const step = state.step + 1;
  const first = state.first.map((m, i) => beta1 * m + (1 - beta1) * gradient[i]);
  const second = state.second.map((v, i) => beta2 * v + (1 - beta2) * gradient[i] ** 2);
  const parameters = state.parameters.map((p, i) => {
    const [m, v] = [first[i] / (1 - beta1 ** step), second[i] / (1 - beta2 ** step)];
    return p * (1 - lr * weightDecay) - (lr * m) / (Math.sqrt(v) + epsilon);
  });
  return { parameters, first, second, step };
  // #endregion
}
await check("adamWStep", adamWStep);

// %% [markdown] slug="adamWStep-hints" tags=["hints"]
// 1. `state.step` is 0 before the first step. Which `t` belongs in the hats?
// 2. First `step`, then the lists `first` and `second` from the old ones and the gradient, then for each parameter: the two hats, the shrinking, the step. Return all four.
// 3. For each `i`: `const m = first[i] / (1 - beta1 ** step)`, `const v = second[i] / (1 - beta2 ** step)`, and the new parameter is `p * (1 - lr * weightDecay) - lr * m / (Math.sqrt(v) + epsilon)`.

// %% slug="adamWStep-use"
const adam = await orReference("adamWStep", adamWStep);
const valley = ([x, y]: number[]) => 0.5 * x * x + 500 * y * y;
const slopes = ([x, y]: number[]) => [x, 1000 * y];
const adamOptions = { lr: 0.1, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0 };
let [plain, state] = [[5, 1], { parameters: [5, 1], first: [0, 0], second: [0, 0], step: 0 }];
const [sgdLosses, adamLosses] = [[valley(plain)], [valley(plain)]];
for (let step = 0; step < 200; step++) {
  plain = plain.map((p, i) => p - 0.0019 * slopes(plain)[i]);
  state = adam(state, slopes(state.parameters), adamOptions);
  sgdLosses.push(valley(plain));
  adamLosses.push(valley(state.parameters));
}
const curves = [{ name: text("plot.valley.sgd"), y: sgdLosses }, { name: "AdamW", y: adamLosses }];
await show(lineChart(curves, { ...titles("valley", { sgd: sgdLosses[200], adam: adamLosses[200] }), yLog: true }));

// %% [markdown] slug="adamWStep-look"
// **Question about the plot:** why does the line of AdamW swing?
//
// <details><summary>Answer</summary>
//
// The mean $m$ keeps pushing when the lowest point is passed, like a ball that rolls through a valley. Then pushes to both sides cancel in the mean, and the swings become smaller. In a network every batch has other slopes, so they never cancel completely: near the goal the learning rate must become smaller.
//
// </details>
//
// And with $g=300$ the first step is just as long: $\text{lr}\cdot300/300$. The library's [`AdamW`](../../lib/src/optim.ts) does the same for tensors, whole matrices at once. It lets biases and norms keep their size: only matrices decay.
//
// ## 5. The learning rate
//
// At the start the memories of AdamW have seen almost nothing, so a large step could go anywhere: begin small, and rise. This is the **warm-up**. At the end small steps are needed to settle down. Between them, half a cosine wave falls smoothly:
//
// $$\text{rate}=\text{min}+\frac{\text{max}-\text{min}}2\big(1+\cos(\pi\,\text{progress})\big)$$
//
// With 2 warm-up steps of 5 in all, from 1 down to 0: $\tfrac12, 1$, then $1, \tfrac12, 0$.

// %% [markdown] slug="warmupCosine-text"
// ### Exercise 4.5 · Warm-up and cosine
//
// *difficulty 2 of 5 · importance 4 of 5 · 8 minutes · about 3 lines*
//
// Write `warmupCosine(step, schedule)`; `step` counts from 0. In the warm-up, the rate is `maxLr` times `(step + 1) / warmupSteps`. After it, progress goes from 0 at step `warmupSteps` to 1 at the last step, `totalSteps - 1`. Should the training go on longer, the rate stays at `minLr`.

// %% slug="warmupCosine" tags=["exercise"]
interface Schedule { warmupSteps: number; totalSteps: number; maxLr: number; minLr: number }

/** The learning rate of a step, from 0. */
function warmupCosine(step: number, { warmupSteps, totalSteps, maxLr, minLr }: Schedule): number {
  // #region solution
  if (step < warmupSteps) return (maxLr * (step + 1)) / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / (totalSteps - 1 - warmupSteps));
  return minLr + ((maxLr - minLr) / 2) * (1 + Math.cos(Math.PI * progress));
  // #endregion
}
await check("warmupCosine", warmupCosine);

// %% [markdown] slug="warmupCosine-hints" tags=["hints"]
// 1. Of 5 steps, 2 are warm-up. Which are the others, and what is the progress at each?
// 2. If `step` is in the warm-up, return its rate. Else progress is the steps since the warm-up, divided by the steps from there to the last one; not more than 1. Put it into the formula.
// 3. `const progress = Math.min(1, (step - warmupSteps) / (totalSteps - 1 - warmupSteps))`, then `return minLr + (maxLr - minLr) / 2 * (1 + Math.cos(Math.PI * progress))`.

// %% slug="warmupCosine-use"
const rateOf = await orReference("warmupCosine", warmupCosine);
const plan = { warmupSteps: Math.ceil(size.steps / 20), totalSteps: size.steps, maxLr: size.lr, minLr: size.lr / 10 };
const schedule = (step: number) => rateOf(step, plan);
const rates = Array.from({ length: size.steps }, (_, step) => schedule(step));
const figures = { warmup: plan.warmupSteps, max: plan.maxLr, min: rates[size.steps - 1], steps: size.steps };
await show(lineChart([{ name: "lr", y: rates }], titles("rate", figures)));

// %% [markdown] slug="clipGradNorm-text"
// One danger is left: a strange batch can give a gradient that is far too long. The **norm** of all gradients together is their length, $\sqrt{\sum g^2}$. If it is larger than a limit, we make all of them shorter by the same factor. So the direction stays. By hand: the gradients 3 and 4 have the norm 5; with the limit 1 they become 0.6 and 0.8.
//
// ### Exercise 4.6 · Clip the gradients
//
// *difficulty 2 of 5 · importance 4 of 5 · 6 minutes · about 3 lines*
//
// Write `clipGradNorm(gradients, maxNorm)`. `gradients` holds a list for each parameter matrix. Return the new gradients, and the norm **before** clipping. Short gradients stay as they are.

// %% slug="clipGradNorm" tags=["exercise"]
/** Gradients whose common norm is at most maxNorm, and the norm that they had. */
function clipGradNorm(gradients: number[][], maxNorm: number): { gradients: number[][]; norm: number } {
  // #region solution
  const norm = Math.sqrt(gradients.flat().reduce((sum, g) => sum + g * g, 0));
  const factor = norm > maxNorm ? maxNorm / norm : 1;
  return { gradients: gradients.map((one) => one.map((g) => g * factor)), norm };
  // #endregion
}
await check("clipGradNorm", clipGradNorm);

// %% [markdown] slug="clipGradNorm-hints" tags=["hints"]
// 1. Two lists, [3] and [4]. What is the norm of both together, and why is it not 7?
// 2. Add up the squares of all numbers of all lists and take the root. If the norm is above the limit, the factor is limit divided by norm, else 1. Multiply every number by the factor.
// 3. `const norm = Math.sqrt(gradients.flat().reduce((sum, g) => sum + g * g, 0))`, `const factor = norm > maxNorm ? maxNorm / norm : 1`, and `gradients.map((one) => one.map((g) => g * factor))`.

// %% slug="clipGradNorm-use"
const clip = await orReference("clipGradNorm", clipGradNorm);
const clipped = clip([[3, 0.5], [-40]], 1);
console.log("norm before:", clipped.norm.toFixed(2), " after:", clip(clipped.gradients, 1).norm.toFixed(2));
console.log("ratio of the first two:", (clipped.gradients[0][0] / clipped.gradients[0][1]).toFixed(2), "as before: 6.00");

// %% [markdown] slug="training"
// ## 6. Train
//
// One step of training is: take a batch, compute the loss, its gradients by `tf.grads`, clip them, ask the schedule for the rate, and let AdamW change the parameters. The library's [`train`](../../lib/src/train/index.ts) does exactly this, and hands out an event at each step. We give it **your** schedule.
//
// First we make what must survive: if you stop the training, the names of its cell are forgotten, but these stay. And we let the untrained model speak. The seed is fixed, so that only the model changes between two samples.

// %% slug="train-before"
const optimizer = new AdamW(model.parameters(), { lr: size.lr, betas: [0.9, 0.95], weightDecay: 0.1 });
const norms: number[] = [];                             // of the gradients, before clipping
const speak = (seed: number) =>
  generateText(model, tokenizer, "The people", { maxNewTokens: size.sampleTokens, temperature: 0.8, topK: 40, seed });
const examIds = validIds.slice(0, size.examTokens);     // the same part of the new speeches each time
const exam = async () => ({ loss: (await scoreIds(model, examIds)).loss });
console.log(`The people${await speak(1)}`);

// %% [markdown] slug="train-time"
// The next cell trains. **It takes about 5 minutes on two free cores.** Chart and samples grow while you wait. You may stop it with the interrupt button: the model keeps what it has learnt, and all cells below work. **Predict:** what will it learn first: common words, spelling, or grammar?

// %% slug="train-run"
const each = Math.floor(size.steps / 8);                // steps between two samples
async function learn() {
  const parts = { model: model, batches: loader, optimizer: optimizer, schedule: schedule, maxGradNorm: 1 };
  const run = train({ ...parts, steps: size.steps, evaluate: { every: each, run: exam } });
  for await (const event of watch(run, { sample: () => speak(1), sampleEvery: each })) {
    if (event.kind === "step") norms.push(event.gradNorm);
  }
}
await learn();

// %% slug="train-norms"
const sorted = [...norms].sort((a, b) => a - b);
const middle = sorted[Math.floor(sorted.length / 2)];
console.log(`norm of the gradients: middle ${middle.toFixed(2)}, largest ${sorted[sorted.length - 1].toFixed(2)}`);
console.log(`clipped: ${norms.filter((norm) => norm > 1).length} of ${norms.length} steps`);

// %% [markdown] slug="train-look"
// Read the samples from top to bottom. First come common tokens, then words, then pieces of sentences. The meaning comes last, and a model of this size hardly gets there.
//
// Many steps were clipped, and this does no harm: AdamW divides by the usual size of the slopes, so a common factor hardly matters. Clipping helps against the rare gradient that is far longer than the others.
//
// **Question about the chart:** the line of the batches shakes, the line of the new speeches does not. Why, and which one would you believe?
//
// <details><summary>Answer</summary>
//
// Each batch is other text, easy or hard, and small. The validation is the same text each time, and the model has never learnt from it: believe this one. If it rose while the other fell, the model would be learning its training text by heart.
//
// </details>
//
// Now the promised bar. A loss depends on the tokenizer, because longer tokens are harder to guess. **Bits per byte** do not: they share the cost of the text among its bytes.

// %% slug="map-again"
const bytes = new TextEncoder().encode(tokenizer.decode(validIds)).length;
const yours = { label: text("plot.map.4"), value: (await scoreIds(model, validIds)).loss };
const bars = [...stations, yours];
await show(barChart(bars, { ...titles("mapAgain", { pair: pair, yours: yours.value }), horizontal: true }));
table(bars.map(({ label, value }) => {
  const bits = (value * validIds.length) / Math.LN2 / bytes;
  return [label, value.toFixed(2), ppl([value], [1]).toFixed(0), bits.toFixed(2)];
}), { head: ["predictor", "loss", "perplexity", "bits per byte"], caption: "new speeches" });

// %% [markdown] slug="temperature"
// ## 7. From probabilities to text
//
// The model gives probabilities. Which token do we write? Always the most likely one makes dull text that goes round in circles. So we **draw** a token by its probability. How daring we are is set by the **temperature**: divide all logits by it. Below 1 the likely tokens become likelier; above 1 the unlikely ones get a chance.

// %% slug="temperature-code"
/** Probabilities of logits. A logit of -Infinity gets probability 0. */
function softmax(logits: number[]): number[] {
  const top = Math.max(...logits);
  const powers = logits.map((z) => Math.exp(z - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** Your model's logits of the token that comes after the ids. It sees the last T of them. */
async function nextLogits(ids: number[]): Promise<number[]> {
  const seen = ids.slice(-T);
  const logits = tf.tidy(() => model.forward([seen]).slice([0, seen.length - 1, 0], [1, 1, V]).flatten());
  const values = Array.from(await logits.data());      // (V)
  logits.dispose();
  return values;
}

// %% slug="temperature-chart"
const logits = await nextLogits(tokenizer.encode("the United States of"));
const likely = logits.map((_, id) => id).sort((a, b) => logits[b] - logits[a]).slice(0, 4);
const heated = [0.5, 1, 2].map((temperature) => ({ temperature, p: softmax(logits.map((z) => z / temperature)) }));
const choices = heated.flatMap(({ temperature, p }) => likely.map((id, i) => ({
  label: `${i + 1}: "${tokenizer.decode([id])}"`, group: text("plot.heat.group", { temperature }), value: p[id],
})));
const [cold, warm, hot] = heated.map(({ p }) => p[likely[0]]);
await show(barChart(choices, { ...titles("heat", { cold, warm, hot }), format: ".2f" }));
const outside = 1 - likely.reduce((sum, id) => sum + heated[2].p[id], 0);
console.log(`at temperature 2, the other ${V - 4} tokens have ${(100 * outside).toFixed(0)} % together`);

// %% [markdown] slug="sampleTopK-text"
// Look at the last line. Each of these tokens is unlikely, but there are many, so sooner or later one is drawn, and the sentence is spoilt. The remedy is to cut off the tail.
//
// ### Exercise 4.7 · Top-k
//
// *difficulty 2 of 5 · importance 4 of 5 · 6 minutes · about 2 lines*
//
// Write `sampleTopK(logits, k)`: the probabilities to draw from when only the `k` largest logits stay. All others get probability 0, and the sum is 1 again. Each token keeps its place. If several logits are equal to the smallest that stays, all of them stay. You may use `softmax`. **A trap of JavaScript:** `[10, 9, 1].sort()` sorts as text.

// %% slug="sampleTopK" tags=["exercise"]
/** Probabilities in which only the k most likely tokens are left. (V) -> (V) */
function sampleTopK(logits: number[], k: number): number[] {
  // #region solution
  const edge = [...logits].sort((a, b) => b - a)[Math.min(k, logits.length) - 1];
  return softmax(logits.map((z) => (z >= edge ? z : -Infinity)));
  // #endregion
}
await check("sampleTopK", sampleTopK);

// %% [markdown] slug="sampleTopK-hints" tags=["hints"]
// 1. What is the smallest logit that stays, if you had them sorted?
// 2. Sort a copy, the largest first; the entry `k - 1` is the edge (if there are fewer than `k` logits, the last entry). Replace each logit below the edge by `-Infinity`; then softmax.
// 3. `const edge = [...logits].sort((a, b) => b - a)[Math.min(k, logits.length) - 1]`, then `return softmax(logits.map((z) => (z >= edge ? z : -Infinity)))`.

// %% slug="sampleTopK-use"
const topK = await orReference("sampleTopK", sampleTopK);
topK([2, 1, 0, -1], 2).map((p) => p.toFixed(2)).join("  ");

// %% [markdown] slug="sampleTopP-text"
// A fixed `k` is too large where only one token fits, and too small where hundreds do. **Top-p** adapts: it keeps the fewest tokens that together have at least the probability $p$. With the probabilities 0.5, 0.25, 0.2, 0.05 and $p=0.7$: the first has 0.5, the first two have 0.75. Two stay.
//
// ### Exercise 4.8 · Top-p
//
// *difficulty 3 of 5 · importance 4 of 5 · 8 minutes · about 9 lines*
//
// Write `sampleTopP(logits, p)` in the same form. The most likely token always stays.

// %% slug="sampleTopP" tags=["exercise"]
/** Probabilities in which only the fewest tokens are left that together have at least p. (V) -> (V) */
function sampleTopP(logits: number[], p: number): number[] {
  // #region solution
  const probabilities = softmax(logits);
  const order = logits.map((_, id) => id).sort((a, b) => logits[b] - logits[a]);
  const kept = new Set<number>();
  let sum = 0;
  for (const id of order) {
    if (sum >= p) break;
    kept.add(id);
    sum += probabilities[id];
  }
  return softmax(logits.map((z, id) => (kept.has(id) ? z : -Infinity)));
  // #endregion
}
await check("sampleTopP", sampleTopP);

// %% [markdown] slug="sampleTopP-hints" tags=["hints"]
// 1. Go through the tokens from the most likely down. Do you look at the sum before or after you add the next one?
// 2. Sort the ids by their logits, the largest first. Keep ids and add up their probabilities until the sum is at least `p`. Replace all other logits by `-Infinity`; then softmax.
// 3. `for (const id of order) { if (sum >= p) break; kept.add(id); sum += probabilities[id]; }`, then `return softmax(logits.map((z, id) => (kept.has(id) ? z : -Infinity)))`.

// %% slug="sampleTopP-use"
const topP = await orReference("sampleTopP", sampleTopP);
const same = [topK(logits, 5), topP(logits, 0.9)].map((mine, i) => {
  const library = nextTokenProbabilities(logits, i === 0 ? { topK: 5 } : { topP: 0.9 });
  return mine.every((p, id) => Math.abs(p - library[id]) < 1e-9);
});
console.log(`top-k as in the library: ${same[0]}, top-p: ${same[1]}`);

// %% slug="write"
/** Continues a text; `choose` turns logits into the probabilities to draw from. */
async function write(prompt: string, choose: (logits: number[]) => number[]): Promise<string> {
  const [ids, random] = [tokenizer.encode(prompt), new Random(7)];
  for (let i = 0; i < size.sampleTokens; i++) ids.push(random.choice(choose(await nextLogits(ids))));
  return tokenizer.decode(ids);
}
const heat = (temperature: number) => (logits: number[]) => logits.map((z) => z / temperature);
const settings: [string, (logits: number[]) => number[]][] = [
  ["the most likely", (z) => topK(z, 1)], ["temperature 1", softmax], ["temperature 2", (z) => softmax(heat(2)(z))],
  ["temperature 0.8, top-k 40", (z) => topK(heat(0.8)(z), 40)], ["top-p 0.9", (z) => topP(z, 0.9)],
];
const texts: string[][] = [];
for (const [name, choose] of settings) texts.push([name, await write("The Congress", choose)]);
table(texts, { head: ["setting", "text"] });

// %% [markdown] slug="write-look"
// Compare the rows: which one repeats itself, and which one invents words? The library does all of this in [`nextTokenProbabilities`](../../lib/src/generate/sample.ts), in the order temperature, top-k, top-p. A test proves that your functions and the library's give the same.
//
// ## 8. Write faster: the key-value cache
//
// `write` has a weakness. For each new token the model computes the **whole** text again. For 100 tokens that is $1+2+\dots+100=5{,}050$ rows instead of 100.
//
// But what does a new token need from the old ones? In attention, its query looks at their keys and values. Because nobody sees the future, the keys and values of old tokens never change. So we keep them: this is the **KV cache**. Then each step computes one row only: its query, its key, its value.

// %% [markdown] slug="kvCacheStep-text"
// ### Exercise 4.9 · One step with a cache
//
// *difficulty 3 of 5 · importance 4 of 5 · 12 minutes · about 6 lines*
//
// Write `kvCacheStep(cache, q, k, v)`. `q`, `k` and `v` belong to the newest token and have the shape (B, H, 1, hs). Append `k` and `v` to the cache along the axis of time; at the first token there is no cache. Then attend: $\text{softmax}(qK^\top/\sqrt{hs})\,V$ over **all** keys and values. Leave the old cache as it is. **Predict:** why is no causal mask needed here?

// %% slug="kvCacheStep" tags=["exercise"]
interface Cache { k: tf.Tensor4D; v: tf.Tensor4D }

/** Attention of the newest token, and the longer cache. cache: (B, H, S, hs), q, k, v: (B, H, 1, hs) -> out: (B, H, 1, hs) */
function kvCacheStep(cache: Cache | undefined, q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D): { out: tf.Tensor4D; cache: Cache } {
  // #region solution
  return tf.tidy(() => {
    const longer = cache ? { k: tf.concat([cache.k, k], 2), v: tf.concat([cache.v, v], 2) } : { k, v };
    const scores = tf.matMul(q, longer.k, false, true).div(Math.sqrt(q.shape[3]));  // (B, H, 1, S)
    const out: tf.Tensor4D = tf.matMul(tf.softmax(scores), longer.v);               // (B, H, 1, hs)
    return { out, cache: longer };
  });
  // #endregion
}
await check("kvCacheStep", kvCacheStep);

// %% [markdown] slug="kvCacheStep-hints" tags=["hints"]
// 1. The shape is (B, H, S, hs). Which axis grows by 1 with each token?
// 2. If there is a cache, join its keys and the new key along axis 2, and the values too; else the new ones are the cache. Scores: `q` times the keys transposed, divided by the root of the head size. Softmax, times the values. Return `out` and the longer cache.
// 3. `const longer = cache ? { k: tf.concat([cache.k, k], 2), v: tf.concat([cache.v, v], 2) } : { k, v }`, then `const scores = tf.matMul(q, longer.k, false, true).div(Math.sqrt(q.shape[3]))`, then `return { out: tf.matMul(tf.softmax(scores), longer.v), cache: longer }`.

// %% slug="kvCacheStep-use"
const cacheStep = await orReference("kvCacheStep", kvCacheStep);
const [H, hs, S] = [2, 4, 6];
const [q, k, v] = [1, 2, 3].map((seed) => tf.tensor4d(new Random(seed).normal(H * S * hs), [1, H, S, hs]));
const wanted = await causalAttention(q, k, v).data();   // all tokens at once, with the mask
let kept: Cache | undefined;
const outs = Array.from({ length: S }, (_, t) => {      // one token after the other, with the cache
  const [one, key, value] = [q, k, v].map((x) => x.slice([0, 0, t, 0], [1, H, 1, hs]) as tf.Tensor4D);
  const result = cacheStep(kept, one, key, value);
  kept = result.cache;
  return result.out;
});
const stepwise = await tf.concat(outs, 2).data();
console.log("largest difference:", Math.max(...stepwise.map((x, i) => Math.abs(x - wanted[i]))).toExponential(0));

// %% [markdown] slug="cache-measure"
// The newest token may look at everything before it, and nothing stands after it: there is no future to hide.
//
// The library's [`KVCache`](../../lib/src/model/cache.ts) keeps the same keys and values for each layer, in tables with room for more, so that nothing is copied. A test proves that your step attends as the library does. How much is it worth? We measure your model, and a wider one with a longer text. The wider one is untrained: for the speed, the values do not matter. The measurement takes about half a minute.

// %% slug="cache-timer"
/** Milliseconds of each new token after the first, which reads the prompt. */
async function timeTokens(writer: GPT, count: number, useCache: boolean): Promise<number[]> {
  const times: number[] = [];
  let before = performance.now();
  for await (const _ of generate(writer, [validIds.slice(0, 4)], { maxNewTokens: count, useCache: useCache })) {
    times.push(performance.now() - before);
    before = performance.now();
  }
  return times.slice(1);
}

// %% slug="cache-time"
const wide = new GPT({ architecture: "gpt2", ...dimensions, blockSize: size.longText, nEmbd: size.wide }, new Random(3));
const writers = [["yours", model, T - 4], ["wide", wide, size.longText - 4]] as const;
const measured = new Map<string, number[]>();           // the quickest of three rounds, token by token
for (let round = 0; round < 3; round++) {
  for (const [name, writer, count] of writers) {
    for (const useCache of [false, true]) {
      const key = `${name} ${useCache}`;
      const times = await timeTokens(writer, count, useCache);
      measured.set(key, times.map((ms, i) => Math.min(ms, measured.get(key)?.[i] ?? ms)));
    }
  }
}

// %% slug="cache-chart"
const timesOf = (name: string) => [false, true].map((useCache) => measured.get(`${name} ${useCache}`)!);
const speed = (times: number[]) => (1000 * times.length) / times.reduce((a, b) => a + b, 0);
table(writers.map(([name, , count]) => {
  const [without, using] = timesOf(name).map(speed);
  return [name, count, without.toFixed(0), using.toFixed(0), (using / without).toFixed(1)];
}), { head: ["model", "tokens", "tokens/s without", "tokens/s with", "times as fast"], caption: engine.name });
/** The middle value of every 12 neighbours: a slow moment of the computer does not show. */
const calm = (times: number[]) => Array.from({ length: Math.floor(times.length / 12) }, (_, i) =>
  times.slice(12 * i, 12 * i + 12).sort((a, b) => a - b)[6]);
const [slow, quick] = timesOf("wide").map(calm);
const lengthsSoFar = slow.map((_, i) => 12 * i + 11);
const both = [{ name: text("plot.cache.without"), x: lengthsSoFar, y: slow },
  { name: text("plot.cache.with"), x: lengthsSoFar, y: quick }];
const ends = { from: slow[0], without: slow[slow.length - 1], using: quick[quick.length - 1], tokens: size.longText };
await show(lineChart(both, titles("cache", ends)));

// %% [markdown] slug="cache-look"
// **Question about the plot:** one line rises, the other hardly does. What would happen with a text ten times as long?
//
// <details><summary>Answer</summary>
//
// Without the cache, a token costs as much as the whole text before it, so the line goes on rising. With the cache only the attention gets longer, and it is a small part of the work. The price is memory: two numbers for each token, layer and channel.
//
// </details>
//
// Part of the gain has another reason. With the cache every step has the same shape, so the library can record the step once as a graph and play it again.
//
// ## 9. Stop, and go on
//
// A long training will be interrupted: by a crash, by a closed laptop. What must be saved, so that nothing is lost? **Predict:** are the weights enough? We try both with a tiny model, with dropout. One run is not interrupted. The second loses everything but its weights in the middle. The third writes a **checkpoint** and goes on from it.

// %% slug="resume-code"
const tiny = { architecture: "gpt2" as const, ...dimensions, nLayer: 1, nHead: 2, nEmbd: 32, dropout: 0.1 };
const rest = { steps: size.resumeSteps, every: size.resumeSteps / 2 };

/** Trains a new tiny model and returns it with its losses. With `from` it begins with those weights. */
async function trainTiny(options: { steps: number; dir?: string; resume?: boolean; from?: GPT }) {
  const { steps, dir, resume = false, from } = options;
  const model = new GPT(tiny, new Random(5));
  if (from) model.loadStateDict(from.stateDict());
  const batches = new DataLoader(windows, { batchSize: 4, shuffle: new Random(6) });
  const optimizer = new AdamW(model.parameters(), { lr: 3e-3 });
  const checkpoint = dir === undefined ? {} : { checkpoint: { dir, every: rest.every } };
  const losses: number[] = [];
  const events = train({ model, batches, optimizer, steps, resume, random: new Random(7), ...checkpoint });
  for await (const event of events) if (event.kind === "step") losses.push(event.loss);
  return { model, losses };
}

// %% slug="resume-run"
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
const folder = mkdtempSync(`${tmpdir()}/gptlab-`);
const unbroken = await trainTiny({ steps: rest.steps });
const firstHalf = await trainTiny({ steps: rest.every, dir: folder });             // stops in the middle
const onlyWeights = await trainTiny({ steps: rest.every, from: firstHalf.model });
const resumed = await trainTiny({ steps: rest.steps, dir: folder, resume: true });  // a new model, a new optimiser
rmSync(folder, { recursive: true });

// %% slug="resume-compare"
const weightsOf = async (model: GPT) => {
  const values = await Promise.all(Array.from(model.parameters().values(), (parameter) => parameter.data()));
  return values.flatMap((numbers) => [...numbers]);
};
const goal = await weightsOf(unbroken.model);
const compared: [string, string, number][] = [];
for (const [name, run] of [["onlyWeights", onlyWeights], ["resumed", resumed]] as const) {
  const found = await weightsOf(run.model);
  const equal = found.filter((weight, i) => Object.is(weight, goal[i])).length;
  const gap = Math.max(...found.map((weight, i) => Math.abs(weight - goal[i])));
  compared.push([name, `${equal} of ${goal.length}`, gap]);
}
table(compared, { head: ["run", "weights equal to the unbroken run's", "largest difference"] });

// %% slug="resume-chart"
const from = (losses: number[]) => ({ x: losses.map((_, i) => rest.every + 1 + i), y: losses });
const histories = [
  { name: text("plot.resume.unbroken"), ...from(unbroken.losses.slice(rest.every)) },
  { name: text("plot.resume.onlyWeights"), ...from(onlyWeights.losses) },
  { name: text("plot.resume.resumed"), ...from(resumed.losses) },
];
const gap = Math.max(...resumed.losses.map((loss, i) => Math.abs(loss - unbroken.losses[rest.every + i])));
await show(lineChart(histories, titles("resume", { gap, steps: rest.every })));

// %% [markdown] slug="resume-look"
// The weights alone are not enough. The second run has lost the memories of AdamW and its number of steps, the place in the data, and the state of the random numbers, so it becomes another training. The checkpoint holds all of them, and every weight is equal, **bit for bit**. A folder with a checkpoint is written whole or not at all, so a crash while saving costs only the steps since the one before.
//
// To keep your trained model for use, `await model.save("my-model")` is enough: that folder can be read by the libraries of Hugging Face.

// %% [markdown] slug="takeaways"
// ## Key takeaways
//
// - The loss is $-\ln p$ of the token that came; a fresh model begins near $\ln V$. Perplexity is $e^{\text{loss}}$, over all tokens of a text.
// - AdamW gives each parameter its own step size. Warm-up, cosine and clipping keep the training from running away.
// - Believe the validation, and read the samples.
// - Temperature, top-k and top-p decide how daring the text is. The KV cache changes only the speed.
// - A checkpoint needs more than weights: optimiser, place in the data, random state.

// %% [markdown] slug="quiz" tags=["quiz"]
// ## Check yourself
//
// <details><summary>1. A model with 1,024 tokens begins with a loss of 12. What do you think?</summary>
//
// Something is wrong. A model that knows nothing has about ln 1,024 = 6.9; this one is sure of wrong tokens. Look at the start values of the weights, and whether targets and inputs fit together.
//
// </details>
//
// <details><summary>2. Two models have the losses 3.2 and 3.5, but different tokenizers. Which one is better?</summary>
//
// That cannot be said: longer tokens are harder to guess. Compare bits per byte on the same text.
//
// </details>
//
// <details><summary>3. Why does AdamW divide by the root of the second memory?</summary>
//
// So that parameters with steep and with flat slopes make steps of about the same length, near the learning rate.
//
// </details>
//
// <details><summary>4. The model repeats the same sentence for ever. Which settings do you change?</summary>
//
// Draw instead of taking the most likely token: a temperature near 1 with top-k or top-p. Without drawing, a text that once begins to repeat itself has no way out.
//
// </details>
//
// <details><summary>5. A checkpoint holds only weights and optimiser. What is different after going on?</summary>
//
// The data begin from the start, and the random numbers of dropout and shuffling are others. The training works, but it is not the same one.
//
// </details>

// %% [markdown] slug="further"
// ## Going further
//
// - Train longer: set `steps` of this chapter in `course.json` to three times as many. Does the validation still fall?
// - Train on a text of your own. A few hundred thousand characters are enough to begin.
// - Set the top rate ten times as high, and `maxGradNorm` to 1000. What does the chart show?
//
// **Sources.** D. Kingma, J. Ba, "Adam", [arXiv:1412.6980](https://arxiv.org/abs/1412.6980) · I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", [arXiv:1711.05101](https://arxiv.org/abs/1711.05101), and "SGDR", [arXiv:1608.03983](https://arxiv.org/abs/1608.03983) · R. Pascanu and others, "On the difficulty of training recurrent neural networks", [arXiv:1211.5063](https://arxiv.org/abs/1211.5063) · A. Holtzman and others, "The Curious Case of Neural Text Degeneration" (top-p), [arXiv:1904.09751](https://arxiv.org/abs/1904.09751) · A. Radford and others, "Language Models are Unsupervised Multitask Learners" (GPT-2, 2019).
//
// *Last checked 2026-11-22.*

// %% slug="end"
progress();
