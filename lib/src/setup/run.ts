/** @file Runs another program to its end and gives what it wrote. It shows nothing and throws nothing. */
import { spawn } from "node:child_process";

/** How a program ended. */
export interface Ended {
  /** Its exit code; -1 when it could not be started, or a signal ended it. */
  readonly code: number;
  /** All that it wrote, on both channels. */
  readonly output: string;
  /** The signal that ended it, if one did. */
  readonly signal?: NodeJS.Signals;
}

/** Options of `run`. */
export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Seconds after which the program and its children are ended. Default: no limit. */
  readonly limit?: number;
}

/** Starts programs; tests hand in another one. */
export type Runner = (command: string, args: readonly string[], options?: RunOptions) => Promise<Ended>;

/** Runs a program without a shell and without input. */
export const run: Runner = (command, args, { env = process.env, cwd = process.cwd(), limit } = {}) =>
  new Promise((resolve) => {
    const group = limit !== undefined && process.platform !== "win32";
    const child = spawn(command, args, {
      env,
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
      detached: group,
    });
    let output = "";
    let late = false;
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const end = () => {
      late = true;
      if (group && child.pid) process.kill(-child.pid, "SIGKILL");
      else child.kill("SIGKILL");
    };
    const timer = limit === undefined ? undefined : setTimeout(end, limit * 1000);
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ code: -1, output: error.message });
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (late) output += `\nended after ${limit} seconds`;
      resolve({ code: code ?? -1, output, ...(signal && { signal }) });
    });
  });

/** The last line that a program wrote, which mostly says why it failed. */
export function lastLine(output: string): string {
  return output.trim().split("\n").at(-1)?.trim() || "it said nothing";
}
