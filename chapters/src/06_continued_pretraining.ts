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
// # 6. Continued pretraining
//
// The course's base model was trained for hours on speeches, definitions, a novel and dialogues. It has never seen the documentation of a program. In this chapter you teach it the language of TypeScript's documentation in a few minutes, and you keep it from forgetting what it knew.
//
// **You will be able to** see what a model forgets when it learns something new · mix old and new text in exact shares · warm a learning rate up again · compare domains in bits per byte · weigh what is gained against what is lost, in one table.
//
// *75 minutes · no GPU · needs chapter 04 · data: JSDoc comments, speeches, WordNet, a novel, dialogues (24 MB, downloaded once)*

// %% slug="setup"
import {
  AdamW, barChart, baseModel, continuationSteps, continuePlan, generateText, type GPT, initBackend, isHeldOut, isTestText,
  lineChart, loadDataset, Random, scoreDomains, stackWindows, TokenDataset, train,
} from "gptlab";
import { check, hint, NotImplemented, orReference, profile, progress } from "gptlab/course";
import { show, table, text, watch } from "gptlab/course";
const engine = await initBackend();
const size = profile("06_continued_pretraining");      // sizes of the trainings, see course.json
console.log(`The engine "${engine.name}" computes on the ${engine.device}.`);

/** Title, axis titles and alternative text of a plot, in the language of this notebook. */
function titles(plot: string, values: Record<string, number> = {}) {
  const shown = Object.entries(values).map(([name, value]) => [name, Number(value.toPrecision(3))]);
  const part = (name: string) => text(`plot.${plot}.${name}`, Object.fromEntries(shown));
  return { title: part("title"), xTitle: part("x"), yTitle: part("y"), alt: part("alt") };
}

// %% [markdown] slug="why"
// ## Where we are
//
// In chapter 04 you trained a small model for some minutes. The project has trained one by the same recipe for hours: this **base** is called `course-base`, and later chapters start from it. (If you have trained your own with `make pretrain`, yours is used.)
//
// But no model has read everything. You want one that knows **your** texts: contracts, medicine, the code of your company. There are two ways:
//
// 1. Train a new model on everything, old and new. This costs the hours again.
// 2. Take the trained model and train it further on the new texts. This is **continued pretraining**, and it costs minutes.
//
// The second way has a danger, and this chapter is about it.

// %% slug="base"
const base = await baseModel();
const tokenizer = base.tokenizer;
const T = Math.min(size.blockSize, base.model.config.blockSize);
console.log(`${base.model.parameterCount().toLocaleString("en")} parameters, ${tokenizer.vocabSize} tokens in the vocabulary`);

// %% [markdown] slug="new-domain"
// ## 1. A new domain
//
// A **domain** is a kind of text. The base has read four of them, each with its share of the windows. (The other windows were practice in copying, made from the same texts.) The fifth domain, the comments in the type declarations of TypeScript and Node.js (**JSDoc**), was held back for this chapter: no model of this course has ever read a line of it.
//
// For each domain we need two things: windows to learn from, and an **exam**, text that no training has seen. In the old domains the exam was put aside before the base was trained. Of the new one we put one comment in twelve aside. We cut one passage out of each long text, so that windows and exams hold pieces of many texts.

// %% slug="domains"
const SHARES = continuePlan.shares;                     // of each old domain, as in most of the base's training: 0.42 speeches, …
const OLD = Object.keys(SHARES);
const NEW = "jsdoc";
type Records = Awaited<ReturnType<typeof loadDataset>>["records"];

/** Up to `count` ids of the English records that are wanted: in a random order, of each a passage, and after each the end token, 0. */
function idsOf(records: Records, wanted: (record: Records[number]) => boolean, count: number): number[] {
  const [ids, random]: [number[], Random] = [[], new Random(1)];
  for (const i of random.permutation(records.length)) {
    const { text: whole, language = "en" } = records[i];
    if (ids.length >= count) break;
    if (language !== "en" || !wanted(records[i])) continue;
    const start = random.integer(Math.max(1, whole.length - size.passage));
    ids.push(...tokenizer.encode(whole.slice(start, start + size.passage)), 0);
  }
  return ids.slice(0, count);
}

