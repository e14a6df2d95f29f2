/** @file The command `gptlab chat`: a conversation with a model in the terminal, or with lines from a pipe. */
import { createInterface } from "node:readline";
import type { Command } from "commander";
import { Interrupted } from "../interrupt";
import type { GPT } from "../model";
import type { Message } from "../tokenizer/chat";
import type { LoadedTokenizer } from "../tokenizer/load";
import { type ModelOptions, type Sampling, samplingOf, withModelOptions, withSampling } from "./arguments";
import { loadModel, MODEL } from "./model";

interface Options extends Sampling, ModelOptions {
  readonly system?: string;
}

/** Adds `gptlab chat <model>` to the program. */
export function addChatCommand(program: Command): void {
  const command = program
    .command("chat")
    .description("talk to a chat model; Ctrl+C stops an answer, Ctrl+D ends the conversation")
    .argument("<model>", MODEL)
    .option("-s, --system <text>", "what the model is told before the conversation");
  withSampling(withModelOptions(command), { maxNewTokens: 256, temperature: 0.7 }).action(chat);
}

async function chat(name: string, options: Options): Promise<void> {
  const { model, tokenizer } = await loadModel(name, options);
  if (tokenizer.chatTemplate === undefined)
    throw new Error(
      `${name} has no chat template, so it is a base model: it continues texts but knows no conversation. Use gptlab generate, or a model whose name says instruct or chat`,
    );
  const conversation: Message[] = options.system === undefined ? [] : [{ role: "system", content: options.system }];
  const lines = createInterface({ input: process.stdin, ...(process.stdin.isTTY ? { output: process.stdout } : {}) });
  let answering: AbortController | undefined;
  lines.on("SIGINT", () => (answering ? answering.abort() : lines.close())); // a terminal's Ctrl+C; a signal is generate()'s affair
  lines.setPrompt("You: ");
  const ask = (): void => (process.stdin.isTTY ? lines.prompt() : undefined);
  ask();
  for await (const line of lines) {
    if (line.trim() !== "") {
      answering = new AbortController();
      await answer(
        [...conversation, { role: "user", content: line }],
        model,
        tokenizer,
        options,
        answering.signal,
      ).then(
        (whole) => conversation.splice(0, conversation.length, ...whole),
        (error: Error) => console.error(`gptlab: ${error.message}`), // the message is forgotten; the conversation goes on
      );
      answering = undefined;
    }
    ask();
  }
  if (process.stdin.isTTY) process.stdout.write("\n"); // the shell begins on a line of its own
}

/** Writes an answer while it is made, and gives the conversation with it, also when it was stopped. */
async function answer(
  asked: readonly Message[],
  model: GPT,
  tokenizer: LoadedTokenizer,
  options: Options,
  signal: AbortSignal,
): Promise<Message[]> {
  const { generateText } = await import("../generate/index.js");
  const { messages, prompt, room } = fit(asked, model, tokenizer, options.maxNewTokens);
  if (messages.length < asked.length) console.error("gptlab: the oldest messages no longer fit and are left out");
  const settings = { ...samplingOf(options), maxNewTokens: room, eosId: tokenizer.eosIds };
  let content = "";
  const onToken = (text: string): void => {
    content += text;
    process.stdout.write(text);
  };
  try {
    await generateText(model, tokenizer, prompt, { ...settings, onToken, signal });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    process.stdout.write("\n");
  }
  return [...messages, { role: "assistant", content }];
}

/** The conversation as a prompt that leaves room for an answer: without its oldest questions and answers where it is too long. */
function fit(
  asked: readonly Message[],
  model: GPT,
  tokenizer: LoadedTokenizer,
  maxNewTokens: number,
): { messages: readonly Message[]; prompt: string; room: number } {
  const { blockSize } = model.config;
  const wanted = Math.min(maxNewTokens, Math.ceil(blockSize / 2));
  const first = asked[0]?.role === "system" ? 1 : 0;
  for (let left = 0; ; left += 2) {
    const messages = [...asked.slice(0, first), ...asked.slice(first + left)];
    const prompt = tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true });
    const room = blockSize - tokenizer.encode(prompt, { allowedSpecial: "all" }).length;
    const last = messages.length <= first + 1;
    if (last && room < 1)
      throw new RangeError(`This message is too long: the model reads ${blockSize} tokens. Write a shorter one`);
    if (room >= wanted || last) return { messages, prompt, room: Math.min(room, maxNewTokens) };
  }
}
