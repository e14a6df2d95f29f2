/** @file Follows a training run on the command line: its figures as lines, and after a stop where it stands and what goes on. */
import { checkpointPath, checkpointSteps } from "../files/checkpoint";
import { Interrupted } from "../interrupt";
import { locked } from "../lock";
import type { TrainEvent } from "../train";

/** A run that can be followed: of `gptlab pretrain` or `gptlab continue`. */
export interface FollowedRun {
  readonly plan: { readonly steps: number };
  /** The folder of its checkpoints. */
  readonly checkpoints: string;
  events(): AsyncIterable<TrainEvent>;
}

/** A word as a shell reads it. */
export const inShell = (word: string): string => (/^[\w./\\:-]+$/.test(word) ? word : JSON.stringify(word));

/**
 * Trains the run to its end and says how it goes.
 *
 * @param options.command goes on with the run after a stop
 * @param options.every steps between two lines of figures; default 50
 * @throws Error if another process trains the run; Interrupted if it was stopped, by Ctrl+C or by the signal: where the checkpoint is, and the command
 */
export async function follow(
  run: FollowedRun,
  options: { command: string; signal: AbortSignal; say: (line: string) => void; every?: number },
): Promise<void> {
  const { command, signal, say, every = 50 } = options;
  try {
    await locked(`${run.checkpoints}.lock`, "training of this run", () => tellSteps(run, say, every));
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(await whereItStands(run, command));
  }
  if (signal.aborted) throw new Interrupted(await whereItStands(run, command));
}

async function whereItStands({ checkpoints, plan }: FollowedRun, command: string): Promise<string> {
  const step = (await checkpointSteps(checkpoints)).at(-1);
  if (step === undefined) return `Stopped before anything was learnt. This begins again:\n  ${command}`;
  return `Stopped after ${step} of ${plan.steps} updates. The checkpoint is ${checkpointPath(checkpoints, step)}; this goes on from it:\n  ${command}`;
}

async function tellSteps(run: FollowedRun, say: (line: string) => void, every: number): Promise<void> {
  let since = { step: 0, tokens: 0, loss: 0, at: performance.now() };
  for await (const event of run.events()) {
    if (event.kind === "step") {
      since.loss += event.loss;
      since.step++;
      if (since.tokens === 0) since.tokens = event.tokens;
      if (event.step % every !== 0) continue;
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
