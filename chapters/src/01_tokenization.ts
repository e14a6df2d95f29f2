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
// # 1. Tokenization
//
// A language model reads numbers, not letters. In this chapter you build the machine that stands between the two. It turns every text, in every language, into numbers and back, and it loses nothing. At the end it gives the same numbers as the tokenizer of GPT-2.
//
// **You will be able to** train a byte-pair encoding by hand and in code · encode any text and decode it again · measure what a sentence costs in English, Arabic, Persian and code, and lower that cost · turn token ids into vectors · cut a text into training windows.
//
// *90 minutes · no GPU · needs chapter 00 · data: three small collections of text, downloaded once (10 MB)*

// %% slug="setup"
import {
  barChart, BpeTokenizer, GPT2_PATTERN, gpt2Tokenizer, initBackend, isHeldOut, lineChart, loadDataset, loop, Random,
  splitPieces, tf,
} from "gptlab";
import { check, hint, NotImplemented, orReference, profile, progress, show, table, text } from "gptlab/course";
import { getEncoding } from "js-tiktoken";
const engine = await initBackend();
const size = profile("01_tokenization");               // how much text and how many merges, see course.json
console.log(`The engine "${engine.name}" computes on the ${engine.device}.`);

/** Title, axis titles and alternative text of a plot, in the language of this notebook. */
function titles(plot: string, values: Record<string, number> = {}) {
  const shown = Object.entries(values).map(([name, value]) => [name, Number(value.toFixed(1))]);
  const part = (name: string) => text(`plot.${plot}.${name}`, Object.fromEntries(shown));
  return { title: part("title"), xTitle: part("x"), yTitle: part("y"), alt: part("alt") };
}

// %% [markdown] slug="map"
// ## Where we are
//
// Chapter 00 trained a network on numbers. Now the numbers come from text. The chart follows one short Persian sentence on the road of this chapter and counts what it is made of at each station. The next chapters begin where this road ends: at the vectors.

// %% slug="map-chart"
const traveller = "سلام، حالت چطور است؟";              // "Hello, how are you?"
const characters = [...traveller].length;
const bytes = new TextEncoder().encode(traveller).length;
const pieces = [...splitPieces(traveller)].length;
const tokens = gpt2Tokenizer().encode(traveller).length;
const stations = [characters, bytes, pieces, tokens];
const road = stations.map((value, i) => ({ label: text(`plot.road.${i + 1}`), value }));
await show(barChart(road, { ...titles("road", { characters, bytes, pieces, tokens }), horizontal: true }));

// %% [markdown] slug="letters"
// ## 1. Letters are not enough
//
// **Question about the chart:** why are there more bytes than characters, and more tokens than characters? Keep your guess. Steps 2 and 7 answer.
//
// Every character has a number already, its **code point** in Unicode. So the first idea is simple: one id for each character.

// %% slug="letters-code"
table([..."Aسéگ🙂"].map((character) => [character, character.codePointAt(0)]),
  { head: ["character", "code point"] });

// %% [markdown] slug="letters-problem"
// Unicode has more than 150,000 characters. For each id a model must learn a row of numbers, and most rows would never be used. So the first character models knew only the characters of their training text.
//
// Our training text is real: the speeches about the State of the Union that American presidents gave from 1790 to 1999. **Predict before you run:** how many different characters does it have, and how many letters of سلام are among them?

// %% slug="speeches"
const speeches = (await loadDataset("sotu")).records;
const joinTexts = (records: readonly { text: string }[]) => records.map((record) => record.text).join("\n");
const corpus = joinTexts(speeches.filter((speech) => !isHeldOut("sotu", speech)));
const newer = joinTexts(speeches.filter((speech) => isHeldOut("sotu", speech)));  // from 2000 on: never trained on
const seen = new Set(corpus);
console.log(`${corpus.length} characters, ${seen.size} different`);
console.log(`known letters of سلام: ${[..."سلام"].filter((letter) => seen.has(letter)).length} of 4`);

// %% [markdown] slug="bytes"
// ## 2. Bytes: nothing is unknown
//
// None of the four. Such a model would read "unknown, unknown, unknown, unknown", and the text would be lost.
//
// But a computer stores every text as **bytes**: numbers from 0 to 255. The rule is called UTF-8. With 256 ids we can write every text that exists, and get it back.

// %% slug="bytes-code"
const utf8 = (words: string) => [...new TextEncoder().encode(words)];
const codePoint = (character: string) => `U+${character.codePointAt(0)?.toString(16)}`;
table(["A", "س", "é", "گ", "\u200c", "日", "🙂"].map((one) => [one, codePoint(one), utf8(one).join(" ")]),
  { head: ["character", "code point (hexadecimal)", "bytes"] });

// %% [markdown] slug="bytes-look"
// Look at the last column. A Latin letter takes one byte, an Arabic or Persian letter two, 🙂 four. So an Arabic or Persian letter costs twice a Latin one, before anything is learnt.
//
// The first cell of row 5 looks empty. It is the **zero-width non-joiner** (ZWNJ, U+200C): three bytes, invisible, and necessary in Persian. In می‌خواهم ("I want") it keeps two letters apart without a space. A program that drops it changes the spelling. For us it is three more bytes, and it comes back unchanged.
//
// Nothing is unknown, but the sequences are long, and a model pays for every id. Words would give short sequences, but their list never ends: new names and new forms appear every day. Byte-pair encoding goes between bytes and words.

