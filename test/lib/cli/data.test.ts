import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { datasetNames } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { startRegistry } from "../../support/registry.ts";
import { root } from "../../support/repository.ts";

const test = suite("gptlab data");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-cli-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `gptlab data …` with an empty cache, and gives its exit code and all that it wrote. */
function gptlab(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const command = [path.join(root, "lib/bin/gptlab.js"), "data", ...args];
  const child = spawn(process.execPath, command, { env: { ...process.env, GPTLAB_CACHE: folder, ...env } });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  return new Promise<{ code: number | null; output: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, output })),
  );
}

test("gptlab data --list says of each set what it is and whether it is here", async () => {
  const { code, output } = await gptlab(["--list"]);
  assert.is(code, 0);
  for (const name of datasetNames()) assert.match(output, new RegExp(`^${name} `, "m"));
  assert.is(output.match(/not here, [\d.]+ MB to fetch/g)?.length, datasetNames().length);
});

test("gptlab data fails in one message for an unknown name, and for a set that cannot be had", async () => {
  const registry = await startRegistry(folder); // it has none of the course's packages
  const answers = await Promise.all([gptlab(["moby"], registry.env), gptlab(["udhr"], registry.env)]);
  await registry.close();
  assert.equal(
    answers.map(({ code }) => code),
    [1, 1],
  );
  assert.match(answers[0].output, 'gptlab: There is no data set called "moby"');
  assert.match(answers[1].output, 'gptlab: Could not fetch the data set "udhr"');
  for (const { output } of answers) assert.not.match(output, /\n\s+at /, "no stack trace");
});

test.run();
