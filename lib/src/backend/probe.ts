/** @file Tries one engine in a process of its own, so that an engine that crashes does not take the caller with it. */
import { join } from "node:path";
import { lastLine, type Runner, run } from "../setup/run";
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

/** Starts one engine in a child process and multiplies two matrices of `size` × `size` with it. Never throws. */
export async function probeBackend(
  name: BackendName,
  { size = 512, runner = run }: { readonly size?: number; readonly runner?: Runner } = {},
): Promise<Probe> {
  const child = join(__dirname, "probe_child.js");
  const { output, code, signal } = await runner(process.execPath, [child, name, String(size)], { limit: 120 });
  const answer = /^PROBE (.*)$/m.exec(output)?.[1];
  if (answer) return { name, ...(JSON.parse(answer) as Omit<Probe, "name">) };
  const cause = signal === "SIGILL" ? "the processor lacks an instruction that this build uses" : lastLine(output);
  return { name, error: `its process ended with ${signal ?? `exit code ${code}`} (${cause})` };
}
