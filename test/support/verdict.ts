/** @file The short story whose token counts are published. It is not ours to commit and no package ships it, so tests on it run only where a reader has put it into the cache. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { cacheDir } from "../../lib/dist/setup/cache.js";

const file = cacheDir("the-verdict.txt");

/** Why the story is missing, for `skip()`. */
export const noVerdict = `the-verdict.txt of the repository rasbt/LLMs-from-scratch (ch02) is not at ${file}`;

/** The story, when the file is there and is the published one. */
export function readVerdict(): string | undefined {
  if (!existsSync(file)) return undefined;
  const bytes = readFileSync(file);
  const hash = createHash("sha256").update(bytes).digest("hex");
  if (!/^b41e41a6.*b31f$/.test(hash))
    throw new Error(`${file} has the SHA-256 ${hash}, expected b41e41a6…b31f. Fetch it again`);
  return bytes.toString("utf8");
}
