/** @file The notebooks: those of the course are in order, and the builder does what it promises, shown on a small made-up chapter. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { madeHash } from "../../tools/notebook/build.ts";
import { exerciseFile, loadChapters, solutionFile } from "../../tools/notebook/chapter.ts";
import { checkNotebooks, stamp, writeNotebooks } from "../../tools/notebook/files.ts";
import {
  type Notebook,
  type NotebookCell,
  notebookText,
  parseNotebook,
  readNotebook,
} from "../../tools/notebook/format.ts";
import { hashOutputs } from "../../tools/notebook/outputs.ts";
import { TemporaryCourse } from "../support/course.ts";

const root = path.resolve(import.meta.dirname, "../..");
const course = suite("notebooks of the course");

course("sources, translations, exercise notebooks and solutions are in order", () => {
  const { problems } = checkNotebooks(root, { exact: process.env.CI === "true" });
  assert.equal(problems, []);
});

for (const chapter of loadChapters(root).chapters) {
  const { id } = chapter.entry;
  const notebook = (file: string): Notebook => {
    const found = readNotebook(path.join(root, file));
    assert.ok(found, `${file} is missing: run make notebooks`);
    return found as Notebook;
  };
  const code = (one: Notebook) => one.cells.filter((cell) => cell.cell_type === "code" && madeHash(cell));

  course(`${id}: every language has the same cells and the same code`, () => {
    const english = notebook(solutionFile("en", id));
    for (const language of chapter.course.languages) {
      const other = notebook(solutionFile(language, id));
      assert.equal(
        other.cells.map((cell) => cell.id),
        english.cells.map((cell) => cell.id),
      );
      assert.equal(
        code(other).map(({ source, outputs }) => ({ source, outputs })),
        code(english).map(({ source, outputs }) => ({ source, outputs })),
      );
    }
  });

  course(`${id}: every cell of the solution that shows something has its output`, () => {
    const shows = /^(await show\(|await check\(|console\.log\(|table\(|progress\(|const \w+ = await orReference\()/m;
    const silent = code(notebook(solutionFile("en", id))).filter(
      (cell) => shows.test(cell.source) && !cell.outputs?.length,
    );
    assert.equal(
      silent.map((cell) => cell.id),
      [],
    );
  });

  course(`${id}: every picture of the solution has an alternative text, its specification and a text form`, () => {
    const outputs = notebook(solutionFile("en", id)).cells.flatMap((cell) => cell.outputs ?? []);
    const pictures = outputs.filter((output) => String(output.data?.["text/html"]).includes("<img"));
    assert.ok(pictures.length > 0, "the chapter has no plot");
    for (const { data } of pictures) {
      assert.match(String(data?.["text/html"]), /<img alt="[^"]{1,250}" src="data:image\/svg\+xml;base64,/);
      assert.type(data?.["application/vnd.vegalite.v5+json"], "object");
      assert.match(String(data?.["text/plain"]), /^\[figure\] ./);
    }
  });

  course(`${id}: the exercise notebooks show no solution`, () => {
    for (const language of chapter.course.languages) {
      const file = path.join(root, exerciseFile(language, id));
      assert.not.match(readFileSync(file, "utf8"), /#region solution/);
    }
  });
}
course.run();

const built = suite("the builder");
let made: TemporaryCourse;
const ENGLISH = "chapters/en/00_toy.ipynb";
const PERSIAN = "chapters/fa/00_toy.ipynb";
const ARABIC = "chapters/ar/00_toy.ipynb";
const cells = (file: string): Map<string, NotebookCell> =>
  new Map(parseNotebook(made.read(file), file).cells.map((cell) => [cell.id, cell]));
const source = (file: string, id: string): string => cells(file).get(id)?.source ?? "";
const problems = (exact = false): string[] =>
  checkNotebooks(made.root, { exact }).problems.filter((line) => !line.includes("was never executed"));

/** Changes a notebook as a learner does: by hand, through JupyterLab, which keeps metadata. */
function work(file: string, change: (all: NotebookCell[]) => NotebookCell[]): void {
  const notebook = parseNotebook(made.read(file), file);
  made.write(file, notebookText({ ...notebook, cells: change([...notebook.cells]) }));
}
const answer = (id: string, text: string) => (all: NotebookCell[]) =>
  all.map((cell) => (cell.id === id ? { ...cell, source: text } : cell));
