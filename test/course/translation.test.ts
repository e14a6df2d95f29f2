/** @file A cell that is missing in a translation which course.json calls complete is found: shown on a copy of the real chapter 01. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadChapters, proseFile } from "../../tools/notebook/chapter.ts";
import { checkNotebooks, stamp, writeNotebooks } from "../../tools/notebook/files.ts";
import { root } from "../support/repository.ts";

const ID = "01_tokenization";
const REMEDY = 'is not translated: add it, or set the chapter to "partial" in course.json';
const test = suite("a translation that is called complete");

let copy = "";
const file = (...parts: string[]) => path.join(copy, ...parts);
const problems = () => checkNotebooks(copy, { exact: true, chapter: ID }).problems;

/** course.json of the copy: chapter 01 alone, with this status of Arabic. */
function setArabic(status: "complete" | "partial"): void {
  const course = JSON.parse(readFileSync(path.join(root, "course.json"), "utf8")) as {
    chapters: { id: string; languages: Record<string, string> }[];
  };
  course.chapters = course.chapters.filter(({ id }) => id === ID);
  for (const { languages } of course.chapters) languages.ar = status;
  writeFileSync(file("course.json"), JSON.stringify(course));
}

/** The cells of the chapter that need a translation, and the Arabic that is there. */
function cells(): { wanted: { slug: string; text: string }[]; arabic: ReadonlyMap<string, { text: string }> } {
  const [chapter] = loadChapters(copy, ID).chapters;
  assert.ok(chapter);
  return {
    wanted: chapter.cells.filter(({ kind }) => kind === "markdown"),
    arabic: chapter.prose.get("ar") ?? new Map(),
  };
}

test.before(() => {
  copy = mkdtempSync(path.join(tmpdir(), "gptlab-translation-"));
  for (const name of ["chapters", "solutions"]) cpSync(path.join(root, name), file(name), { recursive: true });
  for (const name of readdirSync(root))
    if (!["chapters", "solutions", "course.json", ".git"].includes(name))
      symlinkSync(path.join(root, name), file(name));
  setArabic("partial");
  writeNotebooks(copy, ID); // a learner's copy may hold answers
});

test.after(() => rmSync(copy, { recursive: true, force: true }));

test("the English chapter is complete, and a partial Arabic one is no fault", () => {
  assert.equal(problems(), []);
});

test("each Arabic cell that is not there is named once the chapter is called complete", () => {
  const { wanted, arabic } = cells();
  const missing = wanted.filter(({ slug }) => !arabic.get(slug)?.text);
  setArabic("complete");
  assert.equal(
    problems().filter((problem) => problem.includes(REMEDY)),
    missing.map(({ slug }) => `${proseFile("ar", ID)}: cell "${slug}" ${REMEDY}`),
  );
});

test("with every cell there the chapter is in order; without one of them, that one is named", () => {
  const { wanted, arabic } = cells();
  // The English text in place of the missing Arabic: what the words say is for people to judge.
  const sections = wanted.map(({ slug, text }) => [slug, arabic.get(slug)?.text || text] as const);
  const write = (some: typeof sections) => {
    const prose = some.map(([slug, text]) => `<!-- cell: ${slug} -->\n${text}\n`).join("\n");
    writeFileSync(file(proseFile("ar", ID)), prose);
    stamp(copy, ID);
    writeNotebooks(copy, ID);
  };
  setArabic("complete");
  write(sections);
  assert.equal(problems(), []);
  const [gone] = sections[Math.floor(sections.length / 2)] ?? [];
  write(sections.filter(([slug]) => slug !== gone));
  assert.equal(problems(), [`${proseFile("ar", ID)}: cell "${gone}" ${REMEDY}`]);
});

test.run();
