/** @file The command `gptlab export`: any model that can be loaded becomes a folder in Hugging Face's layout, with its tokenizer. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { type ModelOptions, withModelOptions } from "./arguments";
import { loadModel, MODEL } from "./model";

interface Options extends ModelOptions {
  readonly dtype: "F32" | "F16" | "BF16";
}

/** Adds `gptlab export <model> <folder>` to the program. */
export function addExportCommand(program: Command): void {
  const command = program
    .command("export")
    .description("write a model with its tokenizer as a folder that transformers and other programs load")
    .argument("<model>", MODEL)
    .argument("<folder>", "a new or empty folder")
    .addOption(
      new Option("--dtype <type>", "how numbers are stored: F16 and BF16 need half the space")
        .choices(["F32", "F16", "BF16"])
        .default("F32"),
    );
  withModelOptions(command).action(exportModel);
}

async function exportModel(name: string, folder: string, options: Options): Promise<void> {
  const there = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    if (error.code === "ENOTDIR") throw new Error(`export writes into a new or empty folder, but ${folder} is a file`);
    throw error;
  });
  if (there && there.length > 0)
    throw new Error(`export writes into a new or empty folder, but ${folder} has ${there.slice(0, 3).join(", ")}`);
  const { writeWhole } = await import("../whole_file.js");
  const { model, tokenizer } = await loadModel(name, options);
  const { bosId, eosIds } = tokenizer;
  const ends = { ...(bosId === undefined ? {} : { bos_token_id: bosId }), eos_token_id: eosIds };
  const path = join(folder, "generation_config.json"); // config.json holds one end token only
  try {
    await model.save(folder, { dtype: options.dtype, tokenizer });
    if (eosIds.length > 0) await writeWhole([{ path, chunks: [JSON.stringify(ends, null, 2), "\n"] }]);
  } catch (error) {
    await empty(folder); // as it was before: half a model helps nobody
    if (!there) await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const files = await readdir(folder);
  console.log(
    `${folder}: ${(model.parameterCount() / 1e6).toFixed(1)} M parameters as ${options.dtype}. ${files.sort().join(", ")}`,
  );
}

async function empty(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => []))
    await rm(join(folder, name), { recursive: true, force: true });
}
