/** @file Which plan a run of the base model carries out: chosen from what is asked and what its folder keeps. Carrying it out is not done here. */
import { checkpointSteps } from "../files/checkpoint";
import { type PretrainPlan, scheduleOf, stepsIfFinishedAt } from "./plan";
import { checkpointsOf, readPlan, requireSamePlan } from "./run_folder";

/** Which run is meant, and how long it is to be. */
export interface RunChoice {
  /** Tokenizer, plan, checkpoints and log; a run that is there is continued. */
  readonly runDir: string;
  /** Updates in all; default: those of the run in the folder, else those of the plan. */
  readonly steps?: number | undefined;
  /** Lets the learning rate fall from the last checkpoint on, to end early. */
  readonly finish?: boolean | undefined;
}

/**
 * The plan that the run will carry out: that of its folder, or `plan` in a new one. Nothing is written, so a plan that cannot be
 * carried out spoils no folder.
 *
 * @throws Error if the folder keeps another plan, or if it has no checkpoint to `finish` from; RangeError if the run is too short
 */
export async function choosePlan(plan: PretrainPlan, { runDir, steps, finish }: RunChoice): Promise<PretrainPlan> {
  const kept = await readPlan<PretrainPlan>(runDir);
  const asked = { ...plan, steps: steps ?? kept?.steps ?? plan.steps };
  if (kept) requireSamePlan(kept, asked, runDir);
  const chosen = finish ? { ...asked, steps: await earlyEnd(asked, runDir) } : asked;
  scheduleOf(chosen);
  return chosen;
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
