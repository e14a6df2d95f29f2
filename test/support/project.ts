/** @file A project in a temporary folder that has gptlab installed, with the native package in a state that the test chooses. Only the library's built files and the native package are copied. */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { root } from "./repository.ts";

/** "absent": not installed. "unbuilt": installed, without its add-on. "broken": its add-on is no library. */
export type NativeState = "absent" | "unbuilt" | "broken";

export interface Project {
  readonly folder: string;
  /** Runs a program in the project with `gptlab` in scope and gives what it wrote; it is expected to end by itself. */
  run(program: string, env?: Readonly<Record<string, string | undefined>>): Promise<Ended>;
  /** Runs `gptlab …` of the project. */
  gptlab(args: readonly string[], env?: Readonly<Record<string, string | undefined>>): Promise<Ended>;
  setNative(state: NativeState): void;
  remove(): void;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const modules = path.join(root, "node_modules");

function link(from: string, to: string, leaveOut: readonly string[]): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    if (!leaveOut.includes(name)) symlinkSync(path.join(from, name), path.join(to, name));
  }
}

export function makeProject(native: NativeState): Project {
  const folder = mkdtempSync(path.join(tmpdir(), "gptlab-project-"));
  const own = path.join(folder, "node_modules");
  link(modules, own, ["gptlab", "@tensorflow", ".bin"]);
  link(path.join(modules, "@tensorflow"), path.join(own, "@tensorflow"), ["tfjs-node-gpu"]);
  for (const part of ["package.json", "bin", "dist"]) {
    cpSync(path.join(root, "lib", part), path.join(own, "gptlab", part), { recursive: true });
  }
  writeFileSync(path.join(folder, "package.json"), '{ "private": true }');
  const nativePackage = path.join(own, "@tensorflow/tfjs-node-gpu");
  const setNative = (state: NativeState) => {
    rmSync(nativePackage, { recursive: true, force: true });
    if (state === "absent") return;
    const from = path.join(modules, "@tensorflow/tfjs-node-gpu");
    mkdirSync(nativePackage);
    for (const part of ["package.json", "dist"]) {
      cpSync(path.join(from, part), path.join(nativePackage, part), { recursive: true });
    }
    const nested = path.join(from, "node_modules");
    if (existsSync(nested)) symlinkSync(nested, path.join(nativePackage, "node_modules"));
    if (state === "unbuilt") return;
    const addon = path.join(nativePackage, "lib/napi-v8/tfjs_binding.node");
    mkdirSync(path.dirname(addon), { recursive: true });
    writeFileSync(addon, "this is no library");
  };
  setNative(native);
  return {
    folder,
    setNative,
    run: (program, env = {}) =>
      end(["-e", `const gptlab = require("gptlab");\n(async () => {${program}\n})();`], folder, env),
    gptlab: (args, env = {}) => end([path.join(own, "gptlab/bin/gptlab.js"), ...args], folder, env),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Runs Node to its end; a variable that is undefined is taken out of the environment. */
export function end(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Ended> {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, GPTLAB_BACKEND: undefined, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })));
}
