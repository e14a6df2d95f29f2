/** @file How a worker talks: one line of JSON when it is ready, then one for every `go N`. Start-up and warm-up are not timed. */
import { createInterface } from "node:readline";

/** What the harness tells every worker, as JSON in its only argument. */
export interface Job {
  /** A folder in Hugging Face's layout: every worker of a case starts from the same weights. */
  readonly weights: string;
  /** The data set that is a GGUF file with the weights of that folder. */
  readonly pretrained?: string;
  readonly vocabSize: number;
  readonly nLayer: number;
  readonly nHead: number;
  readonly nEmbd: number;
  readonly blockSize: number;
  readonly batchSize: number;
  readonly tokens: number;
  readonly prompt: number;
  readonly threads: number;
  readonly options: Readonly<Record<string, unknown>>;
}

/** One unit of work; what it returns is compared between workers: losses, or ids. */
export type Unit = () => Promise<number | readonly number[]>;

/** Settings of every trainer, here and in `torch_train.py`. */
export const TRAINING = { lr: 3e-4, weightDecay: 0.1, betas: [0.9, 0.95], clip: 1 } as const;

export const job = JSON.parse(process.argv[2] ?? "{}") as Job;

/** The same ids in every language. */
export function ids(count: number, factor: number, offset: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => (i * factor + offset) % job.vocabSize);
}

/** The ids that are read, and those that are to be predicted. */
export function trainingIds(): { inputs: Int32Array; targets: Int32Array } {
  const count = job.batchSize * job.tokens;
  return { inputs: ids(count, 7919, 13), targets: ids(count, 104729, 5) };
}

/** Rows of equal length. */
export function rows(flat: Int32Array, length: number): Int32Array[] {
  return Array.from({ length: flat.length / length }, (_, i) => flat.slice(i * length, (i + 1) * length));
}

/** Warms up, says so with the first three results, then works when asked until the input ends. */
export async function serve(about: string, unit: Unit): Promise<void> {
  const first: (number | readonly number[])[] = [];
  for (let i = 0; i < 3; i++) first.push(await unit());
  tell({ about, first });
  for await (const line of createInterface({ input: process.stdin })) {
    const ms: number[] = [];
    const before = process.cpuUsage();
    for (let i = 0; i < Number(line); i++) {
      const started = performance.now();
      await unit();
      ms.push(performance.now() - started);
    }
    const { user, system } = process.cpuUsage(before);
    tell({ ms, cpuMs: (user + system) / 1000 / ms.length, peakMiB: process.resourceUsage().maxRSS / 1024 });
  }
  process.exit(0);
}

function tell(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
