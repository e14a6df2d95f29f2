/** @file The texts that code shows: complete in three languages, with the same placeholders and the same code, none left over. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { html, plain, text } from "../../lib/dist/course/messages.js";
import { readCourse } from "../../lib/dist/course/registry.js";

const root = path.resolve(import.meta.dirname, "../..");
const folder = (language: string) => path.join(root, "chapters/src/messages", language);
const load = (language: string, file: string): Record<string, string> =>
  JSON.parse(readFileSync(path.join(folder(language), file), "utf8"));
const files = readdirSync(folder("en")).sort();
const { languages, chapters } = readCourse(root);
const test = suite("messages");

test("there is one file for what is common and one for each chapter, in every language", () => {
  const wanted = [...chapters.map(({ id }) => `${id}.json`), "common.json"].sort();
  for (const language of languages) assert.equal(readdirSync(folder(language)).sort(), wanted, language);
});

test("a key stands in one file only, because all files are one catalogue", () => {
  const homes = new Map<string, string[]>();
  for (const file of files)
    for (const key of Object.keys(load("en", file))) homes.set(key, [...(homes.get(key) ?? []), file]);
  assert.equal(
    [...homes].filter(([, where]) => where.length > 1),
    [],
  );
});

for (const file of files) {
  const english = load("en", file);
  for (const language of languages) {
    const own = load(language, file);

    test(`${file}: ${language} has every text`, () => {
      assert.equal(Object.keys(own).sort(), Object.keys(english).sort());
      assert.equal(
        Object.entries(own).filter(([, value]) => typeof value !== "string" || !value.trim()),
        [],
      );
    });

    test(`${file}: ${language} has the same placeholders and the same code`, () => {
      const parts = (value: string) => (value.match(/\{\w+\}|`[^`]+`/g) ?? []).sort();
      const odd = Object.keys(english).filter(
        (key) => parts(own[key] ?? "").join() !== parts(english[key] ?? "").join(),
      );
      assert.equal(odd, []);
    });

    test(`${file}: ${language} has alternative texts that fit, and even backticks`, () => {
      const long = Object.entries(own).filter(([key, value]) => key.endsWith(".alt") && value.length > 250);
      assert.equal(long, []);
      assert.equal(
        Object.entries(own).filter(([, value]) => (value.match(/`/g)?.length ?? 0) % 2 === 1),
        [],
      );
    });
  }

  test(`${file}: Arabic and Persian are not English`, () => {
    const same = Object.keys(english).filter((key) => {
      const letters = (english[key] ?? "").replace(/\{\w+\}|`[^`]+`/g, "").match(/[a-z]{3,}/gi);
      return (
        letters &&
        !key.startsWith("language.") &&
        languages.some((language) => language !== "en" && load(language, file)[key] === english[key])
      );
    });
    assert.equal(same, []);
  });
}

test("Persian is written with Persian letters", () => {
  for (const file of files) {
    const arabicLetters = Object.entries(load("fa", file)).filter(
      ([key, value]) => /[يك]/.test(value) && !key.startsWith("language."),
    );
    assert.equal(arabicLetters, []); // ي and ك look the same in many fonts, but are other letters
  }
});

test("the texts of checks, hints and notebooks are used, and every text that the library names is there", () => {
  const sources = ["lib/src/course", "tools/notebook", "tools/learner", "tools"].flatMap((name) =>
    readdirSync(path.join(root, name))
      .filter((file) => file.endsWith(".ts"))
      .map((file) => readFileSync(path.join(root, name, file), "utf8")),
  );
  const code = sources.join("\n");
  const common = load("en", "common.json");
  const built = [/^check\.head\./, /^progress\.(passed|failed|todo)$/, /^language\./]; // made of parts
  const unused = Object.keys(common).filter(
    (key) => !code.includes(`"${key}"`) && !built.some((pattern) => pattern.test(key)),
  );
  assert.equal(unused, []);
  const named = Array.from(
    code.matchAll(/"((?:check|reference|hint|progress|notebook)\.\w+)"/g),
    ([, key]) => key ?? "",
  );
  assert.equal(
    named.filter((key) => !(key in common) && key !== "progress.json"),
    [],
  );
});

test("text() fills placeholders; in strict mode a missing text or value is an error, else English is shown", () => {
  process.env.GPTLAB_LANG = "en";
  assert.is(text("progress.count", { done: 1, total: 2 }), "1 of 2");
  assert.is(text("no.such.text"), "no.such.text");
  assert.is(text("progress.count", { done: 1 }), "1 of {total}");
  process.env.GPTLAB_STRICT = "1";
  assert.throws(() => text("no.such.text"), /has no text "no\.such\.text"/);
  assert.throws(() => text("progress.count", { done: 1 }), /needs a value for \{total\}, but was given done/);
  delete process.env.GPTLAB_STRICT;
});

test("a message is safe HTML, its code runs from the left, and a text value is isolated", () => {
  const message = { key: "check.threw", values: { call: { code: "f(<b>)" }, error: { code: "Error" } } };
  assert.match(html(message, "ar"), /<code dir="ltr">f\(&lt;b&gt;\)<\/code>/);
  assert.match(html({ key: "check.head.passed", values: { title: "<i>" } }, "en"), /<bdi>&lt;i&gt;<\/bdi>/);
  assert.match(plain(message, "ar"), /\u2066f\(<b>\)\u2069/);
  assert.not.match(plain(message, "en"), /[\u2066-\u2069]/);
});

test("in a card that runs from the right, a name with a hyphen stays on one line; plain text keeps its hyphen", () => {
  assert.match(html({ key: "gelu.quick" }, "ar"), "GPT\u20112");
  assert.match(html({ key: "gelu.quick" }, "en"), "GPT-2");
  assert.match(plain({ key: "gelu.quick" }, "ar"), "GPT-2");
});

test("the glossary names each language", () => {
  assert.ok(existsSync(path.join(root, "docs/glossary.md")));
  const rows = readFileSync(path.join(root, "docs/glossary.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| English"));
  assert.ok(rows.length >= 30);
  for (const row of rows) assert.is(row.split("|").filter((cell) => cell.trim()).length, 3, row);
});

test("every plot of a chapter has its titles and its alternative text in the catalogue", () => {
  for (const { id } of chapters) {
    const source = readFileSync(path.join(root, "chapters/src", `${id}.ts`), "utf8");
    const plots = [...source.matchAll(/titles\("(\w+)"/g)].map(([, name]) => name);
    assert.ok(plots.length > 0, id);
    const english = load("en", `${id}.json`);
    const missing = plots.flatMap((name) =>
      ["title", "x", "y", "alt"].map((part) => `plot.${name}.${part}`).filter((key) => !english[key]?.trim()),
    );
    assert.equal(missing, [], id);
  }
});

test.run();
