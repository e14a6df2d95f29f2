/** @file JSON Lines: one JSON object a line, read and written as a stream. What the fields mean is the caller's business. */
import { createReadStream } from "node:fs";
import { TextDecoder } from "node:util";
import { writeWhole } from "../whole_file";

/** One line of a file. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/**
 * The objects of a file, one after the other, however large the file is. Empty lines and a byte order mark are passed over.
 *
 * @throws SyntaxError that names file, line and what was found, when a line is not one JSON object or not UTF-8.
 * @example
 * import { readJsonl, writeJsonl } from "gptlab";
 * await writeJsonl("pairs.jsonl", [{ prompt: "1 + 1 =", completion: " 2" }]); // => 1
 * const records = [];
 * for await (const record of readJsonl("pairs.jsonl")) records.push(record.completion);
 * records; // => [" 2"]
 */
export async function* readJsonl(path: string): AsyncGenerator<JsonRecord, void, undefined> {
  let number = 0;
  for await (const line of readLines(path)) {
    number++;
    if (line.trim() !== "") yield parseLine(line, `${path} line ${number}`);
  }
}

/**
 * Writes one JSON object a line, whole or not at all: an old file stays when a record cannot be written. Returns how many.
 *
 * @throws TypeError that names the first record which is not an object, or which JSON cannot hold.
 * @example
 * import { readFileSync } from "node:fs";
 * import { writeJsonl } from "gptlab";
 * await writeJsonl("texts.jsonl", [{ text: "one" }, { text: "two" }]); // => 2
 * readFileSync("texts.jsonl", "utf8").split("\n")[1]; // => '{"text":"two"}'
 */
export async function writeJsonl(path: string, records: Iterable<object> | AsyncIterable<object>): Promise<number> {
  let count = 0;
  async function* lines(): AsyncGenerator<string> {
    for await (const record of records) {
      if (!isRecord(record))
        throw new TypeError(
          `writeJsonl() needs objects, but record ${count} is ${shorten(String(JSON.stringify(record)))}`,
        );
      try {
        yield `${JSON.stringify(record)}\n`;
      } catch (cause) {
        throw new TypeError(`writeJsonl() cannot write record ${count} as JSON: ${String(cause)}`, { cause });
      }
      count++;
    }
  }
  await writeWhole([{ path, chunks: inBlocks(lines()) }]);
  return count;
}

/** Lines by "\n" alone. Node's readline also breaks at U+2028 and U+2029, which JSON text may hold. */
async function* readLines(path: string): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true }); // it drops a byte order mark
  let rest = "";
  let number = 1;
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
    const lines = (rest + decode(decoder, chunk, path, number)).split("\n");
    rest = lines.pop() ?? "";
    number += lines.length;
    yield* lines;
  }
  yield rest + decode(decoder, undefined, path, number);
}

function decode(decoder: TextDecoder, chunk: Uint8Array | undefined, path: string, number: number): string {
  try {
    return decoder.decode(chunk, { stream: chunk !== undefined });
  } catch (cause) {
    throw new SyntaxError(
      `${path} should be UTF-8 text, but has other bytes on line ${number} or soon after it. Save the file as UTF-8`,
      { cause },
    );
  }
}

function parseLine(line: string, place: string): JsonRecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new SyntaxError(`${place} should be one JSON object, but is ${shorten(line.trim())}`, { cause });
  }
  if (!isRecord(value)) throw new SyntaxError(`${place} should be one JSON object, but is ${shorten(line.trim())}`);
  return value;
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}… (${text.length} characters)`;
}

/** Joins lines into blocks of about 64 KiB, so that a large file does not mean a write for each line. */
async function* inBlocks(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let block = "";
  for await (const line of lines) {
    block += line;
    if (block.length >= 65_536) {
      yield block;
      block = "";
    }
  }
  yield block;
}
