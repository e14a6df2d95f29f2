/** @file check(), orReference(), hint(), progress(), table() and show() as a learner meets them: in a notebook, on a terminal, in three languages. */
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TemporaryCourse } from "../../support/course.ts";
import { inKernel, onTerminal } from "../../support/display.ts";

const require = createRequire(import.meta.url);
const { tf } = require("gptlab") as typeof import("gptlab");
const { check, hint, NotImplemented, orReference, profile, progress, show, table } =
  require("gptlab/course") as typeof import("gptlab/course");
await tf.setBackend("cpu");

const test = suite("gptlab/course");
const home = process.cwd();
const before = { ...process.env };
const course = new TemporaryCourse(); // one for all tests: the catalogue and the checks are loaded once

test.before.each(() => {
  process.chdir(course.root);
  process.env.GPTLAB_LANG = "en";
  process.env.GPTLAB_PROGRESS = course.path(`progress-${Date.now()}-${Math.floor(performance.now() * 1000)}.json`);
  delete process.env.GPTLAB_STRICT;
  delete process.env.PROFILE;
});
test.after(() => {
  process.chdir(home);
  process.env = before;
  course.remove();
});

const double = (x: number) => 2 * x;
const squared = (x: number) => x * x;
const stub = () => {
  throw new NotImplemented("double");
};
const text = (shown: readonly { data: Readonly<Record<string, unknown>> }[]) =>
  shown.map(({ data }) => data["text/plain"]).join("\n");

test("check() shows a card with a text form, counts what is solved and remembers it", async () => {
  const [card, ...more] = await inKernel(() => check("double", double));
  assert.is(card?.data["text/plain"], "✓ Double: passed  [#####-----] 1 of 2");
  assert.match(
    String(card?.data["text/html"]),
    /^<div dir="ltr" lang="en" style=".*<strong>✓ <bdi>Double<\/bdi>: passed<\/strong>.*1 of 2/,
  );
  assert.is(more.length, 0);
  const journal = JSON.parse(course.read(String(process.env.GPTLAB_PROGRESS).split("/").at(-1) ?? ""));
  assert.is(journal.double.state, "passed");
  assert.is(journal.double.tries, 1);
});

test("check() three times is fine, and what has passed stays passed", async () => {
  const cards = await inKernel(async () => {
    for (const answer of [squared, double, double, squared, stub]) await check("double", answer);
  });
  assert.equal(
    cards.map(({ data }) => String(data["text/plain"]).split("\n")[0]),
    [
      "✗ Double: not right yet",
      "✓ Double: passed  [#####-----] 1 of 2",
      "✓ Double: passed  [#####-----] 1 of 2",
      "✗ Double: not right yet",
      "○ Double: not yet",
    ],
  );
  assert.match(text(await inKernel(() => progress())), /1 of 2\n.*\n.*\n0\.1 +Double +✓ passed +double/);
});

test("check() says at most three lines: title, facts, mistake; never a stack trace", async () => {
  assert.is(
    await onTerminal(() => check("double", squared)),
    "✗ Double: not right yet\n  double(3) should give 6. Your function gave 9.\n  This is the square of the number.\n",
  );
  const threw = await onTerminal(() =>
    check("double", () => {
      throw new Error("a\nb");
    }),
  );
  assert.is(threw, "✗ Double: not right yet\n  double(3) stopped with an error: Error: a\n");
});

test("check() speaks the notebook's language, right to left, its code left to right", async () => {
  process.env.GPTLAB_LANG = "fa";
  const [card] = await inKernel(() => check("double", squared));
  const html = String(card?.data["text/html"]);
  assert.match(html, /^<div dir="rtl" lang="fa"/);
  assert.match(html, /<code dir="ltr">double\(3\)<\/code> باید <code dir="ltr">6<\/code> بدهد/);
  assert.match(String(card?.data["text/plain"]), /\u2066double\(3\)\u2069/);
});

test("check() throws only in strict mode, and then records nothing", async () => {
  process.env.GPTLAB_STRICT = "1";
  let error: unknown;
  await check("double", stub).catch((thrown: unknown) => (error = thrown));
  assert.instance(error, Error);
  assert.match(String(error), /Double: not yet/);
  await onTerminal(() => check("double", double));
});

test("check() says what keeps it from running: a wrong name, a file that cannot be written", async () => {
  assert.match(
    await onTerminal(() => check("dubble", double)),
    /✗ dubble: not right yet\n {2}The check could not run: There is no exercise "dubble"/,
  );
  process.env.GPTLAB_PROGRESS = "/proc/none/progress.json";
  assert.match(await onTerminal(() => check("double", double)), /✓ Double: passed\nYour progress could not be saved: /);
});

