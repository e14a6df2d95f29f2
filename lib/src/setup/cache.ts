/** @file Where gptlab keeps what it downloads and builds. It names folders; it does not make or remove them. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/**
 * The folder for cached files, and a path inside it.
 *
 * It is `GPTLAB_CACHE` when that is set, else `gptlab` in `XDG_CACHE_HOME`, else `~/.cache/gptlab`.
 * The variables are read at each call, so a test can point them elsewhere.
 *
 * @example
 * import { cacheDir } from "gptlab";
 * process.env.GPTLAB_CACHE = "/data/gptlab";
 * cacheDir("engine"); // => "/data/gptlab/engine"
 */
export function cacheDir(...parts: readonly string[]): string {
  const { GPTLAB_CACHE, XDG_CACHE_HOME } = process.env;
  return join(
    GPTLAB_CACHE ? resolve(GPTLAB_CACHE) : join(XDG_CACHE_HOME || join(homedir(), ".cache"), "gptlab"),
    ...parts,
  );
}
