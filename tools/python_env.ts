/** @file A Python environment to compare with: made once, from a file of exact versions, and again when that file changes. The course does not need it. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/** The Python of an environment's folder, there or not. */
export function pythonOf(folder: string): string {
  return path.join(path.resolve(folder), process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
}

/** Installs the versions of a requirements file into the folder. Minutes and some gigabytes the first time; then nothing. */
export function installPython(folder: string, requirements: string, tell: (line: string) => void): void {
  const key = createHash("sha256").update(readFileSync(requirements, "utf8")).digest("hex");
  const stamp = path.join(folder, ".gptlab-stamp");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === key) return;
  tell("PyTorch: installing (some minutes, only once) …");
  const run = (command: string, args: readonly string[]) =>
    execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  const python = pythonOf(folder);
  if (!existsSync(python)) run(process.env.PYTHON ?? "python3", ["-m", "venv", folder]);
  run(python, ["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", requirements]);
  writeFileSync(stamp, key);
}
