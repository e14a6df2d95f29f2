/** @file @backends tensorflow. The base model's training from end to end, tiny: what it learns from, legs that can be broken, an early end, the folder. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  baseModel,
  checkpointPath,
  checkpointSteps,
  coursePlan,
  Interrupted,
  initBackend,
  type PretrainPlan,
  presets,
  Random,
  type TrainEvent,
  trapezoid,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { follow } from "../../../lib/dist/cli/follow.js";
import { splitDomain } from "../../../lib/dist/pretrain/corpus.js";
import { openPretraining } from "../../../lib/dist/pretrain/index.js";
import { choosePlan } from "../../../lib/dist/pretrain/kept.js";
import { sharesOf, stepsIfFinishedAt } from "../../../lib/dist/pretrain/plan.js";
import { publish } from "../../../lib/dist/pretrain/publish.js";

const test = suite("pretraining");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-pretrain-"));
test.before(async () => void (await initBackend()));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const words = "river stone music bread light paper winter summer garden street letter window".split(" ");
const heldOutWords = ["zebra", "quartz"]; // stand in no training text
const sentence = (random: Random, from: readonly string[]) =>
  `${Array.from({ length: 12 }, () => from[random.integer(from.length)]).join(" ")}.`;
const speeches = (random: Random) =>
  Array.from({ length: 40 }, (_, i) => ({
    year: 1970 + i,
    text: sentence(random, 1970 + i >= 2000 ? [...words, ...heldOutWords] : words),
  }));
const set = (name: string, records: readonly { text: string; [field: string]: unknown }[]) =>
  splitDomain({ name, licence: "our own", source: "this test", records }, new Random(1));
const domains = [
  set("sotu", speeches(new Random(2))),
  set(
    "wordnet",
    words.map((word) => ({ word, definition: sentence(new Random(3), words), text: `${word}: a word.` })),
  ),
];
const plan: PretrainPlan = {
  ...coursePlan,
  model: { ...coursePlan.model, vocabSize: 300, blockSize: 64, nLayer: 1, nHead: 1, nEmbd: 8 },
  batchSize: 2,
  steps: 12,
  warmupSteps: 2,
  stages: [
    { from: 0, shares: { sotu: 0.5, wordnet: 0.5 } },
    { from: 5, shares: { sotu: 0.5, copying: 0.5 } },
  ],
  evaluateEvery: 6,
  checkpointEvery: 4,
  evaluationWindows: 4,
};

async function leg(runDir: string, options: { finish?: boolean; until?: number; steps?: number } = {}) {
  const { finish = false, until = Number.POSITIVE_INFINITY, steps = plan.steps } = options;
  const run = await openPretraining({ ...plan, steps }, domains, { runDir, finish });
  const events: TrainEvent[] = [];
  for await (const event of run.events()) {
    events.push(event);
    if (event.step >= until) break;
  }
  return { run, events };
}
const weights = ({ run }: Awaited<ReturnType<typeof leg>>) =>
  Array.from(run.model.parameters().values(), (variable) => Array.from(variable.dataSync()));

test("coursePlan is preset course over 20 million tokens, most of them text, and JSDoc is never read", () => {
  const { steps, batchSize, model, stages } = coursePlan;
  assert.is(model, presets.course);
  assert.ok(steps * batchSize * model.blockSize >= 20e6);
  for (const { shares } of stages) {
    assert.ok(Math.abs(Object.values(shares).reduce((a, b) => a + b) - 1) < 1e-12); // a sum of decimals
    assert.is(shares.jsdoc, undefined);
  }
  const overall = sharesOf(coursePlan);
  assert.ok(Math.abs(Object.values(overall).reduce((a, b) => a + b) - 1) < 1e-12);
  assert.ok((overall.copying as number) < 0.2, `${overall.copying}`);
});

test("trapezoid() rises, stays, falls to almost 0; a decay that begins early has the same share", () => {
  const rate = trapezoid({ steps: 100, warmupSteps: 10, decaySteps: 25, maxLr: 2 });
  assert.is(rate(0), 0.2);
  assert.is(rate(10), 2);
  assert.is(rate(75), 2);
  assert.is(rate(99), 0.08);
  assert.throws(() => trapezoid({ steps: 9, warmupSteps: 5, decaySteps: 5, maxLr: 1 }), /fit into the steps/);
  assert.is(stepsIfFinishedAt(75, { ...plan, decayShare: 0.25 }), 100);
});

test("held-out records are in no training text: speeches from 2000 on, all JSDoc, other languages", () => {
  assert.is(domains[0]?.training.length, 30);
  assert.is(domains[0]?.heldOut.length, 10);
  const training = domains.flatMap((domain) => domain.training.map(({ text }) => text)).join(" ");
  for (const word of heldOutWords) assert.not(training.includes(word));
  assert.is(set("jsdoc", [{ text: "returns the value" }]).training.length, 0);
  assert.is(set("chatterbot", [{ text: "س: سلام", language: "fa" }]).training.length, 0);
});

test("a run in three legs, one of them cut between checkpoints, ends in the weights of the unbroken run, bit for bit", async () => {
  const whole = await leg(path.join(folder, "whole"));
  const legs = path.join(folder, "legs");
  await leg(legs, { until: 3 });
  await leg(legs, { until: 7 });
  const last = await leg(legs);
  assert.is(last.events[0]?.step, 5); // after the checkpoint of step 4
  assert.equal(weights(last), weights(whole));
  const evaluations = whole.events.flatMap((event) => (event.kind === "evaluate" ? [event.metrics] : []));
  assert.is(evaluations.length, 2);
  for (const name of ["bits/byte sotu", "copy accuracy", "copy accuracy, random tokens"])
    assert.ok(Number.isFinite(evaluations[1]?.[name]), name);
});

test("no batch holds a token that only held-out text has", async () => {
  const runDir = path.join(folder, "whole");
  const { run } = await leg(runDir); // finished: nothing more is trained
  const banned = heldOutWords.flatMap((word) => run.tokenizer.encode(` ${word}`));
  const text = run.tokenizer.decode(banned);
  assert.match(text, "zebra");
  for (let i = 0; i < 200; i++) {
    const { ids } = run.batches.next();
    for (const row of ids) for (const word of heldOutWords) assert.not(run.tokenizer.decode(row).includes(word));
  }
});

test("--finish ends early: the rate falls from the last checkpoint on, and a second --finish changes nothing", async () => {
  const runDir = path.join(folder, "early");
  await leg(runDir, { until: 9, steps: 60 });
  const { events } = await leg(runDir, { finish: true, until: 10, steps: 60 });
  const again = await leg(runDir, { finish: true, steps: 60 });
  assert.is(again.run.plan.steps, 11); // 8 / (1 - 0.25)
  const rates = [...events, ...again.events].flatMap((event) => (event.kind === "step" ? [event.lr] : []));
  assert.ok(rates.at(-1)! < 0.5 * coursePlan.maxLr, String(rates));
});

/** Why a run is not opened. */
const refusal = (asked: PretrainPlan, options: { runDir: string; steps?: number; finish?: boolean }) =>
  openPretraining(asked, domains, options).then(
    () => "it was opened",
    (error: Error) => error.message,
  );

