/** @file Finds a C++ compiler and writes the one command that builds the native add-on. It runs nothing. */
import { accessSync, constants } from "node:fs";
import { delimiter, join, resolve } from "node:path";

/** True when a program of this name is on the PATH (or the name is a path of one). */
export function onPath(name: string, env: NodeJS.ProcessEnv = process.env): boolean {
  const folders = name.includes("/") ? [""] : (env.PATH ?? "").split(delimiter).filter(Boolean);
  return folders.some((folder) => {
    try {
      accessSync(folder ? join(folder, name) : name, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The C++ compilers at hand, best first: `CXX` (which may carry arguments), then c++, g++, clang++. */
export function compilers(env: NodeJS.ProcessEnv = process.env): readonly string[] {
  const named = env.CXX?.trim();
  const all = [...(named ? [named] : []), "c++", "g++", "clang++"];
  return [...new Set(all)].filter((command) => onPath(command.split(/\s+/, 1)[0]!, env));
}

/** What is compiled ahead of the add-on's own source: sessions that take options. */
export const SESSION_HEADER = resolve(__dirname, "../../native/session.h");

/** Where things are for one build of the add-on. */
export interface BuildFolders {
  /** The folder that holds `tensorflow/libtensorflow_cc.so.2` and `tensorflow/include`. */
  readonly engine: string;
  /** The installed npm package with the sources. */
  readonly package: string;
  /** The headers of Node's N-API, from the npm package `node-api-headers`. */
  readonly headers: string;
  /** The file to write. */
  readonly output: string;
}

/**
 * The command that compiles and links the add-on.
 *
 * It needs neither node-gyp nor Node's own headers, because the add-on uses only N-API, which is the same in every Node.
 * The folder of the libraries is written into the add-on, so no variable has to be set to find them.
 */
export function compileCommand(compiler: string, folders: BuildFolders): { command: string; args: string[] } {
  const [command, ...own] = compiler.split(/\s+/);
  const libraries = join(folders.engine, "tensorflow");
  const source = (name: string) => join(folders.package, "binding", name);
  return {
    command: command!,
    args: [
      ...own,
      ...["-O2", "-std=c++17", "-shared", "-fPIC", "-DNAPI_VERSION=8"],
      ...["-I", folders.headers, "-I", join(libraries, "include"), "-I", folders.package],
      ...["-include", SESSION_HEADER],
      ...[source("tfjs_backend.cc"), source("tfjs_binding.cc"), "-o", folders.output],
      ...[join(libraries, "libtensorflow_cc.so.2"), join(libraries, "libtensorflow_framework.so.2")],
      `-Wl,-rpath,${libraries}`,
    ],
  };
}
