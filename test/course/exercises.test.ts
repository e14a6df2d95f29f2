/** @file Every exercise of every chapter: the stub is "not yet", the solution passes, each wrong answer gets the message meant for it, and no answer breaks the check. `CHAPTER=01` runs one chapter. */
import { createRequire } from "node:module";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { linesOf } from "../../lib/dist/course/card.js";
import { judge, type Verdict } from "../../lib/dist/course/check.js";
import { loadExercise } from "../../lib/dist/course/exercises.js";
import { catalogue, plain } from "../../lib/dist/course/messages.js";
import { judgeCells } from "../../tools/learner/answer.ts";
import { codeOf } from "../../tools/notebook/build.ts";
import { type Chapter, loadChapters } from "../../tools/notebook/chapter.ts";

interface Mutant {
  readonly name: string;
  readonly message: string;
  readonly answer: (...args: never[]) => unknown;
}

const root = path.resolve(import.meta.dirname, "../..");
const LANGUAGES = ["en", "ar", "fa"] as const;
const gptlab = createRequire(import.meta.url)("gptlab");
await gptlab.initBackend?.();

function refuse(): never {
  throw new Error("this must not be looked at");
}

/** Answers that a check must survive. */
const HOSTILE: Record<string, unknown> = {
  undefined,
  "a number": 7,
  "a class": class Answer {},
  "a function that throws": () => {
    throw new Error("on purpose\nwith a second line");
  },
  "a function that throws undefined": () => {
    throw undefined;
  },
  "a function that gives NaN": () => Number.NaN,
  "a function that gives nothing": () => undefined,
  "a promise that rejects": async () => {
    throw new TypeError("later");
  },
  "an enormous array": () => new Array(3e6).fill(0),
  "something that cannot be looked at": () => new Proxy({}, { get: refuse, ownKeys: refuse }),
  "an endless object": () => {
    const self: Record<string, unknown> = {};
    return Object.assign(self, { self });
  },
  "its own input, emptied": (...args: unknown[]) => {
    for (const one of args) if (Array.isArray(one)) one.length = 0;
    return args[0];
  },
};

function cellsOf(chapter: Chapter, solved: boolean, exercise: string): { id: string; source: string }[] {
  return chapter.cells
    .filter((cell) => cell.kind === "code")
    .map((cell) => ({ id: cell.slug, source: codeOf(cell, solved || cell.slug !== exercise) }));
}

/** What a learner would read, for the message of a failed assertion. */
function words(verdict: Verdict): string {
  return [verdict.state, ...verdict.messages.map((message) => `${message.key}: ${plain(message, "en")}`)].join(
    "\n    ",
  );
}

const { chapters } = loadChapters(root, process.env.CHAPTER);
const wrongAnswers = new Map<string, Record<string, Mutant[]>>(); // all are imported first: uvu wants its suites at once
for (const { entry } of chapters) wrongAnswers.set(entry.id, (await import(`../mutants/${entry.id}.ts`)).mutants);

for (const chapter of chapters) {
  const { id: chapterId, exercises } = chapter.entry;
  const mutants = wrongAnswers.get(chapterId) ?? {};
  const test = suite(chapterId);

  test("the mutants belong to exercises of the chapter", () => {
    assert.equal(
      Object.keys(mutants).filter((id) => !exercises.some((entry) => entry.id === id)),
      [],
    );
  });

  for (const { id } of exercises) {
    test(`${id}: the stub is not yet an answer`, async () => {
      const verdict = await judgeCells(cellsOf(chapter, false, id), id);
      assert.is(verdict.state, "todo", words(verdict));
    });

    test(`${id}: the solution of the chapter passes`, async () => {
      const verdict = await judgeCells(cellsOf(chapter, true, id), id);
      assert.is(verdict.state, "passed", words(verdict));
    });

    test(`${id}: at least two wrong answers are rejected, each with its message`, async () => {
      const wrong = mutants[id] ?? [];
      assert.ok(
        wrong.length >= 2,
        `test/mutants/${chapterId}.ts has ${wrong.length} mutants of ${id}, expected at least 2`,
      );
      for (const { name, message, answer } of wrong) {
        const verdict = await judge(id, loadExercise(id), answer);
        assert.is(verdict.state, "failed", `${name} is accepted`);
        assert.is(
          verdict.messages[0]?.key,
          message,
          `${name} should be told ${message}, but is told\n    ${words(verdict)}`,
        );
      }
    });

    test(`${id}: each message fits its values and takes at most three lines, in every language`, async () => {
      const { mistakes } = loadExercise(id);
      const keys = [`${id}.title`, ...Object.keys(mistakes).map((name) => `${id}.${name}`)];
      for (const language of LANGUAGES) {
        const missing = keys.filter((key) => !catalogue(language, root).get(key));
        assert.equal(missing, [], `chapters/src/messages/${language}/${chapterId}.json lacks these`);
      }
      process.env.GPTLAB_STRICT = "1"; // a missing text or value throws
      try {
        for (const { name, answer } of mutants[id] ?? []) {
          const { head, lines } = linesOf(await judge(id, loadExercise(id), answer));
          assert.ok(lines.length >= 1 && lines.length <= 2, `${name} shows ${lines.length + 1} lines`);
          for (const language of LANGUAGES)
            for (const line of [head, ...lines]) assert.not.match(plain(line, language), /\n/);
        }
      } finally {
        delete process.env.GPTLAB_STRICT;
      }
    });

    test(`${id}: the known mistakes are wrong`, async () => {
      const exercise = loadExercise(id);
      for (const [name, mistake] of Object.entries(exercise.mistakes)) {
        const verdict = await judge(id, exercise, mistake);
        assert.is(verdict.state, "failed", `the mistake ${name} is accepted`);
      }
    });

    test(`${id}: no answer breaks the check`, async () => {
      for (const [name, answer] of Object.entries(HOSTILE)) {
        const verdict = await judge(id, loadExercise(id), answer);
        assert.is(verdict.state, "failed", `${name} is accepted`);
        assert.not.match(words(verdict), /\bat .*[\\/:]\d+/, `${name} shows a stack trace`);
      }
    });
  }
  test.run();
}
