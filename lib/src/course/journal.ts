/** @file The file that remembers which exercises are solved. It is written whole or not at all, and one that cannot be read is set aside, never overwritten. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { courseRoot, readCourse } from "./registry";

/** What is remembered of one exercise. */
export interface Entry {
  readonly state: "passed" | "failed";
  /** When it passed first, or was tried last: ISO 8601, UTC. */
  readonly at: string;
  /** How often it was checked until it passed. */
  readonly tries: number;
}

/** Progress by exercise id. */
export type Journal = Readonly<Record<string, Entry>>;

/** The file: `GPTLAB_PROGRESS`, or `progress.json` in the course's folder. */
export function journalFile(): string {
  return process.env.GPTLAB_PROGRESS || join(courseRoot(), "progress.json");
}

/** Reads the journal. A file that is not a journal is renamed to `….broken-N`, and the journal starts empty. */
export function readJournal(file = journalFile()): Journal {
  let source: string;
  try {
    source = readFileSync(file, "utf8");
  } catch (error) {
    if (!existsSync(file)) return {};
    throw error; // it is there, but may not be read: to start anew would lose it
  }
  try {
    const value: unknown = JSON.parse(source);
    if (isJournal(value)) return value;
  } catch {
    // set aside below
  }
  renameSync(file, `${file}.broken-${Date.now()}`);
  return {};
}

function isJournal(value: unknown): value is Journal {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every(
    (entry: unknown) => typeof entry === "object" && entry !== null && typeof Reflect.get(entry, "state") === "string",
  );
}

/** Replaces the journal: first a new file, then a rename, so that a crash leaves the old one whole. */
export function writeJournal(journal: Journal, file = journalFile()): void {
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify(journal, null, 2)}\n`);
  renameSync(draft, file);
}

/** Notes one check. What has passed stays passed. */
export function record(id: string, passed: boolean, file = journalFile()): Journal {
  const before = readJournal(file);
  const old = before[id];
  if (old?.state === "passed") return before;
  const entry: Entry = {
    state: passed ? "passed" : "failed",
    at: new Date().toISOString(),
    tries: (old?.tries ?? 0) + 1,
  };
  const after = { ...before, [id]: entry };
  writeJournal(after, file);
  return after;
}

/** Forgets some exercises. */
export function forget(ids: readonly string[], file = journalFile()): void {
  const gone = new Set(ids);
  writeJournal(Object.fromEntries(Object.entries(readJournal(file)).filter(([id]) => !gone.has(id))), file);
}

/** How many exercises of the course are solved. */
export function countSolved(journal: Journal): { readonly done: number; readonly total: number } {
  const ids = readCourse().chapters.flatMap((chapter) => chapter.exercises.map((entry) => entry.id));
  return { done: ids.filter((id) => journal[id]?.state === "passed").length, total: ids.length };
}
