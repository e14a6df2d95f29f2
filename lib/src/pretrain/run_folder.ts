/** @file The plan that a run folder keeps: read, compared, written. What a plan means is not its affair. */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { writeWhole } from "../whole_file";

const planFile = (runDir: string): string => path.join(runDir, "plan.json");

/** The folder of a run's checkpoints. */
export const checkpointsOf = (runDir: string): string => path.join(runDir, "checkpoints");

/** The plan of the folder, or undefined if it has none. */
export async function readPlan<Plan extends object>(runDir: string): Promise<Plan | undefined> {
  const file = planFile(runDir);
  return existsSync(file) ? (JSON.parse(await readFile(file, "utf8")) as Plan) : undefined;
}

/** @throws Error that names what is different in the folder's plan and the one that is asked for, with both values */
export function requireSamePlan<Plan extends object>(kept: Plan, asked: Plan, runDir: string): void {
  const names = Object.keys({ ...kept, ...asked }) as (keyof Plan & string)[];
  const differences = names
    .filter((name) => !isDeepStrictEqual(kept[name], asked[name]))
    .map((name) => `${name} is ${JSON.stringify(kept[name])} there, and ${JSON.stringify(asked[name])} was asked for`);
  if (differences.length > 0)
    throw new Error(
      `${planFile(runDir)} belongs to a run with another plan: ${differences.join("; ")}. Ask for the plan that is there to go on with it, use another folder, or remove ${runDir} to begin again`,
    );
}

/** Keeps the plan in the folder of its run. */
export async function keepPlan(plan: object, runDir: string): Promise<void> {
  await mkdir(runDir, { recursive: true });
  await writeWhole([{ path: planFile(runDir), chunks: [`${JSON.stringify(plan, null, 2)}\n`] }]);
}

/**
 * Keeps the plan in the folder of its run; nothing is written if another one is there.
 *
 * @throws Error that names what is different, and both values
 */
export async function keepSamePlan(plan: object, runDir: string): Promise<void> {
  const kept = await readPlan(runDir);
  if (kept) requireSamePlan(kept, plan, runDir);
  await keepPlan(plan, runDir);
}
