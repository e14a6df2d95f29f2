/** @file @backends tensorflow wasm cpu. The classifier against transformers: scores, gradients, training of the head and the last block; which token is read. */
import { readFileSync } from "node:fs";
import {
  AdamW,
  addLora,
  Classifier,
  crossEntropy,
  GPT,
  initBackend,
  type LossFunction,
  poolHidden,
  Random,
  SGD,
  type Tensor,
  tf,
  train,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkpoint } from "../../support/checkpoints.ts";
import { type Gradient, requireGradient } from "../../support/gradients.ts";
import { near } from "../../support/near.ts";

const test = suite("classifier");
test.before(async () => void (await initBackend()));

interface Expected {
  head: { weight: number[][]; bias: number[] };
  input_ids: number[][];
  attention_mask: number[][];
  labels: number[];
  logits: number[][];
  trainable_parameters: number;
  sgd: {
    lr: number;
    losses_before_step_0_to_9_and_after: number[];
    correct: number[];
    grad_step0: Record<string, Gradient>;
  };
  head_after: { weight: number[][]; bias: number[] };
}
const expected = JSON.parse(readFileSync(checkpoint("classifier.json"), "utf8")) as Expected;
const { input_ids: ids, attention_mask: attentionMask, labels } = expected;
const classes = ["a", "b", "c"];

/** PyTorch keeps the head as (classes, C). */
async function golden(): Promise<Classifier> {
  const model = new Classifier(await GPT.fromPretrained(checkpoint("gpt2-tiny")), { classes, random: new Random(1) });
  tf.tidy(() => {
    model.head.weight.assign(tf.tensor2d(expected.head.weight).transpose());
    model.head.bias!.assign(tf.tensor1d(expected.head.bias));
  });
  return model;
}

const NAMES: [RegExp | string, string][] = [
  ["transformer.h.2", "backbone.blocks.2"],
  ["transformer.ln_f", "backbone.norm"],
  ["attn.c_attn", "attention.qkv"],
  ["attn.c_proj", "attention.projection"],
  ["mlp.c_fc", "feedForward.up"],
  ["mlp.c_proj", "feedForward.down"],
  [/ln_([12])/, "norm$1"],
  [/(norm\d?)\.weight/, "$1.gain"],
];
const ours = (name: string) => NAMES.reduce((text, [theirs, mine]) => text.replace(theirs, mine), name);

test("scores, gradients and ten steps are PyTorch's", async () => {
  const model = await golden();
  const { lr, losses_before_step_0_to_9_and_after: losses, correct, grad_step0: gradients } = expected.sgd;
  model.backbone.freeze((name) => !name.startsWith("blocks.2.") && !name.startsWith("norm."));
  assert.is(model.parameterCount({ trainable: true }), expected.trainable_parameters);
  near(
    tf.tidy(() => model.forward(ids, { attentionMask }).dataSync()),
    expected.logits.flat(),
    2e-4,
  );
  const trainable = model.parameters({ trainable: true });
  const optimizer = new SGD(trainable, { lr });
  for (const [step, loss] of losses.entries()) {
    tf.tidy(() => {
      const logits = model.forward(ids, { attentionMask });
      const right = logits.argMax(1).equal(tf.tensor1d(labels, "int32")).sum();
      assert.is(right.dataSync()[0], correct[step], `step ${step}`);
      const { value, grads } = tf.variableGrads(
        () => crossEntropy(model.forward(ids, { attentionMask }), labels) as tf.Scalar,
        [...trainable.values()],
      );
      near(value.dataSync(), [loss], 1e-4, `step ${step}`);
      const byName = new Map<string, Tensor>(Array.from(trainable, ([name, { name: id }]) => [name, grads[id]!]));
      if (step === 0) {
        assert.is(Object.keys(gradients).length, trainable.size);
        for (const [name, gradient] of Object.entries(gradients)) {
          const found = byName.get(ours(name))!;
          requireGradient(name === "head.weight" ? tf.transpose(found) : found, gradient, name);
        }
      }
      if (step < losses.length - 1) optimizer.apply(byName);
    });
  }
  near(
    tf.tidy(() => tf.transpose(model.head.weight).dataSync()),
    expected.head_after.weight.flat(),
    1e-4,
  );
  near(model.head.bias!.dataSync(), expected.head_after.bias, 1e-4);
  model.dispose();
});