test("a folder with another plan is refused with both values and stays as it is; without a length the run keeps its own", async () => {
  const runDir = path.join(folder, "whole");
  const before = readFileSync(path.join(runDir, "plan.json"), "utf8");
  assert.match(await refusal({ ...plan, maxLr: 1 }, { runDir }), /: maxLr is 0\.002 there, and 1 was asked for\. /);
  assert.match(await refusal(plan, { runDir, steps: 100 }), /: steps is 12 there, and 100 was asked for\. /);
  assert.is(readFileSync(path.join(runDir, "plan.json"), "utf8"), before);
  assert.is((await choosePlan({ ...plan, steps: 999 }, { runDir })).steps, 12);
});

test("a run too short for its schedule, or one that is finished before it began, leaves no folder behind", async () => {
  const runDir = path.join(folder, "refused");
  assert.match(await refusal(coursePlan, { runDir, steps: 199 }), /run of 199 updates .* whole number of at least 200/);
  assert.is((await choosePlan(coursePlan, { runDir, steps: 200 })).steps, 200);
  assert.match(
    await refusal(plan, { runDir, finish: true }),
    /refused.checkpoints holds none\. Train without it first$/,
  );
  assert.not(existsSync(runDir));
});

test("after Ctrl-C the command names the checkpoint and the command that goes on, and the run goes on from there", async () => {
  const runDir = path.join(folder, "stopped");
  const run = await openPretraining({ ...plan, steps: 200 }, domains, { runDir });
  const events = async function* () {
    for await (const event of run.events()) {
      yield event;
      if (event.step === 2) process.kill(process.pid, "SIGINT");
    }
  };
  const signal = new AbortController().signal;
  const stopped: unknown = await follow({ ...run, events }, { command: "the command", signal, say: () => {} }).catch(
    (error: unknown) => error,
  );
  assert.instance(stopped, Interrupted);
  const step = (await checkpointSteps(run.checkpoints)).at(-1) as number;
  assert.is(
    (stopped as Error).message,
    `Stopped after ${step} of 200 updates. The checkpoint is ${checkpointPath(run.checkpoints, step)}; this goes on from it:\n  the command`,
  );
  const { events: next } = await leg(runDir, { until: step + 1 });
  assert.is(next[0]?.step, step + 1);
});

