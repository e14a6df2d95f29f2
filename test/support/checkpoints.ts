/** @file Small published checkpoints for tests: those of the fixtures, and changed copies of them in temporary folders. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { GPT, HostTensor } from "gptlab";
import { readSafetensors, writeSafetensors } from "gptlab";
import * as assert from "uvu/assert";

/** The folder of a checkpoint that PyTorch made, or a file beside it. */
export const checkpoint = (name: string) => path.resolve(import.meta.dirname, "../fixtures/hf", name);

const made: string[] = [];
process.on("exit", () => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** An empty folder that is removed at the end. */
export function temporaryFolder(): string {
  made.push(mkdtempSync(path.join(tmpdir(), "gptlab-model-")));
  return made.at(-1)!;
}

type Json = Record<string, unknown>;

export const readJson = (...parts: string[]) => JSON.parse(readFileSync(path.join(...parts), "utf8")) as Json;

/** A copy of a checkpoint with another config.json; a field that becomes undefined is gone. */
export function withConfig(name: string, change: (json: Json) => Json): string {
  const folder = temporaryFolder();
  copyFileSync(checkpoint(`${name}/model.safetensors`), path.join(folder, "model.safetensors"));
  writeFileSync(path.join(folder, "config.json"), JSON.stringify(change(readJson(checkpoint(name), "config.json"))));
  return folder;
}

/** A copy of a checkpoint with other tensors. */
export async function withTensors(
  name: string,
  change: (tensors: Map<string, HostTensor>) => Map<string, HostTensor>,
): Promise<string> {
  const folder = temporaryFolder();
  copyFileSync(checkpoint(`${name}/config.json`), path.join(folder, "config.json"));
  const { tensors } = await readSafetensors(checkpoint(`${name}/model.safetensors`));
  await writeSafetensors(path.join(folder, "model.safetensors"), change(tensors));
  return folder;
}

/** Both models have the same parameters, but for `tolerance` times the size of each number; below float16's normal numbers, of their smallest. */
export function sameWeights(found: GPT, expected: GPT, tolerance = 0): void {
  const theirs = expected.parameters();
  assert.equal([...found.parameters().keys()], [...theirs.keys()]);
  for (const [name, variable] of found.parameters()) {
    const other = theirs.get(name)!;
    assert.equal(variable.shape, other.shape, name);
    const [a, b] = [variable.dataSync(), other.dataSync()];
    const far = a.findIndex(
      (value, i) => !(Math.abs(value - b[i]!) <= tolerance * Math.max(2 ** -14, Math.abs(b[i]!))),
    );
    assert.is(far, -1, `${name}[${far}] is ${a[far]}, expected ${b[far]}`);
  }
}