// %% slug="domains-read"
const lessons: Record<string, TokenDataset> = {};       // windows to learn from
const exams: Record<string, number[]> = {};             // ids of text that no training has seen
for (const name of [...OLD, NEW]) {
  const { records } = await loadDataset(name);
  const inExam = (one: Records[number]) => (name === NEW ? isTestText(one.text) : isHeldOut(name, one));
  const count = name === NEW ? size.newTokens + T : size.oldTokens;
  lessons[name] = new TokenDataset(idsOf(records, (one) => !inExam(one), count), { blockSize: T });
  exams[name] = idsOf(records, inExam, size.examWindows * T + 1);
}
table([...OLD, NEW].map((name) => [name, text(`domain.${name}`), lessons[name].length, exams[name].length]),
  { head: ["domain", "what it is", "windows to learn from", "tokens in the exam"] });

// %% [markdown] slug="domains-chart-text"
// How well does the base know each domain? The **loss** of an exam says how surprised the base is by each token: $-\ln p$, on average (chapter 04). The library's [`scoreDomains`](../../lib/src/evaluate/perplexity.ts) computes it for all exams. **Predict:** which exam is the hardest for the base, and how will it go on with a comment?

// %% slug="domains-chart"
/** The loss of a model in each exam, in nats per token. */
async function lossesOf(model: GPT): Promise<Record<string, number>> {
  const scores = await scoreDomains(model, exams, { blockSize: T });
  return Object.fromEntries(Object.entries(scores).map(([name, { loss }]) => [name, loss]));
}
const baseLosses = await lossesOf(base.model);
const oldMean = (losses: Record<string, number>) => OLD.reduce((sum, name) => sum + losses[name], 0) / OLD.length;
const bars = [...OLD, NEW].map((name) => ({ label: text(`domain.${name}`), value: baseLosses[name] }));
const known = { old: oldMean(baseLosses), jsdoc: baseLosses[NEW] };
await show(barChart(bars, { ...titles("domains", known), horizontal: true, format: ".2f" }));

// %% slug="speak"
const speak = (model: GPT, prompt: string) =>
  generateText(model, tokenizer, prompt, { maxNewTokens: size.sampleTokens, temperature: 0.8, topK: 40, seed: 1, eosId: 0 });
const prompts = ["Returns the", "If the file does not exist,", "The state of the Union is"];
for (const prompt of prompts) console.log(`${prompt}${await speak(base.model, prompt)}\n`);

// %% [markdown] slug="domains-look"
// **Question about the chart:** which bar is the longest, and what do the samples show about it?
//
// <details><summary>Answer</summary>
//
// The bar of the new domain: the base finds JSDoc stranger than anything that it has read. Asked to go on with a comment, it soon falls back into a voice that it knows.
//
// </details>
//
// ## 2. Naive continuation
//
// The simplest idea: take the base, and go on training with JSDoc only. The next cells make training a function, because we shall train four times. It follows a **plan**: `plan[b][r]` says where row `r` of batch `b` comes from. 0 is the new domain, and 1, 2, … are the old ones. Each training begins with a fresh copy of the base.

// %% slug="learn-batches"
/** A training: its model, and for each time that the exams were held, their losses and the new tokens that were read until then. */
interface Run { model: GPT; losses: Record<string, number>[]; read: number[] }
const trainings: Record<string, Run> = {};
const sources = [NEW, ...OLD].map((name) => lessons[name]);

/** Batches that follow a plan. The windows of each source come in a random order; after the last, the first comes again. */
function* batchesOf(plan: number[][]) {
  const orders = sources.map((source, i) => new Random(i).permutation(source.length));
  const given = sources.map(() => 0);
  const windowOf = (s: number) => sources[s].at(orders[s][given[s]++ % orders[s].length]);
  for (const rows of plan) yield stackWindows(rows.map(windowOf));     // ids and targets: (B, T)
}

