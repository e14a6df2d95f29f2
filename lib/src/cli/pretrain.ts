/** @file The command `gptlab pretrain`: trains the course's base model in legs that can be stopped and continued. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { checkpointPath, checkpointSteps } from "../files/checkpoint";
import { Interrupted } from "../interrupt";
import type { PretrainRun } from "../pretrain";

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

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("Give a whole number of at least 1.");
  return value;
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

const inShell = (word: string): string => (/^[\w./\\:-]+$/.test(word) ? word : JSON.stringify(word));

/**
 * Trains the run to its end and says how it goes.
 *
 * @param options.command goes on with the run after a stop
 * @throws Interrupted if it was stopped, by Ctrl+C or by the signal: where the checkpoint is, and the command
 */
export async function follow(
  run: PretrainRun,
  { command, signal, say }: { command: string; signal: AbortSignal; say: (line: string) => void },
): Promise<void> {
  try {
    await tellSteps(run, say);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(await whereItStands(run, command));
  }
  if (signal.aborted) throw new Interrupted(await whereItStands(run, command));
}

async function whereItStands({ checkpoints, plan }: PretrainRun, command: string): Promise<string> {
  const step = (await checkpointSteps(checkpoints)).at(-1);
  if (step === undefined) return `Stopped before anything was learnt. This begins again:\n  ${command}`;
  return `Stopped after ${step} of ${plan.steps} updates. The checkpoint is ${checkpointPath(checkpoints, step)}; this goes on from it:\n  ${command}`;
}

async function tellSteps(run: PretrainRun, say: (line: string) => void): Promise<void> {
  let since = { step: 0, tokens: 0, loss: 0, at: performance.now() };
  for await (const event of run.events()) {
    if (event.kind === "step") {
      since.loss += event.loss;
      since.step++;
      if (since.tokens === 0) since.tokens = event.tokens;
      if (event.step % 50 !== 0) continue;
      const now = performance.now();
      const speed = (1000 * (event.tokens - since.tokens)) / (now - since.at);
      const figures = [
        `loss ${(since.loss / since.step).toFixed(3)}`,
        `norm ${event.gradNorm.toFixed(2)}`,
        `rate ${event.lr.toExponential(2)}`,
        `${(event.tokens / 1e6).toFixed(2)} M tokens`,
        `${speed.toFixed(0)} tokens/s`,
      ];
      say(`step ${event.step}  ${figures.join("  ")}`);
      since = { step: 0, tokens: event.tokens, loss: 0, at: now };
    } else if (event.kind === "evaluate") {
      const figures = Object.entries(event.metrics).map(([key, value]) => `${key} ${value.toFixed(3)}`);
      say(`step ${event.step}  ${figures.join("; ")}`);
    }
  }
}
