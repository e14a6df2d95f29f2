/** @file @backends tensorflow wasm cpu. Low-rank adapters against PEFT: logits, gradients, training, merging, files; and what is refused. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import {
  AdamW,
  addLora,
  type GPT,
  generate,
  type HostTensor,
  initBackend,
  Linear,
  linear,
  linearTransposed,
  loadAdapter,
  loadCheckpoint,
  GPT as Model,
  mergeLora,
  presets,
  Random,
  readSafetensors,
  saveAdapter,
  scoreIds,
  type Tensor,
  tf,
  train,
  writeSafetensors,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkpoint, readJson, sameWeights, temporaryFolder } from "../../support/checkpoints.ts";
import { type Gradient, meanLoss, requireGradient } from "../../support/gradients.ts";
import { near } from "../../support/near.ts";

const test = suite("low-rank adapters");
test.before(async () => void (await initBackend()));

interface Expected {
  input_ids: number[][];
  logits_base: number[][][];
  logits_lora: number[][][];
  trainable_parameters: number;
  loss: number;
  grad: Record<string, Gradient>;
  merged: Record<string, Gradient>;
  adamw: { lr: number; losses_before_step_0_to_4_and_after: number[] };
}
const expected = JSON.parse(readFileSync(checkpoint("lora.json"), "utf8")) as Expected;
const { input_ids: ids } = expected;
const ADAPTER = checkpoint("lora-adapter");

const OURS: [string, string][] = [
  ["transformer.h.", "blocks."],
  ["attn.c_attn", "attention.qkv.lora.c_attn"],
  ["attn.c_proj", "attention.projection.lora.c_proj"],
  ["mlp.c_proj", "feedForward.down.lora.c_proj"],
];
/** PEFT's name of a tensor as a parameter of this library. */
function ours(name: string): string {
  const [, module, letter] = /^base_model\.model\.(.+)\.lora_([AB])\./.exec(name)!;
  return `${OURS.reduce((text, [theirs, mine]) => text.replace(theirs, mine), module!)}.${letter!.toLowerCase()}`;
}

const tiny = (name = "gpt2-tiny") => Model.fromPretrained(checkpoint(name));
const SHORT = [[5, 3, 7, 11, 2]];
const logitsOf = (model: GPT, rows = ids) => tf.tidy(() => model.forward(rows).arraySync()) as number[][][];
const requireLogits = (model: GPT, logits: number[][][]) => near(logitsOf(model).flat(2), logits.flat(2), 2e-4);

test("an adapter that PEFT wrote gives PEFT's logits, and so does the merged model", async () => {
  const model = await tiny();
  requireLogits(model, expected.logits_base);
  const tensors = tf.memory().numTensors;
  await loadAdapter(model, ADAPTER);
  requireLogits(model, expected.logits_lora);
  assert.is(model.parameterCount({ trainable: true }), expected.trainable_parameters);
  mergeLora(model);
  requireLogits(model, expected.logits_lora);
  assert.is(tf.memory().numTensors, tensors);
  assert.is(model.parameterCount({ trainable: true }), model.parameterCount());
  for (const [name, { l2, first8 }] of Object.entries(expected.merged)) {
    const parameter = ours(`base_model.model.${name.replace(".weight", "")}.lora_A.`).replace(/\.lora\..*/, ".weight");
    requireGradient(model.parameters().get(parameter) as Tensor, { l2, first8 }, name);
  }
  model.dispose();
});

test("the gradients are PyTorch's, in its layout", async () => {
  const model = await tiny();
  await loadAdapter(model, ADAPTER);
  tf.tidy(() => {
    const trainable = model.parameters({ trainable: true });
    const { value, grads } = tf.variableGrads(() => meanLoss(model, ids), [...trainable.values()]);
    near(value.dataSync(), [expected.loss], 2e-5);
    assert.is(trainable.size, Object.keys(expected.grad).length);
    for (const [name, gradient] of Object.entries(expected.grad)) {
      const found = tf.transpose(grads[trainable.get(ours(name))!.name]!);
      assert.equal(found.shape, gradient.shape);
      requireGradient(found, gradient, name);
    }
  });
  model.dispose();
});

