/** @file The npm package whose add-on is built: finds it, or installs it into the user's project, where it is an optional dependency. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { lastLine, type Runner, run } from "./run";

/** The npm package that connects TensorFlow.js with libtensorflow. */
export const NATIVE_PACKAGE = "@tensorflow/tfjs-node-gpu";

/** The version that gptlab is made for. */
export const NATIVE_VERSION = "4.22.0";

/** Where the package is, and its version. */
export interface NativePackage {
  readonly folder: string;
  readonly version: string;
}

/** The installed package, or undefined. */
export function nativePackage(): NativePackage | undefined {
  try {
    const file = require.resolve(`${NATIVE_PACKAGE}/package.json`);
    const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
    return { folder: dirname(file), version };
  } catch {
    return undefined;
  }
}

/** Where the package looks for its add-on, on every version of Node that gptlab runs on. */
export function addonPath(packageFolder: string): string {
  return join(packageFolder, "lib", "napi-v8", "tfjs_binding.node");
}

/** The nearest folder from here upwards that has a package.json, or undefined. */
export function projectFolder(start: string = process.cwd()): string | undefined {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/**
 * Installs the package into the project here, without its own install script, and gives it.
 *
 * Throws an Error when there is no project here, when npm fails, or when gptlab itself is installed elsewhere and cannot see it.
 */
export async function installPackage({ runner = run }: { readonly runner?: Runner } = {}): Promise<NativePackage> {
  const project = projectFolder();
  if (!project) throw new Error(`no package.json here or above ${process.cwd()}`);
  const npm = process.env.npm_execpath?.endsWith(".js") ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const what = [
    "install",
    "--save-optional",
    "--save-exact",
    "--ignore-scripts",
    `${NATIVE_PACKAGE}@${NATIVE_VERSION}`,
  ];
  const [command, ...args] = [...npm, ...what, "--no-audit", "--no-fund", "--loglevel=error"];
  const { code, output } = await runner(command!, args, { cwd: project });
  if (code !== 0) throw new Error(`npm could not install ${NATIVE_PACKAGE}: ${lastLine(output)}`);
  const found = nativePackage();
  if (!found)
    throw new Error(
      `${NATIVE_PACKAGE} is now in ${project}, but gptlab is installed elsewhere; install gptlab in the same project`,
    );
  return found;
}
