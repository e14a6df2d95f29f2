/** @file One set-up at a time on a machine: a file that names the process at work. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

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
    if (owner !== process.pid && isAlive(owner)) {
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
