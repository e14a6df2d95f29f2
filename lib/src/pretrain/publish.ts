/** @file A finished run → the model's folder: float16 weights, tokenizer, log, curve, card. What is measured is the model as it is written. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { generateText } from "../generate";
import { GPT } from "../model";
import type { Metrics } from "../train";
import { writeWhole } from "../whole_file";
import { card, type Sample } from "./card";
import type { Domain } from "./corpus";
import type { PretrainRun } from "./index";
import { bitsCurve, lossCurve, readLog, thinned } from "./log";
import { SPECIAL_TOKENS } from "./plan";

const WINDOWS = 800; // of each domain; all of the speeches
const SPANS = 64; // of each domain

const PROMPTS = [
  "The state of the Union is",
  "My fellow citizens, in the last year",
  "We must not forget that",
  "Call me",
  "The whale",
  "lighthouse (noun):",
  "patient (adjective):",
  "Q: What is a computer?\nA:",
  "The words are: river, stone, music, bread\nAgain: river, stone,",
  "winter: w i n t e r\nsummer: s u",
];
const SAMPLING = { maxNewTokens: 60, temperature: 0.8, topK: 50 };

/** Writes the folder and returns what was measured. */
export async function publish(
  run: PretrainRun,
  domains: readonly Domain[],
  { runDir, out }: { runDir: string; out: string },
): Promise<Metrics> {
  await mkdir(out, { recursive: true });
  await run.model.save(out, { dtype: "F16", tokenizer: run.tokenizer });
  const model = await GPT.fromPretrained(out);
  try {
    const metrics = await run.measureFully(model, { windows: WINDOWS, spans: SPANS });
    const samples: Sample[] = [];
    for (const [seed, prompt] of PROMPTS.entries()) {
      const start = `${SPECIAL_TOKENS[0]}${prompt}`;
      const room = model.config.blockSize - run.tokenizer.encode(start, { allowedSpecial: "all" }).length;
      const text = await generateText(model, run.tokenizer, start, {
        ...SAMPLING,
        maxNewTokens: Math.min(SAMPLING.maxNewTokens, room),
        seed,
        eosId: 0,
      });
      samples.push({ prompt, text, seed });
    }
    const events = await readLog(path.join(runDir, "log.jsonl"));
    const points = thinned(events);
    const evaluations = events.flatMap((event) => (event.kind === "evaluate" ? [event] : []));
    const lines = [
      ...points.map((point) => ({ kind: "steps", ...point })),
      ...evaluations,
      { kind: "final", step: run.plan.steps, metrics },
    ];
    const figures = { loss: lossCurve(points), bits: bitsCurve(evaluations) };
    const measured = { metrics, samples, points, parameters: count(model), words: wordsOfWindow(run, domains) };
    const files = {
      "train.jsonl": lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
      "loss.svg": await figures.loss.toSvg(),
      "bits-per-byte.svg": await figures.bits.toSvg(),
      "README.md": card({ run, out, domains, ...measured, sampling: SAMPLING, figures }),
    };
    await writeWhole(Object.entries(files).map(([name, text]) => ({ path: path.join(out, name), chunks: [text] })));
    return metrics;
  } finally {
    model.dispose();
  }
}

/** About how many words of text a window holds, by the held-out texts of what the model was trained on; two digits. */
function wordsOfWindow({ tokenizer, plan }: PretrainRun, domains: readonly Domain[]): number {
  let [words, tokens] = [0, 0];
  for (const { text } of domains.flatMap(({ training, heldOut }) => (training.length > 0 ? heldOut : []))) {
    words += text.match(/\S+/g)?.length ?? 0;
    tokens += tokenizer.encode(text).length;
  }
  return Number(((plan.model.blockSize * words) / Math.max(1, tokens)).toPrecision(2));
}

const count = (model: GPT): number =>
  Array.from(model.parameters().values(), ({ size }) => size).reduce((sum, size) => sum + size, 0);
