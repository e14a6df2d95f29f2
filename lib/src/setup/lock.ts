/** @file One set-up at a time on a machine: a file that names the process at work. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** How old a file without a name must be before it counts as left behind, in milliseconds: naming takes a moment. */
const NAMED_WITHIN = 5000;

/** Whether the process that made the file is still at work. */
function isHeld(path: string, owner: number): boolean {
  if (owner > 0) return owner !== process.pid && isAlive(owner);
  return Date.now() - statSync(path).mtimeMs < NAMED_WITHIN; // killed after it had made the file, before it wrote its number
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A killed process answers until its parent has taken note.
    return !(existsSync(`/proc/${pid}/stat`) && readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z "));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Does `work` while the file exists. A file left by a killed process is taken over. Throws an Error when another process is at work. */
export async function locked<T>(path: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  const mine = { flag: "wx" };
  try {
    writeFileSync(path, `${process.pid}\n`, mine);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const owner = Number(readFileSync(path, "utf8"));
    if (isHeld(path, owner)) {
      throw new Error(
        `Another gptlab setup is at work (process ${owner}). Wait for it; if there is none, delete ${path}.`,
      );
    }
    rmSync(path);
    writeFileSync(path, `${process.pid}\n`, mine);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}
