/** @file The declarations that the notebook kernel reads, made current before a kernel starts. `make` has done so; a bare `tsc -b` has not. */
import { execFileSync } from "node:child_process";
import path from "node:path";

export function rollUpDeclarations(): void {
  execFileSync(process.execPath, [path.join(import.meta.dirname, "../../lib/roll_up.mjs")], { stdio: "inherit" });
}
