/** @file Whether a process is still at work: files that are not finished carry its number. Nothing is stopped here. */
import { existsSync, readFileSync } from "node:fs";

/** Whether there is a process with this number, also one of another user. One that was killed and waits for its parent counts as gone. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 only asks
    const status = `/proc/${pid}/stat`;
    return !(existsSync(status) && readFileSync(status, "utf8").includes(") Z "));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
