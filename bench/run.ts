/**
 * @file Compares the speed of gptlab with other libraries: `make bench`. It installs what it compares with, measures case after case,
 * and writes the figures to results.json and RESULTS.md. `make bench ONLY=train-1m,course ROUNDS=3` measures only those.
 */
import { parseArgs } from "node:util";
import { cases } from "./cases.ts";
import { measure } from "./harness.ts";
import { compileWorkers, installPackages, installPython, makeWeights } from "./install.ts";
import { libraryFigures } from "./library.ts";
import { writeReport } from "./report.ts";
import { keep, summary } from "./results.ts";

const { values } = parseArgs({ options: { only: { type: "string" }, rounds: { type: "string" } } });
const only = values.only?.split(",").filter(Boolean) ?? [];
const wanted = (id: string, group: string): boolean => only.length === 0 || only.includes(id) || only.includes(group);
const chosen = cases.filter(({ id, group }) => wanted(id, group));
const withLibrary = wanted("library", "library");
if (chosen.length === 0 && !withLibrary) {
  const names = [...new Set(cases.flatMap(({ id, group }) => [group, id])), "library"];
  console.error(`ONLY=${values.only} names no case. Cases and groups: ${names.join(", ")}`);
  process.exit(2);
}
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
  console.error(`ROUNDS=${values.rounds} is not a whole number of at least 1`);
  process.exit(2);
}

if (chosen.length > 0) {
  installPython(console.log);
  installPackages(console.log);
  compileWorkers();
}
for (const comparison of chosen) {
  console.log(`\n${comparison.id}: ${comparison.title}`);
  makeWeights(comparison);
  const growth = comparison.group === "length" || comparison.group === "parameters";
  const measured = await measure(comparison, rounds ?? (growth ? 3 : 5), (line) => console.log(`  ${line}`));
  for (const line of summary(keep(comparison, measured))) console.log(`  ${line}`);
  await writeReport(); // a run that is stopped keeps what it has measured
}
if (withLibrary) for (const [what, work] of libraryFigures) console.log(`${what}: ${await work()}`);
