/** @file What was measured, kept in results.json, and what follows from it: the best rival, the verdict, whether the work was the same. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem, type } from "node:os";
import { isDeepStrictEqual } from "node:util";
import type { Case } from "./cases.ts";
import type { Measured, Outcome, Spread } from "./harness.ts";

const RESULTS = "bench/results.json";
/** Above this share of the processors in the pauses, other programs disturbed. */
const QUIET = 0.1;
/** Losses may differ by so much, relatively: other orders of additions, then two updates. */
const SAME_LOSS = 1e-3;
/** Adam without decay and clipping. */
const OTHER_UPDATE = /^TensorFlow\.js/;

/** What is kept of a case. */
export interface Kept extends Measured {
  readonly date: string;
  readonly machine: string;
  readonly busy: boolean;
}

/** All that was kept, by case. */
export function kept(): Record<string, Kept> {
  return existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, "utf8")) as Record<string, Kept>) : {};
}

/** Keeps the figures of a case in place of older ones. */
export function keep({ id }: Case, measured: Measured): Kept {
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${type()}, Node ${process.version}`;
  const date = new Date().toISOString().slice(0, 10);
  const result: Kept = { ...measured, date, machine, busy: measured.foreignLoad > QUIET };
  writeFileSync(RESULTS, `${JSON.stringify({ ...kept(), [id]: result }, numbers, 1)}\n`);
  return result;
}

/** Four digits after the point are enough. */
function numbers(_: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toFixed(4)) : value;
}

/** The rival that gptlab must beat: the fastest of the case. */
export function best({ outcomes }: Measured): Outcome | undefined {
  return outcomes
    .filter(({ rival, ratio }) => rival && ratio)
    .sort((a, b) => (a.ratio as Spread).median - (b.ratio as Spread).median)[0];
}

/** The least memory that a rival needs, and gptlab's share of it. */
export function memoryRatio({ outcomes }: Measured): number | undefined {
  const rivals = outcomes.flatMap(({ rival, peakMiB }) => (rival && peakMiB ? [peakMiB] : []));
  const ours = outcomes[0]?.peakMiB;
  return ours && rivals.length > 0 ? ours / Math.min(...rivals) : undefined;
}

/** A ratio with its lowest and highest round. */
export function times({ median, low, high }: Spread): string {
  return `${median.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

/**
 * Whether a contestant made the same ids as gptlab, or began with nearly the same losses. Of one whose update is another, only the
 * first loss can be the same.
 */
export function sameWork(ours: Outcome | undefined, theirs: Outcome): boolean | undefined {
  const [a, b] = [ours?.first, theirs.first];
  if (!a || !b) return undefined;
  if (a.some((value) => typeof value === "string")) return isDeepStrictEqual(a, b);
  const near = (x: number, y = Number.NaN): boolean => Math.abs(x - y) <= SAME_LOSS * Math.abs(x);
  return a
    .slice(0, OTHER_UPDATE.test(theirs.name) ? 1 : a.length)
    .every((value, i) => near(Number(value), b[i] as number | undefined));
}

/**
 * What the figures of a case say of its target, or why they say nothing. Of a rival that made other ids or losses nobody knows whether
 * it did the same work, so then there is no verdict.
 */
export function verdict(target: NonNullable<Case["target"]>, result: Kept): string | undefined {
  const ratio = best(result)?.ratio;
  if (!ratio) return undefined;
  const [ours] = result.outcomes;
  const others = result.outcomes.filter((outcome) => outcome.rival && outcome.ratio && !sameWork(ours, outcome));
  if (others.length > 0) return `refused: not the same work: ${others.map(({ name }) => name).join(", ")}`;
  if (result.busy) return "not judged: busy machine";
  return ratio.median >= target.goal ? "goal reached" : ratio.median >= target.accepted ? "accepted" : "missed";
}

/** The figures of a case, for the terminal. */
export function summary(measured: Kept): string[] {
  const [ours] = measured.outcomes;
  const said = measured.outcomes.map((outcome) => {
    const { name, ms, ratio, cpuRatio, peakMiB, problem } = outcome;
    if (!ms || !ratio || !cpuRatio) return `${name}: ${problem ?? "not compared"}`;
    const work = outcome === ours ? "" : `; ${sameWork(ours, outcome) ? "same work" : "NOT THE SAME WORK"}`;
    return `${name}: ${ms.median.toFixed(1)} ms; gptlab is ${times(ratio)} × as fast, by processor time ${times(cpuRatio)}; peak ${peakMiB?.toFixed(0)} MiB${work}`;
  });
  const load = `other programs used ${(100 * measured.foreignLoad).toFixed(0)} % of the processors${measured.busy ? ": busy machine" : ""}`;
  return [...said, `best rival: ${best(measured)?.name ?? "none"}; ${load}`];
}