const own = (text: string): NotebookCell => ({
  cell_type: "code",
  id: "my-cell",
  metadata: {},
  source: text,
  outputs: [],
  execution_count: null,
});

built.before.each(() => {
  made = new TemporaryCourse();
  stamp(made.root);
  writeNotebooks(made.root);
});
built.after.each(() => made.remove());

built("a fresh course has no problems, and a second run writes nothing", () => {
  assert.equal(problems(), []);
  assert.equal(problems(true), []);
  assert.equal(writeNotebooks(made.root).written, []);
});

built("the solution becomes a stub that keeps signature, comment and check", () => {
  assert.is(
    source(ENGLISH, "double"),
    '/** Twice the number. */\nfunction double(x: number): number {\n  // your code here\n  throw new NotImplemented("double");\n}\nawait check("double", double);',
  );
  assert.not.ok(cells(ENGLISH).has("only-solved"));
  assert.match(source("solutions/fa/00_toy.ipynb", "double"), /return x \* factor;/);
  assert.ok(cells("solutions/fa/00_toy.ipynb").has("only-solved"));
});

built("three hints are folded, each with the word of the language", () => {
  assert.is(source(ENGLISH, "double-hints").match(/<details><summary>Hint [123]<\/summary>\n\n/g)?.length, 3);
  assert.match(source(PERSIAN, "double-hints"), /<summary>راهنمایی 1<\/summary>/);
});

built("right-to-left prose is wrapped with blank lines, and its code runs from the left", () => {
  const text = source(PERSIAN, "double-text");
  assert.match(text, /^<div dir="rtl" lang="fa">\n\n### /);
  assert.match(text, /\n\n<\/div>$/);
  assert.match(text, /<code dir="ltr">a&#91;0&#93;\+\+<\/code>/);
  assert.match(text, /\$x < 1\$/);
});

built("a cell that is not translated shows the English, marked", () => {
  const text = source(ARABIC, "double-text");
  assert.match(
    text,
    /^<div dir="rtl" lang="ar"><small>لم يُترجم هذا الجزء بعد\.<\/small><\/div>\n\n<div dir="ltr" lang="en">\n\n### Exercise 0\.1/,
  );
});

built("links lead from each notebook to the other languages and to the solution", () => {
  const folder = path.dirname(made.path(PERSIAN));
  const targets = Array.from(source(PERSIAN, "navigation").matchAll(/\]\(([^)]+)\)/g), ([, target]) => target ?? "");
  assert.equal(targets, ["../en/00_toy.ipynb", "../ar/00_toy.ipynb", "../../solutions/fa/00_toy.ipynb"]);
  for (const target of targets) assert.ok(existsSync(path.join(folder, target)), target);
});

