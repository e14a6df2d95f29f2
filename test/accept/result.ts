/** @file What the acceptance run of continued pretraining found, as it is kept in bench/continued.json, and what follows from it. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, type } from "node:os";
import path from "node:path";
import { continuePlan, forgettingTable } from "gptlab";
import { weightsHash } from "../../lib/dist/pretrain/continued/run.js";
import { root } from "../support/repository.ts";
import { sourceHash } from "../support/source_hash.ts";

/** The model that the trainings begin with. */
export const BASE = path.join(root, "data/models/course-base");
const FILE = path.join(root, "bench/continued.json");
/** What decides the figures, but for their last digits. */
const SOURCES = [
  "data/jsdoc/recipe.ts",
  "lib/src/data/epochs.ts",
  "lib/src/data/heldout.ts",
  "lib/src/data/mixture.ts",
  "lib/src/evaluate/perplexity.ts",
  "lib/src/optim.ts",
  "lib/src/pretrain/continued/continue.ts",
  "lib/src/pretrain/continued/corpus.ts",
  "lib/src/pretrain/continued/plan.ts",
  "lib/src/schedule.ts",
  "test/accept/continued.ts",
];

/** One training: what it cost, and the bits per byte of each domain after it. */
export interface Continued {
  readonly seed: number;
  readonly run: string;
  readonly steps: number;
  readonly seconds: number;
  readonly bits: Readonly<Record<string, number>>;
}

export interface ContinuedResult {
  readonly date: string;
  readonly machine: string;
  /** Hash of the sources, the profile and the base model for which it holds. */
  readonly sources: string;
  readonly before: Readonly<Record<string, number>>;
  readonly trainings: readonly Continued[];
}

/** The numbers of the chapter's laptop profile. */
export function laptop(): Readonly<Record<string, number>> {
  const { chapters } = JSON.parse(readFileSync(path.join(root, "course.json"), "utf8")) as {
    chapters: { id: string; profiles: Record<string, Record<string, number>> }[];
  };
  const profile = chapters.find(({ id }) => id === "06_continued_pretraining")?.profiles.laptop;
  if (!profile) throw new Error("course.json has no chapter 06_continued_pretraining with a laptop profile");
  return profile;
}

/** The hash that a result of now would have. */
export async function currentSources(): Promise<string> {
  const { blockSize, batchSize, newTokens, replay, lr, gentleLr } = laptop();
  return sourceHash(SOURCES, { blockSize, batchSize, newTokens, replay, lr, gentleLr }, await weightsHash(BASE));
}

export function readContinued(): ContinuedResult | undefined {
  return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as ContinuedResult) : undefined;
}

export function writeContinued(result: Pick<ContinuedResult, "sources" | "before" | "trainings">): void {
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${type()}, Node ${process.version}`;
  const whole: ContinuedResult = { date: new Date().toISOString().slice(0, 10), machine, ...result };
  const digits = (_: string, value: unknown) => (typeof value === "number" ? Number(value.toPrecision(5)) : value);
  writeFileSync(FILE, `${JSON.stringify(whole, digits, 2)}\n`);
}

/** What the acceptance says of one pair of trainings. */
export interface Verdict {
  readonly seed: number;
  readonly replay: string;
  /** How many times as much is forgotten without replay, and the share of the gain that is kept with it. */
  readonly times: number;
  readonly kept: number;
  readonly accepted: boolean;
}

/** Trainings that differ in replay only. */
const PAIRS = [
  ["naive", "replay"],
  ["naive, re-warmed", "replay, re-warmed"],
] as const;

/** Of each seed and pair: at least 3 times as much is forgotten without replay, and at least 95 % of the gain is kept with it. */
export function verdicts({ before, trainings }: Pick<ContinuedResult, "before" | "trainings">): Verdict[] {
  return [...new Set(trainings.map(({ seed }) => seed))].flatMap((seed) =>
    PAIRS.flatMap(([without, replay]) => {
      const bitsOf = (name: string) => trainings.find((one) => one.seed === seed && one.run === name)?.bits;
      const [a, b] = [bitsOf(without), bitsOf(replay)];
      if (!a || !b) return [];
      const [naive, mixed] = forgettingTable(before, { a, b }, { newDomain: continuePlan.domain });
      const accepted = naive!.forgotten >= 3 * mixed!.forgotten && mixed!.kept >= 0.95;
      return [{ seed, replay, times: naive!.forgotten / mixed!.forgotten, kept: mixed!.kept, accepted }];
    }),
  );
}
