/** @file The command `gptlab setup`: says what the set-up of the native engine does, one line a stage. */
import type { Command } from "commander";
import type { StageListener } from "../setup/native";
import { Bar } from "./progress";

/** Adds `gptlab setup` to the program. */
export function addSetupCommand(program: Command): void {
  program
    .command("setup")
    .description("build the native engine (libtensorflow) for this machine; without it WebAssembly serves")
    .option("-f, --force", "do everything again")
    .action(async ({ force = false }: { force?: boolean }) => {
      const { setUp } = await import("../setup/setup.js");
      const { line, warning } = await setUp({ force, listener: stages() });
      console.log(line);
      if (warning) console.log(`WARNING: ${warning}`);
    });
}

/** On a terminal, a stage is one line that is drawn over; elsewhere, its end is written after its start. */
function stages(): StageListener {
  const out = process.stdout;
  const bar = new Bar("  [{bar}] {percentage} % of {label}");
  let current = "";
  const wipe = () => {
    if (out.isTTY) out.write("\r\x1b[K");
  };
  return {
    start(label) {
      current = label;
      out.write(`  ${label} … `);
    },
    progress(progress) {
      if (!out.isTTY) return;
      wipe();
      bar.report(progress);
      if (progress.done >= progress.total) out.write(`\r  ${current} … `);
    },
    end(note) {
      bar.clear();
      wipe();
      out.write(out.isTTY ? `  ${current} … ${note}\n` : `${note}\n`);
    },
  };
}
