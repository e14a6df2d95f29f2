/** @file What the last set-up did, kept in the cache so that the next one has nothing to do. A damaged or older file counts as none. */
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { writeWhole } from "../whole_file";
import { cacheDir } from "./cache";

/** What the machine lacks for the native engine. */
const missing = z.enum(["compiler", "python", "package", "download", "build"]);
export type Missing = z.infer<typeof missing>;

const native = z.object({
  outcome: z.literal("native"),
  /** "wheel": libtensorflow of the Python package, add-on built here. "prebuilt": both from the npm package's own download. "found": npm had made it. */
  source: z.enum(["wheel", "prebuilt", "found"]),
  /** The folder in the cache that holds the libraries. */
  folder: z.string(),
  /** The add-on in the cache, which is put back when node_modules was made anew. */
  addon: z.string(),
  /** What runs, such as "libtensorflow 2.21.0 on the CPU, 2 threads". */
  title: z.string(),
  warning: z.string().optional(),
  /** Sizes in bytes of the files that must be there, by path. */
  files: z.record(z.string(), z.number()),
});

const wasm = z.object({
  outcome: z.literal("wasm"),
  missing: z.array(missing),
  /** The one line that was said. */
  line: z.string(),
  /** The compilers that were there: another list is a reason to try again. */
  compilers: z.array(z.string()),
});

const state = z.intersection(
  z.object({ format: z.literal(1), wanted: z.string(), packageVersion: z.string() }),
  z.discriminatedUnion("outcome", [native, wasm]),
);
export type Native = z.infer<typeof native>;
export type Wasm = z.infer<typeof wasm>;
export type SetupState = z.infer<typeof state>;

/** The file that keeps the state. */
export const stateFile = (): string => cacheDir("engine", "state.json");

/** The state of the last set-up, or undefined. */
export function readState(): SetupState | undefined {
  try {
    return state.parse(JSON.parse(readFileSync(stateFile(), "utf8")));
  } catch {
    return undefined;
  }
}

/** Keeps the state for the next set-up. */
export async function writeState(value: SetupState): Promise<void> {
  const path = stateFile();
  mkdirSync(dirname(path), { recursive: true });
  await writeWhole([{ path, chunks: [`${JSON.stringify(value, null, 2)}\n`] }]);
}

/** Sizes of files by path, for `intact`. */
export function sizes(paths: readonly string[]): Record<string, number> {
  return Object.fromEntries(paths.map((path) => [path, statSync(path).size]));
}

/** True when every file is there and as long as it was. */
export function intact(files: Readonly<Record<string, number>>): boolean {
  return Object.entries(files).every(([path, size]) => statSync(path, { throwIfNoEntry: false })?.size === size);
}