test("publish() writes a folder that baseModel() loads, with log, curves and card", async () => {
  const runDir = path.join(folder, "whole");
  const { run } = await leg(runDir);
  const out = path.join(folder, "data/models/course-base");
  const metrics = await publish(run, domains, { runDir, out });
  const { model, tokenizer } = await baseModel({ from: path.join(folder, "whole") });
  assert.is(model.config.blockSize, 64);
  assert.is(tokenizer.specialTokens.get("<|im_end|>"), 3);
  const card = readFileSync(path.join(out, "README.md"), "utf8");
  assert.match(card, metrics["bits/byte sotu"]!.toFixed(3));
  assert.not.match(card, /NaN|undefined|Infinity/);
  assert.match(card, "npx gptlab pretrain --steps 12 --out course-base\n");
  assert.match(card, /^\| sotu \| 50 % \| \d+\.\d \| speeches from 2000 on \|/m);
  assert.match(card, "Its share changes: 0 % from update 0 on, 50 % from update 5 on.");
  assert.match(card, "speeches since 1970, definitions");
  assert.match(card, "A span of 32 tokens");
  const heldOut = tokenizer.encode(domains[0]!.heldOut.map(({ text }) => text).join("\n"));
  const words = tokenizer.decode(heldOut.slice(0, 64)).split(/\s+/).length;
  assert.ok(Math.abs(Number(/about (\d+) words/.exec(card)?.[1]) - words) <= 4, `${words} words in one window`);
  assert.is(card.match(/^\d+\. \*\*/gm)?.length, 10);
  for (const name of ["loss.svg", "bits-per-byte.svg"]) assert.ok(existsSync(path.join(out, name)));
  const log = readFileSync(path.join(out, "train.jsonl"), "utf8").trim().split("\n");
  assert.equal(
    log.map((line) => (JSON.parse(line) as { kind: string }).kind),
    [...Array(12).fill("steps"), "evaluate", "evaluate", "final"],
  );
});

test("a learner's own model of the same name comes first; without any the error says where they come from", async () => {
  const from = path.join(folder, "chapters/en");
  const { findCourseModel } = await import("gptlab");
  assert.match(findCourseModel("course-base", { from }), path.join("data", "models", "course-base"));
  const { run } = await leg(path.join(folder, "whole"));
  await run.model.save(path.join(folder, "models/course-base"));
  assert.is(findCourseModel("course-base", { from }), path.join(folder, "models/course-base"));
  assert.throws(() => findCourseModel("course-other", { from }), /repository, not with the package/);
});

test.run();
