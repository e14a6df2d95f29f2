/** @file Brings libtensorflow into the cache: fetches pinned wheels one after the other and keeps only what a C++ program needs. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import type { ProgressReporter } from "../progress";
import { cacheDir } from "./cache";
import { downloadWheel, unpackWheel } from "./python";
import { intact } from "./state";
import type { EngineFiles } from "./wheels";

/** The libraries, the headers of the C interface, CUDA's libraries with the programs they call, and the licences. */
const NEEDED = new RegExp(
  [
    "^tensorflow/libtensorflow_(cc|framework)\\.so",
    "^tensorflow/include/(LICENSE|tensorflow/c/|tensorflow/core/platform/|tsl/|xla/tsl/)",
    "^tensorflow/THIRD_PARTY",
    "^nvidia/[^/]+/(lib|bin|nvvm)/",
    "\\.dist-info/.*[Ll]icen[cs]e",
  ].join("|"),
);

/** What fetching needs from outside; tests hand in another. */
export interface Downloader {
  readonly download: typeof downloadWheel;
  readonly unpack: typeof unpackWheel;
  /** Free bytes where the cache is. */
  readonly free: (folder: string) => Promise<number>;
}

const pip: Downloader = {
  download: downloadWheel,
  unpack: unpackWheel,
  free: (folder) => statfs(folder).then(({ bavail, bsize }) => bavail * bsize),
};

/** The folder of one build of libtensorflow in the cache. It is there whole or not at all. */
export const engineFolder = (engine: EngineFiles): string => cacheDir("engine", engine.key);

/** The sizes of the libraries, kept beside them. */
const SIZES = "sizes.json";

/** True when the cache holds this build and none of its libraries has been cut or lost. */
export function hasEngine(engine: EngineFiles): boolean {
  const folder = engineFolder(engine);
  if (!existsSync(join(folder, SIZES))) return false;
  const kept = JSON.parse(readFileSync(join(folder, SIZES), "utf8")) as Record<string, number>;
  return intact(Object.fromEntries(Object.entries(kept).map(([path, size]) => [join(folder, path), size])));
}

function librarySizes(folder: string): Record<string, number> {
  const all = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const libraries = all.filter((path) => /\.so(\.\d+)*$/.test(path));
  return Object.fromEntries(libraries.map((path) => [path, statSync(join(folder, path)).size]));
}

/**
 * Fetches libtensorflow into the cache, unless it is there, and gives its folder.
 *
 * A killed run leaves only a folder that ends in ".partial"; the next one goes on after the last wheel that was done.
 * Throws an Error when the disk is too full or a wheel cannot be had.
 */
export async function fetchEngine(
  engine: EngineFiles,
  {
    onProgress,
    pip: { download, unpack, free } = pip,
  }: { readonly onProgress: ProgressReporter; readonly pip?: Downloader },
): Promise<string> {
  const folder = engineFolder(engine);
  if (hasEngine(engine)) return folder;
  rmSync(folder, { recursive: true, force: true });
  const partial = `${folder}.partial`;
  const done = (name: string) => join(partial, `${name}.done`);
  mkdirSync(partial, { recursive: true });

  const rest = engine.wheels.filter((wheel) => !existsSync(done(wheel.package)));
  const bytes = (wheels: EngineFiles["wheels"]) => wheels.reduce((sum, wheel) => sum + (wheel.bytes ?? 0), 0);
  const total = bytes(engine.wheels);
  const needed = (engine.space * bytes(rest)) / total;
  const available = await free(partial);
  if (available < needed) {
    const gigabytes = (n: number) => (n / 1e9).toFixed(1);
    throw new Error(
      `${folder} needs ${gigabytes(needed)} GB of free disk, found ${gigabytes(available)} GB; set GPTLAB_CACHE to a folder on another disk`,
    );
  }
  let before = total - bytes(rest);
  for (const wheel of rest) {
    const packed = join(partial, "packed");
    rmSync(packed, { recursive: true, force: true });
    mkdirSync(packed);
    const file = await download(wheel, packed, {
      label: engine.title,
      onProgress: (p) => onProgress({ ...p, done: before + p.done, total }),
    });
    await unpack(file, partial, { only: NEEDED });
    rmSync(packed, { recursive: true });
    writeFileSync(done(wheel.package), `${wheel.version}\n`);
    before += wheel.bytes ?? 0;
  }
  writeFileSync(join(partial, SIZES), JSON.stringify(librarySizes(partial), null, 2));
  renameSync(partial, folder);
  return folder;
}
