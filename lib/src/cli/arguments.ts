/** @file How arguments of the command line become numbers, and the options that several commands share. */
import { type Command, InvalidArgumentError } from "commander";
import type { SamplingOptions } from "../generate";

/** An argument that is a number in a range. */
const number =
  (fits: (value: number) => boolean, wanted: string) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !fits(value)) throw new InvalidArgumentError(`Give ${wanted}.`);
    return value;
  };

export const wholeNumber = number((value) => Number.isInteger(value) && value >= 1, "a whole number of at least 1");
/** A number that begins a sequence of random ones. */
export const anySeed = number(
  (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32,
  "a whole number from 0 to 4294967295",
);
export const share = number((value) => value >= 0 && value < 1, "a share of at least 0 and less than 1, as 0.3");
export const rate = number((value) => value > 0 && Number.isFinite(value), "a learning rate above 0, as 1e-3");
const temperature = number((value) => value >= 0 && Number.isFinite(value), "a temperature of at least 0");
const probability = number((value) => value > 0 && value <= 1, "a number above 0 and at most 1, as 0.9");

/** Which model, where it is one of several. */
export interface ModelOptions {
  readonly revision?: string;
  readonly file?: string;
}

/** Adds the options that say which model. */
export function withModelOptions(command: Command): Command {
  return command
    .option("--revision <name>", "on the hub: a branch, a tag or a commit (default main)")
    .option("--file <name>", "one weights file of several, as model-q8_0.gguf");
}

/** Adds the options of sampling, with these defaults. */
export function withSampling(command: Command, defaults: { maxNewTokens: number; temperature: number }): Command {
  return command
    .option("-n, --max-new-tokens <number>", "the longest answer in tokens", wholeNumber, defaults.maxNewTokens)
    .option("-t, --temperature <number>", "0 takes the likeliest token always", temperature, defaults.temperature)
    .option("--top-k <number>", "only the k likeliest tokens", wholeNumber)
    .option("--top-p <share>", "only the likeliest tokens that have this share together", probability)
    .option("--seed <number>", "another one gives another text", anySeed, 1);
}

/** What {@link withSampling} reads. */
export type Sampling = Pick<SamplingOptions, "maxNewTokens" | "temperature" | "topK" | "topP" | "seed">;

/** The same without other options. */
export function samplingOf({ maxNewTokens, temperature: heat, topK, topP, seed }: Sampling): Sampling {
  return {
    maxNewTokens,
    ...(heat === undefined ? {} : { temperature: heat }),
    ...(topK === undefined ? {} : { topK }),
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
  };
}