// %% slug="learn"
/** Trains a fresh copy of the base, and holds the exams from time to time. */
async function learn(name: string, plan: number[][], schedule: (step: number) => number) {
  const { model } = await baseModel();
  const run: Run = { model, read: [0], losses: [baseLosses] };
  trainings[name] = run;
  const optimizer = new AdamW(model.parameters(), { betas: [0.9, 0.95], weightDecay: 0.1 });
  const evaluate = { every: Math.ceil(plan.length / size.points), run: () => lossesOf(model) };
  const parts = { model, batches: batchesOf(plan), optimizer, schedule, maxGradNorm: 1, steps: plan.length, evaluate };
  for await (const event of watch(train(parts), { metric: NEW })) {
    if (event.kind !== "evaluate") continue;
    run.read.push(plan.slice(0, event.step).flat().filter((source) => source === 0).length * T);
    run.losses.push(event.metrics);
  }
  optimizer.dispose();
}

// %% [markdown] slug="naive-text"
// The learning rate of the base ended at 0, so there is no rate to go on with. For now we take a fixed one, a quarter of the highest that the base has known. **Predict:** the new domain will be learnt. What happens to the loss on speeches: does it fall, stay, or rise?
//
// **The training takes about a minute and a half on two free cores.** You may stop it: what it has measured stays.

// %% slug="naive"
const naiveSteps = Math.ceil(size.newTokens / (size.batchSize * T));
const onlyNew = Array.from({ length: naiveSteps }, () => new Array<number>(size.batchSize).fill(0));
await learn("naive", onlyNew, () => size.lr);

// %% slug="naive-table"
const last = (run: Run) => run.losses[run.losses.length - 1];
const change = (to: number, from: number) => `${to > from ? "+" : ""}${(to - from).toFixed(2)}`;
table([...OLD, NEW].map((name) => {
  const [from, to] = [baseLosses[name], last(trainings.naive)[name]];
  return [name, from.toFixed(2), to.toFixed(2), change(to, from)];
}), { head: ["exam", "base", "after naive continuation", "change"], caption: "loss (nats per token)" });

// %% [markdown] slug="naive-look"
// The new domain is learnt, and fast. But look at the other rows: every old domain became worse, though nothing in the new text contradicts it. This is called **catastrophic forgetting**. A network keeps nothing in a safe place: the same weights serve all domains, and training moves them wherever the new text wants them. Nobody asks whether the old texts still needed them.
//
// ## 3. Replay
//
// How do you keep the words of a language that you have learnt? You repeat some of them. Here too: mix a share of **old** text into the batches. This is **replay**. We take 30 %, and divide it among the old domains as in the training of the base.
//
// But how do we get 30 % of a batch of 8 rows? That is 2.4 rows. Rounding gives 2 rows of 8 in every batch, so 25 %; a domain with 1 % would never come at all. Drawing lots would be right only on average. A better rule keeps count: **the next row comes from the source that is furthest behind its share.** With `n` rows in all, the next one included, a source with the share `s` should have had `s × n` of them. By hand, with the shares ¾ and ¼ (source 0 and source 1):
//
// | row | should have had, with this row | had before | behind | chosen |
// |--|--|--|--|--|
// | 1 | 0.75 and 0.25 | 0 and 0 | 0.75 and 0.25 | 0 |
// | 2 | 1.5 and 0.5 | 1 and 0 | 0.5 and 0.5 | 0, the first of equals |
// | 3 | 2.25 and 0.75 | 2 and 0 | 0.25 and 0.75 | 1 |
// | 4 | 3 and 1 | 2 and 1 | 1 and 0 | 0 |

// %% [markdown] slug="mixBatches-text"
// ### Exercise 6.1 · Mix batches
//
// *difficulty 3 of 5 · importance 4 of 5 · 12 minutes · about 8 lines*
//
// Write `mixBatches(shares, batchSize, batches)`. It returns a plan with `batches` lists; each holds the sources of the `batchSize` rows of a batch, in the order of choice. Count over **all** batches, not in each anew. The shares need not add up to 1: divide them by their sum. Of equals, the first is chosen.

// %% slug="mixBatches" tags=["exercise"]
/** Which source each row of each batch comes from. shares: one for each source -> (batches, batchSize) */
function mixBatches(shares: number[], batchSize: number, batches: number): number[][] {
  // #region solution
  const total = shares.reduce((sum, share) => sum + share, 0);
  const given = shares.map(() => 0);
  let rows = 0;
  const next = () => {
    rows++;
    const behind = shares.map((share, i) => (share / total) * rows - given[i]);
    const source = behind.indexOf(Math.max(...behind));
    given[source]++;
    return source;
  };
  return Array.from({ length: batches }, () => Array.from({ length: batchSize }, next));
  // #endregion
}
await check("mixBatches", mixBatches);

