/** @file The command `gptlab`: one file a command. Errors become one clear message; `DEBUG=gptlab` shows where they arose. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { addChatCommand } from "./chat";
import { addContinueCommand } from "./continue";
import { addDataCommand } from "./data";
import { addDoctorCommand } from "./doctor";
import { addExportCommand } from "./export";
import { addGenerateCommand } from "./generate";
import { addPretrainCommand } from "./pretrain";
import { drawProgress } from "./progress";
import { addSetupCommand } from "./setup";

/** Who reads the output may stop, as `head` does: then there is nothing more to say. */
function leaveQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
}

/** Runs the command line and sets the exit code: 0, or 1 after an error. */
export async function main(argv: readonly string[]): Promise<void> {
  const { version } = JSON.parse(readFileSync(join(__dirname, "..", "..", "package.json"), "utf8")) as {
    version: string;
  };
  const program = new Command("gptlab")
    .description("Build, train and align language models in TypeScript.")
    .version(version)
    .showHelpAfterError("(gptlab --help lists the commands)");
  const commands = [
    addSetupCommand,
    addDoctorCommand,
    addDataCommand,
    addPretrainCommand,
    addContinueCommand,
    addGenerateCommand,
    addChatCommand,
    addExportCommand,
  ];
  for (const add of commands) add(program);
  for (const command of program.commands)
    command.showHelpAfterError(`(gptlab ${command.name()} --help lists its options)`);
  drawProgress();
  process.stdout.off("error", leaveQuietly).on("error", leaveQuietly);
  try {
    await program.parseAsync(argv);
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    console.error(process.env.DEBUG === "gptlab" ? stack : `gptlab: ${message}`);
    process.exitCode = 1;
  }
}
