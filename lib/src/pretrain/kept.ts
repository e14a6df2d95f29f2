/** @file The plan of a run folder: chosen from what is asked and what is kept there, and kept. Carrying it out is not done here. */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { checkpointSteps } from "../files/checkpoint";
import { writeWhole } from "../whole_file";
import { type PretrainPlan, scheduleOf, stepsIfFinishedAt } from "./plan";

/** Which run is meant, and how long it is to be. */
export interface RunChoice {
  /** Tokenizer, plan, checkpoints and log; a run that is there is continued. */
  readonly runDir: string;
  /** Updates in all; default: those of the run in the folder, else those of the plan. */
  readonly steps?: number | undefined;
  /** Lets the learning rate fall from the last checkpoint on, to end early. */
  readonly finish?: boolean | undefined;
}

const planFile = (runDir: string): string => path.join(runDir, "plan.json");

/** The folder of a run's checkpoints. */
export const checkpointsOf = (runDir: string): string => path.join(runDir, "checkpoints");

/**
 * The plan that the run will carry out: that of its folder, or `plan` in a new one. Nothing is written, so a plan that cannot be
 * carried out spoils no folder.
 *
 * @throws Error if the folder keeps another plan, or if it has no checkpoint to `finish` from; RangeError if the run is too short
 */
export async function choosePlan(plan: PretrainPlan, { runDir, steps, finish }: RunChoice): Promise<PretrainPlan> {
  const file = planFile(runDir);
  const kept = existsSync(file) ? (JSON.parse(await readFile(file, "utf8")) as PretrainPlan) : undefined;
  const asked = { ...plan, steps: steps ?? kept?.steps ?? plan.steps };
  const differences = kept ? differencesOf(kept, asked) : [];
  if (differences.length > 0)
    throw new Error(
      `${file} belongs to a run with another plan: ${differences.join("; ")}. Ask for the plan that is there to go on with it (its length is known, steps need not be given), use another folder, or remove ${runDir} to begin again`,
    );
  const chosen = finish ? { ...asked, steps: await earlyEnd(asked, runDir) } : asked;
  scheduleOf(chosen);
  return chosen;
}

/** Keeps the plan in the folder of its run. */
export async function keepPlan(plan: PretrainPlan, runDir: string): Promise<void> {
  await mkdir(runDir, { recursive: true });
  await writeWhole([{ path: planFile(runDir), chunks: [`${JSON.stringify(plan, null, 2)}\n`] }]);
}

/** The steps of the run if its decay begins at the last checkpoint; a decay that has begun goes on. */
async function earlyEnd(plan: PretrainPlan, runDir: string): Promise<number> {
  const folder = checkpointsOf(runDir);
  const last = (await checkpointSteps(folder)).at(-1);
  if (last === undefined)
    throw new Error(
      `finish lets the learning rate fall from the last checkpoint on, but ${folder} holds none. Train without it first`,
    );
  return Math.min(plan.steps, stepsIfFinishedAt(last, plan));
}

/** What is not equal in two plans, by name, with both values. */
function differencesOf(kept: PretrainPlan, asked: PretrainPlan): string[] {
  const names = Object.keys({ ...kept, ...asked }) as (keyof PretrainPlan)[];
  return names
    .filter((name) => !isDeepStrictEqual(kept[name], asked[name]))
    .map((name) => `${name} is ${JSON.stringify(kept[name])} there, and ${JSON.stringify(asked[name])} was asked for`);
}
