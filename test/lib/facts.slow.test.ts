/** @file @backends tensorflow. Published numbers of an untrained model of 124 million parameters with seed 123: the weights are PyTorch's, made again without PyTorch. */
import { crossEntropy, GPT, generate, gpt2Tokenizer, initBackend, presets, Random, TokenDataset, tf } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { skip } from "../support/skip.ts";
import { seedAsTorch } from "../support/torch_model.ts";
import { noVerdict, readVerdict } from "../support/verdict.ts";

const test = suite("published facts of the seeded model");
test.before(async () => void (await initBackend()));
const tokenizer = gpt2Tokenizer();
let model: GPT | undefined;
test.after(() => model?.dispose());

/** Seed 123, with its own head. Only one at a time: each needs 650 MB. */
function seeded(blockSize: number): GPT {
  if (model?.config.blockSize === blockSize) return model;
  model?.dispose();
  model = new GPT({ ...presets.gpt2, blockSize, tieWeights: false }, new Random(0));
  seedAsTorch(model, new Random(123));
  return model;
}

async function greedy(gpt: GPT, prompt: string, maxNewTokens: number): Promise<number[]> {
  const ids: number[] = [];
  for await (const step of generate(gpt, [tokenizer.encode(prompt)], { maxNewTokens, temperature: 0 }))
    ids.push(step.ids[0]!);
  return ids;
}

const lossOf = (gpt: GPT, ids: ArrayLike<number>[], targets: ArrayLike<number>[]) =>
  tf.tidy(
    () =>
      crossEntropy(
        gpt.forward(ids),
        targets.flatMap((row) => Array.from(row)),
      ).dataSync()[0]!,
  );

/** Everything here waits for CI: making the weights alone takes half a minute. */
const inCi = (body: () => void | Promise<void>) =>
  process.env.CI ? body : skip("a model of 124 million parameters takes half a minute: CI=true runs it");

test(
  'context 1,024: the greedy text after "Hello, I am"',
  inCi(async () => {
    const ids = await greedy(seeded(1024), "Hello, I am", 10);
    assert.equal(ids, [27018, 24086, 47843, 30961, 42348, 7267, 49706, 43231, 47062, 34657]);
    assert.is(tokenizer.decode(ids), " Featureiman Byeswickattribute argue logger Normandy Compton analogous");
  }),
);

test(
  "the model has its published size",
  inCi(() => {
    const biases = 12 * 3 * 768; // of queries, keys and values: the book's model leaves them out, here they are 0
    assert.is(seeded(1024).parameterCount() - biases, 163_009_536);
  }),
);

test(
  'context 256: the greedy text after "Every effort moves you"',
  inCi(async () => {
    const ids = await greedy(seeded(256), "Every effort moves you", 10);
    assert.is(tokenizer.decode(ids), " rentingetic wasnم refres RexMeCHicular stren");
  }),
);

test(
  "context 256: the loss of the first batch",
  inCi(() => {
    const loss = lossOf(
      seeded(256),
      [
        [16833, 3626, 6100],
        [40, 1107, 588],
      ],
      [
        [3626, 6100, 345],
        [1107, 588, 11311],
      ],
    );
    assert.ok(Math.abs(loss - 10.793964) < 1e-5, `${loss}`); // 8 digits are printed; float32 sums in another order
  }),
);

const verdict = readVerdict();
test(
  "context 256: the losses on the story, in training and held out",
  verdict === undefined
    ? skip(noVerdict)
    : inCi(() => {
        const cut = Math.floor(verdict.length * 0.9);
        const mean = (text: string) => {
          const windows = new TokenDataset(tokenizer.encode(text), { blockSize: 256 });
          const losses = Array.from({ length: windows.length }, (_, i) => {
            const { ids, targets } = windows.at(i)!;
            return lossOf(seeded(256), [ids], [targets]);
          });
          return losses.reduce((a, b) => a + b) / losses.length;
        };
        const [training, heldOut] = [mean(verdict.slice(0, cut)), mean(verdict.slice(cut))];
        assert.ok(Math.abs(training - 10.987583) < 1e-5, `${training}`);
        assert.ok(Math.abs(heldOut - 10.981106) < 1e-5, `${heldOut}`);
      }),
);

test.run();