// %% [markdown] slug="mixBatches-hints" tags=["hints"]
// 1. Which two numbers must survive from one batch to the next: one for all sources together, and one for each?
// 2. Keep `given`, one number a source, and `rows`, the rows so far. For each new row: add 1 to `rows`; for each source, its share of `rows` minus what it was given; the source with the largest result gets the row, and its `given` grows by 1.
// 3. `const behind = shares.map((share, i) => (share / total) * rows - given[i])`, then `const source = behind.indexOf(Math.max(...behind))`, which takes the first of equals, then `given[source]++`. Inside `Array.from({ length: batches }, …)` make the rows of each batch the same way.

// %% slug="mixBatches-use"
const mix = await orReference("mixBatches", mixBatches);
const totalOld = OLD.reduce((sum, name) => sum + SHARES[name], 0);
const shares = [1 - size.replay, ...OLD.map((name) => (size.replay * SHARES[name]) / totalOld)];
const replaySteps = continuationSteps({ tokens: size.newTokens, replay: size.replay, batchSize: size.batchSize, blockSize: T });
const mixed = mix(shares, size.batchSize, replaySteps);
console.log("the first batches:", mixed.slice(0, 3).map((rows) => rows.join(" ")).join("  |  "));
table([NEW, ...OLD].map((name, source) => {
  const rows = mixed.flat().filter((one) => one === source).length;
  return [name, `${(100 * shares[source]).toFixed(1)} %`, `${((100 * rows) / mixed.flat().length).toFixed(1)} %`];
}), { head: ["source", "wanted", "in the plan"] });
console.log(`steps without replay: ${naiveSteps}, with replay: ${replaySteps}`);

// %% [markdown] slug="mixBatches-look"
// The last line is the price. To read **as much of the new domain**, the training with 30 % replay needs $1/0.7$ times the steps: 43 % more. We pay it, so that the comparison is fair. (With equal steps it would have read less of the new domain, and learn less for that reason alone.) The library's `continuationSteps` has counted the steps.
//
// The library's [`Mixture`](../../lib/src/data/mixture.ts) chooses rows by the same rule, and can be stopped and continued. A test proves that your plan is the one that it follows.
//
// **Predict:** how much of the forgetting will the 30 % prevent: a little, half, or most of it? **The next cell trains for about two minutes.**

// %% slug="replay"
await learn("replay", mixed, () => size.lr);

// %% slug="replay-chart"
const thousands = (tokens: number[]) => tokens.map((count) => count / 1000);
const forgetting = Object.entries({ naive: trainings.naive, replay: trainings.replay }).map(([name, run]) => ({
  name: text(`run.${name}`), x: thousands(run.read), y: run.losses.map(oldMean),
}));
const [worse, better] = [trainings.naive, trainings.replay].map((run) => oldMean(last(run)) - oldMean(baseLosses));
await show(lineChart(forgetting, titles("forgetting", { base: oldMean(baseLosses), naive: worse, replay: better })));

// %% [markdown] slug="replay-look"
// **Question about the plot:** both lines begin at the base. When is the line of the naive training steepest, and what would you expect if it went on for ten times as long?
//
// <details><summary>Answer</summary>
//
// At the start: the first steps change the model most. But nothing stops the line later. With every text that is only new, the weights may move further from where the old texts need them. With replay each step pulls to both sides, so training looks for weights that serve both, and the line stays much lower.
//
// </details>
//
// ## 4. Warm the learning rate up again
//
// The fixed rate was only a first try. It has two faults. At the start, the memories of AdamW are empty, and yet its first steps are as large as all others, in a direction that a single batch gives. And at the end the steps are still large, so the model cannot settle.
//
// You know the remedy from chapter 04: rise, then fall. But here the training does not begin from nothing; another one has just ended, at the rate `lastLr`. So the rate rises from **there** to the new maximum, and then falls along a cosine. This is **re-warming**.
//
// $$\text{rise:}\quad\text{lastLr}+(\text{max}-\text{lastLr})\,\frac{\text{step}+1}{\text{warmupSteps}}\qquad\text{fall:}\quad\text{min}+\frac{\text{max}-\text{min}}2\big(1+\cos(\pi\,\text{progress})\big)$$
//
// By hand, a rise from 0.1 to 0.5 in 4 steps: 0.2, 0.3, 0.4, 0.5. The last step of the rise has the new maximum.

