/** @file A training checkpoint: tensors and plain state in one folder that is whole or not there. What the state means is the trainer's affair. */
import { existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { isAlive } from "../alive";
import { writeWhole } from "../whole_file";
import { readSafetensors, writeSafetensors } from "./safetensors";
import type { HostTensor } from "./tensors";

/** What a checkpoint holds. */
export interface Checkpoint<State> {
  readonly step: number;
  readonly tensors: ReadonlyMap<string, HostTensor>;
  /** Plain JSON: random states, cursor, optimiser step. */
  readonly state: State;
}

const NAME = /^step-(\d+)$/;
const nameOf = (step: number): string => `step-${String(step).padStart(8, "0")}`;

/**
 * Where the checkpoint of a step is, or would be.
 *
 * @example
 * import { checkpointPath } from "gptlab";
 * checkpointPath("run", 5); // => "run/step-00000005"
 */
export function checkpointPath(folder: string, step: number): string {
  return path.join(folder, nameOf(step));
}

/**
 * The steps of which `folder` has a whole checkpoint, ascending.
 *
 * @example
 * import { checkpointSteps } from "gptlab";
 * await checkpointSteps("/no/such/folder"); // => []
 */
export async function checkpointSteps(folder: string): Promise<number[]> {
  if (!existsSync(folder)) return [];
  const names = await readdir(folder);
  return names
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * Writes a checkpoint to `folder/step-N`. It is made in a temporary folder that is renamed when all is on the disk: after a
 * crash the older ones are whole and this one is not there. Then all but the newest `keep` are removed.
 *
 * @example
 * import { loadCheckpoint, saveCheckpoint } from "gptlab";
 * await saveCheckpoint("checkpoints", { step: 3, tensors: new Map(), state: { cursor: 7 } });
 * (await loadCheckpoint("checkpoints"))?.state; // => { cursor: 7 }
 */
export async function saveCheckpoint<State>(
  folder: string,
  checkpoint: Checkpoint<State>,
  options: { keep?: number } = {},
): Promise<string> {
  const { keep = 2 } = options;
  if (!(keep >= 1)) throw new RangeError(`saveCheckpoint() must keep at least 1 checkpoint, but found keep ${keep}`);
  const target = checkpointPath(folder, checkpoint.step);
  const temporary = path.join(folder, `.${nameOf(checkpoint.step)}.${process.pid}.part`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    await writeSafetensors(path.join(temporary, "tensors.safetensors"), checkpoint.tensors);
    const text = `${JSON.stringify({ step: checkpoint.step, state: checkpoint.state })}\n`;
    await writeWhole([{ path: path.join(temporary, "state.json"), chunks: [text] }]);
    await rm(target, { recursive: true, force: true });
    await rename(temporary, target);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  const steps = await checkpointSteps(folder);
  for (const step of steps.slice(0, Math.max(0, steps.length - keep)))
    await rm(checkpointPath(folder, step), { recursive: true, force: true });
  await removeLeftovers(folder);
  return target;
}

/**
 * The newest checkpoint of a folder, or that of `step`; undefined if there is none. Throws Error for a damaged one, with what to do.
 *
 * @example
 * import { loadCheckpoint } from "gptlab";
 * await loadCheckpoint("/no/such/folder"); // => undefined
 */
export async function loadCheckpoint<State>(
  folder: string,
  options: { step?: number } = {},
): Promise<Checkpoint<State> | undefined> {
  const steps = await checkpointSteps(folder);
  const step = options.step ?? steps.at(-1);
  if (step === undefined || !steps.includes(step)) return undefined;
  const home = checkpointPath(folder, step);
  try {
    const { tensors } = await readSafetensors(path.join(home, "tensors.safetensors"));
    const { state } = JSON.parse(await readFile(path.join(home, "state.json"), "utf8")) as { state: State };
    return { step, tensors, state };
  } catch (error) {
    const older = steps.filter((one) => one < step).at(-1);
    const goOn = older === undefined ? "begin anew" : `go on from step ${older}`;
    throw new Error(
      `The checkpoint of step ${step} is damaged: ${(error as Error).message.split(". ")[0]}. Move ${home} away to ${goOn}`,
      { cause: error },
    );
  }
}

/** What a killed process left half written. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const owner = /^\.step-\d+\.(\d+)\.part$/.exec(name)?.[1];
    if (owner && Number(owner) !== process.pid && !isAlive(Number(owner)))
      await rm(path.join(folder, name), { recursive: true, force: true });
  }
}

/** The rename itself is on the disk only after the folder is. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