// %% [markdown] slug="by-hand"
// ## 3. Byte-pair encoding by hand
//
// The idea: **a pair of neighbours that occurs often gets an id of its own.** Take `banana bandana`. It has 14 bytes; the space is one of them.
//
// | step | most frequent pair | new token | the text now | tokens |
// |--|--|--|--|--|
// | 0 | | | `b·a·n·a·n·a· ·b·a·n·d·a·n·a` | 14 |
// | 1 | `a` `n`, 4 times | `an`, id 256 | `b·an·an·a· ·b·an·d·an·a` | 10 |
// | 2 | `b` `an`, 2 times | `ban`, id 257 | `ban·an·a· ·ban·d·an·a` | 8 |
// | 3 | `an` `a`, 2 times | `ana`, id 258 | `ban·ana· ·ban·d·ana` | 6 |
//
// The bytes keep the ids 0 to 255, so the first new id is 256. In step 2 there was a tie: `b` `an` and `an` `a` both occur twice. We use the rule of Hugging Face: **the highest count wins; at equal counts, the smaller left id; then the smaller right id.** The id of `b` is 98, the id of `an` is 256, so `b` `an` wins.
//
// Count, merge, repeat: this is all of the training. It was invented in 1994 to make files smaller.

// %% [markdown] slug="countPairs-text"
// ### Exercise 1.1 · Count the pairs
//
// *difficulty 1 of 5 · importance 4 of 5 · 6 minutes · about 5 lines*
//
// Write `countPairs(ids)`. It returns a `Map` from each pair of neighbours to the number of times that it occurs. The key of the pair 97, 110 is the string `"97,110"`. **Predict first:** how often does `7,7` occur in 7, 7, 7?

