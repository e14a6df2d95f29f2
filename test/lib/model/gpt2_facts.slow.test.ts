/**
 * @file Published numbers of OpenAI's GPT-2 (facts.md D.17 and D.18: texts and losses printed in "Build a Large Language Model (From
 * Scratch)", chapters 5 and 6). They run where the cache of the Hugging Face hub holds the model; nothing is fetched for a test.
 */
import { crossEntropy, GPT, generateText, gpt2Tokenizer, initBackend, resolveModel, TokenDataset, tf } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { skip } from "../../support/skip.ts";
import { noVerdict, readVerdict } from "../../support/verdict.ts";

process.env.HF_HUB_OFFLINE = "1";
const tokenizer = gpt2Tokenizer();
const verdict = readVerdict();

/** The folder of a model in the cache, under the name of today or the old one. */
async function cached(name: string): Promise<string | undefined> {
  for (const id of [`openai-community/${name}`, name]) {
    try {
      return await resolveModel(id);
    } catch (error) {
      if (!/is not in the cache/.test((error as Error).message)) throw error;
    }
  }
  return undefined;
}

/** Mean loss on the windows of 256 tokens of a text, each read once. */
function storyLoss(model: GPT, text: string): number {
  const windows = new TokenDataset(tokenizer.encode(text), { blockSize: 256 });
  const losses = Array.from({ length: windows.length }, (_, i) => {
    const { ids, targets } = windows.at(i)!;
    return tf.tidy(() => crossEntropy(model.forward([ids]), Array.from(targets)).dataSync()[0]!);
  });
  return losses.reduce((a, b) => a + b) / losses.length;
}

const test = suite("published numbers of the trained GPT-2");
test.before(async () => void (await initBackend()));

for (const { name, losses } of [
  { name: "gpt2", losses: [3.7547, 3.5596] },
  { name: "gpt2-xl", losses: [3.3046, 3.1195] },
] as const) {
  const folder = await cached(name);
  let model: GPT | undefined;
  const needs = (body: (model: GPT) => Promise<void> | void) => {
    if (folder === undefined) return skip("not in the cache");
    return async () => {
      model ??= await GPT.fromPretrained(folder);
      await body(model);
    };
  };

  if (name === "gpt2")
    test(
      "gpt2: what follows greedily on two prompts",
      needs(async (gpt) => {
        const follow = (prompt: string, maxNewTokens: number) =>
          generateText(gpt, tokenizer, prompt, { maxNewTokens, temperature: 0 });
        assert.is(
          await follow("Every effort moves you", 15),
          " forward.\n\nThe first step is to understand the importance of your work",
        );
        assert.is(
          await follow("Every effort moves", 30),
          " forward, but it's not enough.\n\n\"I'm not going to sit here and say, 'I'm not going to do this,'\n\n",
        );
      }),
    );

  test(
    `${name}: the losses on the story, in its first nine tenths and in the rest`,
    verdict === undefined && folder !== undefined
      ? skip(noVerdict)
      : needs((gpt) => {
          const cut = Math.floor(verdict!.length * 0.9);
          const found = [verdict!.slice(0, cut), verdict!.slice(cut)].map((text) => storyLoss(gpt, text));
          for (const [i, loss] of found.entries()) assert.ok(Math.abs(loss - losses[i]!) < 1e-4, `${found}`);
          gpt.dispose();
        }),
  );
}

test.run();
