/** @file Builds the native add-on into the cache, and puts it where its npm package looks for it. */
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { compileCommand, SESSION_HEADER } from "./compiler";
import { addonPath } from "./package";
import { buildQuiet, QUIET } from "./quiet";
import { type Runner, run } from "./run";
import type { Native } from "./state";

/** What names one build of the add-on: other sources, other libraries or another place of the cache give another file. */
export function addonName(packageVersion: string, engine: string): string {
  const hash = createHash("sha256").update(engine).update(readFileSync(SESSION_HEADER)).digest("hex").slice(0, 8);
  return `tfjs_binding-${packageVersion}-${hash}.node`;
}

/**
 * Compiles the add-on, unless the cache has it, and gives its path.
 *
 * The compilers are tried in turn. Throws an Error with the first error line of the first one when none succeeds.
 */
export async function buildAddon(options: {
  readonly engine: string;
  readonly package: string;
  readonly packageVersion: string;
  readonly compilers: readonly string[];
  readonly runner?: Runner;
}): Promise<string> {
  const { engine, compilers, runner = run } = options;
  const addon = join(engine, addonName(options.packageVersion, engine));
  if (existsSync(addon)) return addon;
  const output = `${addon}.partial`;
  const headers = (require("node-api-headers") as { include_dir: string }).include_dir;
  const failures: string[] = [];
  for (const compiler of compilers) {
    const { command, args } = compileCommand(compiler, { engine, package: options.package, headers, output });
    const ended = await runner(command, args);
    if (ended.code === 0) {
      await buildQuiet(compiler, { headers, engine, runner });
      renameSync(output, addon);
      return addon;
    }
    const line = ended.output.split("\n").find((text) => /error|cannot|not found|undefined/i.test(text));
    failures.push(`${command}: ${line?.trim() ?? `exit code ${ended.code}`}`);
  }
  rmSync(output, { force: true });
  throw new Error(`the add-on does not compile (${failures[0]})`);
}

/** Puts the add-on and what belongs to it into its package, whole: a process that has the old one loaded keeps it. */
function installAddon(addon: string, packageFolder: string): void {
  const place = addonPath(packageFolder);
  mkdirSync(dirname(place), { recursive: true });
  for (const [from, to] of [
    [join(dirname(addon), QUIET), join(dirname(place), QUIET)],
    [addon, place],
  ] as const) {
    if (!existsSync(from)) continue;
    const temporary = `${to}.${process.pid}.partial`;
    copyFileSync(from, temporary);
    renameSync(temporary, to);
  }
}

/** Puts the npm package's own download, which is kept in the cache, into the package: the add-on and a link to the libraries. */
function installPrebuilt(folder: string, packageFolder: string): void {
  cpSync(join(folder, "lib"), join(packageFolder, "lib"), { recursive: true, dereference: true });
  const deps = join(packageFolder, "deps");
  if (lstatSync(deps, { throwIfNoEntry: false })?.isSymbolicLink() || !existsSync(deps)) {
    rmSync(deps, { force: true });
    symlinkSync(join(folder, "deps"), deps, "junction");
  }
}

/** Puts what the cache keeps into the package; an add-on that npm had made is there already. */
export function install({ source, folder, addon }: Native, packageFolder: string): void {
  if (source === "wheel") installAddon(addon, packageFolder);
  if (source === "prebuilt") installPrebuilt(folder, packageFolder);
}

/** Takes an add-on away that does not work, so that no later process loads it. */
export function removeAddon(packageFolder: string): void {
  rmSync(addonPath(packageFolder), { force: true });
}

/** True when the package holds this very add-on. */
export function isInstalled(addon: string, packageFolder: string): boolean {
  const place = addonPath(packageFolder);
  return existsSync(place) && existsSync(addon) && readFileSync(place).equals(readFileSync(addon));
}