// %% slug="countPairs" tags=["exercise"]
/** How often each pair of neighbours occurs, by the key "left,right". */
function countPairs(ids: number[]): Map<string, number> {
  // #region solution
  const counts = new Map<string, number>();
  for (let i = 0; i + 1 < ids.length; i++) {
    const key = `${ids[i]},${ids[i + 1]}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
  // #endregion
}
await check("countPairs", countPairs);

// %% [markdown] slug="countPairs-hints" tags=["hints"]
// 1. A text of 3 ids has 2 pairs. At which index does the last pair start?
// 2. For each index `i` that has a right neighbour: build the key, read the old count (0 if there is none), write it back plus 1.
// 3. Inside the loop: `const key = ids[i] + "," + ids[i + 1]`, then `counts.set(key, (counts.get(key) ?? 0) + 1)`. The loop runs while `i + 1 < ids.length`.

// %% slug="countPairs-use"
const count = await orReference("countPairs", countPairs);   // yours if it passes, else the book's
count(utf8("banana bandana"));

// %% [markdown] slug="mergePair-text"
// The first entry says 98,97: the letters `b` and `a`, twice. Find 97,110: it should be 4, as in our table.
//
// ### Exercise 1.2 · Merge a pair
//
// *difficulty 2 of 5 · importance 4 of 5 · 8 minutes · about 8 lines*
//
// Write `mergePair(ids, [left, right], newId)`. It returns a new list in which each occurrence of the pair, from left to right, is one new id. **Predict first:** what becomes of 7, 7, 7 when 7, 7 becomes 256?

// %% slug="mergePair" tags=["exercise"]
/** A copy of the ids in which each occurrence of the pair is one new id. */
function mergePair(ids: number[], [left, right]: [number, number], newId: number): number[] {
  // #region solution
  const merged: number[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === left && ids[i + 1] === right) {
      merged.push(newId);
      i++;                                                           // the right neighbour is used up
    } else merged.push(ids[i]);
  }
  return merged;
  // #endregion
}
await check("mergePair", mergePair);

// %% [markdown] slug="mergePair-hints" tags=["hints"]
// 1. After you have merged the ids at `i` and `i + 1`, which index do you look at next?
// 2. Walk from left to right with an empty result. If the pair starts here, push the new id and step over two ids. Otherwise push this id and step over one.
// 3. `if (ids[i] === left && ids[i + 1] === right) { merged.push(newId); i++; } else { merged.push(ids[i]); }` in a loop over all `i`.

// %% slug="mergePair-use"
const merge = await orReference("mergePair", mergePair);
merge(utf8("banana bandana"), [97, 110], 256).join(" ");

// %% [markdown] slug="trainBpe-text"
// ### Exercise 1.3 · Train a byte-pair encoding
//
// *difficulty 3 of 5 · importance 5 of 5 · 12 minutes · about 8 lines*
//
// The next cell gives you `topPair(counts)`, which knows the rule for ties. Use it with `count` and `merge` to write `trainBpe(ids, mergeCount)`. It returns a `Map` from each pair that was merged to its new id: 256 for the first, 257 for the second, and so on. Stop early when no pair is left.

// %% slug="topPair"
const pairOf = (key: string) => key.split(",").map(Number) as [number, number];

/** The key of the most frequent pair; at equal counts the smaller left id, then the smaller right id. */
function topPair(counts: Map<string, number>): string | undefined {
  const order = (a: [string, number], b: [string, number]) => {
    const [p, q] = [pairOf(a[0]), pairOf(b[0])];
    return b[1] - a[1] || p[0] - q[0] || p[1] - q[1];
  };
  let best: [string, number] | undefined;
  for (const entry of counts) if (!best || order(entry, best) < 0) best = entry;
  return best?.[0];
}

// %% slug="trainBpe" tags=["exercise"]
/** Learns merges, each time of the most frequent pair. Key of the pair -> its new id, in the order learnt. */
function trainBpe(ids: number[], mergeCount: number): Map<string, number> {
  // #region solution
  const merges = new Map<string, number>();
  while (merges.size < mergeCount) {
    const key = topPair(count(ids));
    if (key === undefined) break;
    const newId = 256 + merges.size;
    merges.set(key, newId);
    ids = merge(ids, pairOf(key), newId);
  }
  return merges;
  // #endregion
}
await check("trainBpe", trainBpe);

// %% [markdown] slug="trainBpe-hints" tags=["hints"]
// 1. After a merge the counts have changed. What must happen before you choose the next pair?
// 2. Repeat `mergeCount` times: count the pairs, take the top pair, stop if there is none, store it with the next id, replace it in `ids`.
// 3. In the loop: `const key = topPair(count(ids))`, `if (key === undefined) break`, `merges.set(key, 256 + merges.size)`, `ids = merge(ids, pairOf(key), 255 + merges.size)`.

// %% slug="trainBpe-use"
const train = await orReference("trainBpe", trainBpe);

/** The bytes of every token: first the 256 bytes, then each merge as its left bytes plus its right bytes. */
function vocabularyOf(merges: Map<string, number>): Uint8Array[] {
  const vocabulary = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  for (const [key, id] of merges) {
    const [left, right] = pairOf(key);
    vocabulary[id] = Uint8Array.of(...vocabulary[left], ...vocabulary[right]);
  }
  return vocabulary;
}
const toy = train(utf8("banana bandana"), 3);
const toyTexts = vocabularyOf(toy).map((bytes) => Buffer.from(bytes).toString());
[...toy].map(([key, id]) => `${key} -> ${id} ${toyTexts[id]}`);

// %% [markdown] slug="real"
// The same three merges as by hand. Now real speeches. **Predict before you run:** the cell shows only tokens with a space *inside*. Will there be any?

// %% slug="real-code"
const some = corpus.slice(0, size.naiveCharacters);
const learnt = train(utf8(some), size.mergesShown);
const learntTexts = vocabularyOf(learnt).slice(256).map((bytes) => Buffer.from(bytes).toString());
learntTexts.filter((token) => /\S\s\S/.test(token)).join("|");

// %% [markdown] slug="naive"
// There are. A token such as `of the ` and some letters of the next word is of little use elsewhere. Step 4 will prevent it.
//
// First another question: how long does training take? Every merge reads the whole text again.

// %% slug="naive-time"
/** The seconds that one call of `work` takes. */
async function seconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
const parts = [1, 2, 4].map((times) => corpus.slice(0, times * size.naiveCharacters));
const naive: number[] = [];
await loop(parts.length, async (i) => {
  naive[i] = await seconds(() => train(utf8(parts[i]), size.naiveMerges));
}, { label: "trainBpe" });
table(parts.map((part, i) => [part.length, naive[i].toFixed(2)]),
  { head: ["characters", "seconds"], caption: `Your way: ${size.naiveMerges} merges` });
const years = (naive[2] * (40e9 / parts[2].length) * (50_000 / size.naiveMerges)) / (365 * 24 * 3600);
console.log(`GPT-2: 50,000 merges, 40 GB of text. Your way would need about ${years.toFixed(0)} years.`);

// %% [markdown] slug="naive-look"
// More text, more time; more merges, more time again. Both grow without end. We need a better way.

// %% [markdown] slug="pattern"
// ## 4. Cut first, merge later
//
// GPT-2 cuts the text into **pieces** before any merging, and no token reaches across two pieces. The pattern takes letters, digits and other signs apart, and leaves one space in front of a word. **Predict:** how many pieces has the last word, می‌خواهم?

// %% slug="pattern-code"
console.log(GPT2_PATTERN.source);
const sentences = ["كِتاب", "We've spent 1,790 dollars   on bananas!", "کتاب می‌خواهم"];
sentences.map((sentence) => [...splitPieces(sentence)].join("|"));

// %% [markdown] slug="pattern-look"
// Three pieces! For Unicode, ZWNJ is not a letter. Neither are the vowel signs of Arabic: كِتاب falls into three pieces too. So GPT-2 can never have one token for such a word, whatever it reads. The pattern was made for English: look at its first part. In step 7 we mend it.
//
// Pieces make training fast as well. The speeches have millions of words, but few *different* ones: count each once, with its frequency. Then change only the counts around a merge. The class `BpeTokenizer` of the library does both ([train.ts](../../lib/src/tokenizer/train.ts)); a test proves that it finds the same merges as your function. The next cell takes some seconds.

// %% slug="fast-time"
let tokenizer = BpeTokenizer.train([], { vocabSize: 256 });  // bytes only, for now
const [same, whole] = [parts[2], corpus.slice(0, size.corpusCharacters)];
const fast = await seconds(() => BpeTokenizer.train([same], { vocabSize: 256 + size.naiveMerges }));
const all = await seconds(() => { tokenizer = BpeTokenizer.train([whole], { vocabSize: size.vocabSize }); });
table([
  ["yours", same.length, size.naiveMerges, naive[2].toFixed(2)],
  ["library", same.length, size.naiveMerges, fast.toFixed(2)],
  ["library", whole.length, size.vocabSize - 256, all.toFixed(2)],
], { head: ["trainer", "characters", "merges", "seconds"] });
const guess = naive[2] * (whole.length / same.length) * ((size.vocabSize - 256) / size.naiveMerges);
console.log(`The last row would take you about ${(guess / 60).toFixed(0)} minutes.`);
console.log(`The library is ${(guess / all).toFixed(0)} times as fast.`);

// %% [markdown] slug="encodeBpe-text"
// ## 5. Encode and decode
//
// Training is done once. Encoding applies its merges to new text.
//
// ### Exercise 1.4 · Encode with merges
//
// *difficulty 3 of 5 · importance 5 of 5 · 12 minutes · about 6 lines*
//
// Write `encodeBpe(ids, merges)`. Again and again, find the pair in `ids` that was **learnt first**, which is the pair whose new id is the smallest, and merge it everywhere. Stop when no pair of `ids` is in `merges`. You may use `count`, `merge` and `pairOf`.

// %% slug="encodeBpe" tags=["exercise"]
/** Applies the merges to the ids, the earliest learnt first. */
function encodeBpe(ids: number[], merges: Map<string, number>): number[] {
  // #region solution
  for (;;) {
    const known = [...count(ids).keys()].filter((key) => merges.has(key));
    if (known.length === 0) return ids;
    const first = known.sort((a, b) => merges.get(a)! - merges.get(b)!)[0];
    ids = merge(ids, pairOf(first), merges.get(first)!);
  }
  // #endregion
}
await check("encodeBpe", encodeBpe);

// %% [markdown] slug="encodeBpe-hints" tags=["hints"]
// 1. Training merged `a` `n` before `b` `an`. What goes wrong if you merge in another order?
// 2. Repeat: collect the pairs of `ids` that are keys of `merges`; if there are none, return `ids`; else take the one with the smallest new id and merge it.
// 3. In an endless loop: `const known = [...count(ids).keys()].filter((key) => merges.has(key))`; return `ids` if it is empty; sort it by `merges.get(key)`; then `ids = merge(ids, pairOf(known[0]), merges.get(known[0]))`.

// %% slug="encodeBpe-use"
const encode = await orReference("encodeBpe", encodeBpe);
["banana bandana", "bananas and ananas"].map((words) => encode(utf8(words), toy).map((id) => toyTexts[id]).join("|"));

// %% [markdown] slug="decodeBytes-text"
// The second text was not in the training, and still every byte has its place.
//
// ### Exercise 1.5 · Decode
//
// *difficulty 2 of 5 · importance 3 of 5 · 6 minutes · about 2 lines*
//
// Write `decodeBytes(ids, vocabulary)`, where `vocabulary[id]` holds the bytes of a token. One trap waits: a token may hold *half* a letter. What is not UTF-8 may become �, as `Buffer` and `TextDecoder` do it.

// %% slug="decodeBytes" tags=["exercise"]
/** The text of the ids. */
function decodeBytes(ids: number[], vocabulary: Uint8Array[]): string {
  // #region solution
  const bytes = ids.flatMap((id) => [...vocabulary[id]]);
  return Buffer.from(bytes).toString("utf8");
  // #endregion
}
await check("decodeBytes", decodeBytes);

// %% [markdown] slug="decodeBytes-hints" tags=["hints"]
// 1. The letter س is the bytes 216 and 179. What does a decoder say if it sees only 216?
// 2. First put the bytes of all tokens into one list. Then decode the list, once.
// 3. `const bytes = ids.flatMap((id) => [...vocabulary[id]])`, then `return Buffer.from(bytes).toString("utf8")`.

// %% slug="decodeBytes-use"
const decode = await orReference("decodeBytes", decodeBytes);
const oneByteTokens = vocabularyOf(new Map());           // no merges: 256 tokens of one byte each
console.log("together:      ", decode(utf8("سلام 🙂"), oneByteTokens));
console.log("one at a time: ", utf8("سلام 🙂").map((id) => decode([id], oneByteTokens)).join(""));

// %% [markdown] slug="growth"
// Never decode token by token; a program that prints tokens as they come must wait until a letter is complete.
//
// Now the question of every tokenizer: how large should the vocabulary be? The first merges of a long training *are* the merges of a short one, so we train once and cut the list. We measure **bytes per token** on text that was not in the training: speeches from 2000 on, and the Universal Declaration of Human Rights in Arabic and Persian. (The library numbers the bytes as GPT-2 does: `!` is 0. That is why the cell needs `byteIds`.)
//
// **Predict:** the vocabulary grows from 256 to thousands. What happens to the line of each language?

// %% slug="growth-code"
const declaration = (await loadDataset("udhr")).records;  // one record an article
const inLanguage = (language: string, from = 0) =>
  joinTexts(declaration.filter((record) => record.language === language && Number(record.article) >= from));
const [english, arabic, persian] = ["en", "ar", "fa"].map((language) => inLanguage(language));
const idOfByte = new Map(Array.from({ length: 256 }, (_, id) => [tokenizer.tokenBytes(id)[0], id]));
const byteIds = (words: string) => utf8(words).map((byte) => idOfByte.get(byte)!);
const mergesOf = ({ merges }: BpeTokenizer) => new Map(merges.map((pair, i) => [pair.join(","), 256 + i]));

/** Bytes per token of a text, with your encodeBpe on each different piece. */
function bytesPerToken(words: string, merges: Map<string, number>): number {
  const cache = new Map<string, number>();               // piece -> its number of tokens
  const all = [...splitPieces(words)];
  for (const piece of all) if (!cache.has(piece)) cache.set(piece, encode(byteIds(piece), merges).length);
  return utf8(words).length / all.reduce((sum, piece) => sum + cache.get(piece)!, 0);
}

// %% slug="growth-chart"
const nameOf = (language: string) => text(`plot.languages.${language}`);
const samples = [newer, arabic, persian].map((words) => words.slice(0, size.sampleCharacters));
const sizes = [256, 512, 1024, 2048, 4096, 8192].filter((n) => n <= size.vocabSize);
const growth = ["en", "ar", "fa"].map((language) => ({ name: nameOf(language), x: sizes, y: [] as number[] }));
await loop(sizes.length, (i) => {
  const first = new Map([...mergesOf(tokenizer)].slice(0, sizes[i] - 256));
  for (const [k, sample] of samples.entries()) growth[k].y.push(bytesPerToken(sample, first));
}, { label: "bytes per token" });
const [en, ar, fa] = growth.map(({ y }) => y[y.length - 1]);
await show(lineChart(growth, { ...titles("growth", { en, ar, fa }), xLog: true }));

// %% [markdown] slug="growth-look"
// **Question about the plot:** the horizontal axis doubles at each point. Why does each doubling add about the same, and why do two lines stay at 1?
//
// <details><summary>Answer</summary>
//
// Each new token is rarer than the one before, so the same gain needs twice as many. And all of them are learnt from English: a larger vocabulary helps only the languages that it was trained on.
//
// </details>

// %% [markdown] slug="gpt2"
// ## 6. The tokenizer of GPT-2
//
// GPT-2 was trained in this way: 256 bytes, 50,000 merges and one special token make 50,257 ids. The merges are public; the package js-tiktoken carries them. Give them to **your** `encodeBpe`:

// %% slug="gpt2-code"
const gpt2 = gpt2Tokenizer();
const gpt2Merges = mergesOf(gpt2);
const yourIds = (words: string) => [...splitPieces(words)].flatMap((piece) => encode(byteIds(piece), gpt2Merges));
for (const words of ["banana bandana", "tokenization", "Zyqophar"]) {
  console.log(yourIds(words).map((id) => gpt2.decode([id])).join("|"));
}

// %% [markdown] slug="gpt2-look"
// GPT-2 found `ban` and `ana` too, in millions of pages. It has never seen Zyqophar, a word that we invented, and spells it with parts that it knows. Now the exam: hard texts, your ids against those of js-tiktoken.

// %% slug="gpt2-exam"
const official = getEncoding("gpt2");
const hard = [
  "café naïve 日本語 🙂", "سلام، می‌خواهم بنویسم", "  two  spaces\n\n\ttab ", "don't I'LL we've 1,790.50",
  "x".repeat(60), "👨‍👩‍👧 e\u0301", "for (let i = 0; i < 10; i++) {}",
];
const equal = hard.map((words) => yourIds(words).join(" ") === official.encode(words).join(" "));
table(hard.map((words, i) => [JSON.stringify(words), official.encode(words).length, String(equal[i])]),
  { head: ["text", "ids", "equal"] });
console.log(`${(100 * equal.filter(Boolean).length) / hard.length} % of the texts have equal ids`);

// %% [markdown] slug="special"
// ### Special tokens
//
// Between two documents GPT-2 reads `<|endoftext|>`, id 50256. No merge makes it: the program puts it there. Suppose a stranger types these 13 characters into a chat. **Predict:** should they become the id 50256?

// %% slug="special-code"
console.log(gpt2.encode("Goodbye.<|endoftext|>").join(" "));
console.log(gpt2.encode("Goodbye.<|endoftext|>", { allowedSpecial: "all" }).join(" "));

// %% [markdown] slug="fertility-text"
// No. The text of a stranger must not end our document. By default, the characters are only text.
//
// ## 7. What a sentence costs
//
// **Fertility** is the number of tokens per word. It tells how finely a tokenizer cuts a language.
//
// ### Exercise 1.6 · Fertility
//
// *difficulty 1 of 5 · importance 3 of 5 · 5 minutes · about 2 lines*
//
// Write `fertility(text, ids)`: the number of ids divided by the number of words. A word is what stands between white space: spaces, tabs, line ends, any number of them. A text without words has fertility 0.

// %% slug="fertility" tags=["exercise"]
/** Tokens per word. */
function fertility(text: string, ids: number[]): number {
  // #region solution
  const words = text.split(/\s+/).filter((word) => word !== "").length;
  return words === 0 ? 0 : ids.length / words;
  // #endregion
}
await check("fertility", fertility);

// %% [markdown] slug="fertility-hints" tags=["hints"]
// 1. What does `"  two words ".split(" ")` give, and how many of these strings are words?
// 2. Split at `/\s+/`, keep the strings that are not empty, count them. If the count is 0, return 0.
// 3. `const words = text.split(/\s+/).filter((word) => word !== "").length`, then `return words === 0 ? 0 : ids.length / words`.

// %% [markdown] slug="fertility-plot"
// A fair comparison needs the same content in every language: the Universal Declaration of Human Rights. For code we take the source of two classes of the library. Beside GPT-2 (2019) stands `o200k_base` (2024, 200,000 tokens, made for GPT-4o).

// %% slug="fertility-chart"
const perWord = await orReference("fertility", fertility);
const o200k = getEncoding("o200k_base");
const texts = { en: english, ar: arabic, fa: persian, code: [BpeTokenizer, Random].map(String).join("\n") };
const old = Object.values(texts).map((words) => perWord(words, gpt2.encode(words)));
const recent = Object.values(texts).map((words) => perWord(words, o200k.encode(words)));
const bars = Object.keys(texts).flatMap((name, i) => [
  { label: nameOf(name), group: "GPT-2", value: old[i] },
  { label: nameOf(name), group: "o200k_base", value: recent[i] },
]);
const found = { en: old[0], ar: old[1], fa: old[2], code: old[3], ar2: recent[1], fa2: recent[2] };
await show(barChart(bars, titles("fertility", found)));

// %% slug="fertility-table"
const cost = (words: string) => gpt2.encode(words).length;
table([["English", english], ["العربية", arabic], ["فارسی", persian]].map(([name, words]) => {
  const times = (cost(words) / cost(english)).toFixed(2);
  const fitting = 1024 / perWord(words, gpt2.encode(words));
  return [name, utf8(words).length, cost(words), times, Math.round(fitting)];
}), { head: ["the same text in", "bytes", "GPT-2 tokens", "times English", "words in 1,024 tokens"] });
table([..."اكيی\u200c"].map((letter) => [letter, codePoint(letter), cost(letter)]),
  { head: ["letter", "code point", "GPT-2 tokens"] });

// %% [markdown] slug="fertility-cost"
// **Question about the plot:** which bars tell what a reader pays?
//
// <details><summary>Answer</summary>
//
// None of them alone: words differ between languages. Arabic writes "and", "the" and "their" into the word. "Times English" in the table is the fair number, because the content is the same.
//
// </details>
//
// With GPT-2, the same content takes almost 4 times the tokens in Arabic and 5 times in Persian. The reader pays for it in three ways:
//
// - **Context.** GPT-2 sees 1,024 tokens: almost 900 English words, but fewer than 200 Arabic or Persian ones.
// - **Price.** Most services charge for each token.
// - **Speed.** A model writes one token at a time, so the same answer takes 4 or 5 times as long.
//
// Why? First, the bytes: each letter takes two. Second, and more: GPT-2 read almost only English, so it has few merges for other scripts. In Persian something comes on top: its letter ی is not the Arabic ي. They look alike, but the code points differ, and GPT-2 has one token for ي and needs two for ی.
//
// This is not a property of the languages. `o200k_base` has read more of them, and its bars are lower. You can do the same:

// %% slug="mend"
// vowel signs (\p{M}) and ZWNJ (\u200c) belong to words here
const wordPattern = / ?[\p{L}\p{M}\u200c]+| ?\p{N}+| ?[^\s\p{L}\p{M}\p{N}\u200c]+|\s+(?!\S)|\s+/gu;
const articles = joinTexts(declaration.filter((record) => Number(record.article) <= 20));  // in three languages
const chats = (await loadDataset("chatterbot")).records.filter((record) => record.language === "fa");
const dialogues = joinTexts(chats.filter((record) => !isHeldOut("chatterbot", record)));
const ours = BpeTokenizer.train([articles, dialogues], { vocabSize: size.ourVocabulary, pattern: wordPattern });

// %% slug="mend-chart"
const exams = ["en", "ar", "fa"].map((language) => inLanguage(language, 21));  // articles 21 to 30: not trained on
const groups = {
  "GPT-2": exams.map((exam) => perWord(exam, gpt2.encode(exam))),
  o200k_base: exams.map((exam) => perWord(exam, o200k.encode(exam))),
  [text("plot.mended.ours", { size: ours.vocabSize })]: exams.map((exam) => perWord(exam, ours.encode(exam))),
};
const [before, , after] = Object.values(groups);
const examBars = Object.entries(groups).flatMap(([group, values]) =>
  values.map((value, i) => ({ label: nameOf(["en", "ar", "fa"][i]), group, value })));
await show(barChart(examBars, titles("mended", {
  size: ours.vocabSize, en: before[0], ar: before[1], fa: before[2], en2: after[0], ar2: after[1], fa2: after[2],
})));

// %% slug="mend-clean"
const clean = BpeTokenizer.train([dialogues], { vocabSize: size.ourVocabulary, pattern: wordPattern });
console.log(`${clean.vocabSize} tokens from ${dialogues.length} characters of Persian dialogues`);
console.log(`the Declaration: ${perWord(persian, clean.encode(persian)).toFixed(2)} tokens per word`);
const want = "می‌خواهم";
table([
  ["GPT-2", [...splitPieces(want)].length, cost(want)],
  ["ours", [...splitPieces(want, wordPattern)].length, ours.encode(want).length],
], { head: [want, "pieces", "tokens"] });
console.log(`the ZWNJ came back: ${ours.decode(ours.encode(want)) === want}`);

// %% [markdown] slug="mend-look"
// **Question about the plot:** who gained, who lost, and why?
//
// <details><summary>Answer</summary>
//
// Arabic and Persian need fewer than half of their tokens, with a vocabulary 12 times smaller than that of GPT-2. English lost: ours has read only some pages of it. A vocabulary is shared, and what one language gets, another lacks.
//
// </details>
//
// Read these numbers with care. The exam is the last third of the same text, a few hundred words, and its style was in the training. The second cell is stricter: it trains on Persian dialogues only and measures on the Declaration. The gain stays.

// %% [markdown] slug="embedding"
// ## 8. From ids to vectors
//
// An id is only a name: token 500 is not twice token 250. So a model gives each id a row of numbers that it can learn, its **embedding**. By hand, with 3 tokens and 2 numbers each:
//
// $$\begin{bmatrix}0&1&0\end{bmatrix}\begin{bmatrix}1&2\\3&4\\5&6\end{bmatrix}=\begin{bmatrix}3&4\end{bmatrix}$$
//
// The left matrix is **one-hot**: zeros, and a one at the place of the id. The product picks row 1. An embedding is a one-hot matrix times a table. (The table below is the one that PyTorch makes for `nn.Embedding(6, 3)` with seed 123.)

// %% slug="embedding-code"
const random = new Random(123);
const tokenTable = tf.tensor2d(random.normal(6 * 3), [6, 3]);  // (V=6, C=3)
/** The rows of a matrix as text, four digits a number. */
const digits = async (matrix: tf.Tensor2D) =>
  (await matrix.array()).map((row) => row.map((number) => number.toFixed(4).padStart(7)).join("  ")).join("\n");
console.log(await digits(tokenTable));

function oneHot(ids: number[], vocabSize: number): tf.Tensor2D {
  return tf.oneHot(tf.tensor1d(ids, "int32"), vocabSize).toFloat();
}
console.log(await oneHot([2, 5, 2], 6).array());                           // (T=3, V=6)
console.log(await digits(tf.matMul(oneHot([2, 5, 2], 6), tokenTable)));    // (T, V) x (V, C) -> (T, C)

// %% [markdown] slug="embeddingLookup-text"
// Look at the last matrix: rows 2, 5 and 2 of the table. But the product multiplied almost only zeros.
//
// ### Exercise 1.7 · Look up embeddings
//
// *difficulty 2 of 5 · importance 4 of 5 · 8 minutes · about 1 line*
//
// Write `embeddingLookup(table, ids)`, which gives the same rows without a one-hot matrix.

// %% slug="embeddingLookup" tags=["exercise"]
/** The rows of the table at these ids. table: (V, C), ids: (T) -> (T, C) */
function embeddingLookup(table: tf.Tensor2D, ids: number[]): tf.Tensor2D {
  // #region solution
  return tf.gather(table, ids);
  // #endregion
}
await check("embeddingLookup", embeddingLookup);

// %% [markdown] slug="embeddingLookup-hints" tags=["hints"]
// 1. Which operation of `tf` takes a tensor and a list of indices, and gives the rows at these indices?
// 2. Gather the rows of the table at the ids, along axis 0. A plain list of ids will do.
// 3. `return tf.gather(table, ids)`

// %% slug="embedding-time"
const lookup = await orReference("embeddingLookup", embeddingLookup);
const V = 50257;                                         // as many rows as GPT-2 has tokens
const large = tf.tensor2d(new Random(1).normal(V * size.width), [V, size.width]);
const sentence = gpt2.encode(newer.slice(0, 400)).slice(0, 64);
const ways = [() => tf.tidy(() => tf.matMul(oneHot(sentence, V), large)), () => lookup(large, sentence)];
const times: number[] = [];
for (const way of ways) {
  const run = () => seconds(() => way().data());
  await run();                                           // once to warm up
  times.push(Math.min(await run(), await run(), await run()));
}
table([["one-hot times table", (1000 * times[0]).toPrecision(3)], ["lookup", (1000 * times[1]).toPrecision(3)]],
  { head: ["64 tokens", "milliseconds"], caption: `${engine.name}: ${(times[0] / times[1]).toFixed(0)} times as fast` });
large.dispose();

// %% [markdown] slug="position"
// One thing is missing. The rows of "dog bites man" and "man bites dog" are the same, in another order. GPT-2 adds a second learnt table, with one row for each **position**. **Predict:** the ids 2, 5, 2 begin and end with the same token. Are the first and the last row of the sum equal?

// %% slug="position-code"
const positionTable = tf.tensor2d(random.normal(8 * 3), [8, 3]);  // (T=8, C=3): up to 8 positions
const ids = [2, 5, 2];
const positions = positionTable.slice([0, 0], [ids.length, 3]);   // (8, C) -> (T, C)
console.log(await digits(lookup(tokenTable, ids).add(positions)));   // (T) -> (T, C)

// %% [markdown] slug="position-look"
// They differ: the model can tell the first from the last. In GPT-2 the token table has 50,257 × 768 = 38.6 million numbers, 31 % of its 124 million. This is the other side of the plot in step 5: a larger vocabulary makes texts shorter and this table larger.

// %% [markdown] slug="slidingWindows-text"
// ## 9. Windows
//
// A model learns to say the next token, at every position of a window at once. The targets are the inputs, shifted by one:
//
// | position | 0 | 1 | 2 |
// |--|--|--|--|
// | input | The | state | of |
// | target | state | of | the |
//
// ### Exercise 1.8 · Sliding windows
//
// *difficulty 2 of 5 · importance 5 of 5 · 8 minutes · about 6 lines*
//
// Write `slidingWindows(ids, blockSize, stride)`. The first window starts at 0, each next one `stride` ids later. Every input and every target has exactly `blockSize` ids; leave out what does not fill a window.

// %% slug="slidingWindows" tags=["exercise"]
interface Windows { inputs: number[][]; targets: number[][] }

/** Inputs, and targets that are one id further. ids: (N) -> inputs and targets: (windows, blockSize) */
function slidingWindows(ids: number[], blockSize: number, stride: number): Windows {
  // #region solution
  const inputs: number[][] = [];
  const targets: number[][] = [];
  for (let start = 0; start + blockSize < ids.length; start += stride) {
    inputs.push(ids.slice(start, start + blockSize));
    targets.push(ids.slice(start + 1, start + blockSize + 1));
  }
  return { inputs, targets };
  // #endregion
}
await check("slidingWindows", slidingWindows);

// %% [markdown] slug="slidingWindows-hints" tags=["hints"]
// 1. How many ids does one window need, its last target included?
// 2. Let `start` go up by `stride` as long as `start + blockSize` is an index of `ids`. The input begins at `start`, the target at `start + 1`.
// 3. `inputs.push(ids.slice(start, start + blockSize))` and `targets.push(ids.slice(start + 1, start + blockSize + 1))` in a loop with the condition `start + blockSize < ids.length`.

// %% slug="slidingWindows-use"
const windows = await orReference("slidingWindows", slidingWindows);
const stream = tokenizer.encode(newer.slice(0, size.sampleCharacters));
const { inputs, targets } = windows(stream, 8, 8);
const shown = (some: number[]) => some.map((id) => tokenizer.decode([id])).join("|");
table([["input", shown(inputs[0])], ["target", shown(targets[0])]], { head: ["first window", "tokens"] });
const settings = [[2, 2], [8, 8], [8, 2]];
table(settings.map(([block, stride]) => [block, stride, windows(stream, block, stride).inputs.length]),
  { head: ["block size", "stride", "windows"], caption: `${stream.length} tokens` });

// %% [markdown] slug="windows-look"
// With a stride equal to the block size, each token is an input once. With a smaller stride the windows overlap: more windows, but no new text.
//
// The library has what you built, made for speed: [`countPairs`, `mergePair`](../../lib/src/tokenizer/basic.ts), [`BpeTokenizer`](../../lib/src/tokenizer/bpe.ts) and [`TokenDataset`](../../lib/src/data/dataset.ts) for windows. A test proves on random input that they give what your functions give.
//
// At last the whole road: text → ids → windows → vectors.

// %% slug="road-end"
const [T, C] = [8, 32];
const tokenRows = tf.tensor2d(random.normal(tokenizer.vocabSize * C), [tokenizer.vocabSize, C]);  // (V, C)
const positionRows = tf.tensor2d(random.normal(T * C), [T, C]);                     // (T, C)
const batch = inputs.slice(0, 4);                                                   // (B=4, T)
const vectors = tf.stack(batch.map((row) => lookup(tokenRows, row).add(positionRows)));  // (B, T) -> (B, T, C)
vectors.shape;

// %% [markdown] slug="road-end-look"
// Four windows of 8 tokens, 32 numbers for each token. Chapter 02 begins with exactly such a tensor.

// %% [markdown] slug="takeaways"
// ## Key takeaways
//
// - UTF-8 bytes write every text; nothing is unknown and nothing is lost, ZWNJ included.
// - Byte-pair encoding: count pairs, merge the most frequent, repeat. To encode, apply the merges in the order learnt.
// - A tokenizer is cheap for the texts that it has read. Arabic and Persian cost 4 to 5 times as much in GPT-2; training on them mends it.
// - An embedding is a row of a learnt table: one-hot times matrix, done as a lookup. Positions have a table too.
// - Targets are inputs shifted by one token.

// %% [markdown] slug="quiz" tags=["quiz"]
// ## Check yourself
//
// <details><summary>1. Why does a byte-level tokenizer need no "unknown" token?</summary>
//
// Every text is a list of bytes, and each of the 256 bytes has an id.
//
// </details>
//
// <details><summary>2. Why must the merges be applied in the order in which they were learnt?</summary>
//
// A later merge was counted in a text where the earlier ones were done already. In another order other tokens come out, which the model has not learnt for this text.
//
// </details>
//
// <details><summary>3. You decode the ids of سلام one by one and see � signs. What is wrong?</summary>
//
// A token can hold half a letter. Join the bytes of all tokens first, then decode once.
//
// </details>
//
// <details><summary>4. A service says: "100,000 tokens of context". Is this the same for an English and a Persian reader?</summary>
//
// No. What fits depends on the tokenizer. With the one of GPT-2, a Persian text of the same content is 5 times as long.
//
// </details>
//
// <details><summary>5. How many windows give 9 ids with block size 4 and stride 4, and why not 3?</summary>
//
// Two: they start at 0 and 4, and the second needs ids 4 to 8, with the last target. A third would start at 8 and has no target.
//
// </details>

// %% [markdown] slug="further"
// ## Going further
//
// - Train a tokenizer on a text of your own language: `BpeTokenizer.train([yourText], { vocabSize: 2000 })`. Compare its fertility with GPT-2.
// - `await ours.save("my-tokenizer")` writes `tokenizer.json`, which the libraries of Hugging Face read.
// - Make `topPair` choose the *rarest* pair, and look at the tokens.
//
// **Sources.** P. Gage, "A New Algorithm for Data Compression" (1994) · R. Sennrich, B. Haddow, A. Birch, "Neural Machine Translation of Rare Words with Subword Units", [arXiv:1508.07909](https://arxiv.org/abs/1508.07909) · A. Radford and others, "Language Models are Unsupervised Multitask Learners" (GPT-2, 2019) · A. Petrov and others, "Language Model Tokenizers Introduce Unfairness Between Languages", [arXiv:2305.15425](https://arxiv.org/abs/2305.15425) · O. Ahia and others, "Do All Languages Cost the Same?", [arXiv:2305.13707](https://arxiv.org/abs/2305.13707) · UTF-8: [RFC 3629](https://www.rfc-editor.org/rfc/rfc3629).
//
// *Last checked 2026-11-22.*

// %% slug="end"
progress();
