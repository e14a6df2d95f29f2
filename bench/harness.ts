/**
 * @file Runs the contestants of a case in turn, A B C A B C …, each in a process of its own that stays up. A ratio compares what was
 * measured in one round, so a machine that gets slower slows both sides. It prints nothing.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import type { Case, Contestant } from "./cases.ts";
import { python, weightsOf } from "./install.ts";

/** A median with the lowest and the highest of the rounds. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** What was measured of one contestant, or why nothing was. */
export interface Outcome {
  readonly name: string;
  readonly rival: boolean;
  /** Engine, version, threads. */
  readonly about?: string;
  /** Milliseconds of a unit: the median of each round, over the rounds. */
  readonly ms?: Spread;
  /** How many times as fast gptlab is: its milliseconds against these, round by round. */
  readonly ratio?: Spread;
  /** The same ratio of processor time, of all threads: hardly disturbed by other programs, but waiting threads of some libraries count. */
  readonly cpuRatio?: Spread;
  readonly peakMiB?: number;
  /** Results of the first three units, from the same weights: losses, or digests of all ids. */
  readonly first?: readonly (number | string)[];
  readonly problem?: string;
}

/** What was measured of a case. */
export interface Measured {
  readonly outcomes: readonly Outcome[];
  readonly rounds: number;
  /** Share of the processors that other programs used in the pauses. */
  readonly foreignLoad: number;
}

interface Ready {
  readonly about: string;
  readonly first: readonly (number | readonly number[])[];
}
interface Round {
  readonly ms: readonly number[];
  /** Processor time of a unit. */
  readonly cpuMs: number;
  readonly peakMiB: number;
}

const LOGS = path.resolve(".build/bench/logs");
const START_LIMIT = 600_000; // torch.compile, on a busy machine

/** One contestant's process. */
class Worker {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #log: string;
  readonly rounds: Round[] = [];
  ready: Ready | undefined;
  problem: string | undefined;

  constructor(
    readonly contestant: Contestant,
    comparison: Case,
  ) {
    const job = {
      ...comparison.model,
      weights: weightsOf(comparison),
      pretrained: comparison.pretrained,
      batchSize: comparison.batchSize,
      tokens: comparison.tokens,
      prompt: comparison.prompt ?? 0,
      threads: availableParallelism(),
      options: contestant.options ?? {},
    };
    const isPython = contestant.worker.endsWith(".py");
    const compiled = contestant.worker.endsWith(".js");
    const file = `${compiled ? ".build/bench" : "bench"}/workers/${contestant.worker}`;
    this.#process = spawn(isPython ? python : process.execPath, [file, JSON.stringify(job)], {
      env: { ...process.env, ...contestant.env },
    });
    mkdirSync(LOGS, { recursive: true });
    this.#log = path.join(LOGS, `${comparison.id}-${contestant.name.replace(/\W+/g, "-")}.log`);
    this.#process.stderr.pipe(createWriteStream(this.#log));
    this.#process.stderr.on("data", (chunk: Buffer) => {
      this.#lastWords = `${this.#lastWords}${chunk}`.slice(-4000);
    });
    this.#howItEnded = new Promise((resolve) => {
      this.#process.once("close", (code, signal) =>
        resolve(signal === "SIGKILL" ? " (SIGKILL: perhaps not enough memory)" : ` (${signal ?? `exit code ${code}`})`),
      );
    });
    this.#process.stdin.on("error", () => undefined); // a process that died is told by the line that does not come
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  #lastWords = "";
  readonly #howItEnded: Promise<string>;

  async start(): Promise<void> {
    this.ready = (await this.#answer()) as Ready | undefined;
  }

  /** Some units of work; a worker that fails is out from then on. */
  async go(units: number): Promise<void> {
    this.#process.stdin.write(`${units}\n`);
    const round = (await this.#answer()) as Round | undefined;
    if (round) this.rounds.push(round);
  }

  stop(): void {
    this.#process.stdin.end();
  }

  async #answer(): Promise<unknown> {
    for (;;) {
      const late = new AbortController();
      const next = await Promise.race([
        this.#lines.next(),
        wait(START_LIMIT, undefined, { signal: late.signal }).catch(() => undefined),
      ]);
      late.abort();
      if (next?.value?.startsWith("{")) return JSON.parse(next.value);
      if (next && !next.done) continue;
      const said = this.#lastWords
        .trim()
        .split("\n")
        .filter((line) => /Error|error|Killed/.test(line));
      this.problem = next
        ? (said.at(-1) ?? `it ended without a word${await this.#howItEnded}`)
        : `no answer in ${START_LIMIT / 1000} s`;
      this.problem = this.problem.replaceAll(process.cwd(), "."); // no machine's paths in what is published
      this.#process.kill("SIGKILL");
      return undefined;
    }
  }
}

