/** @file Tries one engine in a process of its own, so that an engine that crashes does not take the caller with it. */
import { fork } from "node:child_process";
import { join } from "node:path";
import type { BackendName, BackendReport } from "./report";

/** How one engine fared. */
export interface Probe {
  readonly name: BackendName;
  /** Present when the engine works. */
  readonly report?: BackendReport;
  /** Speed of a product of two float32 matrices, in 10⁹ operations a second: a sign of life, not a measurement. */
  readonly gigaflops?: number;
  /** Why it does not work, and the remedy, in one line. */
  readonly error?: string;
}

/** Seconds that one engine may take. */
const LIMIT = 120;

/** Starts one engine in a child process and multiplies two matrices of `size` × `size` with it. Never throws. */
export function probeBackend(
  name: BackendName,
  { size = 512, env = process.env }: { readonly size?: number; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Probe> {
  return new Promise((resolve) => {
    const child = fork(join(__dirname, "probe_child.js"), [name, String(size)], { env, silent: true, execArgv: [] });
    let answer: Omit<Probe, "name"> | undefined;
    let output = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, LIMIT * 1000);
    child.stdout?.resume();
    child.stderr?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on("message", (message) => {
      answer = message as Omit<Probe, "name">;
    });
    child.on("error", (error) => {
      output += error.message;
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const end = late ? `was ended after ${LIMIT} s` : `ended with ${signal ?? `exit code ${code}`}`;
      resolve({ name, ...(answer ?? { error: `its process ${end}${cause(output, signal)}` }) });
    });
  });
}

function cause(output: string, signal: NodeJS.Signals | null): string {
  if (signal === "SIGILL") return " (the processor lacks an instruction that this build uses)";
  const last = output.trim().split("\n").at(-1);
  return last ? ` (${last.trim()})` : "";
}
