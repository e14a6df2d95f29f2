/** @file cacheDir(): which variable decides. */
import { homedir } from "node:os";
import path from "node:path";
import { cacheDir } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("cacheDir()");
const { GPTLAB_CACHE, XDG_CACHE_HOME } = process.env;
function set(gptlab: string, xdg: string): void {
  process.env.GPTLAB_CACHE = gptlab;
  process.env.XDG_CACHE_HOME = xdg;
}
test.after(() => {
  for (const [name, value] of Object.entries({ GPTLAB_CACHE, XDG_CACHE_HOME })) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

test("cacheDir() takes GPTLAB_CACHE, then XDG_CACHE_HOME, then the home folder", () => {
  set("/one", "/two");
  assert.is(cacheDir("engine", "x"), "/one/engine/x");
  set("", "/two");
  assert.is(cacheDir("engine"), "/two/gptlab/engine");
  set("", "");
  assert.is(cacheDir(), path.join(homedir(), ".cache/gptlab"));
});

test("cacheDir() is absolute, whatever the variable says", () => {
  set("here/cache", "");
  assert.is(cacheDir("a"), path.resolve("here/cache/a"));
});

test.run();
