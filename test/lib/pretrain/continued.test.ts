/** @file @backends tensorflow. Continued pretraining from end to end, tiny: replay against forgetting, what is read, legs that can be broken, the folder. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  AdamW,
  BpeTokenizer,
  type ContinuePlan,
  continuationSteps,
  continuePlan,
  continuePretraining,
  DataLoader,
  GPT,
  initBackend,
  isTestText,
  presets,
  Random,
  SPECIAL_TOKENS,
  scoreDomains,
  TokenDataset,
  type TrainEvent,
  tf,
  train,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { continuationBatches } from "../../../lib/dist/pretrain/continued/continue.js";
import { loadContinuedDomains, splitNewDomain } from "../../../lib/dist/pretrain/continued/corpus.js";
import { publishContinuation } from "../../../lib/dist/pretrain/continued/publish.js";
import { openContinuation, weightsHash } from "../../../lib/dist/pretrain/continued/run.js";
import { splitDomain } from "../../../lib/dist/pretrain/corpus.js";
import { refusal } from "../../support/refusal.ts";

const test = suite("continued pretraining");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-continued-"));
test.before(async () => void (await initBackend()));
test.after(() => rmSync(folder, { recursive: true, force: true }));

// Two languages over one alphabet: in the old one the next token is the present one plus 1, in the new one plus 3.
const pattern = (step: number) => Uint16Array.from({ length: 400 }, (_, i) => (i * step) % 10);
const [oldIds, newIds] = [pattern(1), pattern(3)];
const small = () =>
  new GPT({ ...presets.course, vocabSize: 10, blockSize: 8, nLayer: 1, nHead: 1, nEmbd: 16 }, new Random(1));
const replay = (share: number) => ({ share, domains: [{ name: "old", ids: oldIds, weight: 1 }] });

/** A model that knows the old language. */
async function taught(): Promise<GPT> {
  const model = small();
  const batches = new DataLoader(new TokenDataset(oldIds, { blockSize: 8 }), { batchSize: 8, shuffle: new Random(2) });
  const run = train({ model, batches, optimizer: new AdamW(model.parameters(), { lr: 0.01 }), steps: 60 });
  for await (const _ of run);
  return model;
}

test("without replay the old text is forgotten, with replay much less, and as much is learnt from as many new tokens", async () => {
  const base = await taught();
  const exams = { old: oldIds.subarray(0, 65), new: newIds.subarray(0, 65) };
  const before = await scoreDomains(base, exams);
  const after: { steps: number; old: number; new: number }[] = [];
  for (const share of [0, 0.5]) {
    const model = small();
    model.loadStateDict(base.stateDict());
    const options = { model, domain: { name: "new", ids: newIds }, tokens: 2560, maxLr: 5e-3, random: new Random(3) };
    let steps = 0;
    for await (const event of continuePretraining({ ...options, ...(share > 0 ? { replay: replay(share) } : {}) }))
      if (event.kind === "step") steps = event.step;
    const scores = await scoreDomains(model, exams);
    after.push({ steps, old: scores.old.loss - before.old.loss, new: before.new.loss - scores.new.loss });
    model.dispose();
  }
  const [naive, mixed] = after as [(typeof after)[0], (typeof after)[0]];
  assert.equal([naive.steps, mixed.steps], [40, 80]);
  assert.ok(naive.old > 0.5, `naive forgets ${naive.old}`);
  assert.ok(naive.old > 3 * mixed.old, `naive forgets ${naive.old}, with replay ${mixed.old}`);
  assert.ok(mixed.new > 0.9 * naive.new, `naive gains ${naive.new}, with replay ${mixed.new}`);
  base.dispose();
});

test("the windows are mixed in the shares that are asked for, whatever the weights add up to", () => {
  const model = small();
  const constant = (id: number) => new Uint16Array(90).fill(id);
  const domains = [
    { name: "a", ids: constant(1), weight: 6 },
    { name: "b", ids: constant(2), weight: 2 },
  ];
  const domain = { name: "new", ids: constant(0) };
  const batches = continuationBatches({ model, domain, replay: { share: 0.4, domains }, random: new Random(1) });
  const rows = Array.from({ length: 25 }, () => batches.next().ids.map((row) => row[0])).flat();
  assert.equal(
    [0, 1, 2].map((id) => rows.filter((row) => row === id).length),
    [120, 60, 20],
  );
  const only = continuationBatches({ model, domain, replay: { share: 0, domains }, random: new Random(1) });
  assert.equal(Object.keys(only.state()), ["new"]);
  assert.throws(
    () => continuationBatches({ model, domain, replay: { share: 0.3, domains: [] }, random: new Random(1) }),
    /Replay of 0\.3 needs old domains/,
  );
  model.dispose();
});

