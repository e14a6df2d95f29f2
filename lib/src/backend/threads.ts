/** @file How many threads libtensorflow computes with. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** It counts the processors that the process may run on, not a container's share of their time; the environment may say less. */
export function nativeThreads(): number {
  const asked = Number(process.env.TF_NUM_INTRAOP_THREADS);
  if (asked > 0) return asked;
  if (process.platform !== "linux") return availableParallelism();
  const mask = /^Cpus_allowed:\s*([0-9a-f,]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  const processors = BigInt(`0x${mask.replaceAll(",", "")}`)
    .toString(2)
    .replaceAll("0", "").length;
  return processors || availableParallelism();
}

/** How many operations it computes side by side. */
export function nativeBranches(): number {
  const asked = Number(process.env.TF_NUM_INTEROP_THREADS);
  return asked > 0 ? Math.min(asked, nativeThreads()) : nativeThreads();
}
