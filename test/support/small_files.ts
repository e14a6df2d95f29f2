/** @file A program for which no file may grow beyond a size: to it the disk is full. POSIX shells only. */
import { execFile } from "node:child_process";
import { root } from "./repository.ts";

/** Runs a program of the package `gptlab` that can write at most `kilobytes` to a file; gives what it printed. */
export function withFullDisk(kilobytes: number, program: string, env: Readonly<Record<string, string>> = {}) {
  const command = ["-c", 'ulimit -f "$1" && exec "$2" -e "$3"', "sh", String(2 * kilobytes), process.execPath, program];
  return new Promise<string>((resolve, reject) =>
    execFile("sh", command, { cwd: root, env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      error ? reject(new Error(stderr)) : resolve(stdout),
    ),
  );
}
