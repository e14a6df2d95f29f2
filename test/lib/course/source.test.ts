/** @file Reading chapter sources and setting prose from right to left. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { codeAndMaths, setDirection } from "../../../lib/dist/course/markdown.js";
import { parseChapter, parseHints, parseProse, solutionOf, stubOf } from "../../../lib/dist/course/source.js";

const test = suite("chapter sources");

test("parseChapter() splits a percent file and leaves its header out", () => {
  const { cells, problems } = parseChapter(
    '// ---\n// jupyter:\n// ---\n\n// %% [markdown] slug="a"\n// # Title\n//\n// text\n\n// %% slug="b" tags=["exercise", "x"]\nconst b = 1;\r\n\n// a comment\n',
    "x.ts",
  );
  assert.equal(problems, []);
  assert.equal(cells, [
    { slug: "a", kind: "markdown", tags: [], line: 5, text: "# Title\n\ntext" },
    { slug: "b", kind: "code", tags: ["exercise", "x"], line: 10, text: "const b = 1;\n\n// a comment" },
  ]);
});

test("parseChapter() names the line of each fault", () => {
  const { problems } = parseChapter('// %%\n// %% slug="a b"\n// %% slug="c" tags=[x]\n// %% slug="c"\n', "x.ts");
  assert.equal(
    problems.map((line) => line.split(":").slice(0, 2).join(":")),
    ["x.ts:1", "x.ts:2", "x.ts:3", "x.ts:4"],
  );
});

test("parseProse() reads sections with their stamps", () => {
  const { cells, problems } = parseProse(
    "intro\n<!-- cell: a en=12ab34cd -->\nText.\n\n<!-- cell: b -->\nMore.\n<!-- cell: a -->\n",
    "x.md",
  );
  assert.equal(
    [...cells],
    [
      ["a", { hash: undefined, line: 7, text: "" }],
      ["b", { hash: undefined, line: 5, text: "More." }],
    ],
  );
  assert.match(problems.join(), /x\.md:7: cell "a" is there twice/);
});

test("parseHints() keeps items of several lines and code blocks together", () => {
  assert.equal(parseHints("1. one\n2. two\n   more\n\n   ```ts\n   1. not an item\n   ```\n3. three"), [
    "one",
    "two\nmore\n\n```ts\n1. not an item\n```",
    "three",
  ]);
});

test("stubOf() and solutionOf() treat every region of a cell, at any depth", () => {
  const code =
    "class A {\n  f(): number {\n    // #region solution\n    return 1;\n    // #endregion\n  }\n  g() {\n    // #region solution\n    // #endregion\n  }\n}";
  assert.is(
    stubOf(code, "a"),
    'class A {\n  f(): number {\n    // your code here\n    throw new NotImplemented("a");\n  }\n  g() {\n    // your code here\n    throw new NotImplemented("a");\n  }\n}',
  );
  assert.is(solutionOf(code), "class A {\n  f(): number {\n    return 1;\n  }\n  g() {\n  }\n}");
});

test("setDirection() leaves maths and code blocks, and sets inline code from left to right", () => {
  assert.is(setDirection("plain `a`", "en"), "plain `a`");
  const text = "الف `a<b` و ``x`y`` و $a_b$\n\n```ts\nconst `x` = 1;\n```\n\n$$\na `b`\n$$";
  assert.is(
    setDirection(text, "fa"),
    '<div dir="rtl" lang="fa">\n\nالف <code dir="ltr">a&lt;b</code> و <code dir="ltr">x`y</code> و $a_b$\n\n<div dir="ltr">\n\n```ts\nconst `x` = 1;\n```\n\n</div>\n\n$$\na `b`\n$$\n\n</div>',
  );
});

test("setDirection() protects what Markdown would take for emphasis, tables or maths inside code", () => {
  assert.match(setDirection("`a * b * c` `x | y` `$z`", "ar"), /a &#42; b &#42; c.*x &#124; y.*&#36;z/);
});

test("codeAndMaths() finds the parts that no translation may change, in any order", () => {
  assert.equal(codeAndMaths("b `x`, $y^2$ and\n\n```\nz\n```"), codeAndMaths("$y^2$ then `x`\n\n```\nz\n```"));
  assert.not.equal(codeAndMaths("`mergePair`"), codeAndMaths("`mergepair`"));
});

test.run();
