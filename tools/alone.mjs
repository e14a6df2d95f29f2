/** @file One set-up at a time in a folder: a file that names the process at work. Plain Node, because it runs before anything is installed; `lib/src/lock.ts` does the same for the library. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Does `work` while the file exists. While another process has it, it waits; `onWait` is called once then. */
export async function alone(file, work, onWait) {
  mkdirSync(path.dirname(file), { recursive: true });
  for (let told = false; !make(file); ) {
    const lock = read(file);
    if (lock && !isHeld(lock) && clear(file, lock)) continue;
    if (!told) onWait();
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  try {
    await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** Makes a file with this process's number, unless there is a file. */
function make(file) {
  try {
    writeFileSync(file, `${process.pid}`, { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

/** What a lock file says; undefined when it is gone. */
function read(file) {
  try {
    return { owner: Number(readFileSync(file, "utf8")), written: statSync(file).mtimeMs };
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whether the process that made a lock file lives. A file without a number is young, or was left behind. */
function isHeld({ owner, written }) {
  if (!owner) return Date.now() - written < 5000;
  try {
    process.kill(owner, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM"; // it lives and belongs to somebody else
  }
}

/**
 * Removes a file that was left behind, if it is still the same. Several processes may have found it, and the first may have made its own
 * meanwhile: so whoever removes it claims just this file before it looks again. False when another process has the claim.
 */
function clear(file, { owner, written }) {
  const claim = `${file}.${owner}.${written}`;
  if (!make(claim)) return false;
  try {
    const now = read(file);
    if (now?.owner === owner && now.written === written) rmSync(file);
    return true;
  } finally {
    rmSync(claim, { force: true });
  }
}
