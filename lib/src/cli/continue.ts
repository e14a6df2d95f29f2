/** @file The command `gptlab continue`: a trained model learns a new domain, in legs that can be stopped and continued. */
import { existsSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { continuePlan } from "../pretrain/continued/plan";
import { anySeed, rate, share, wholeNumber } from "./arguments";
import { follow, inShell } from "./follow";

interface Options {
  readonly domain: string;
  readonly replay: number;
  readonly tokens: number;
  readonly lr: number;
  readonly seed: number;
  readonly run?: string;
  readonly out?: string;
}

/** Adds `gptlab continue <model>` to the program. */
export function addContinueCommand(program: Command): void {
  program
    .command("continue")
    .description("train a model on with text of a new domain; stop it with Ctrl+C, the same command goes on")
    .argument("<model>", "what it begins with: a model of the course, as course-base, or a folder")
    .option("-d, --domain <name>", "the new domain: a data set, or a file or folder of your own text", "jsdoc")
    .option("--replay <share>", "share of old text that is read again, against forgetting", share, continuePlan.replay)
    .option(
      "--tokens <number>",
      "tokens of the new domain to read; old text comes on top",
      wholeNumber,
      continuePlan.tokens,
    )
    .option("--lr <rate>", "highest learning rate", rate, continuePlan.maxLr)
    .option("--seed <number>", "order of the text", anySeed, 1)
    .option("-r, --run <folder>", "where checkpoints and the log are kept (default .build/continue/<model>-<domain>)")
    .option("-o, --out <folder>", "where the finished model is written (default models/<model>-<domain>)")
    .action(continueTraining);
}

async function continueTraining(model: string, options: Options): Promise<void> {
  const { domain, replay, tokens, lr, seed } = options;
  const { GPT } = await import("../model/index.js");
  const { findCourseModel } = await import("../pretrain/base_model.js");
  const { BpeTokenizer } = await import("../tokenizer/bpe.js");
  const { initBackend } = await import("../backend/init.js");
  const { Random } = await import("../random.js");
  const { loadContinuedDomains } = await import("../pretrain/continued/corpus.js");
  const { openContinuation, weightsHash } = await import("../pretrain/continued/run.js");
  const { publishContinuation } = await import("../pretrain/continued/publish.js");
  const folder = existsSync(path.join(model, "config.json")) ? model : findCourseModel(model);
  const base = { name: path.basename(path.resolve(folder)), sha256: await weightsHash(folder) };
  const label = path.basename(path.resolve(domain), path.extname(domain)); // "." has a name too
  const both = `${base.name}-${label}`;
  const runDir = options.run ?? path.join(".build", "continue", both);
  const out = options.out ?? path.join("models", both);
  const old = Object.keys(continuePlan.shares);
  const domains = await loadContinuedDomains(domain, old, new Random(seed));
  const { name, threads } = await initBackend();
  console.log(`Engine ${name}, ${threads} threads. Run in ${runDir}; stop it with Ctrl+C, the same command goes on.`);
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.once("SIGTERM", end); // Ctrl+C is train()'s own affair
  const plan = { ...continuePlan, base, domain: domains.domain.name, replay, tokens, maxLr: lr, minLr: lr / 10, seed };
  console.log("Reading the texts, and measuring the model before it learns …");
  const start = { model: await GPT.fromPretrained(folder), tokenizer: await BpeTokenizer.load(folder) };
  const run = await openContinuation(plan, start, domains, { runDir, signal: stop.signal });
  console.log(`${run.plan.steps} updates, ${tokens} tokens of ${plan.domain}; then the model goes to ${out}.`);
  const asked = `--domain ${inShell(domain)} --replay ${replay} --tokens ${tokens} --lr ${lr} --seed ${seed}`;
  const command = `npx gptlab continue ${inShell(model)} ${asked} --run ${inShell(runDir)} --out ${inShell(out)}`;
  await follow(run, { command, signal: stop.signal, say: console.log, every: 10 });
  process.off("SIGTERM", end);
  console.log(`Measuring on held-out text, then writing ${out}.`);
  const { row, before, after } = await publishContinuation(run, domains, { runDir, out, base: folder });
  console.log(`${"bits per byte".padEnd(16)}${"before".padStart(8)}${"after".padStart(8)}${"change".padStart(9)}`);
  for (const [one, change] of Object.entries(row.changes)) {
    const figures = [before[one], after[one]].map((bits) => bits?.toFixed(3).padStart(8)).join("");
    console.log(`${one.padEnd(16)}${figures}${`${change > 0 ? "+" : ""}${change.toFixed(3)}`.padStart(9)}`);
  }
  console.log(`gained ${row.gained.toFixed(3)} in ${plan.domain}, forgotten ${row.forgotten.toFixed(3)} in the others`);
}
