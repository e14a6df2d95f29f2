/** @file The command `gptlab doctor`: prints the state of every part and the remedy of each defect. */
import type { Command } from "commander";
import type { Finding, Inspection } from "../setup/inspect";
import { type ModelOptions, withModelOptions } from "./arguments";
import { locate, MODEL } from "./model";

interface Options extends ModelOptions {
  readonly json?: boolean;
  readonly model?: string;
}

/** Adds `gptlab doctor` to the program. Its exit code is 1 when no engine works, or the model cannot be used. */
export function addDoctorCommand(program: Command): void {
  const command = program
    .command("doctor")
    .description("show the state of every part, or of a model, and how to mend what is wrong")
    .option("--json", "print it as JSON")
    .option("-m, --model <model>", `look at a model instead: ${MODEL}`);
  withModelOptions(command).action(async (options: Options) => {
    const { text, data, usable } = await (options.model === undefined ? machine() : model(options.model, options));
    console.log(options.json ? JSON.stringify(data, null, 2) : text);
    if (!usable) process.exitCode = 1;
  });
}

interface Examination {
  readonly text: string;
  readonly data: unknown;
  readonly usable: boolean;
}

async function machine(): Promise<Examination> {
  const { inspect } = await import("../setup/inspect.js");
  const data = await inspect();
  return { text: render(data), data, usable: data.usable };
}

async function model(name: string, options: ModelOptions): Promise<Examination> {
  const { initBackend } = await import("../backend/init.js");
  const { inspectModel } = await import("../evaluate/inspect.js");
  await initBackend();
  const data = await inspectModel(await locate(name), options);
  const end = !data.usable
    ? "The model cannot be used."
    : data.readsText
      ? "The model can be used."
      : "The weights can be used. To read and write texts (generate, chat) the model needs a tokenizer that goes with it.";
  return { text: [...table(data.findings), "", end, ...toMend(data.findings)].join("\n"), data, usable: data.usable };
}

const WIDTH = 17;

/** The inspection as text, with the remedies again at the end. */
function render({ findings, backends }: Inspection): string {
  const lines = table(findings);
  const warnings: Finding[] = [];
  lines.push("", "Engines, best first (each started in a process of its own):");
  for (const { name, report, gigaflops = 0, error } of backends) {
    const threads = report && `${report.threads} thread${report.threads === 1 ? "" : "s"}`;
    const speed = `512 × 512 product ${gigaflops.toPrecision(2)} GFLOP/s`;
    lines.push(
      `  ${name.padEnd(WIDTH - 2)}${report ? `works: ${report.engine}, ${report.device}, ${threads}; ${speed}` : `no: ${error}`}`,
    );
    if (report?.warning) warnings.push({ part: name, found: "", remedy: report.warning });
  }
  const override = process.env.GPTLAB_BACKEND;
  if (override) lines.push("", `GPTLAB_BACKEND=${override} is set: only that engine is used.`);
  const best = backends.find(({ report }) => report)?.name;
  lines.push("", best ? `The best engine that works: ${best}.` : "No engine works.");
  return [...lines, ...toMend([...findings, ...warnings])].join("\n");
}

function table(findings: readonly Finding[]): string[] {
  return findings.map(({ part, found }) => `${part.padEnd(WIDTH)}${found}`);
}

function toMend(findings: readonly Finding[]): string[] {
  const parts = new Map<string, string[]>(); // one remedy may mend several
  for (const { part, remedy } of findings) if (remedy) parts.set(remedy, [...(parts.get(remedy) ?? []), part]);
  const lines = Array.from(parts, ([remedy, names]) => `  ${names.join(", ")}: ${remedy}`);
  return lines.length > 0 ? ["", "To mend:", ...lines] : [];
}
