/** @file The command `gptlab pretrain`: trains the course's base model in legs that can be stopped and continued. */
import type { Command } from "commander";
import { wholeNumber } from "./arguments";

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
    .option("--finish", "end early: let the learning rate fall from the last checkpoint on")
    .action(pretrain);
}

async function pretrain({ out, run: runDir, steps, finish = false }: Options): Promise<void> {
  const { initBackend } = await import("../backend/init.js");
  const { Random } = await import("../random.js");
  const { coursePlan } = await import("../pretrain/plan.js");
  const { loadDomains } = await import("../pretrain/corpus.js");
  const { openPretraining } = await import("../pretrain/index.js");
  const { publish } = await import("../pretrain/publish.js"); // now: in some hours the files may be others
  const { name, threads } = await initBackend();
  const plan = { ...coursePlan, steps: steps ?? coursePlan.steps };
  console.log(`Engine ${name}, ${threads} threads. Run in ${runDir}; stop it with Ctrl+C, the same command goes on.`);
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort()); // Ctrl+C is train()'s own affair
  const domains = await loadDomains(new Random(plan.seed));
  const run = await openPretraining(plan, domains, { runDir, finish, signal: stop.signal });
  console.log(
    `${run.plan.steps} updates of ${plan.batchSize} × ${plan.model.blockSize} tokens, then the model goes to ${out}.`,
  );
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
      console.log(`step ${event.step}  ${figures.join("  ")}`);
      since = { step: 0, tokens: event.tokens, loss: 0, at: now };
    } else if (event.kind === "evaluate") {
      const figures = Object.entries(event.metrics).map(([key, value]) => `${key} ${value.toFixed(3)}`);
      console.log(`step ${event.step}  ${figures.join("; ")}`);
    }
  }
  if (stop.signal.aborted) {
    console.log("Stopped. The same command goes on from the last checkpoint.");
    return;
  }
  console.log(`Measuring on held-out text, then writing ${out}.`);
  for (const [key, value] of Object.entries(await publish(run, domains, { runDir, out })))
    console.log(`${key.padEnd(32)}${value.toFixed(3)}`);
}
