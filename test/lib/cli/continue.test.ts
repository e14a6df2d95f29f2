/** @file The command gptlab continue: what cannot be done is said at once; its runs are tested in pretrain/continued.test.ts. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { makeProject } from "../../support/project.ts";

const test = suite("gptlab continue");
const project = makeProject("unbuilt");
const cache = mkdtempSync(path.join(tmpdir(), "gptlab-continue-"));
test.after(() => {
  project.remove();
  rmSync(cache, { recursive: true, force: true });
});
const gptlab = (...args: string[]) => project.gptlab(["continue", ...args], { GPTLAB_CACHE: cache });

test("a share, a rate or a number of tokens out of its range is refused with what is wanted", async () => {
  for (const [option, value, wanted] of [
    ["--replay", "30", "Give a share of at least 0 and less than 1"],
    ["--tokens", "1.5", "Give a whole number of at least 1"],
    ["--lr", "", "Give a learning rate above 0"],
  ] as const) {
    const { code, stdout, stderr } = await gptlab("course-base", option, value);
    assert.is(code, 1);
    assert.is(stdout, "");
    assert.match(stderr, wanted);
  }
});

test("a model that is not there is refused before data are fetched or an engine is started", async () => {
  const { code, stdout, stderr } = await gptlab("no-such-model");
  assert.equal([code, stdout], [1, ""]);
  assert.match(stderr, /^gptlab: There is no model "no-such-model": looked for [^\n]*\n$/);
});

test("without a model it says what is missing, and the help names the options", async () => {
  assert.match((await gptlab()).stderr, "missing required argument 'model'");
  const { code, stdout } = await gptlab("--help");
  assert.is(code, 0);
  for (const option of ["--domain", "--replay", "--tokens", "--lr", "--run", "--out"]) assert.match(stdout, option);
});

test.run();
