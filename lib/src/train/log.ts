/** @file The log of a run: every event as a line of JSON, and its numbers for TensorBoard. Each step stands in it once, however often the run was killed. */
import { appendFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { writeWhole } from "../whole_file";
import type { TrainEvent } from "./events";
import { fileHead, type Scalars, scalarRecord } from "./tensorboard";

const EVENT_FILE = /^events\.out\.tfevents\.\d{10}\.gptlab$/; // TensorBoard reads them in the order of their names

const HALF_WRITTEN = /^log\.jsonl\.\d+\.part$/;

/** The log in one folder. */
export class RunLog {
  readonly #lines: string;
  readonly #events: string;

  private constructor(lines: string, events: string) {
    this.#lines = lines;
    this.#events = events;
  }

  /** The log of a run that stands at `step`: of an earlier log only what was before is kept. */
  static async open(folder: string, step: number): Promise<RunLog> {
    await mkdir(folder, { recursive: true });
    const lines = path.join(folder, "log.jsonl");
    const kept = step > 0 ? await linesUpTo(lines, step) : [];
    await writeWhole([{ path: lines, chunks: kept.map((line) => `${line}\n`) }]);
    const names = await readdir(folder);
    const sessions = names.filter((name) => EVENT_FILE.test(name));
    const useless = [...names.filter((name) => HALF_WRITTEN.test(name)), ...(step === 0 ? sessions.splice(0) : [])];
    for (const name of useless) await rm(path.join(folder, name));
    const events = path.join(folder, `events.out.tfevents.${String(sessions.length).padStart(10, "0")}.gptlab`);
    // Not by writeWhole(): TensorBoard would read a temporary file that a kill leaves, but it stops at a record that is cut.
    await appendFile(events, fileHead(Date.now() / 1000, step > 0 ? step + 1 : undefined));
    return new RunLog(lines, events);
  }

  async write(event: TrainEvent): Promise<void> {
    await appendFile(this.#lines, `${JSON.stringify(event)}\n`);
    const scalars = scalarsOf(event);
    if (scalars) await appendFile(this.#events, scalarRecord(Date.now() / 1000, event.step, scalars));
  }
}

function scalarsOf(event: TrainEvent): Scalars | undefined {
  switch (event.kind) {
    case "step":
      return inGroup("train", event, ["loss", "lr", "gradNorm", "tokensPerSecond"]);
    case "evaluate":
      return inGroup("evaluate", event.metrics, Object.keys(event.metrics));
    case "checkpoint":
      return undefined;
  }
}

function inGroup<Name extends string>(group: string, numbers: Readonly<Record<Name, number>>, names: Name[]): Scalars {
  return Object.fromEntries(names.map((name) => [`${group}/${name}`, numbers[name]]));
}

/** Whole lines only: a kill may have cut the last one. */
async function linesUpTo(file: string, step: number): Promise<string[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.split("\n").filter((line) => {
    try {
      return (JSON.parse(line) as TrainEvent).step <= step;
    } catch {
      return false;
    }
  });
}
