/** @file Runs a program that gets Ctrl-C when it asks for it. */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";

const gptlab = createRequire(import.meta.url).resolve("gptlab");

/** What the program printed and how it ended. */
export interface Outcome {
  readonly lines: string[];
  readonly code: number | null;
  readonly signal: string | null;
}

/**
 * Runs the body of an async function in a process of its own, with the library as `gptlab`, `print` and `wait(milliseconds)`. Each
 * time it prints "interrupt me", it gets a SIGINT.
 */
export function runInterrupted(body: string, env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const program = `const gptlab = require(${JSON.stringify(gptlab)});\nconst print = console.log, wait = (ms) => new Promise((r) => setTimeout(r, ms));\n(async () => {${body}\n})();`;
  const child = spawn(process.execPath, ["-e", program], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  let answered = 0;
  child.stdout.on("data", (data) => {
    output += data;
    const asked = output.split("interrupt me\n").length - 1;
    for (; answered < asked; answered++) child.kill("SIGINT");
  });
  return new Promise((resolve) => {
    child.on("close", (code, signal) =>
      resolve({ lines: output.split("\n").filter((line) => line && line !== "interrupt me"), code, signal }),
    );
  });
}