test("train() changes only the adapters, and its losses are PyTorch's", async () => {
  const model = await tiny();
  await loadAdapter(model, ADAPTER);
  const frozen = [...model.parameters()].filter(([, { trainable }]) => !trainable);
  const before = frozen.map(([, variable]) => variable.dataSync().slice());
  const { lr, losses_before_step_0_to_4_and_after: losses } = expected.adamw;
  const rows = (from: number) => ids.map((row) => Int32Array.from(row.slice(from, from + row.length - 1)));
  const batch = { ids: rows(0), targets: rows(1) };
  const optimizer = new AdamW(model.parameters({ trainable: true }), { lr, weightDecay: 0 });
  const found: number[] = [];
  const batches = Array.from({ length: 6 }, () => batch);
  for await (const event of train({ model, batches, optimizer, steps: 6, onProgress: () => {} }))
    if (event.kind === "step") found.push(event.loss);
  near(found, losses, 1e-4);
  assert.is(frozen.length, model.parameters().size - Object.keys(expected.grad).length);
  for (const [i, [name, variable]] of frozen.entries()) assert.equal(variable.dataSync(), before[i], name);
  optimizer.dispose();
  model.dispose();
});

test("right after a captured run, merging takes the newest values", async () => {
  const model = await tiny();
  await loadAdapter(model, ADAPTER);
  const rows = (from: number) => ids.map((row) => Int32Array.from(row.slice(from, from + row.length - 1)));
  const batches = Array.from({ length: 6 }, () => ({ ids: rows(0), targets: rows(1) }));
  const { lr, losses_before_step_0_to_4_and_after: losses } = expected.adamw;
  const optimizer = new AdamW(model.parameters({ trainable: true }), { lr, weightDecay: 0 });
  for await (const event of train({ model, batches, optimizer, steps: 6, onProgress: () => {} }))
    if (event.kind === "step" && event.step === 5) break;
  mergeLora(model);
  near(
    tf.tidy(() => meanLoss(model, ids).dataSync()),
    [losses[5]!],
    1e-4,
  );
  const run = train({ model, batches, optimizer, steps: 1, onProgress: () => {} });
  const problem = await run.next().catch((error: Error) => error.message);
  assert.match(String(problem), /has none of them\. Make it after addLora\(\) or mergeLora\(\)/);
  optimizer.dispose();
  model.dispose();
});

test("without capture, a frozen weight gets no gradient, and x the same one", () => {
  tf.tidy(() => {
    const [w, b] = [tf.variable(tf.tensor2d([[1, 2], [3, 4]])), tf.variable(tf.tensor1d([5, 6]))]; // biome-ignore format: a matrix
    const x = tf.tensor2d([[1, -1], [2, 0.5]]); // biome-ignore format: a matrix
    const both = (bias?: typeof b) => {
      const through = (input: Tensor) =>
        linear(input, w as Tensor as tf.Tensor2D, bias as Tensor as tf.Tensor1D)
          .square()
          .sum();
      const back = (input: Tensor) =>
        linearTransposed(input, w as Tensor as tf.Tensor2D)
          .square()
          .sum();
      return [through, back].flatMap((f) => [...f(x).dataSync(), ...tf.grad(f)(x).dataSync()]);
    };
    const trained = [both(), both(b)];
    for (const variable of [w, b]) variable.trainable = false;
    assert.equal([both(), both(b)], trained);
    b.trainable = true;
    assert.equal(both(b), trained[1]);
    for (const variable of [w, b]) variable.dispose();
  });
});

