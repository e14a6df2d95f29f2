/** @file The functions that a chapter's own solutions define, to be compared with the library's. What a chapter prints is in chapter_run.ts. */
import * as assert from "uvu/assert";
import { answerOf } from "../../tools/learner/answer.ts";
import { answerProgram } from "../../tools/learner/program.ts";
import { codeOf } from "../../tools/notebook/build.ts";
import { type Chapter, loadChapters } from "../../tools/notebook/chapter.ts";
import { root } from "./repository.ts";

/** The chapter of this number, such as "02". */
export function chapterOf(number: string): Chapter {
  const [chapter] = loadChapters(root, number).chapters;
  assert.ok(chapter, `chapters/src has no chapter ${number}`);
  return chapter;
}

/** Loads the solution of an exercise of this chapter ("02"); the type is the function's. */
export function solutionsOf(number: string): <F>(id: string) => Promise<F> {
  const cells = chapterOf(number)
    .cells.filter((cell) => cell.kind === "code")
    .map((cell) => ({ id: cell.slug, source: codeOf(cell, true) }));
  return async <F>(id: string): Promise<F> => {
    const answer = await answerOf(answerProgram(cells, id), id);
    assert.type(answer, "function", `the chapter defines no function ${id}`);
    return answer as F;
  };
}