// %% [markdown] slug="rewarmSchedule-text"
// ### Exercise 6.2 · Re-warm the rate
//
// *difficulty 2 of 5 · importance 4 of 5 · 8 minutes · about 3 lines*
//
// Write `rewarmSchedule(step, schedule)`; `step` counts from 0. The rise takes the first `warmupSteps` steps. After it, progress goes from 0 at step `warmupSteps` to 1 at the last step, `totalSteps - 1`. If the training goes on longer, the rate stays at `minLr`.

// %% slug="rewarmSchedule" tags=["exercise"]
interface Rewarming { lastLr: number; warmupSteps: number; totalSteps: number; maxLr: number; minLr: number }

/** The learning rate of a step, from 0, in a training that follows another one. */
function rewarmSchedule(step: number, { lastLr, warmupSteps, totalSteps, maxLr, minLr }: Rewarming): number {
  // #region solution
  if (step < warmupSteps) return lastLr + ((maxLr - lastLr) * (step + 1)) / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / (totalSteps - 1 - warmupSteps));
  return minLr + ((maxLr - minLr) / 2) * (1 + Math.cos(Math.PI * progress));
  // #endregion
}
await check("rewarmSchedule", rewarmSchedule);

// %% [markdown] slug="rewarmSchedule-hints" tags=["hints"]
// 1. With `lastLr` 0.2, `maxLr` 1 and 2 steps of warm-up: what are the rates of step 0 and of step 1?
// 2. If `step` is in the warm-up, add to `lastLr` the part of the difference that is climbed by now. Else compute the progress, at most 1, and put it into the second formula.
// 3. `if (step < warmupSteps) return lastLr + (maxLr - lastLr) * (step + 1) / warmupSteps`, then `const progress = Math.min(1, (step - warmupSteps) / (totalSteps - 1 - warmupSteps))`, then `return minLr + (maxLr - minLr) / 2 * (1 + Math.cos(Math.PI * progress))`.

// %% slug="rewarmSchedule-use"
const rateOf = await orReference("rewarmSchedule", rewarmSchedule);
const wave = { lastLr: 0, warmupSteps: Math.ceil(replaySteps / 10), totalSteps: replaySteps };
const rewarmed = (step: number) => rateOf(step, { ...wave, maxLr: size.lr, minLr: size.lr / 10 });
const gentle = (step: number) => rateOf(step, { ...wave, maxLr: size.gentleLr, minLr: size.gentleLr / 10 });
const rates = Object.entries({ rewarmed: rewarmed, gentle: gentle }).map(([name, rate]) => ({
  name: text(`run.${name}`), y: Array.from({ length: replaySteps }, (_, step) => rate(step)),
}));
const peaks = { warmup: wave.warmupSteps, max: size.lr, gentle: size.gentleLr, steps: replaySteps };
await show(lineChart(rates, titles("rewarm", peaks)));

// %% [markdown] slug="rewarmed-text"
// **Question about the plot:** the fixed rate would be a flat line through the upper peak. In which steps do the new rates differ most from it?
//
// <details><summary>Answer</summary>
//
// At both ends, where the fixed rate has its faults: small steps while the memories of AdamW fill, and small steps at the end to settle.
//
// </details>
//
// Two trainings follow, with the same 30 % of replay: one whose rate rises as high as our fixed one, and a **gentle** one that stays far below. **Predict:** which of the two forgets less, and which learns more? **They take about four minutes together.**

// %% slug="rewarmed"
await learn("rewarmed", mixed, rewarmed);

// %% slug="gentle"
await learn("gentle", mixed, gentle);

// %% [markdown] slug="bits-text"
// ## 5. Bits per byte
//
// We have compared each exam with itself. May we also compare one exam with another, or add them up? Not yet. The loss counts by **token**, and a token is not a fixed amount of text. The tokenizer was made from the old domains: in JSDoc it finds few long tokens, so it cuts a comment into many short ones. To guess a short token is to guess less text, so a loss of 4 on short tokens is worse than a loss of 4 on long ones.
//
// What all texts have in common are their bytes. So: how many **bits** does the model need for a **byte** of the text? By hand: two tokens with the loss $\ln 2$ each cost $2\ln 2$ nats together. A bit is $\ln 2$ nats, so this is 2 bits. If the two tokens stand for 8 bytes, the model needs a quarter of a bit for each byte. Without a model, a byte costs 8 bits.

