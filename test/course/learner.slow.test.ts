/** @file What a learner wrote in the notebooks, seen from outside: check, progress, hint and reset on a made-up course. */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { answerProgram } from "../../tools/learner/program.ts";
import { checkLearner } from "../../tools/learner/results.ts";
import { stamp, writeNotebooks } from "../../tools/notebook/files.ts";
import { notebookText, parseNotebook } from "../../tools/notebook/format.ts";
import { TemporaryCourse } from "../support/course.ts";

const test = suite("the learner outside the notebook");
const home = process.cwd();
let made: TemporaryCourse;

test.before.each(() => {
  made = new TemporaryCourse();
  stamp(made.root);
  writeNotebooks(made.root);
  process.chdir(made.root); // messages are found from the working folder
});
test.after.each(() => {
  process.chdir(home);
  made.remove();
});

function answer(language: string, id: string, text: string): void {
  const file = `chapters/${language}/00_toy.ipynb`;
  const notebook = parseNotebook(made.read(file), file);
  made.write(
    file,
    notebookText({
      ...notebook,
      cells: notebook.cells.map((cell) => (cell.id === id ? { ...cell, source: text } : cell)),
    }),
  );
}

async function run(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; output: string }> {
  const script = path.join(home, "tools/course.ts");
  const child = spawn(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), script, ...args, "--root", made.root],
    {
      cwd: home,
      env: { ...process.env, GPTLAB_LANG: "en", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  child.stderr.on("data", (data: Buffer) => (output += data.toString()));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, output };
}

const states = async (patience?: number): Promise<Record<string, string>> => {
  const results = await checkLearner(made.root, patience === undefined ? {} : { patience });
  return Object.fromEntries(results.map(({ id, verdict }) => [id, verdict.state]));
};

test("nothing written is to do, a wrong answer fails with the message of the notebook, a right one passes", async () => {
  assert.equal(await states(), { double: "todo", half: "todo" });
  answer("en", "double", 'function double(x: number) {\n  return x * x;\n}\nawait check("double", double);');
  const { code, output } = await run(["check"]);
  assert.is(code, 1);
  assert.match(
    output,
    /0\.1 {2}✗ Double: not right yet\n {2}double\(3\) should give 6\. Your function gave 9\.\n {2}This is the square of the number\.\n/,
  );
  assert.match(output, /○ to do {2}0\.2 half\n {2}Have you saved\?.*\n\[-+\] 0 of 2\n0 passed, 1 failed\n$/);
  answer("en", "double", 'function double(x: number) {\n  return x + x;\n}\nawait check("double", double);');
  const right = await run(["check", "--test"]);
  assert.is(right.code, 0, right.output);
  assert.match(right.output, /1 passed, 0 failed\n$/);
});

test("an answer may use earlier definitions, other answers and the learner's own cells", async () => {
  answer("en", "double", "const double = (x: number): number => x * factor;");
  answer("en", "half", "const half = (x: number) => x / helper();\nfunction helper() { return twice(1); }");
  assert.equal(await states(), { double: "passed", half: "passed" });
});

test("the best answer of several languages counts", async () => {
  answer("en", "double", "function double() { return 1; }");
  answer("fa", "double", "function double(x) { return 2 * x; }");
  answer("fa", "half", "function half() { return 0; }");
  assert.equal(await states(), { double: "passed", half: "failed" });
});

test("a cell that cannot be read, and one that throws, fail in words", async () => {
  answer("en", "double", 'await check("double");\nfunction double(x { return 2 * x; }');
  answer("en", "half", "const half = undefined.x;");
  const messages = (await checkLearner(made.root)).map(({ verdict }) => verdict.messages[0]);
  assert.equal(
    messages.map((message) => message?.key),
    ["check.syntax", "check.cell"],
  );
  assert.match(String(messages[0]?.values?.error), /^line 2: .*expected/);
  answer("en", "half", "function halve(x: number) { return x / 2; }");
  const missing = (await checkLearner(made.root)).at(-1)?.verdict;
  assert.is(missing?.messages[0]?.key, "check.missing");
});

test("an endless loop is given up, and the exercises after it are checked", async () => {
  answer("en", "double", "function double(x: number) { while (x > 0) {} }");
  answer("en", "half", "function half(x: number) { return x / 2; }");
  assert.equal(await states(4000), { double: "failed", half: "passed" });
});

test("long work is not run: only what an answer needs is kept, the latest of each name", () => {
  const cells = [
    { id: "a", source: 'import { tf } from "gptlab";\nconst data = await train();\nconst k = 1;\nfor (;;) {}' },
    { id: "b", source: "const k = 2;\ninterface Shape { a: number }\nclass Unused {}\nconsole.log(k);" },
    { id: "f", source: "function f(x: number): number { return x * k; }\nawait check('f', f);" },
    { id: "c", source: "const k = 3;" },
  ];
  const { code, fault } = answerProgram(cells, "f");
  assert.is(fault, undefined);
  assert.match(code, /const k = 2;\nfunction f\(x\) \{ return x \* k; \}/);
  for (const absent of ["train", "for (", "Unused", "console", "check(", "k = 3", "k = 1"])
    assert.not.ok(code.includes(absent), absent);
  cells[1]!.source = "const k = 1;\nconst k = (2;";
  assert.match(String(answerProgram(cells, "f").fault), /^cell "b", line 2: .*expected/);
});

test("reset asks, puts the stub back in every language, keeps the answers and forgets the progress", async () => {
  answer("en", "double", "function double(x: number) { return 2 * x; }");
  answer("fa", "double", "function double(x: number) { return x + x; }");
  await run(["check"]);
  assert.match(made.read("progress.json"), /"double": \{\n\s+"state": "passed"/);
  const refused = await run(["reset", "--exercise", "double"]);
  assert.is(refused.code, 1);
  assert.match(refused.output, /add YES=1/);
  const done = await run(["reset", "--exercise", "double", "--yes"]);
  assert.is(done.code, 0, done.output);
  assert.equal(await states(), { double: "todo", half: "todo" });
  assert.not.match(made.read("progress.json"), /double/);
  const kept = readdirSync(made.path("backups")).map((time) =>
    readdirSync(made.path("backups", time, "chapters")).join(),
  );
  assert.equal(kept.flatMap((names) => names.split(",")).sort(), ["en", "fa"]);
});

test("progress and hint speak the learner's language; a wrong name is said", async () => {
  assert.match((await run(["progress"])).output, /0\.1 +Double +○ to do +double/);
  assert.match(
    (await run(["hint", "double", "2"], { GPTLAB_LANG: "fa" })).output,
    /راهنمایی .*2.*\nعدد را ضرب کنید، `factor` را ببینید\./,
  );
  const wrong = await run(["check", "--exercise", "dubble"]);
  assert.is(wrong.code, 1);
  assert.match(wrong.output, /There is no exercise "dubble"/);
});

test.run();