built("each fault of a source or a translation is one line that names its place", () => {
  const faults: [string, string, string, RegExp][] = [
    ["chapters/src/prose/fa/00_toy.md", "ضرب در یک", "ضربدر یک", /^$/],
    [
      "chapters/src/00_toy.ts",
      "Two times one is two.",
      "Two times two is four.",
      /fa\/00_toy\.md:\d+: cell "takeaways" is older than the English/,
    ],
    [
      "chapters/src/prose/fa/00_toy.md",
      "`x * factor` را",
      "`x*factor` را",
      /cell "double-hints": code and maths must be as in the English: missing `x \* factor`/,
    ],
    [
      "chapters/src/prose/fa/00_toy.md",
      "<!-- cell: takeaways",
      "<!-- cell: take-aways",
      /cell "takeaways" is not translated: add it, or set the chapter to "partial"/,
    ],
    [
      "chapters/src/prose/ar/00_toy.md",
      "<!-- cell: quiz",
      "<!-- cell: quizz",
      /cell "quiz" is not translated: hints and quiz must be there/,
    ],
    [
      "chapters/src/prose/fa/00_toy.md",
      "<!-- cell: quiz",
      "<!-- cell: nothing -->\n<!-- cell: quiz",
      /cell "nothing" is not in chapters\/src\/00_toy\.ts/,
    ],
    ["chapters/src/00_toy.ts", ' slug="use"', "", /a cell needs slug=/],
    ["chapters/src/00_toy.ts", ' slug="use"', ' slug="setup"', /slug "setup" is used twice/],
    ["chapters/src/00_toy.ts", "// 3. Return `x * factor`.\n", "", /exactly three hints as a numbered list, found 2/],
    [
      "chapters/src/00_toy.ts",
      "  // #region solution\n  return x * factor;\n  // #endregion",
      "  return x * factor;",
      /needs its solution between/,
    ],
    ["chapters/src/00_toy.ts", 'await check("double", double);', "", /needs the line: await check/],
    ["chapters/src/00_toy.ts", "// ## Key takeaways", "// ## Summary", /needs a section "## Key takeaways"/],
    ["chapters/src/00_toy.ts", "Last checked 2026-01-31", "", /needs the date/],
    ["chapters/src/00_toy.ts", "// ## Going further", "// #### Going further", /heading "Going further" is of level 4/],
    ["chapters/src/00_toy.ts", "// Because.", "// See [this](nowhere.md).", /the link nowhere\.md leads nowhere/],
    ["chapters/src/00_toy.ts", "// Because.", "// ![](../../course.json)", /an image needs an alternative text/],
    [
      "chapters/src/00_toy.ts",
      "const factor = 2;",
      Array.from({ length: 16 }, (_, i) => `const a${i} = ${i};`).join("\n"),
      /17 lines of code, at most 15/,
    ],
    [
      "course.json",
      '"minutes": 3,',
      '"minutes": 4,',
      /needs the line "\*difficulty 1 of 5 · importance 2 of 5 · 4 minutes/,
    ],
    [
      "chapters/src/00_toy.ts",
      "console.log(twice(4));",
      "console.log({ twice, factor: factor }, ((half: number) => ({ half }))(1), { factor });",
      /"use": the kernel cannot run the short form \{ factor \} of a name from another cell/,
    ],
    ["course.json", '"id": "half"', '"id": "halve"', /both must be the same, in the same order/],
  ];
  for (const [file, from, to, expected] of faults) {
    const before = made.read(file);
    made.edit(file, from, to);
    const found = problems().filter((line) => !line.includes("make notebooks"));
    if (expected.source === "^$") assert.equal(found, [], "a translation may be reworded");
    else
      assert.ok(
        found.some((line) => expected.test(line)),
        `expected ${expected} for "${to}", found\n${found.join("\n")}`,
      );
    for (const line of found) assert.not.match(line, /\n/);
    made.write(file, before);
  }
});

built("stamping marks a translation as made from the English of now", () => {
  made.edit("chapters/src/00_toy.ts", "Two times one is two.", "Two times one is still two.");
  assert.ok(problems().some((line) => line.includes("older than the English")));
  assert.equal(stamp(made.root), ["chapters/src/prose/fa/00_toy.md"]);
  writeNotebooks(made.root);
  assert.equal(problems(), []);
});

built("a learner's answers, cells and edits stay when a chapter changes", () => {
  work(ENGLISH, answer("double", "function double(x) { return 2 * x }"));
  work(ENGLISH, answer("use", "console.log('my own try')"));
  work(ENGLISH, (all) => all.flatMap((cell) => (cell.id === "double" ? [cell, own("// a note of mine")] : [cell])));
  assert.equal(problems(), [], "a learner's work is no problem");
  assert.match(problems(true).join(), /or holds answers/);
  made.edit("chapters/src/00_toy.ts", "Multiply the number", "Just multiply the number");
  stamp(made.root);
  assert.match(
    problems().join(),
    /chapters\/en\/00_toy\.ipynb: cell "double-hints" is not the one of the source: run "make notebooks" \(your answers stay\)/,
  );
  const { notes } = writeNotebooks(made.root);
  assert.equal(notes, []);
  assert.is(source(ENGLISH, "double"), "function double(x) { return 2 * x }");
  assert.is(source(ENGLISH, "use"), "console.log('my own try')");
  assert.match(source(ENGLISH, "double-hints"), /Just multiply/);
  const ids = [...cells(ENGLISH).keys()];
  assert.is(ids[ids.indexOf("double") + 1], "my-cell");
  assert.equal(problems(), []);
});

