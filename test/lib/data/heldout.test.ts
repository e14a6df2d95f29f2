import { isHeldOut, isTestText } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("isHeldOut");

// These answers must never change: a model that was trained under them has seen what is not held out. The hashes behind the
// words were computed with Python's hashlib: int.from_bytes(sha256(word.lower().encode()).digest()[:4], "big") % 20 == 0.
const WORDS_HELD_OUT = ["dwarf", "action", "loss", "click", "crash"];
const WORDS_FREE = ["captain", "entity", "river", "cat", "language"];
const QUESTIONS_HELD_OUT = ["What is a motormouth", "What is your location", "Can you malfunction", "ریزپردازنده چیه؟"];
const QUESTIONS_FREE = ["What is AI?", "Are you sentient?", "What is a computer?", "کامپیوتر چیه؟"];

test("isHeldOut() holds out the speeches from 2000 on", () => {
  assert.not(isHeldOut("sotu", { year: 1999, text: "" }));
  assert.ok(isHeldOut("sotu", { year: 2000, text: "" }));
  assert.ok(isHeldOut("sotu", { year: 2021, text: "" }));
});

test("isHeldOut() holds out all JSDoc prose", () => {
  assert.ok(isHeldOut("jsdoc", { source: "typescript/lib/lib.es5.d.ts", text: "Returns a number." }));
});

test("isHeldOut() holds out one WordNet word in twenty, whatever its case", () => {
  for (const word of WORDS_HELD_OUT) assert.ok(isHeldOut("wordnet", { word }), word);
  for (const word of WORDS_HELD_OUT) assert.ok(isHeldOut("wordnet", { word: word.toUpperCase() }), word);
  for (const word of WORDS_FREE) assert.not(isHeldOut("wordnet", { word }), word);
});

test("isHeldOut() holds out every entry of a held-out word, also where it is a synonym", () => {
  assert.ok(isHeldOut("wordnet", { word: "captain", synonyms: ["river", "dwarf"] }));
  assert.not(isHeldOut("wordnet", { word: "captain", synonyms: ["river"] }));
});

test("isHeldOut() holds out one dialogue in ten by its question, whatever its case, spaces and end", () => {
  for (const question of QUESTIONS_HELD_OUT) assert.ok(isHeldOut("chatterbot", { question }), question);
  for (const question of QUESTIONS_FREE) assert.not(isHeldOut("chatterbot", { question }), question);
  for (const question of ["what is  your location?", "WHAT IS YOUR LOCATION", " What is your location ?! "])
    assert.ok(isHeldOut("chatterbot", { question }), question);
});

test("isHeldOut() takes the rewordings of a dialogue with it", () => {
  assert.ok(isHeldOut("chatterbot", { dialogue: "What is your location", question: "Where are you?" }));
  assert.not(isHeldOut("chatterbot", { dialogue: "What is AI?", question: "What is your location" }));
});

test("isHeldOut() holds out the last five chapters of Moby Dick and the epilogue", () => {
  const heldOut = ["131", "135", "Epilogue"];
  const free = ["Etymology", "Extracts", "1", "130"];
  for (const chapter of heldOut) assert.ok(isHeldOut("moby-dick", { chapter }), chapter);
  for (const chapter of free) assert.not(isHeldOut("moby-dick", { chapter }), chapter);
});

test("isHeldOut() holds out nothing of the sets that their chapters split, or of your own text", () => {
  for (const name of ["spam", "udhr", "notes.txt"]) assert.not(isHeldOut(name, { text: "dwarf", year: 2020 }), name);
});

// Computed with Python as above, of the letters' words, modulo 12.
const TEST_TEXTS = [
  "Returns a number.",
  "An optional callback.",
  "Removes a listener.",
  "Converts a value to a string.",
];
const LESSON_TEXTS = ["Returns a string.", "The end of the file.", "Creates a new array.", "Waits for the event."];

test("isTestText() keeps one text in twelve of a new domain, for ever the same", () => {
  for (const text of TEST_TEXTS) assert.ok(isTestText(text), text);
  for (const text of LESSON_TEXTS) assert.not(isTestText(text), text);
  const kept = Array.from({ length: 4000 }, (_, i) => `word${String.fromCharCode(97 + (i % 26))} ${"x".repeat(i)}`);
  const share = kept.filter(isTestText).length / kept.length;
  assert.ok(share > 0.065 && share < 0.1, `${share}`);
});

test("isTestText() keeps texts together that differ in names, digits, case and punctuation only", () => {
  for (const text of ["returns a  NUMBER", "Returns `parseInt` a number: 42!", "Returns a `value` number."])
    assert.ok(isTestText(text), text);
});

test.run();