test("adapters begin as zeros; where they are, generation and scores follow them, before and after merging", async () => {
  for (const name of ["gpt2-tiny", "llama-tiny", "qwen3-tiny"]) {
    const model = await tiny(name);
    const all = model.parameterCount();
    const plain = logitsOf(model, SHORT);
    const text = async () => {
      let last: number[][] = [];
      const run = generate(model, [[1, 2, 3]], { maxNewTokens: 8, temperature: 0 });
      for (let next = await run.next(); ; next = await run.next()) {
        if (next.done) {
          last = next.value;
          break;
        }
      }
      return [last, (await scoreIds(model, SHORT[0]!)).loss.toFixed(4)];
    };
    const first = await text();
    addLora(model, { rank: 2, alpha: 6, random: new Random(5) });
    assert.equal(logitsOf(model, SHORT), plain);
    assert.equal(await text(), first);
    for (const [parameter, variable] of model.parameters({ trainable: true }))
      if (parameter.endsWith(".b")) variable.assign(tf.randomNormal(variable.shape, 0, 0.5, "float32", 3));
    const changed = await text();
    assert.not.equal(changed, first);
    const unmerged = logitsOf(model, SHORT).flat(2);
    mergeLora(model);
    near(logitsOf(model, SHORT).flat(2), unmerged, 1e-4);
    assert.equal(await text(), changed);
    assert.is(model.parameterCount(), all);
    model.dispose();
  }
});

test("adapters of some of a layer's columns are those of the whole with zeros elsewhere", async () => {
  const [some, whole] = [await tiny("llama-tiny"), await tiny("llama-tiny")];
  addLora(some, { rank: 2, alpha: 4, targets: ["k_proj", "up_proj"], random: new Random(1) });
  addLora(whole, { rank: 2, alpha: 4, random: new Random(1) });
  const theirs = some.parameters({ trainable: true });
  for (const [name, variable] of whole.parameters({ trainable: true })) {
    const same = theirs.get(name);
    if (name.endsWith(".b") && same) same.assign(tf.randomNormal(same.shape, 0, 0.5, "float32", name.length));
    variable.assign(same ?? tf.zerosLike(variable));
  }
  near(logitsOf(some, SHORT).flat(2), logitsOf(whole, SHORT).flat(2), 1e-5);
  for (const model of [some, whole]) mergeLora(model);
  near(logitsOf(some, SHORT).flat(2), logitsOf(whole, SHORT).flat(2), 1e-5);
  for (const model of [some, whole]) model.dispose();
});

test("saved adapters load again, with the same numbers; PEFT's own file comes back as it was", async () => {
  const folder = temporaryFolder();
  const model = await tiny();
  await loadAdapter(model, ADAPTER);
  await saveAdapter(model, folder, { base: "gpt2-tiny" });
  const [mine, theirs] = await Promise.all(
    [folder, ADAPTER].map((at) => readSafetensors(path.join(at, "adapter_model.safetensors"))),
  );
  assert.equal(new Map([...mine!.tensors].sort()), new Map([...theirs!.tensors].sort()));
  const config = readJson(folder, "adapter_config.json");
  for (const [name, value] of Object.entries(config))
    assert.equal(value, readJson(ADAPTER, "adapter_config.json")[name], name);
  model.dispose();

  const [from, to] = [await tiny("qwen3-tiny"), await tiny("qwen3-tiny")];
  addLora(from, { rank: 3, alpha: 3, targets: ["q_proj", "layers.1.mlp.down_proj"], random: new Random(1) });
  await saveAdapter(from, folder);
  assert.equal(readJson(folder, "adapter_config.json").target_modules, ["model.layers.1.mlp.down_proj", "q_proj"]);
  await loadAdapter(to, folder);
  sameWeights(to, from);
  for (const one of [from, to]) one.dispose();
});

