import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as fc from "fast-check";
import { type JsonRecord, readJsonl, writeJsonl } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { anyText } from "../../support/text.ts";

const test = suite("JSON Lines");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-jsonl-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, "records.jsonl");

async function all(content?: string | Uint8Array): Promise<JsonRecord[]> {
  if (content !== undefined) writeFileSync(file, content);
  const records: JsonRecord[] = [];
  for await (const record of readJsonl(file)) records.push(record);
  return records;
}

async function failure(content: string | Uint8Array): Promise<Error> {
  return all(content).then(
    () => assert.unreachable("it was read") as never,
    (error: Error) => error,
  );
}

test("readJsonl() reads what writeJsonl() wrote", async () => {
  const record = fc.record({ text: anyText, n: fc.integer(), list: fc.array(fc.boolean()) }, { noNullPrototype: true });
  await fc.assert(
    fc.asyncProperty(fc.array(record, { maxLength: 8 }), async (records) => {
      assert.is(await writeJsonl(file, records), records.length);
      assert.equal(await all(), records);
    }),
    { numRuns: 40 },
  );
});

test("readJsonl() does not break lines at U+2028 and U+2029, which JSON text may hold", async () => {
  assert.equal(await all('{"a":"x\u2028y\u2029z\u0085"}\n'), [{ a: "x\u2028y\u2029z\u0085" }]);
});

test("readJsonl() passes over a byte order mark, empty lines, Windows line ends and a missing last line end", async () => {
  assert.equal(await all('\ufeff{"a":1}\r\n\n   \n{"a":2}\n\n{"a":3}'), [{ a: 1 }, { a: 2 }, { a: 3 }]);
  assert.equal(await all(""), []);
});

test("readJsonl() joins characters and lines that are cut between two reads", async () => {
  const records = Array.from({ length: 3 }, (_, i) => ({ i, text: "é🙂".repeat(40_000) })); // 240 kB a line, odd lengths
  await writeJsonl(file, records);
  assert.equal(await all(), records);
});

test("readJsonl() names the line and what it found", async () => {
  const cases: [string, RegExp][] = [
    ['{"a":1}\n\n{"a":', /records\.jsonl line 3 should be one JSON object, but is \{"a":$/],
    ['{"a":1}\n[1,2]\n', /line 2 should be one JSON object, but is \[1,2\]$/],
    ["null", /line 1 should be one JSON object, but is null$/],
    [`{"a":1}\n${"x".repeat(500)}`, /line 2 should be one JSON object, but is x{60}… \(500 characters\)$/],
  ];
  for (const [content, message] of cases) {
    const error = await failure(content);
    assert.instance(error, SyntaxError);
    assert.match(error.message, message);
  }
});

test("readJsonl() gives the records before a broken line", async () => {
  writeFileSync(file, '{"a":1}\nbroken\n');
  const seen: unknown[] = [];
  try {
    for await (const record of readJsonl(file)) seen.push(record["a"]);
    assert.unreachable("it was read");
  } catch (error) {
    assert.match(String(error), /line 2/);
  }
  assert.equal(seen, [1]);
});

test("readJsonl() refuses bytes that are not UTF-8", async () => {
  const error = await failure(Buffer.concat([Buffer.from('{"a":"'), Buffer.of(0xff), Buffer.from('"}\n')]));
  assert.match(error.message, /should be UTF-8 text, but has other bytes on line 1 or soon after/);
});

test("readJsonl() says that a file is missing", async () => {
  await readJsonl(path.join(folder, "none.jsonl"))
    .next()
    .then(
      () => assert.unreachable("it was read"),
      (error: unknown) => assert.match(String(error), /ENOENT.*none\.jsonl/),
    );
});

test("writeJsonl() takes a stream, and keeps the old file when a record cannot be written", async () => {
  async function* records(): AsyncGenerator<object> {
    for (let i = 0; i < 20_000; i++) yield { i };
  }
  assert.is(await writeJsonl(file, records()), 20_000);
  const before = readFileSync(file, "utf8");
  const circular: { self?: object } = {};
  circular.self = circular;
  const refused: [object[], RegExp][] = [
    [[{ a: 1 }, { big: 1n }], /cannot write record 1 as JSON/],
    [[circular], /cannot write record 0 as JSON/],
    [[{ a: 1 }, [2]], /needs objects, but record 1 is \[2\]/],
  ];
  for (const [bad, message] of refused) {
    await writeJsonl(file, bad).then(
      () => assert.unreachable("it was written"),
      (error: unknown) => {
        assert.instance(error, TypeError);
        assert.match((error as Error).message, message);
      },
    );
  }
  assert.is(readFileSync(file, "utf8"), before);
  assert.equal(readdirSync(folder), ["records.jsonl"]);
});

test.run();
