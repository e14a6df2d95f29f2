/** @file The model card of a continued model as Markdown, every number from the run itself. */
import path from "node:path";
import type { ForgettingRow } from "../../evaluate/forgetting";
import type { Metrics } from "../../train";
import { quote } from "../card";
import type { ContinuedDomains } from "./corpus";
import type { ContinuedRun } from "./run";

/** All that the card says. */
export interface ContinuedCard {
  readonly run: ContinuedRun;
  readonly out: string;
  readonly domains: ContinuedDomains;
  readonly row: ForgettingRow;
  readonly metrics: Metrics;
  readonly samples: readonly { readonly prompt: string; readonly was: string; readonly is: string }[];
  readonly sampling: { readonly temperature: number; readonly topK: number; readonly maxNewTokens: number };
  /** What the curve shows, in words. */
  readonly alt: string;
}

/** The card. */
export function card({ run, out, domains, row, metrics, samples, sampling, alt }: ContinuedCard): string {
  const { plan, before, model } = run;
  const percent = (share: number): string => `${Math.round(100 * share)} %`;
  const all = domains.old.reduce((sum, { name }) => sum + (plan.shares[name] ?? 0), 0);
  const read = (name: string): string => {
    if (name === plan.domain) return `new, ${percent(1 - plan.replay)}`;
    const share = plan.replay * ((plan.shares[name] ?? 0) / all);
    return share > 0 ? `again, ${(100 * share).toFixed(1)} %` : "not read";
  };
  const bits = (from: Metrics, name: string): string => from[`bits/byte ${name}`]?.toFixed(3) ?? "–";
  const rows = [...domains.old, domains.domain].map(({ name, source, licence }) => {
    const change = row.changes[name] ?? Number.NaN;
    const sign = change > 0 ? "+" : "";
    return `| ${name} | ${read(name)} | ${bits(before.full, name)} | ${bits(metrics, name)} | ${sign}${change.toFixed(3)} | ${source} | ${licence} |`;
  });
  const copies = (from: Metrics): string => percent(from["copy accuracy"] ?? Number.NaN);
  return `# ${path.basename(out)}

\`${plan.base.name}\`, trained on with text that it had never read: ${plan.domain}. The recipe is that of chapter 06.

It has learnt the style of its texts, not what is true. Use it to learn how language models work, and for nothing else. What is said in the card of \`${plan.base.name}\` about its limits holds here too.

| text | read in this training | bits per byte before | after | change | source | licence |
|--|--|--:|--:|--:|--|--|
${rows.join("\n")}

Bits per byte on text that no training has seen; less is better. Of the new domain one text in twelve was kept for this test. It has gained ${row.gained.toFixed(3)} bits per byte in the new domain and forgotten ${row.forgotten.toFixed(3)} in the old ones, on average. Of a repeated span it continues ${copies(before.full)} of the tokens rightly before, ${copies(metrics)} after.

![${alt}](bits-per-byte.svg)

## How it was made

\`\`\`
${command(plan, out)}
\`\`\`

AdamW from a fresh state (betas ${plan.betas.join(", ")}, weight decay ${plan.weightDecay}), ${plan.batchSize} windows of ${model.config.blockSize} tokens in an update, gradients clipped to norm ${plan.maxGradNorm}, seed ${plan.seed}. ${plan.steps} updates read ${plan.tokens.toLocaleString("en")} tokens of the new domain; ${plan.replay > 0 ? `${percent(plan.replay)} of the windows are old text, read again against forgetting` : "no old text was read again"}. The learning rate rises from ${plan.lastLr} to ${plan.maxLr} over ${percent(plan.warmupShare)} of the updates and falls on half a cosine wave to ${plan.minLr}. The weights that it began with have the SHA-256 \`${plan.base.sha256}\`. The run can be stopped and continued at any time; on the same machine it ends in the same weights.

\`train.jsonl\` is the log: \`steps\` are means over some updates, \`evaluate\` are measurements during the run on fewer windows, \`before\` and \`final\` those of the table.

## Samples

Not chosen: seeds 0 to ${samples.length - 1}, temperature ${sampling.temperature}, top-k ${sampling.topK}, at most ${sampling.maxNewTokens} tokens. The prompt is in bold.

| before | after |
|--|--|
${samples.map(({ prompt, was, is }) => `| ${quote(prompt, was)} | ${quote(prompt, is)} |`).join("\n")}
`;
}

/** The command that makes this model again, with folders as they would be on any machine. */
function command({ base, domain, replay, tokens, maxLr, seed }: ContinuedRun["plan"], out: string): string {
  return `npx gptlab continue ${base.name} --domain ${domain} --replay ${replay} --tokens ${tokens} --lr ${maxLr} --seed ${seed} --out models/${path.basename(out)}`;
}