test("a checkpoint of a run with adapters goes on as the unbroken run", async () => {
  const dir = temporaryFolder();
  const run = async (steps: number[]) => {
    const model = await tiny();
    addLora(model, { rank: 2, alpha: 4, random: new Random(1) });
    const checkpointAt = path.join(dir, String(steps.length));
    for (const until of steps) {
      const optimizer = new AdamW(model.parameters({ trainable: true }), { lr: 0.01 });
      const batch = { ids: ids.map((row) => Int32Array.from(row)), targets: ids.map((row) => Int32Array.from(row)) };
      const options = { model, batches: Array.from({ length: 6 }, () => batch), optimizer, onProgress: () => {} };
      const checkpointOptions = { dir: checkpointAt, every: 3 };
      for await (const _ of train({ ...options, steps: until, checkpoint: checkpointOptions, resume: until > 3 }));
      optimizer.dispose();
    }
    return model;
  };
  const [whole, broken] = [await run([6]), await run([3, 6])];
  sameWeights(broken, whole);
  const kept = await loadCheckpoint(path.join(dir, "2"));
  assert.is(kept?.step, 6);
  const trained = [...whole.parameters({ trainable: true }).keys()].map((name) => `model.${name}`);
  assert.equal([...kept!.tensors.keys()].filter((name) => name.startsWith("model.")).sort(), trained.sort());

  const other = await tiny();
  other.norm.gain.assign(other.norm.gain.mul(1.01));
  addLora(other, { rank: 2, alpha: 4, random: new Random(1) });
  const optimizer = new AdamW(other.parameters({ trainable: true }), { lr: 0.01 });
  const rows = ids.map((row) => Int32Array.from(row));
  const before = [...other.parameters().values()].map((variable) => variable.dataSync().slice());
  const resumed = train({
    model: other,
    batches: [{ ids: rows, targets: rows }],
    optimizer,
    steps: 8,
    checkpoint: { dir: path.join(dir, "2"), every: 3 },
    resume: true,
  });
  const problem = await resumed.next().catch((error: Error) => error.message);
  assert.match(String(problem), /step 6 in .* was trained over other frozen weights than this model has/);
  assert.equal(
    [...other.parameters().values()].map((variable) => variable.dataSync().slice()),
    before,
  );
  optimizer.dispose();
  other.dispose();
  for (const model of [whole, broken]) model.dispose();
});

