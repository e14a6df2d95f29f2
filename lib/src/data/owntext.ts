/** @file Your own text as a data set: files that are already on this machine. Nothing is fetched, cached or cleaned. */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { readJsonl } from "./jsonl";
import type { Dataset } from "./load";
import type { DataRecord } from "./recipe";

const TEXT = [".txt", ".md"];
const RECORDS = [".jsonl"];

async function readUtf8(path: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path)).replace(/\r\n?/g, "\n"); // a byte order mark is dropped
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new TypeError(
      `${path} is not UTF-8 text. Save it as UTF-8 in your editor, or convert it: iconv -f WINDOWS-1252 -t UTF-8.`,
    );
  }
}

async function readRecords(path: string): Promise<DataRecord[]> {
  const records: DataRecord[] = [];
  for await (const record of readJsonl(path)) {
    if (typeof record.text !== "string") {
      const found = JSON.stringify(record).slice(0, 60);
      throw new TypeError(
        `${path}, record ${records.length + 1}: expected an object with a string "text", found ${found}.`,
      );
    }
    records.push(record as DataRecord);
  }
  return records;
}

/**
 * Loads your own text in the shape of a data set: a `.txt` or `.md` file, a `.jsonl` file whose objects have a string `text`, or a
 * folder of such files (not the folders inside it), in the order of their names.
 *
 * A text file is one record; `splitAt` makes more of it, for example `/\n{2,}/` one for each paragraph. Empty records are dropped.
 *
 * Throws an Error when there is no such file or no text in it, a TypeError when a file is not UTF-8 or a record has no text, a
 * SyntaxError when a line is not JSON.
 *
 * @example
 * import { writeFileSync } from "node:fs";
 * import { loadText } from "gptlab";
 * writeFileSync("notes.txt", "First paragraph.\n\nSecond paragraph.");
 * const { records } = await loadText("notes.txt", { splitAt: /\n{2,}/ });
 * records.length; // => 2
 */
export async function loadText(
  path: string,
  { splitAt, licence = "your own" }: { splitAt?: RegExp; licence?: string } = {},
): Promise<Dataset> {
  const full = resolve(path);
  const isFolder = await stat(full).then(
    (s) => s.isDirectory(),
    () => undefined,
  );
  if (isFolder === undefined)
    throw new Error(
      `There is no file or folder ${full}. Give the path of a .txt, .md or .jsonl file, or of a folder of them.`,
    );
  const known = [...TEXT, ...RECORDS];
  const files = isFolder
    ? (await readdir(full))
        .filter((name) => known.includes(extname(name).toLowerCase()))
        .sort()
        .map((name) => join(full, name))
    : [full];
  const records: DataRecord[] = [];
  for (const file of files) {
    if (RECORDS.includes(extname(file).toLowerCase())) {
      records.push(...(await readRecords(file)));
      continue;
    }
    const content = await readUtf8(file);
    const parts = splitAt ? content.split(splitAt) : [content];
    records.push(...parts.map((text) => ({ text: text.trim() })).filter(({ text }) => text !== ""));
  }
  if (records.length === 0)
    throw new Error(
      `No text in ${full}: expected ${isFolder ? `files that end in ${known.join(", ")}` : "a file that is not empty"}, found none.`,
    );
  return { name: basename(full), licence, source: full, records, path: full };
}
