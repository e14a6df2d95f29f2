import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { datasetNames, fetchDatasets, loadDataset, type Progress } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadRecipe } from "../../../lib/dist/data/load.js";
import { cachedPath } from "../../../lib/dist/data/prepare.js";
import { type Answer, PACKAGE, type Registry, startRegistry } from "../../support/registry.ts";
import { root } from "../../support/repository.ts";

const test = suite("loadDataset");
const before = { ...process.env };
let folder: string;
let registry: Registry;

test.before.each(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "gptlab-load-"));
  registry = await startRegistry(folder);
  Object.assign(process.env, registry.env, { GPTLAB_CACHE: path.join(folder, "cache") });
});
test.after.each(async () => {
  await registry.close();
  process.env = { ...before };
  rmSync(folder, { recursive: true, force: true });
});

const load = (reports: Progress[] = []) =>
  loadRecipe(registry.recipe, { onProgress: (p: Progress) => reports.push(p) });
const failure = () =>
  load().then(
    () => {
      throw new Error("it loaded");
    },
    (error: Error) => error,
  );
/** What lies in the cache of the set beside the finished file: nothing may stay behind. */
const leftovers = () => readdirSync(path.join(folder, "cache/data/fixture")).filter((name) => name !== "1.0.0");

function child(): ChildProcess {
  const recipe = JSON.stringify({ ...registry.recipe, files: registry.recipe.files.source });
  return spawn(process.execPath, [path.join(root, "test/support/load_child.mjs"), recipe]);
}
const ended = (process: ChildProcess) =>
  new Promise<string>((resolve) => {
    let output = "";
    process.stdout?.on("data", (chunk) => (output += chunk));
    process.stderr?.on("data", (chunk) => (output += chunk));
    process.on("close", () => resolve(output));
  });

test("loadDataset() gives the records of the wanted files, with licence and source", async () => {
  const dataset = await load();
  assert.equal(
    dataset.records.map(({ name }) => name),
    [`${PACKAGE}/data/a.txt`, `${PACKAGE}/data/b.txt`, `${PACKAGE}/data/noise.txt`],
  );
  assert.is(dataset.records[1]?.text, "The second river was wide.\u2028It had two banks.");
  assert.is(dataset.licence, "CC0");
  assert.is(dataset.source, `npm:${PACKAGE}@1.0.0`);
  assert.is(dataset.path, path.join(folder, "cache/data/fixture/1.0.0"));
  assert.equal(leftovers(), []);
});

test("loadDataset() needs no registry the second time", async () => {
  const first = await load();
  await registry.close();
  assert.equal((await load()).records, first.records);
});

test("loadDataset() reports bytes up to the whole download", async () => {
  const reports: Progress[] = [];
  await load(reports);
  const last = reports.at(-1)!;
  assert.is(last.label, "Fetching fixture");
  assert.is(last.done, registry.recipe.sources[0]?.bytes);
  assert.is(last.total, last.done);
  reports.length = 0;
  await load(reports);
  assert.equal(reports, [], "nothing is fetched, so nothing is reported");
});

for (const [answer, what] of [
  ["cut", "was cut"],
  ["changed", "has another hash"],
] as [Answer, string][]) {
  test(`loadDataset() fetches again when a download ${what}`, async () => {
    registry.answers = [answer, "whole"];
    assert.is((await load()).records.length, 3);
    assert.is(registry.requests(), 2);
  });

  test(`loadDataset() gives up in words when every download ${what}, and keeps nothing`, async () => {
    registry.answers = [answer];
    const { message } = await failure();
    assert.match(message, `Could not fetch the data set "fixture": npm package ${PACKAGE} 1.0.0`);
    assert.match(message, answer === "changed" ? "another hash than the recipe" : "The reason:");
    assert.match(message, "loadText(path)");
    assert.not(existsSync(cachedPath(registry.recipe)));
    assert.equal(leftovers(), []);
  });
}

test("loadDataset() says what to do when the package is not there", async () => {
  registry.answers = ["missing"];
  const { message } = await failure();
  assert.match(message, "E404");
  assert.is(registry.requests(), 1, "asking again at once would be useless");
});