/** Processor time of the whole machine that is not idle, and all of it. */
function machineTime(): { busy: number; all: number } {
  let [busy, all] = [0, 0];
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.idle + times.irq;
    all += sum;
    busy += sum - times.idle;
  }
  return { busy, all };
}

/** The pause between two contestants: lets threads fall asleep, then looks what other programs do. */
async function pause(loads: number[]): Promise<void> {
  await wait(150);
  const before = machineTime();
  await wait(200);
  const after = machineTime();
  loads.push((after.busy - before.busy) / Math.max(1, after.all - before.all));
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.floor(half - 0.5)] as number) + (sorted[Math.floor(half)] as number)) / 2;
}

function spread(values: readonly number[]): Spread {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/** A loss as it is; of ids, which are many, the hash that only the same ids have. */
export function digest(result: number | readonly number[]): number | string {
  return typeof result === "number" ? result : createHash("sha256").update(JSON.stringify(result)).digest("hex");
}

/** Measures one case. `tell` gets a line for each worker that is ready and each round. */
export async function measure(comparison: Case, rounds: number, tell: (line: string) => void): Promise<Measured> {
  const workers: Worker[] = [];
  const loads: number[] = [];
  try {
    for (const contestant of comparison.contestants) {
      const worker = new Worker(contestant, comparison);
      workers.push(worker);
      const started = performance.now();
      await worker.start();
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      tell(`${contestant.name}: ${worker.problem ?? `${worker.ready?.about}, ready in ${seconds} s`}`);
    }
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 ? [...workers].reverse() : workers; // nobody always comes after the same one
      for (const worker of order) {
        if (worker.problem) continue;
        await pause(loads);
        await worker.go(worker.contestant.units ?? comparison.units);
      }
      const times = workers.map((worker) => (worker.problem ? "–" : median(worker.rounds.at(-1)?.ms ?? []).toFixed(1)));
      tell(`round ${round + 1} of ${rounds}: ${times.join("  ")} ms`);
    }
  } finally {
    for (const worker of workers) worker.stop();
  }
  const ours = workers[0]?.rounds ?? [];
  const outcomes = workers.map(({ contestant, ready, problem, rounds: done }): Outcome => {
    const times = done.map(({ ms }) => median(ms));
    const against = (of: (round: Round) => number): Spread =>
      spread(done.map((round, i) => of(round) / of(ours[i] as Round)));
    return {
      name: contestant.name,
      rival: contestant.rival ?? false,
      ...(ready && { about: ready.about, first: ready.first.map(digest) }),
      ...(problem ? { problem } : { ms: spread(times), peakMiB: done.at(-1)?.peakMiB ?? 0 }),
      ...(!problem && !workers[0]?.problem
        ? { ratio: against(({ ms }) => median(ms)), cpuRatio: against(({ cpuMs }) => cpuMs) }
        : {}),
    };
  });
  return { outcomes, rounds, foreignLoad: loads.length > 0 ? median(loads) : 0 };
}