// %% [markdown] slug="bitsPerByte-text"
// ### Exercise 6.3 · Bits per byte
//
// *difficulty 2 of 5 · importance 5 of 5 · 8 minutes · about 4 lines*
//
// Write `bitsPerByte(losses, tokens, texts)`. Text `i` has the mean loss `losses[i]`, in nats per token, and `tokens[i]` tokens. Return the bits per byte of all texts **together**. A trap: `"سلام".length` is 4, but each of these letters takes two bytes. `new TextEncoder().encode(text).length` counts bytes.

// %% slug="bitsPerByte" tags=["exercise"]
/** Bits for each byte of all texts together, from the mean loss (nats per token) and the tokens of each. */
function bitsPerByte(losses: number[], tokens: number[], texts: string[]): number {
  // #region solution
  const nats = losses.reduce((sum, loss, i) => sum + loss * tokens[i], 0);
  const bytes = texts.reduce((sum, one) => sum + new TextEncoder().encode(one).length, 0);
  return nats / Math.LN2 / bytes;
  // #endregion
}
await check("bitsPerByte", bitsPerByte);

// %% [markdown] slug="bitsPerByte-hints" tags=["hints"]
// 1. A text has 10 tokens with the mean loss 0.7. How many nats does it cost as a whole?
// 2. Add up loss times tokens over the texts: nats. Divide by the natural logarithm of 2: bits. Add up the bytes of all texts, and divide once, at the end.
// 3. `const nats = losses.reduce((sum, loss, i) => sum + loss * tokens[i], 0)`, `const bytes = texts.reduce((sum, one) => sum + new TextEncoder().encode(one).length, 0)`, then `return nats / Math.LN2 / bytes`.

// %% slug="bitsPerByte-use"
const bpb = await orReference("bitsPerByte", bitsPerByte);
const predicted = (name: string) => exams[name].slice(1);                    // nobody predicts the first token of an exam
const examTexts = Object.fromEntries(Object.keys(exams).map((name) =>
  [name, tokenizer.decode(predicted(name).filter((id) => id !== 0))]));      // an end token has no bytes
const bitsOf = (losses: Record<string, number>) => Object.fromEntries(Object.entries(losses).map(([name, loss]) =>
  [name, bpb([loss], [predicted(name).length], [examTexts[name]])]));
const baseBits = bitsOf(baseLosses);
table([...OLD, NEW].map((name) => {
  const bytes = new TextEncoder().encode(examTexts[name]).length;
  return [name, (bytes / predicted(name).length).toFixed(2), baseLosses[name].toFixed(2), baseBits[name].toFixed(2)];
}), { head: ["exam", "bytes in a token", "loss (nats per token)", "bits per byte"], caption: "the base" });

// %% [markdown] slug="bits-look"
// Look at the last two columns, at the last row and the mean of the others. Counted by token, the new domain looks about one and a half times as hard as the old ones. Counted by byte it is nearly twice as hard: its tokens are short. This is why models with different tokenizers, and texts of different kinds, are compared in bits per byte. The library has it in [`scoreText`](../../lib/src/evaluate/perplexity.ts).
//
// Now the curves of all four trainings, in one unit.

// %% slug="bits-charts"
const curvesOf = (what: (bits: Record<string, number>) => number) => Object.entries(trainings).map(([name, run]) => ({
  name: text(`run.${name}`), x: thousands(run.read), y: run.losses.map((losses) => what(bitsOf(losses))),
}));
const rise = (name: string) => oldMean(bitsOf(last(trainings[name]))) - oldMean(baseBits);
const lost = { naive: rise("naive"), replay: rise("replay"), rewarmed: rise("rewarmed"), gentle: rise("gentle") };
await show(lineChart(curvesOf(oldMean), titles("oldBits", lost)));
const ends = Object.fromEntries(Object.entries(trainings).map(([name, run]) => [name, bitsOf(last(run))[NEW]]));
await show(lineChart(curvesOf((bits) => bits[NEW]), titles("newBits", { ...ends, base: baseBits[NEW] })));