test("what cannot be is refused, and the model is as it was", async () => {
  const model = await tiny();
  const random = new Random(1);
  for (const [options, message] of [
    [{ rank: 0, alpha: 1 }, /rank that is a positive integer, but found 0/],
    [{ rank: 1.5, alpha: 1 }, /but found 1\.5/],
    [{ rank: 1, alpha: 0 }, /alpha above 0, but found 0/],
    [{ rank: 1, alpha: Number.NaN }, /but found NaN/],
    [{ rank: 1, alpha: 1, targets: [] }, /but found none/],
    [{ rank: 1, alpha: 1, targets: ["c_attn", "q_proj"] }, /\(c_attn, c_proj, c_fc\), but found "q_proj"/],
  ] as const)
    assert.throws(() => addLora(model, { ...options, random }), message);
  assert.throws(() => mergeLora(model), /no adapters/);
  assert.is(model.parameterCount({ trainable: true }), model.parameterCount());
  addLora(model, { rank: 1, alpha: 1, random });
  assert.throws(() => addLora(model, { rank: 1, alpha: 1, random }), /already.*mergeLora/);
  const refusal = async (work: Promise<unknown>) => String(await work.catch((error: Error) => error.message));
  assert.match(await refusal(loadAdapter(model, ADAPTER)), /already/);
  assert.match(await refusal(model.save(temporaryFolder())), /mergeLora\(model\) first, or saveAdapter/);
  mergeLora(model);

  const changed = async (change: (json: Record<string, unknown>) => Record<string, unknown>, name = "") => {
    const folder = temporaryFolder();
    cpSync(ADAPTER, folder, { recursive: true });
    const config = path.join(folder, "adapter_config.json");
    writeFileSync(config, JSON.stringify(change(readJson(config))));
    if (name) {
      const file = path.join(folder, "adapter_model.safetensors");
      const { tensors } = await readSafetensors(file);
      const [first] = [...tensors.keys()];
      tensors.set(name, tensors.get(first!)!);
      tensors.delete(first!);
      await writeSafetensors(file, tensors);
    }
    return refusal(loadAdapter(model, folder));
  };
  assert.match(await changed((json) => ({ ...json, use_dora: true })), /has true for "use_dora"/);
  assert.match(await changed((json) => ({ ...json, r: 5 })), /lora_A.weight" has shape \[4, 48\], expected \[5, 48\]/);
  assert.match(await changed((json) => ({ ...json, r: "4" })), /has "4" for "r", expected a number/);
  assert.match(
    await changed((json) => ({ ...json, rank_pattern: { x: 1 } })),
    /a "rank_pattern", but this library computes only one rank/,
  );
  assert.match(await changed((json) => ({ ...json, peft_type: "IA3" })), /has "IA3" for "peft_type"/);
  assert.match(await changed((json) => json, "other"), /lora_A.weight" is missing; "other" belongs to no matrix/);
  for (const start of ["pissa", "pissa_niter_4", "olora", "loftq", "corda"])
    assert.match(await changed((json) => ({ ...json, init_lora_weights: start })), /for "init_lora_weights"/);
  assert.match(await changed((json) => ({ ...json, alora_invocation_tokens: [1] })), /for "alora_invocation_tokens"/);
  assert.match(await changed((json) => ({ ...json, modules_to_save: ["wte"] })), /for "modules_to_save"/);
  assert.match(await refusal(loadAdapter(model, temporaryFolder())), /There is no .*adapter_config\.json/);
  requireLogits(model, expected.logits_base);
  assert.is(model.parameterCount({ trainable: true }), model.parameterCount());
  model.dispose();
});

/** PEFT's adapter with other tensors. */
async function withTensors(change: (name: string, tensor: HostTensor) => [string, HostTensor][]): Promise<string> {
  const folder = temporaryFolder();
  cpSync(ADAPTER, folder, { recursive: true });
  const file = path.join(folder, "adapter_model.safetensors");
  const { tensors } = await readSafetensors(file);
  await writeSafetensors(file, new Map([...tensors].flatMap(([name, tensor]) => change(name, tensor))));
  return folder;
}

test("adapters of a model without its head, in half precision and with empty lists are the same ones", async () => {
  const folder = await withTensors((name, tensor) => [
    [name.replace("model.transformer.", "model."), { ...tensor, dtype: "BF16" }],
  ]);
  const config = path.join(folder, "adapter_config.json");
  writeFileSync(config, JSON.stringify({ ...readJson(config), modules_to_save: [], init_lora_weights: "gaussian" }));
  const model = await tiny();
  await loadAdapter(model, folder);
  near(logitsOf(model).flat(2), expected.logits_lora.flat(2), 0.05); // bfloat16 has three digits
  model.dispose();
});

test("numbers of a type that is none, and of a type that cannot be read, are refused; nothing is left in memory", async () => {
  const model = await tiny();
  const before = tf.memory().numTensors;
  const problem = (folder: string) => loadAdapter(model, folder).catch((error: Error) => error.message);
  const whole = await withTensors((name, tensor) => [
    [name, name.includes("lora_B") ? { ...tensor, dtype: "I32", data: new Int32Array(tensor.data.length) } : tensor],
  ]);
  assert.match(String(await problem(whole)), /holds numbers of type I32, expected floating-point ones/);
  const file = path.join(await withTensors((name, tensor) => [[name, tensor]]), "adapter_model.safetensors");
  const bytes = readFileSync(file);
  const at = bytes.indexOf('"dtype":"F32","shape":[48,4]'); // one b
  bytes.write("E32", at + 9);
  writeFileSync(file, bytes);
  assert.match(String(await problem(path.dirname(file))), /E32/);
  assert.is(tf.memory().numTensors, before);
  assert.is(model.parameterCount({ trainable: true }), model.parameterCount());
  model.dispose();
});

test("an output layer that an adapter brings along must be the model's", async () => {
  const config = { ...presets.course, vocabSize: 20, blockSize: 8, nLayer: 1, nHead: 2, nEmbd: 8, tieWeights: false };
  const model = new Model(config, new Random(1));
  const folder = temporaryFolder();
  addLora(model, { rank: 2, alpha: 4, targets: ["lm_head", "c_fc"], random: new Random(2) });
  await saveAdapter(model, folder);
  mergeLora(model);
  const bring = async (factor: number) => {
    const file = path.join(folder, "adapter_model.safetensors");
    const { tensors } = await readSafetensors(file);
    const head = tf.tidy(() => tf.transpose(model.head!.weight).mul(factor).dataSync()) as Float32Array;
    tensors.set("base_model.model.lm_head.base_layer.weight", { dtype: "F32", shape: [20, 8], data: head });
    await writeSafetensors(file, tensors);
    return loadAdapter(model, folder).catch((error: Error) => error.message);
  };
  assert.match(String(await bring(2)), /brings a "lm_head" that is not this model's/);
  assert.is(await bring(1), undefined);
  assert.is(model.parameterCount({ trainable: true }), 2 * (8 + 20) + 2 * (8 + 32));
  model.dispose();
});

test("two loads at once: the first has its adapters, the second is refused", async () => {
  const model = await tiny();
  const before = tf.memory().numTensors;
  const results = await Promise.allSettled([loadAdapter(model, ADAPTER), loadAdapter(model, ADAPTER)]);
  assert.equal(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  requireLogits(model, expected.logits_lora);
  assert.is(model.parameterCount({ trainable: true }), expected.trainable_parameters);
  mergeLora(model);
  assert.is(tf.memory().numTensors, before);
  model.dispose();
});

test("a layer has one addition at most; a model that has one elsewhere stays as it was", async () => {
  const model = await tiny();
  const { projection } = model.blocks[1]!.attention;
  class Twice extends Linear {}
  const own = new Twice(48, 48, { random: new Random(1) });
  const plain = logitsOf(model, SHORT).flat(2);
  projection.attach("own", own);
  assert.is(projection.addition, own);
  assert.ok(model.parameters().has("blocks.1.attention.projection.own.weight"));
  assert.ok(model.modules().get("blocks.1.attention.projection.own") === own);
  assert.throws(() => projection.attach("other", own), /has the addition "own" already/);
  const before = tf.memory().numTensors;
  assert.throws(
    () => addLora(model, { rank: 1, alpha: 1, random: new Random(1) }),
    /attn\.c_proj" has an addition already/,
  );
  assert.is(tf.memory().numTensors, before);
  assert.is(model.parameterCount({ trainable: true }), model.parameterCount());
  projection.detach();
  projection.detach();
  own.dispose();
  assert.equal(logitsOf(model, SHORT).flat(2), plain);
  model.dispose();
});

test("with rsLoRA the scale is alpha / sqrt(rank)", async () => {
  const folder = temporaryFolder();
  cpSync(ADAPTER, folder, { recursive: true });
  const config = path.join(folder, "adapter_config.json");
  writeFileSync(config, JSON.stringify({ ...readJson(config), use_rslora: true, lora_alpha: 4 })); // 4 / sqrt(4) = 8 / 4
  const model = await tiny();
  await loadAdapter(model, folder);
  requireLogits(model, expected.logits_lora);
  model.dispose();
});

test("GPT-2's 124 M parameters with rank 16 on all matrices of its blocks: 2,359,296 numbers are trained", () => {
  const model = new Model({ ...presets.gpt2, nLayer: 1, vocabSize: 10, blockSize: 8 }, new Random(1));
  addLora(model, { rank: 16, alpha: 16, random: new Random(1) });
  assert.is(12 * model.parameterCount({ trainable: true }), 2_359_296);
  model.dispose();
});

test.run();