test("the steps: as many new tokens whatever the share, and no step too many where a share is not exact", () => {
  const size = { batchSize: 8, blockSize: 256 };
  for (const [tokens, share, steps] of [
    [143_360, 0, 70],
    [143_360, 0.3, 100],
    [143_361, 0.3, 101],
    [1, 0.9, 1],
  ] as const)
    assert.is(continuationSteps({ tokens, replay: share, ...size }), steps);
  assert.throws(() => continuationSteps({ tokens: 0, replay: 0, ...size }), /tokens above 0, but found 0/);
  for (const share of [-0.1, 1, 30])
    assert.throws(() => continuationSteps({ tokens: 9, replay: share, ...size }), /0\.3/);
});

test("it leaves no tensor behind, also when its caller stops in the middle", async () => {
  const model = small();
  const domain = { name: "new", ids: newIds };
  const run = async (until: number) => {
    const options = { model, domain, replay: replay(0.25), tokens: 640, batchSize: 4, random: new Random(4) };
    for await (const event of continuePretraining(options)) if (event.step === until) break;
  };
  await run(2);
  const { numTensors } = tf.memory();
  await run(2);
  await run(99);
  assert.is(tf.memory().numTensors, numTensors);
  model.dispose();
});

const words = "river stone music bread light paper winter summer garden street letter window".split(" ");
const code = "returns the value of an array when callback function throws error type string".split(" ");
const sentences = (from: readonly string[], count: number, seed: number) => {
  const random = new Random(seed);
  return Array.from({ length: count }, () =>
    Array.from({ length: 12 }, () => from[random.integer(from.length)]).join(" "),
  );
};
const speeches = sentences(words, 40, 5).map((text, i) => ({ text, year: 1970 + i }));
const about = { licence: "our own", source: "this test" };
const domains = {
  domain: splitNewDomain(
    { name: "jsdoc", ...about, records: sentences(code, 150, 6).map((text) => ({ text })) },
    new Random(1),
  ),
  old: [splitDomain({ name: "sotu", ...about, records: speeches }, new Random(1))],
};
const tokenizer = BpeTokenizer.train([...sentences(words, 20, 7), ...sentences(code, 20, 8)], {
  vocabSize: 320,
  specialTokens: SPECIAL_TOKENS,
});
const size = { vocabSize: tokenizer.vocabSize, blockSize: 64, nLayer: 1, nHead: 1, nEmbd: 8 };
const base = () => ({ model: new GPT({ ...presets.course, ...size }, new Random(9)), tokenizer });
const plan: ContinuePlan = {
  ...continuePlan,
  base: { name: "tiny", sha256: "0" },
  tokens: 1280,
  batchSize: 2,
  evaluateEvery: 5,
  checkpointEvery: 4,
  evaluationWindows: 2,
};

async function leg(runDir: string, until = Number.POSITIVE_INFINITY, asked = plan) {
  const run = await openContinuation(asked, base(), domains, { runDir });
  const events: TrainEvent[] = [];
  for await (const event of run.events()) {
    events.push(event);
    if (event.step >= until) break;
  }
  return { run, events };
}
const weights = ({ run }: Awaited<ReturnType<typeof leg>>) =>
  Array.from(run.model.parameters().values(), (variable) => Array.from(variable.dataSync()));

test("of a new domain the test part is never learnt; other sets keep also what is held out for ever", () => {
  const { training, heldOut } = domains.domain;
  assert.is(training.length + heldOut.length, 150);
  assert.ok(heldOut.length > 3 && training.every(({ text }) => !isTestText(text)), String(heldOut.length));
  const own = splitNewDomain({ name: "sotu", ...about, records: speeches }, new Random(1));
  assert.ok(own.training.every(({ year }) => Number(year) < 2000));
  assert.is(
    splitNewDomain({ name: "x", ...about, records: [{ text: "سلام", language: "fa" }] }, new Random(1)).training.length,
    0,
  );
});