// %% [markdown] slug="forgettingTable-text"
// **Question about the plots:** a good training ends low in both. Which line ends lowest in the first plot, and where does the same line end in the second?
//
// <details><summary>Answer</summary>
//
// That of the gentle rate: it has forgotten least, and it ends highest in the second plot, because it has learnt least. No plot alone would have told you both.
//
// </details>
//
// ## 6. One table
//
// Curves help to understand. To decide, we need few numbers. For each training we want three: how much was **forgotten** in the old domains, how much was **gained** in the new one, and which share of the naive training's gain was **kept**.
//
// ### Exercise 6.4 · The forgetting table
//
// *difficulty 3 of 5 · importance 4 of 5 · 12 minutes · about 9 lines*
//
// Write `forgettingTable(before, runs, newDomain)`. `before` holds the bits per byte of the base by domain, `runs` those after each training. All domains but `newDomain` are old. Return one row for each run, in their order: `forgotten` is the mean **rise** over the old domains, each with the same weight; `gained` is the **fall** in the new one; `kept` is `gained`, divided by that of the first run.

// %% slug="forgettingTable" tags=["exercise"]
type Bits = Record<string, number>;
interface ForgettingRow { run: string; forgotten: number; gained: number; kept: number }

/** What each run has forgotten and gained, from the bits per byte of each domain before and after it. */
function forgettingTable(before: Bits, runs: Record<string, Bits>, newDomain: string): ForgettingRow[] {
  // #region solution
  const old = Object.keys(before).filter((name) => name !== newDomain);
  const rows = Object.entries(runs).map(([run, after]) => {
    const rises = old.map((name) => after[name] - before[name]);
    const forgotten = rises.reduce((sum, one) => sum + one, 0) / old.length;
    return { run, forgotten, gained: before[newDomain] - after[newDomain] };
  });
  return rows.map((row) => ({ ...row, kept: row.gained / rows[0].gained }));
  // #endregion
}
await check("forgettingTable", forgettingTable);

// %% [markdown] slug="forgettingTable-hints" tags=["hints"]
// 1. Bits per byte are better when they are small. For which of the two, `forgotten` and `gained`, do you subtract the value before from the value after?
// 2. The old domains are the keys of `before` without `newDomain`. For each run: the mean of after minus before over them; before minus after in the new one. When all rows are there, divide each `gained` by that of the first row.
// 3. `const old = Object.keys(before).filter((name) => name !== newDomain)`. In `Object.entries(runs).map(([run, after]) => …)`: `old.reduce((sum, name) => sum + after[name] - before[name], 0) / old.length` and `before[newDomain] - after[newDomain]`. At the end `rows.map((row) => ({ ...row, kept: row.gained / rows[0].gained }))`.

// %% slug="forgettingTable-use"
const summarize = await orReference("forgettingTable", forgettingTable);
const finalBits = Object.fromEntries(Object.entries(trainings).map(([name, run]) => [name, bitsOf(last(run))]));
const summary = summarize(baseBits, finalBits, NEW);
const stepsOf: Record<string, number> = { naive: naiveSteps };
table(summary.map(({ run, forgotten, gained, kept }) => [
  text(`run.${run}`), stepsOf[run] ?? replaySteps, forgotten.toFixed(3), gained.toFixed(3), `${(100 * kept).toFixed(1)} %`,
]), { head: ["training", "steps", "forgotten", "gained", "kept"], caption: "bits per byte" });
const [naiveRow, replayRow] = summary;
console.log(`naive forgets ${(naiveRow.forgotten / replayRow.forgotten).toFixed(1)} times as much as with replay`);

// %% [markdown] slug="forgettingTable-look"
// Read the table from top to bottom:
//
// - **Replay**: the naive training forgets several times as much, and replay keeps nearly all of the gain. Its price stands in the column of the steps.
// - **Re-warming** to the same height forgets less and gains a little less. Its rate is high for a short time only, about half as high on average, so the weights have moved less. In a training as short as ours this explains most of the difference. In long trainings of large models, re-warming with replay was found to be as good as training anew on all texts (Ibrahim and others, below).
// - **The gentle rate** forgets least of all. It looks like the best until you read the next column: it has also learnt least. A lower rate does not heal forgetting; it trades one for the other.
//
// Which row is right for you depends on what the model is for. Before you decide, read what the models write:

// %% slug="speak-again"
const voices: [string, GPT][] = [["base", base.model], ...Object.entries(trainings).map(([name, run]): [string, GPT] => [name, run.model])];
for (const prompt of prompts) {
  const texts: string[][] = [];
  for (const [name, model] of voices) texts.push([text(`run.${name}`), await speak(model, prompt)]);
  table(texts, { head: ["model", prompt] });
}

// %% [markdown] slug="for-real"
// Read the last table slowly. Which of the models still sound like a speech?
//
// ## 7. With the library
//
// What you have built is in the library as [`continuePretraining`](../../lib/src/pretrain/continued/continue.ts), with [`rewarmCosine`](../../lib/src/schedule.ts) and [`forgettingTable`](../../lib/src/evaluate/forgetting.ts). One command does it all. You may stop it at any time. It writes the new model, and a card that says what was forgotten and what was gained:
//
// ```
// npx gptlab continue course-base --domain jsdoc --replay 0.3 --tokens 215040
// ```
//
// `--domain` also takes a file or a folder of your own texts. What if you do not have the texts that a model was trained on? This is the usual case with models from the hub. Then take text that is **like** them, for example an encyclopedia, for replay.

// %% [markdown] slug="takeaways"
// ## Key takeaways
//
// - Continued pretraining teaches a trained model a new domain at a small part of the cost. Without care it forgets the old ones.
// - Replay, a share of old text in every batch, prevents most of the forgetting. It costs steps: with 30 % replay, 43 % more for the same amount of new text.
// - Warm the rate up again from where it ended, and let it fall. A lower peak forgets less and learns less.
// - Compare domains in bits per byte: a token is not a fixed amount of text.
// - Always measure the old domains too. A gain alone does not say what it has cost.

// %% [markdown] slug="quiz" tags=["quiz"]
// ## Check yourself
//
// <details><summary>1. A batch has 16 rows, and replay has 5 %. What happens if you round the rows of each batch?</summary>
//
// 5 % of 16 is 0.8, so every batch gets 1 old row: 6.25 % instead of 5 %. With 3 % it would be no row at all. Count over all batches.
//
// </details>
//
// <details><summary>2. Run A reads 100 steps of new text, run B 100 steps with 30 % replay. A gains more. Is replay bad?</summary>
//
// That does not follow. B has read only 70 % of the new text. Compare at the same amount of new text, and say what it costs in steps.
//
// </details>
//
// <details><summary>3. Why does a training with a rate near 0 forget almost nothing?</summary>
//
// Because it changes almost nothing. It does not learn either: look at both columns.
//
// </details>
//
// <details><summary>4. After a change of the tokenizer the loss per token falls by 20 %. Is the model better?</summary>
//
// That cannot be said. With shorter tokens, each one is easier to guess. Bits per byte on the same text decide.
//
// </details>
//
// <details><summary>5. The base has read the exam of the new domain by mistake. What would the table show?</summary>
//
// A gain that is too small, because the base was already good there, and a judgement about something that the model may know by heart. So the exams are put aside before any training, for ever.
//
// </details>

// %% [markdown] slug="further"
// ## Going further
//
// - Change `replay` of this chapter in `course.json` to 0.05 and to 0.5. How little is enough?
// - Use only speeches for replay. Do the other old domains profit?
// - Continue with texts of your own: `npx gptlab continue course-base --domain my-folder`.
//
// **Sources.** A. Ibrahim and others, "Simple and Scalable Strategies to Continually Pre-train Large Language Models" (2024), [arXiv:2403.08763](https://arxiv.org/abs/2403.08763) · K. Gupta and others, "Continual Pre-Training of Large Language Models: How to (re)warm your model?" (2023), [arXiv:2308.04014](https://arxiv.org/abs/2308.04014) · M. McCloskey, N. Cohen, "Catastrophic Interference in Connectionist Networks" (1989) · S. Gururangan and others, "Don't Stop Pretraining" (2020), [arXiv:2004.10964](https://arxiv.org/abs/2004.10964).
//
// *Last checked 2026-11-22.*

// %% slug="end"
progress();