test("check() sets a broken progress file aside and starts a new one", async () => {
  const name = "broken.json";
  course.write(name, "{ not json");
  process.env.GPTLAB_PROGRESS = course.path(name);
  await onTerminal(() => check("double", double));
  assert.is(JSON.parse(course.read(name)).double.state, "passed");
  const aside = readdirSync(course.root).find((file) => file.startsWith("broken.json.broken-"));
  assert.is(course.read(aside ?? ""), "{ not json");
});

test("check() frees the tensors of its work and remarks on those that an answer leaves behind", async () => {
  const leaky = (x: number) => tf.tidy(() => 2 * x) + 0 * tf.keep(tf.scalar(x)).rank;
  const alive = tf.memory().numTensors;
  assert.match(
    await onTerminal(() => check("double", (x: number) => tf.scalar(x).mul(2).arraySync())),
    /^✓ .*\n {2}Right, with one remark: each call leaves tensors in memory that nobody uses \(found 2\)/,
  );
  assert.is(tf.memory().numTensors, alive);
  assert.match(
    await onTerminal(() => check("double", (x: number) => tf.tidy(() => tf.scalar(x).mul(2).arraySync() as number))),
    /^✓ Double: passed {2}\S+ 1 of 2\n$/,
  );
  assert.match(await onTerminal(() => check("double", leaky)), /found 1\)/);
});

test("orReference() gives the learner's function if it passes, else the book's, and says which", async () => {
  let chosen: unknown;
  assert.is(
    await onTerminal(async () => (chosen = await orReference("double", double))),
    "double: the cells below use your function.\n",
  );
  assert.is(chosen, double);
  assert.match(
    await onTerminal(async () => (chosen = await orReference("double", squared))),
    /^double: the cells below use the book's function/,
  );
  assert.is((chosen as typeof double)(5), 10);
  process.env.GPTLAB_STRICT = "1";
  let error: unknown;
  await orReference("double", squared).catch((thrown: unknown) => (error = thrown));
  assert.instance(error, Error);
});

test("hint() shows one level in the language, falls back to English, and says when there is none", async () => {
  assert.is(text(await inKernel(() => hint("double", 2))), "Hint 2 of 3 · Double\nMultiply the number, see `factor`.");
  process.env.GPTLAB_LANG = "fa";
  const [persian] = await inKernel(() => hint("double", 3));
  assert.match(
    String(persian?.data["text/markdown"]),
    /^<div dir="rtl" lang="fa">\n\n.*\n\n<code dir="ltr">x &#42; factor<\/code>/,
  );
  process.env.GPTLAB_LANG = "en";
  assert.match(await onTerminal(() => hint("double", 4 as 3)), /There is no hint 4\. This exercise has 3 hints/);
  assert.match(await onTerminal(() => hint("dubble")), /There is no exercise dubble/);
});

test("profile() gives the numbers of PROFILE and refuses a name that is not there", () => {
  assert.equal(profile("00_toy"), { steps: 2 });
  process.env.PROFILE = "ci";
  assert.equal(profile("00_toy"), { steps: 1 });
  process.env.PROFILE = "huge";
  assert.throws(() => profile("00_toy"), /PROFILE is "huge", expected ci, laptop, gpu/);
  assert.throws(() => profile("99_none"), /no chapter "99_none" in course\.json, only 00_toy/);
});

test("table() shows rows as HTML and as aligned text, and refuses a row that does not fit", async () => {
  const [shown] = await inKernel(() =>
    table(
      [
        ["<the>", 3],
        ["a", 12.3456789],
      ],
      { head: ["token", "count"], caption: "How often" },
    ),
  );
  assert.is(shown?.data["text/plain"], "How often\ntoken    count\n-----  -------\n<the>        3\na      12.3457");
  assert.match(String(shown?.data["text/html"]), /<caption.*How often.*<th scope="col".*<bdi>&lt;the&gt;<\/bdi>/);
  assert.throws(() => table([["a"]], { head: ["token", "count"] }), /needs 2 cells in each row, .* but row 0 has 1/);
});

test("show() carries the picture with its alternative text, the specification and a text form", async () => {
  const figure = { spec: { mark: "bar" }, alt: 'The "loss" falls', toSvg: async () => "<svg>é</svg>" };
  const [shown] = await inKernel(() => show(figure));
  assert.is(shown?.data["text/plain"], '[figure] The "loss" falls');
  assert.equal(shown?.data["application/vnd.vegalite.v5+json"], { mark: "bar" });
  const [, alt, picture = ""] =
    /<img alt="([^"]*)" src="data:image\/svg\+xml;base64,([^"]*)"/.exec(String(shown?.data["text/html"])) ?? [];
  assert.is(alt, "The &quot;loss&quot; falls");
  assert.is(Buffer.from(picture, "base64").toString("utf8"), "<svg>é</svg>");
});

test("outside a course it says so", () => {
  process.chdir("/");
  const { findRoot } = require("../../../lib/dist/course/registry.js");
  assert.is(findRoot("/"), undefined);
});

test.run();
