/** @file The plan that a run folder keeps: a run is taken up only with the plan that it began with. */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { writeWhole } from "../whole_file";

/**
 * Keeps the plan in the folder of its run; nothing is written if another one is there.
 *
 * @throws Error that names what is different, and both values
 */
export async function keepSamePlan<Plan extends object>(plan: Plan, runDir: string): Promise<void> {
  const file = path.join(runDir, "plan.json");
  const kept = existsSync(file) ? (JSON.parse(await readFile(file, "utf8")) as Plan) : undefined;
  const differences = kept ? differencesOf(kept, plan) : [];
  if (differences.length > 0)
    throw new Error(
      `${file} belongs to a run with another plan: ${differences.join("; ")}. Ask for the plan that is there to go on with it, use another folder, or remove ${runDir} to begin again`,
    );
  await mkdir(runDir, { recursive: true });
  await writeWhole([{ path: file, chunks: [`${JSON.stringify(plan, null, 2)}\n`] }]);
}

/** What is not equal in two plans, by name, with both values. */
function differencesOf<Plan extends object>(kept: Plan, asked: Plan): string[] {
  const names = Object.keys({ ...kept, ...asked }) as (keyof Plan & string)[];
  return names
    .filter((name) => !isDeepStrictEqual(kept[name], asked[name]))
    .map((name) => `${name} is ${JSON.stringify(kept[name])} there, and ${JSON.stringify(asked[name])} was asked for`);
}
