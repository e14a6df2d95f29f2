/**
 * @file The npm package's own download of libtensorflow (2.9.1) and add-on: for machines without a compiler, and for macOS and
 * Windows, where it is untested. Its script rewrites its own package, so it works on a copy.
 */
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { cacheDir } from "./cache";
import { addonPath } from "./package";
import { type Runner, run } from "./run";

/** Seconds that the download may take. */
const LIMIT = 120;

/** Which download, and for which installed package. */
export interface Prebuilt {
  readonly package: string;
  readonly packageVersion: string;
  readonly gpu: boolean;
}

/** Where the cache keeps it. */
export function prebuiltFolder({ gpu, packageVersion }: Prebuilt): string {
  return cacheDir("engine", `prebuilt-${gpu ? "gpu" : "cpu"}-${packageVersion}-${process.platform}-${process.arch}`);
}

/** The node_modules folders that a package in `folder` sees, nearest first. */
function modulePath(folder: string): string[] {
  const found = [join(folder, "node_modules")];
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    if (basename(at) === "node_modules") found.push(at);
  }
  return found.filter(existsSync);
}

/**
 * Runs the package's own install script in a copy of it, and gives the folder in the cache that then holds `lib` and `deps`.
 *
 * Throws an Error that says in one line why the download failed. The installed package is not touched.
 */
export async function fetchPrebuilt(options: Prebuilt & { readonly runner?: Runner }): Promise<string> {
  const { gpu, runner = run } = options;
  const folder = prebuiltFolder(options);
  if (existsSync(folder)) return folder;
  const copy = `${folder}.partial`;
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(dirname(copy), { recursive: true });
  const built = ["lib", "deps"].map((part) => join(options.package, part));
  cpSync(options.package, copy, { recursive: true, filter: (source) => !built.includes(source) });

  const modules = modulePath(options.package);
  const env = {
    ...process.env,
    NODE_PATH: modules.join(delimiter),
    PATH: [...modules.map((place) => join(place, ".bin")), process.env.PATH].join(delimiter),
  };
  const script = join("scripts", "install.js");
  const { code, output } = await runner(process.execPath, [script, gpu ? "gpu" : "cpu", "download"], {
    cwd: copy,
    env,
    limit: LIMIT,
  });
  if (code !== 0 || !existsSync(addonPath(copy))) {
    rmSync(copy, { recursive: true, force: true });
    throw new Error(`the prebuilt download failed: ${reason(output, code)}`);
  }
  renameSync(copy, folder);
  return folder;
}

/** The line that tells most about a failed download: where it was ended, else the first error, else the last line. */
export function reason(output: string, code: number): string {
  const lines = output
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const telling =
    lines.find((line) => line.startsWith("ended after")) ??
    lines.find((line) => /^(Uncaught )?\w*Error: /.test(line)) ??
    lines.find((line) => /\b(ERR!?|error)\b/i.test(line)) ??
    lines.at(-1);
  return (telling ?? `exit code ${code}`).replace(/^(Uncaught )?Error: /, "").slice(0, 160);
}
