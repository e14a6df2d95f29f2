/** @file Prose for right-to-left readers: what becomes an island of left-to-right text, and what stays Markdown. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { codeAndMaths, setDirection } from "../../../lib/dist/course/markdown.js";

const test = suite("markdown");
const inside = (markdown: string): string => setDirection(markdown, "fa").split("\n\n").slice(1, -1).join("\n\n");

test("setDirection() leaves English as it is", () => {
  assert.is(setDirection("a `b` c", "en"), "a `b` c");
});

test("setDirection() sets each piece of inline code from left to right, also pieces of one letter", () => {
  assert.is(inside("شیب `a` و `b` است"), 'شیب <code dir="ltr">a</code> و <code dir="ltr">b</code> است');
  assert.is(inside("`a` = `b * outGrad`"), '<code dir="ltr">a</code> = <code dir="ltr">b &#42; outGrad</code>');
});

test("setDirection() keeps a backtick inside double backticks", () => {
  assert.is(inside("``a`b`` و `c`"), '<code dir="ltr">a`b</code> و <code dir="ltr">c</code>');
});

test("setDirection() leaves a single backtick, code blocks and maths alone", () => {
  assert.is(inside("یک ` تنها"), "یک ` تنها");
  assert.is(inside("$a_1$ و $b$"), "$a_1$ و $b$");
  assert.match(
    setDirection("```ts\nconst a = `x`;\n```", "ar"),
    /<div dir="ltr">\n\n```ts\nconst a = `x`;\n```\n\n<\/div>/,
  );
});

test("setDirection() does not let Markdown or HTML work inside inline code", () => {
  assert.is(inside("`a<b & c_d_e`"), '<code dir="ltr">a&lt;b &amp; c&#95;d&#95;e</code>');
});

test("setDirection() keeps names with a hyphen on one line, and leaves code, maths, addresses and tags as they are", () => {
  assert.is(inside("با GPT-2 و top-p، نه - این"), "با GPT\u20112 و top\u2011p، نه - این");
  assert.is(inside("[GPT-2](../a-b.md) $a-b$"), "[GPT\u20112](../a-b.md) $a-b$");
  assert.is(inside("`a-b` https://a-b.org/c-d"), '<code dir="ltr">a-b</code> https://a-b.org/c-d');
  assert.is(inside('<span title="a-b">GPT-2</span>'), '<span title="a-b">GPT\u20112</span>');
  assert.is(setDirection("GPT-2", "en"), "GPT-2");
});

test("codeAndMaths() finds the same pieces in any order of the sentence", () => {
  assert.equal(codeAndMaths("`b` then $x$ and `a`"), codeAndMaths("`a` و $x$ و `b`"));
});

test.run();