built("an answer to an exercise that is gone stays as a cell, and an edit that cannot stay is backed up", () => {
  work(ENGLISH, answer("half", "function half(x) { return x / 2 }"));
  work(ENGLISH, answer("use", "console.log('my own try')"));
  made.edit("chapters/src/00_toy.ts", "console.log(twice(4));", "console.log(twice(5));");
  made.edit("chapters/src/00_toy.ts", 'slug="half" tags=["exercise"]', 'slug="halve" tags=["exercise"]');
  const { notes } = writeNotebooks(made.root);
  assert.is(source(ENGLISH, "half"), "function half(x) { return x / 2 }");
  assert.match(source(ENGLISH, "use"), /twice\(5\)/);
  assert.match(notes.join(), /cell use is new in the course, so your change to it was replaced/);
  const [time] = readdirSync(made.path("backups"));
  assert.match(made.read(`backups/${time}/${ENGLISH}`), /my own try/);
});

built("a notebook that cannot be read is kept and written again", () => {
  made.write(ENGLISH, "{ broken");
  assert.match(problems().join(), /is not a notebook: .* Run "make notebooks" to write it again/);
  assert.match(writeNotebooks(made.root).notes.join(), /could not be read/);
  assert.equal(problems(), []);
  const [time] = readdirSync(made.path("backups"));
  assert.is(made.read(`backups/${time}/${ENGLISH}`), "{ broken");
});

built("a solved notebook with other code, other numbers or without a cell's output is a problem", () => {
  const execute = (): void => {
    // what `--execute` would leave: outputs in English, and the hashes of the code and of the numbers
    const file = "solutions/en/00_toy.ipynb";
    const notebook = parseNotebook(made.read(file), file);
    const outputs = [{ output_type: "stream", name: "stdout", text: "8\n" }];
    const run = notebook.cells.map((cell) => (cell.id === "use" ? { ...cell, outputs } : cell));
    const hashes = {
      codeHash: "0",
      profileHash: "0",
      libVersion: "0.0.1",
      outputsHash: hashOutputs(new Map([["use", outputs]])),
    };
    made.write(
      file,
      notebookText({
        ...notebook,
        cells: run,
        metadata: { ...notebook.metadata, gptlab: { chapter: "00_toy", lang: "en", ...hashes } },
      }),
    );
    writeNotebooks(made.root);
  };
  execute();
  const { problems: found, warnings } = checkNotebooks(made.root, { exact: true });
  assert.match(found.join("\n"), /the code has changed since its outputs were made: run "make solutions CH=00"/);
  assert.match(found.join("\n"), /the laptop profile in course\.json has changed/);
  assert.not.match(found.join("\n"), /its outputs are not those/);
  assert.match(warnings.join("\n"), /was executed with gptlab 0\.0\.1/);
  assert.equal(cells("solutions/fa/00_toy.ipynb").get("use")?.outputs, [
    { output_type: "stream", name: "stdout", text: "8\n" },
  ]);
  made.edit("solutions/fa/00_toy.ipynb", '"8\\n"', '"9\\n"');
  assert.match(
    checkNotebooks(made.root, { exact: true }).problems.join("\n"),
    /solutions\/fa\/00_toy\.ipynb is not what its source makes/,
  );
  made.edit("solutions/en/00_toy.ipynb", '"8\\n"', '"9\\n"');
  assert.match(
    checkNotebooks(made.root, { exact: true }).problems.join("\n"),
    /solutions\/en\/00_toy\.ipynb: its outputs are not those of its execution: run "git checkout/,
  );
});

built("notebookText() writes as nbformat does: sorted keys, one space, lines, Python's numbers", () => {
  const notebook: Notebook = {
    cells: [
      {
        id: "a",
        cell_type: "markdown",
        source: "one\ntwo\u2028three ✓",
        metadata: { tags: [], small: 0.00002, tiny: 1e-7, whole: 3 },
      },
    ],
    metadata: {},
    nbformat: 4,
    nbformat_minor: 5,
  };
  const expected =
    '{\n "cells": [\n  {\n   "cell_type": "markdown",\n   "id": "a",\n   "metadata": {\n    "small": 2e-05,\n    "tags": [],\n    "tiny": 1e-07,\n    "whole": 3\n   },\n' +
    '   "source": [\n    "one\\n",\n    "two\u2028",\n    "three ✓"\n   ]\n  }\n ],\n "metadata": {},\n "nbformat": 4,\n "nbformat_minor": 5\n}\n'; // from Python's nbformat 5.11.1
  assert.is(notebookText(notebook), expected);
  assert.equal(parseNotebook(expected, "x"), notebook);
});

built.run();