test("loadDataset() says what was tried and what to do without a connection", async () => {
  await registry.close();
  const { message } = await failure();
  assert.match(message, "ECONNREFUSED");
  assert.match(message, "npx gptlab data fixture");
  assert.match(message, path.join(folder, "cache"));
});

const damages: Record<string, (whole: Buffer) => Buffer> = {
  "was cut": (whole) => whole.subarray(0, whole.length - 100),
  "lost its last line": (whole) => whole.subarray(0, whole.lastIndexOf(10, whole.length - 2) + 1),
  "has one other byte": (whole) => Buffer.from(whole).fill("X", 40, 41),
  "was emptied": () => Buffer.alloc(0),
};
for (const [what, damage] of Object.entries(damages)) {
  test(`loadDataset() makes the cached file again when it ${what}`, async () => {
    await load();
    const file = cachedPath(registry.recipe);
    const whole = readFileSync(file);
    writeFileSync(file, damage(whole));
    assert.is((await load()).records.length, 3);
    assert.equal(readFileSync(file), whole);
  });
}

test("loadDataset() does without npm's cache when that is damaged", async () => {
  await load();
  rmSync(path.join(folder, "cache"), { recursive: true });
  const contents = path.join(folder, "npm/_cacache/content-v2");
  for (const entry of readdirSync(contents, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) writeFileSync(path.join(entry.parentPath, entry.name), "damaged");
  assert.is((await load()).records.length, 3);
});

test("loadDataset() goes on after a load that was killed in the middle, and removes its rest", async () => {
  registry.answers = ["stuck", "whole"];
  const killed = child();
  await new Promise<void>((resolve) => killed.stdout?.on("data", () => resolve())); // half of it is there
  killed.kill("SIGKILL");
  await ended(killed);
  assert.is(leftovers().length, 1, "the killed process could not clean up");
  assert.not(existsSync(cachedPath(registry.recipe)));
  assert.is((await load()).records.length, 3);
  assert.equal(leftovers(), []);
});

test("loadDataset() leaves the work of a living process alone", async () => {
  const other = path.join(folder, "cache/data/fixture", `.${process.ppid}-other`);
  mkdirSync(other, { recursive: true });
  await load();
  assert.ok(existsSync(other));
});

test("two loads at once in one process share one download", async () => {
  const [a, b] = await Promise.all([load(), load()]);
  assert.equal(a.records, b.records);
  assert.is(registry.requests(), 1);
});

test("two processes that load at once both get the whole set", async () => {
  const outputs = await Promise.all([ended(child()), ended(child())]);
  for (const output of outputs) assert.match(output, "loaded 3");
  assert.equal(leftovers(), []);
});

test("a recipe whose records are others than it declares fails with both numbers, and keeps nothing", async () => {
  const { message } = await loadRecipe({
    ...registry.recipe,
    convert: () => [{ text: "something else" }],
  }).then(
    () => {
      throw new Error("it loaded");
    },
    (error: Error) => error,
  );
  assert.match(message, '"records":3');
  assert.match(message, 'found {"records":1,"characters":14,');
  assert.not(existsSync(cachedPath(registry.recipe)));
});

test("loadDataset() names the known sets when the name is unknown", async () => {
  const error = await loadDataset("moby").catch((e: unknown) => e);
  assert.instance(error, RangeError);
  for (const name of datasetNames()) assert.match((error as Error).message, name);
});

test("fetchDatasets() refuses an unknown name before it fetches anything", async () => {
  const error = await fetchDatasets(["udhr", "moby"]).catch((e: unknown) => e);
  assert.instance(error, RangeError);
  assert.not(existsSync(path.join(folder, "cache")));
});

test("fetchDatasets() tries all and tells each failure", async () => {
  const error = (await fetchDatasets(["udhr", "moby-dick"]).catch((e: unknown) => e)) as AggregateError;
  assert.instance(error, AggregateError); // this registry has neither
  assert.is(error.errors.length, 2);
  assert.match(error.message, '"udhr"');
  assert.match(error.message, '"moby-dick"');
});

test.run();