test("padding of either side changes nothing; only the last position sees it", async () => {
  const model = await golden();
  const text = [5, 39, 173, 161];
  const pad = (left: number, right: number) => {
    const fill = (value: number, count: number) => Array.from({ length: count }, () => value);
    const row = [...fill(256, left), ...text, ...fill(256, right)];
    const mask = [...fill(0, left), ...fill(1, text.length), ...fill(0, right)];
    return tf.tidy(() => model.forward([row], { attentionMask: [mask] }).dataSync());
  };
  const alone = tf.tidy(() => model.forward([text]).dataSync());
  near(pad(0, 0), alone);
  near(pad(0, 3), alone);
  near(pad(3, 0), alone);
  near(pad(2, 1), alone);
  model.dispose();
});

test("the three ways to pool, on numbers by hand", () => {
  tf.tidy(() => {
    const hidden = tf.tensor3d([
      [[1], [2], [4]],
      [[8], [16], [32]],
    ]);
    const mask = tf.tensor2d(
      [
        [1, 1, 0],
        [0, 1, 1],
      ],
      [2, 3],
      "int32",
    );
    assert.equal([...poolHidden(hidden, mask, "lastRealToken").dataSync()], [2, 32]);
    assert.equal([...poolHidden(hidden, mask, "lastPosition").dataSync()], [4, 32]);
    near(poolHidden(hidden, mask, "mean").dataSync(), [1.5, 24]);
    assert.equal([...poolHidden(hidden, undefined, "lastRealToken").dataSync()], [4, 32]);
    near(poolHidden(hidden, undefined, "mean").dataSync(), [7 / 3, 56 / 3]);
  });
});

test("with adapters in its backbone, captured and eager training give the same losses, which fall", async () => {
  const runs: number[][] = [];
  for (const compile of [true, false]) {
    const model = await golden();
    addLora(model.backbone, { rank: 2, alpha: 4, random: new Random(1) });
    const rows = ids.map((row) => Int32Array.from(row));
    // The class stands where the text ends: one target in each row.
    const targets = attentionMask.map((mask, i) =>
      Int32Array.from(mask, (_, t) => (t === mask.lastIndexOf(1) ? labels[i]! : -100)),
    );
    const batch = { ids: rows, targets, attentionMask: attentionMask.map((mask) => Uint8Array.from(mask)) };
    const loss: LossFunction = ({ ids: texts, targets: wanted, attentionMask: mask }) =>
      crossEntropy(model.forward(texts, { attentionMask: mask! }), wanted.max(1), { reduction: "sum" });
    const optimizer = new AdamW(model.parameters({ trainable: true }), { lr: 0.02 });
    const batches = Array.from({ length: 6 }, () => batch);
    const losses: number[] = [];
    for await (const event of train({ model, batches, optimizer, steps: 6, loss, compile, onProgress: () => {} }))
      if (event.kind === "step") losses.push(event.loss);
    runs.push(losses);
    optimizer.dispose();
    model.dispose();
  }
  near(runs[0]!, runs[1]!, 1e-5);
  near([runs[0]![0]!], [expected.sgd.losses_before_step_0_to_9_and_after[0]!], 1e-4);
  assert.ok(runs[0]![5]! < runs[0]![0]! / 4, String(runs[0]));
});

test("classes must be two or more, and different; nothing is left in memory", async () => {
  const before = tf.memory().numTensors;
  const backbone = await GPT.fromPretrained(checkpoint("gpt2-tiny"));
  const random = new Random(1);
  for (const wrong of [["one"], [], ["a", "a"]])
    assert.throws(() => new Classifier(backbone, { classes: wrong, random }), /two or more different classes/);
  const pool = "last" as "mean";
  assert.throws(() => new Classifier(backbone, { classes, random, pool }), /"mean", but found "last"/);
  const model = new Classifier(backbone, { classes, random });
  model.forward(ids, { attentionMask }).dispose();
  model.dispose();
  assert.is(tf.memory().numTensors, before);
});

test.run();
