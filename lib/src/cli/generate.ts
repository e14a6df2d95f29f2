/** @file The command `gptlab generate`: a model continues a text. */
import type { Command } from "commander";
import { type ModelOptions, type Sampling, samplingOf, withModelOptions, withSampling } from "./arguments";
import { loadModel, MODEL } from "./model";

/** Adds `gptlab generate <model> <prompt>` to the program. */
export function addGenerateCommand(program: Command): void {
  const command = program
    .command("generate")
    .description("continue a text; Ctrl+C stops it")
    .argument("<model>", MODEL)
    .argument("<prompt>", "the text");
  withSampling(withModelOptions(command), { maxNewTokens: 60, temperature: 0.8 }).action(
    async (name: string, prompt: string, options: Sampling & ModelOptions) => {
      const { generateText } = await import("../generate/index.js");
      const { model, tokenizer } = await loadModel(name, options);
      const out = process.stdout;
      out.write(prompt);
      const settings = { ...samplingOf(options), eosId: tokenizer.eosIds };
      await generateText(model, tokenizer, prompt, { ...settings, onToken: (text) => out.write(text) }).finally(() =>
        out.write("\n"),
      );
    },
  );
}
