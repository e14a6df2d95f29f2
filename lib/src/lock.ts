/** @file One process at a time at a piece of work: a file that names the one at work. `tools/alone.mjs` does the same before the library is there. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isAlive } from "./alive";

/** How old a file without a name must be before it counts as left behind, in milliseconds: naming takes a moment. */
const NAMED_WITHIN = 5000;

/** What a lock file says. */
interface Lock {
  /** Number of the process; 0 before it is written. */
  readonly owner: number;
  /** Milliseconds since 1970. */
  readonly written: number;
}

/** Does `work` while the file exists. A file left by a killed process is taken over. Throws an Error that names `what` when another process is at work. */
export async function locked<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  while (!make(path)) {
    const lock = read(path);
    if (lock && (isHeld(lock) || !clear(path, lock)))
      throw new Error(
        `Another ${what} is at work (process ${lock.owner}). Wait for it; if there is none, delete ${path}.`,
      );
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** Makes a file with this process's number, unless there is a file. */
function make(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid}\n`, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Undefined when the file is gone. */
function read(path: string): Lock | undefined {
  try {
    return { owner: Number(readFileSync(path, "utf8")), written: statSync(path).mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whether the process that made the file is still at work. */
function isHeld({ owner, written }: Lock): boolean {
  if (owner > 0) return owner !== process.pid && isAlive(owner);
  return Date.now() - written < NAMED_WITHIN; // killed after it had made the file, before it wrote its number
}

/**
 * Removes a file that was left behind, if it is still the same. Several processes may have found it, and the first may have made its own
 * meanwhile: so whoever removes it claims just this file before it looks again. False when another process has the claim.
 */
function clear(path: string, { owner, written }: Lock): boolean {
  const claim = `${path}.${owner}.${written}`;
  if (!make(claim)) return false;
  try {
    const now = read(path);
    if (now?.owner === owner && now.written === written) rmSync(path);
    return true;
  } finally {
    rmSync(claim, { force: true });
  }
}
