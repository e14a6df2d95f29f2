/** @file The command `gptlab doctor`: prints the state of every part and the remedy of each defect. */
import type { Command } from "commander";
import type { Inspection } from "../setup/inspect";

/** Adds `gptlab doctor` to the program. Its exit code is 1 when no engine works. */
export function addDoctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("show the state of every part, and how to mend what is wrong")
    .option("--json", "print it as JSON")
    .action(async ({ json = false }: { json?: boolean }) => {
      const { inspect } = await import("../setup/inspect.js");
      const inspection = await inspect();
      console.log(json ? JSON.stringify(inspection, null, 2) : render(inspection));
      if (!inspection.usable) process.exitCode = 1;
    });
}

const WIDTH = 17;

/** The inspection as text, with the remedies again at the end. */
function render({ findings, backends }: Inspection): string {
  const lines = findings.map(({ part, found }) => `${part.padEnd(WIDTH)}${found}`);
  const remedies = findings.flatMap(({ part, remedy }) => (remedy ? [`${part}: ${remedy}`] : []));
  lines.push("", "Engines, best first (each started in a process of its own):");
  for (const { name, report, gigaflops = 0, error } of backends) {
    const threads = report && `${report.threads} thread${report.threads === 1 ? "" : "s"}`;
    const speed = `512 × 512 product ${gigaflops.toPrecision(2)} GFLOP/s`;
    lines.push(
      `  ${name.padEnd(WIDTH - 2)}${report ? `works: ${report.engine}, ${report.device}, ${threads}; ${speed}` : `no: ${error}`}`,
    );
    if (report?.warning) remedies.push(`${name}: ${report.warning}`);
  }
  const override = process.env.GPTLAB_BACKEND;
  if (override) lines.push("", `GPTLAB_BACKEND=${override} is set: only that engine is used.`);
  const best = backends.find(({ report }) => report)?.name;
  lines.push("", best ? `The best engine that works: ${best}.` : "No engine works.");
  if (remedies.length > 0) lines.push("", "To mend:", ...remedies.map((remedy) => `  ${remedy}`));
  return lines.join("\n");
}
