/** @file A made-up course of one small chapter in a temporary folder, for tests of the machinery. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");

const COURSE = {
  languages: ["en", "ar", "fa"],
  chapters: [
    {
      id: "00_toy",
      number: 0,
      minutes: 10,
      languages: { en: "complete", ar: "partial", fa: "complete" },
      profiles: { ci: { steps: 1 }, laptop: { steps: 2 }, gpu: { steps: 3 } },
      exercises: [
        { id: "double", difficulty: 1, importance: 2, minutes: 3, lines: 1 },
        { id: "half", difficulty: 1, importance: 2, minutes: 3, lines: 1 },
      ],
    },
  ],
};

const SOURCE = `// ---
// jupyter:
//   kernelspec:
//     name: tslab
// ---

// %% [markdown] slug="title"
// # 0. A toy
//
// **You will be able to** double a number.
//
// *10 minutes · no GPU*
//
// ## Doubling

// %% slug="setup"
import { check, NotImplemented, orReference } from "gptlab/course";
const factor = 2;

// %% [markdown] slug="double-text"
// ### Exercise 0.1 · Double
//
// *difficulty 1 of 5 · importance 2 of 5 · 3 minutes · about 1 line*
//
// Call \`a[0]++\` where $x < 1$.

// %% slug="double" tags=["exercise"]
/** Twice the number. */
function double(x: number): number {
  // #region solution
  return x * factor;
  // #endregion
}
await check("double", double);

// %% [markdown] slug="double-hints" tags=["hints"]
// 1. What is two times something?
// 2. Multiply the number, see \`factor\`.
// 3. Return \`x * factor\`.

// %% slug="use"
const twice = await orReference("double", double);
console.log(twice(4));

// %% [markdown] slug="half-text"
// ### Exercise 0.2 · Half
//
// *difficulty 1 of 5 · importance 2 of 5 · 3 minutes · about 1 line*

// %% slug="half" tags=["exercise"]
function half(x: number): number {
  // #region solution
  return x / twice(1);
  // #endregion
}
await check("half", half);

// %% [markdown] slug="half-hints" tags=["hints"]
// 1. What undoes a product?
// 2. Divide the number by two.
// 3. Return \`x / 2\`, with a slash.

// %% slug="only-solved" tags=["solution-only"]
console.log("shown in the solution only");

// %% [markdown] slug="takeaways"
// ## Key takeaways
//
// - Two times one is two.

// %% [markdown] slug="quiz" tags=["quiz"]
// ## Check yourself
//
// <details><summary>1. Why?</summary>
//
// Because.
//
// </details>

// %% [markdown] slug="further"
// ## Going further
//
// *Last checked 2026-01-31.*
`;

/** Prose of a language: every cell of the source with the words replaced. Hashes are stamped by the test. */
const PROSE: Record<string, Record<string, string>> = {
  ar: {
    "double-hints": "1. ما ضعف الشيء؟\n2. اضرب العدد، انظر `factor`.\n3. أعد `x * factor`.",
    "half-hints": "1. ما الذي يلغي الضرب؟\n2. اقسم العدد على اثنين.\n3. أعد `x / 2` بشرطة مائلة.",
    quiz: "## اختبر نفسك\n\n<details><summary>1. لماذا؟</summary>\n\nلأن.\n\n</details>",
  },
  fa: {
    title: "# 0. اسباب‌بازی\n\nدوبرابر کردن.\n\n*10 دقیقه*\n\n## دوبرابر کردن",
    "double-text": "### تمرین 0.1 · دوبرابر\n\n`a[0]++` را جایی صدا بزنید که $x < 1$.",
    "double-hints": "1. دوبرابر چیست؟\n2. عدد را ضرب کنید، `factor` را ببینید.\n3. `x * factor` را برگردانید.",
    "half-text": "### تمرین 0.2 · نصف",
    "half-hints": "1. چه چیزی ضرب را خنثی می‌کند؟\n2. عدد را بر دو تقسیم کنید.\n3. `x / 2` را با ممیز برگردانید.",
    takeaways: "## نکته‌ها\n\n- دو ضرب در یک دو است.",
    quiz: "## خود را بیازمایید\n\n<details><summary>1. چرا؟</summary>\n\nچون.\n\n</details>",
    further: "## بیشتر\n\n*بررسی 2026-01-31.*",
  },
};

const CHECKS = `
exports.exercises = {
  double: {
    reference: (x) => x + x,
    examples: [{ input: [3], expected: 6 }],
    random: (random) => [random.integer(100)],
    mistakes: { squared: (x) => x * x },
  },
  half: { reference: (x) => x / 2, examples: [{ input: [6], expected: 3 }], mistakes: { doubled: (x) => x * 2 } },
};`;

const MESSAGES: Record<string, string> = {
  "double.title": "Double",
  "double.squared": "This is the square of the number.",
  "half.title": "Half",
  "half.doubled": "This is twice the number.",
};

/** A course in a new folder. */
export class TemporaryCourse {
  readonly root = mkdtempSync(path.join(os.tmpdir(), "gptlab-course-"));

  constructor() {
    this.write("course.json", `${JSON.stringify(COURSE, null, 2)}\n`);
    this.write("chapters/src/00_toy.ts", SOURCE);
    this.write("lib/dist/exercises/00_toy.js", CHECKS);
    for (const language of COURSE.languages) {
      const folder = `chapters/src/messages/${language}`;
      cpSync(path.join(root, folder, "common.json"), this.path(folder, "common.json"));
      this.write(`${folder}/00_toy.json`, JSON.stringify(MESSAGES));
      const prose = Object.entries(PROSE[language] ?? {}).map(([slug, text]) => `<!-- cell: ${slug} -->\n${text}\n`);
      if (language !== "en") this.write(`chapters/src/prose/${language}/00_toy.md`, prose.join("\n"));
    }
  }

  path(...parts: string[]): string {
    return path.join(this.root, ...parts);
  }

  read(file: string): string {
    return readFileSync(this.path(file), "utf8");
  }

  write(file: string, text: string): void {
    mkdirSync(path.dirname(this.path(file)), { recursive: true });
    writeFileSync(this.path(file), text);
  }

  /** Replaces text in a file; fails if it is not there. */
  edit(file: string, from: string, to: string): void {
    const text = this.read(file);
    if (!text.includes(from)) throw new Error(`${file} has no "${from}"`);
    this.write(
      file,
      text.replace(from, () => to),
    );
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