test("your own text is split by paragraphs; what cannot be split, or is not there, is said with the names that are known", async () => {
  const file = path.join(folder, "notes.md");
  writeFileSync(file, sentences(code, 60, 10).join("\n\n"));
  const { domain, old } = await loadContinuedDomains(file, [], new Random(1));
  assert.is(domain.name, "notes.md");
  assert.is(domain.training.length + domain.heldOut.length, 60);
  assert.equal(old, []);
  writeFileSync(file, "one paragraph");
  const single = await refusal(loadContinuedDomains(file, [], new Random(1)));
  assert.match(single, /of 1 in .*notes\.md" 1 are to learn and 0 for the test/);
  const missing = await refusal(loadContinuedDomains("no-such-text", [], new Random(1)));
  assert.match(missing, /^Error: "no-such-text" is no data set of the course \(.*jsdoc.*There is no file/s);
});

test("a run in three legs, one of them cut between checkpoints, ends in the weights of the unbroken run, bit for bit", async () => {
  const whole = await leg(path.join(folder, "whole"));
  assert.is(whole.run.plan.steps, 15); // 1280 tokens in 70 % of 2 windows of 64
  const legs = path.join(folder, "legs");
  await leg(legs, 3);
  await leg(legs, 6);
  const last = await leg(legs);
  assert.is(last.events[0]?.step, 5); // after the checkpoint of step 4
  assert.equal(weights(last), weights(whole));
  assert.equal(last.run.before, whole.run.before);
  const evaluated = whole.events.flatMap((event) => (event.kind === "evaluate" ? [event.metrics] : []));
  assert.is(evaluated.length, 3);
  for (const metrics of [...evaluated, whole.run.before.curve, whole.run.before.full])
    for (const name of ["bits/byte sotu", "bits/byte jsdoc"]) assert.ok(Number.isFinite(metrics[name]), name);
});

test("another plan, or another base model, is refused with both values", async () => {
  const runDir = path.join(folder, "whole");
  const refused = (asked: ContinuePlan) => refusal(leg(runDir, 1, asked));
  assert.match(await refused({ ...plan, replay: 0.5 }), /: replay is 0\.3 there, and 0\.5 was asked for\. /);
  assert.match(await refused({ ...plan, base: { name: "tiny", sha256: "1" } }), /base is .*"sha256":"0".* there/);
});

test("other texts are refused: what was measured and read belongs to those that were there", async () => {
  const { domain, old } = domains;
  const more = { ...domain, training: [...domain.training, { text: "returns the array" }] };
  const said = await refusal(
    openContinuation(plan, base(), { domain: more, old }, { runDir: path.join(folder, "whole") }),
  );
  assert.match(said, /textsSha256 is "\w{64}" there, and "\w{64}" was asked for/);
});

test("what cannot be carried out leaves no folder behind", async () => {
  const runDir = path.join(folder, "short");
  const { domain, old } = domains;
  for (const [asked, changed, expected] of [
    [plan, { ...domain, training: domain.training.slice(0, 1) }, /A window of 64 ids and the next id needs 65 ids/],
    [plan, { ...domain, heldOut: domain.heldOut.slice(0, 1) }, /A window of 64 ids and the next id needs 65 ids/],
    [{ ...plan, shares: {} }, domain, /Replay of 0\.3 needs old domains/],
    [{ ...plan, tokens: 0 }, domain, /tokens above 0/],
  ] as const) {
    assert.match(await refusal(openContinuation(asked, base(), { domain: changed, old }, { runDir })), expected);
    assert.not.ok(existsSync(runDir));
  }
});

test("publish writes a model that loads, and a card whose table is the run's", async () => {
  const runDir = path.join(folder, "whole");
  const { run } = await leg(runDir); // finished: nothing more is trained
  const [start, out] = [path.join(folder, "base"), path.join(folder, "models/tiny-jsdoc")];
  await base().model.save(start, { dtype: "F16" });
  const { row, before, after } = await publishContinuation(run, domains, { runDir, out, base: start });
  assert.ok(row.gained > 0, `${row.gained}`);
  assert.ok(Math.abs(row.gained - (before.jsdoc! - after.jsdoc!)) < 1e-12);
  const card = readFileSync(path.join(out, "README.md"), "utf8");
  assert.match(card, "# tiny-jsdoc");
  assert.match(card, `| ${before.sotu!.toFixed(3)} | ${after.sotu!.toFixed(3)} |`);
  assert.match(card, "--domain jsdoc --replay 0.3 --tokens 1280");
  assert.not.match(card, /NaN|undefined/);
  assert.ok(existsSync(path.join(out, "bits-per-byte.svg")));
  const kinds = readFileSync(path.join(out, "train.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { kind: string }).kind);
  assert.equal(kinds, [...Array(15).fill("steps"), ...Array(4).fill("evaluate"), "before", "final"]);
  const model = await GPT.fromPretrained(out);
  assert.is(model.config.blockSize, 64);
  const { eos_token_id: end } = JSON.parse(readFileSync(path.join(out, "config.json"), "utf8"));
  assert.is(end, tokenizer.specialTokens.get(SPECIAL_TOKENS[0]));
  assert.not.equal(await weightsHash(out), await weightsHash(start));
  assert.is(await weightsHash(out), await weightsHash(out));
  model.dispose();
});

test.run();
