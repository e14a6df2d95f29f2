import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadText } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("loadText");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-own-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, content: string | Buffer): string => {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
};
const texts = async (file: string, splitAt?: RegExp) =>
  (await loadText(file, splitAt && { splitAt })).records.map(({ text }) => text);
const failure = (file: string) =>
  loadText(file).then(
    () => {
      throw new Error("it loaded");
    },
    (error: Error) => error,
  );

test("loadText() makes one record of a text file", async () => {
  const file = write("one.txt", "\ufeffFirst line.\r\nSecond line. سلام\r\n");
  const dataset = await loadText(file);
  assert.equal(dataset.records, [{ text: "First line.\nSecond line. سلام" }]);
  assert.is(dataset.name, "one.txt");
  assert.is(dataset.source, file);
  assert.is(dataset.licence, "your own");
});

test("loadText() splits where it is told and drops empty records", async () => {
  const file = write("split.txt", "One.\n\n\nTwo.\nStill two.\n\n");
  assert.equal(await texts(file, /\n{2,}/), ["One.", "Two.\nStill two."]);
});

test("loadText() keeps all fields of JSON lines", async () => {
  const file = write("own.jsonl", '{"text":"One.","label":"a"}\n\n{"text":"Two.","label":"b"}\n');
  assert.equal((await loadText(file)).records, [
    { text: "One.", label: "a" },
    { text: "Two.", label: "b" },
  ]);
});

test("loadText() reads the files of a folder in the order of their names, and passes over others", async () => {
  write("many/b.txt", "B");
  write("many/a.md", "A");
  write("many/c.jsonl", '{"text":"C"}\n');
  write("many/picture.png", Buffer.from([0x89, 0x50]));
  write("many/deeper/d.txt", "D");
  assert.equal(await texts(path.join(folder, "many")), ["A", "B", "C"]);
});

test("loadText() says what is wrong with a file, and how to mend it", async () => {
  const missing = await failure(path.join(folder, "nowhere.txt"));
  assert.match(missing.message, "There is no file or folder");
  const latin1 = await failure(write("latin1.txt", Buffer.from("caf\xe9", "latin1")));
  assert.instance(latin1, TypeError);
  assert.match(latin1.message, "not UTF-8");
  assert.match(latin1.message, "iconv");
  const noText = await failure(write("fields.jsonl", '{"text":"One."}\n{"title":"Two."}\n'));
  assert.instance(noText, TypeError);
  assert.match(noText.message, "record 2");
  assert.match(noText.message, '{"title":"Two."}');
  assert.instance(await failure(write("broken.jsonl", '{"text":\n')), SyntaxError);
  assert.match((await failure(write("empty.txt", "\n \n"))).message, "No text in");
});

test.run();
