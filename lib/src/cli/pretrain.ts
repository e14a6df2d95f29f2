/** @file The command `gptlab pretrain`: trains the course's base model in legs that can be stopped and continued. */
import { type Command, Option } from "commander";
import { wholeNumber } from "./arguments";
import { follow, inShell } from "./follow";

interface Options {
  readonly out: string;
  readonly run: string;
  readonly steps?: number;
  readonly finish?: boolean;
}

/** Adds `gptlab pretrain` to the program. */
export function addPretrainCommand(program: Command): void {
  program
    .command("pretrain")
    .description("train the course's base model: hours on two cores; stop it with Ctrl+C, the same command goes on")
    .option("-o, --out <folder>", "where the finished model is written", "models/course-base")
    .option("-r, --run <folder>", "where checkpoints and the log of the run are kept", ".build/pretrain")
    .option("--steps <number>", "updates of 2,048 tokens in a new run (default 9800)", wholeNumber)
    .addOption(
      new Option("--finish", "end early: let the learning rate fall from the last checkpoint on").conflicts("steps"),
    )
    .action(pretrain);
}

async function pretrain({ out, run: runDir, steps, finish }: Options): Promise<void> {
  const { initBackend } = await import("../backend/init.js");
  const { Random } = await import("../random.js");
  const { coursePlan } = await import("../pretrain/plan.js");
  const { loadDomains } = await import("../pretrain/corpus.js");
  const { choosePlan } = await import("../pretrain/kept.js");
  const { openPretraining } = await import("../pretrain/index.js");
  const { publish } = await import("../pretrain/publish.js"); // now: in some hours the files may be others
  const choice = { runDir, steps, finish };
  const { seed, batchSize, model } = await choosePlan(coursePlan, choice); // what cannot be done is said before data are fetched
  const { name, threads } = await initBackend();
  console.log(`Engine ${name}, ${threads} threads. Run in ${runDir}; stop it with Ctrl+C, the same command goes on.`);
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.once("SIGTERM", end); // Ctrl+C is train()'s own affair
  const domains = await loadDomains(new Random(seed));
  const run = await openPretraining(coursePlan, domains, { ...choice, signal: stop.signal });
  console.log(`${run.plan.steps} updates of ${batchSize} × ${model.blockSize} tokens, then the model goes to ${out}.`);
  const command = `npx gptlab pretrain --run ${inShell(runDir)} --out ${inShell(out)}`;
  await follow(run, { command, signal: stop.signal, say: console.log });
  process.off("SIGTERM", end);
  console.log(`Measuring on held-out text, then writing ${out}.`);
  for (const [key, value] of Object.entries(await publish(run, domains, { runDir, out })))
    console.log(`${key.padEnd(32)}${value.toFixed(3)}`);
}
