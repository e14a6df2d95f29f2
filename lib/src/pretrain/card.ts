/** @file The model card of the base model as Markdown, every number from the run itself. */
import path from "node:path";
import type { Figure } from "../plot";
import type { Metrics } from "../train";
import type { Domain } from "./corpus";
import type { PretrainRun } from "./index";
import type { LogPoint } from "./log";
import { spanLength } from "./measure";
import { type PretrainPlan, SPECIAL_TOKENS, sharesOf } from "./plan";

/** What the model wrote after a prompt. */
export interface Sample {
  readonly prompt: string;
  readonly text: string;
  readonly seed: number;
}

/** All that the card says. */
export interface CardContent {
  readonly run: PretrainRun;
  /** The folder that the card stands in. */
  readonly out: string;
  readonly domains: readonly Domain[];
  readonly metrics: Metrics;
  readonly samples: readonly Sample[];
  readonly points: readonly LogPoint[];
  readonly sampling: { readonly temperature: number; readonly topK: number; readonly maxNewTokens: number };
  readonly parameters: number;
  /** About how many words of text a window holds. */
  readonly words: number;
  readonly figures: { readonly loss: Figure; readonly bits: Figure };
}

/** What is held out of each domain. */
const HELD_OUT: Readonly<Record<string, string>> = {
  sotu: "speeches from 2000 on",
  wordnet: "one word in twenty, with all its entries",
  "moby-dick": "the last five chapters and the epilogue",
  chatterbot: "one dialogue in ten",
  jsdoc: "all of it: the model has never read such text",
};

/** From what time the texts of a domain are. */
const TIMES: Readonly<Record<string, (domain: Domain) => string>> = {
  sotu: ({ training }) => `speeches since ${Math.min(...training.map(({ year }) => Number(year)))}`,
  wordnet: () => "definitions up to 2010",
  "moby-dick": () => "a novel of 1851",
};

/** The card. */
export function card(content: CardContent): string {
  const { run, out, domains, metrics, samples, points, sampling, parameters, words, figures } = content;
  const { plan } = run;
  const { model } = plan;
  const tokens = points.at(-1)?.tokens ?? 0;
  const shares = sharesOf(plan);
  const share = (name: string): string => {
    return shares[name] ? `${Math.round(100 * shares[name])} %` : "–";
  };
  const percent = (key: string): string => `${(100 * (metrics[key] ?? Number.NaN)).toFixed(1)} %`;
  const times = domains.flatMap((domain) => (domain.training.length > 0 ? (TIMES[domain.name]?.(domain) ?? []) : []));
  const rows = domains.map(
    ({ name, licence, source }) =>
      `| ${name} | ${share(name)} | ${run.readings[name]?.toFixed(1) ?? "–"} | ${HELD_OUT[name] ?? ""} | ${metrics[`bits/byte ${name}`]?.toFixed(3) ?? "–"} | ${source} | ${licence} |`,
  );
  const decaySteps = Math.round(plan.steps * plan.decayShare);
  return `# ${path.basename(out)}

A small language model that the course trains from nothing: a GPT-2 with ${(parameters / 1e6).toFixed(1)} million parameters. Later chapters start from it.

It has learnt the style of its texts, not what is true. Use it to learn how language models work, and for nothing else.

| | |
|--|--|
| architecture | GPT-2: ${model.nLayer} layers, ${model.nHead} heads, width ${model.nEmbd}, context ${model.blockSize} tokens, tied output layer |
| tokenizer | byte-level BPE, ${run.tokenizer.vocabSize} tokens, learnt from the training texts |
| weights | float16, Hugging Face layout |
| trained on | ${(tokens / 1e6).toFixed(1)} million tokens in ${plan.steps} updates |
| language | English |
| licence of the weights | as the course; the terms of the texts are below |

## Data

| text | share of the windows | times read | held out for ever | bits per byte on the held-out text | source | licence |
|--|--:|--:|--|--:|--|--|
${rows.join("\n")}
| copying | ${share("copying")} | | | | made from the training texts above | |

"copying" is text that repeats itself: spans of the texts given again, random tokens given again, lists of words, spelled words, definitions that are said again. From it the model learns to copy from its prompt.${curriculum(plan)} Bits per byte: how many bits the model needs for a byte of text it has not seen; less is better. End-of-text tokens are predicted too, but have no bytes.

## How it was made

\`\`\`
npx gptlab pretrain --steps ${plan.steps} --out ${folderName(out)}
\`\`\`

AdamW (betas ${plan.betas.join(", ")}, weight decay ${plan.weightDecay}), ${plan.batchSize} windows of ${model.blockSize} tokens in an update, gradients clipped to norm ${plan.maxGradNorm}, ${model.dropout ? `dropout ${model.dropout}` : "no dropout"}, seed ${plan.seed}. The learning rate rises over ${plan.warmupSteps} updates to ${plan.maxLr}, stays there, and falls in a straight line to 0 over the last ${decaySteps}. The run can be stopped and continued at any time; on the same machine it ends in the same weights.

![${figures.loss.alt}](loss.svg)

![${figures.bits.alt}](bits-per-byte.svg)

\`train.jsonl\` is the log: \`steps\` are means over some updates, \`evaluate\` are measurements during the run on fewer windows, \`final\` is that of the finished, rounded weights.

## Copying

A span of ${spanLength(model.blockSize)} tokens of held-out text is read twice. Share of its tokens that the model predicts first:

| | |
|--|--:|
| first copy | ${percent("copy accuracy, first copy")} |
| second copy | ${percent("copy accuracy")} |
| second copy of random tokens | ${percent("copy accuracy, random tokens")} |

## Samples

Not chosen: seeds 0 to ${samples.length - 1}, temperature ${sampling.temperature}, top-k ${sampling.topK}, at most ${sampling.maxNewTokens} tokens. The prompt is in bold.

${samples.map(({ prompt, text, seed }) => `${seed + 1}. ${quote(prompt, text)}`).join("\n")}

## Limits

- It writes in the tone of its texts; sentences often have no sense, and what they state is often false.
- Its texts are old: ${times.join(", ")}. They contain views and words that hurt today.
- It reads at most ${model.blockSize} tokens, about ${words} words, and only English.
- It does not follow instructions: that is chapter 08.
- It has never seen the tokens ${SPECIAL_TOKENS.slice(1)
    .map((token) => `\`${token}\``)
    .join(", ")}.
`;
}

/** What is said of stages in which copying has another share. */
function curriculum({ stages, steps }: PretrainPlan): string {
  const percent = ({ shares }: PretrainPlan["stages"][number]) =>
    `${Math.round((100 * (shares.copying ?? 0)) / Object.values(shares).reduce((sum, share) => sum + share, 0))} %`;
  const begun = stages.filter(({ from }) => from < steps);
  if (begun.length < 2) return "";
  return ` Its share changes: ${begun.map((stage) => `${percent(stage)} from update ${stage.from} on`).join(", ")}.`;
}

/** The folder as a command on any machine would name it. */
function folderName(out: string): string {
  const inside = path.relative(process.cwd(), path.resolve(out));
  const known = inside !== "" && !inside.startsWith("..") && !path.isAbsolute(inside);
  return (known ? inside : path.basename(out)).replaceAll(path.sep, "/");
}

/** One line of Markdown. */
export function quote(prompt: string, text: string): string {
  const plain = (part: string): string =>
    part
      .replace(/[\\`*_{}[\]<>#|]/g, "\\$&")
      .split("\n")
      .map((line) => line.trim())
      .join(" ⏎ ");
  return `**${plain(prompt)}** ${plain(text)}`;
}
