/** @file @backends tensorflow wasm cpu. The functions that a learner writes in chapter 04 give what the library's fast ones give, on random input. The chapter says so. */
import fc from "fast-check";
import {
  AdamW,
  causalAttention,
  clipGradNorm,
  crossEntropy,
  GPT,
  initBackend,
  nextTokenBatch,
  nextTokenProbabilities,
  Random,
  scoreIds,
  type Tensor,
  type Tensor4D,
  tf,
  warmupCosine,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { solutionsOf } from "../support/chapter_solution.ts";
import { near } from "../support/near.ts";

type Schedule = Parameters<typeof warmupCosine>[0];
type State = { parameters: number[]; first: number[]; second: number[]; step: number };
type Options = { lr: number; beta1: number; beta2: number; epsilon: number; weightDecay: number };
type Cache = { k: Tensor4D; v: Tensor4D };

await initBackend();
const solution = solutionsOf("04");
const own = {
  crossEntropy: await solution<(logits: number[][], targets: number[]) => number>("crossEntropy"),
  perplexity: await solution<(losses: number[], tokens: number[]) => number>("perplexity"),
  nextTokenBatch:
    await solution<(rows: number[][], padId: number) => { ids: number[][]; targets: number[][] }>("nextTokenBatch"),
  adamWStep: await solution<(state: State, gradient: number[], options: Options) => State>("adamWStep"),
  warmupCosine: await solution<(step: number, schedule: Schedule) => number>("warmupCosine"),
  clipGradNorm:
    await solution<(gradients: number[][], maxNorm: number) => { gradients: number[][]; norm: number }>("clipGradNorm"),
  sampleTopK: await solution<(logits: number[], k: number) => number[]>("sampleTopK"),
  sampleTopP: await solution<(logits: number[], p: number) => number[]>("sampleTopP"),
  kvCacheStep:
    await solution<
      (cache: Cache | undefined, q: Tensor4D, k: Tensor4D, v: Tensor4D) => { out: Tensor4D; cache: Cache }
    >("kvCacheStep"),
};

const numbers = (length: number, seed: number, scale = 1): number[] =>
  Array.from(new Random(seed).normal(length), (x) => x * scale);
const seeds = fc.integer({ min: 0, max: 1e6 });
const small = fc.integer({ min: 1, max: 6 });
const runs = { numRuns: 25 };

const test = suite("chapter 04 equals the library");

test("crossEntropy() of the chapter is the library's, also with targets of -100 and large logits", () => {
  fc.assert(
    fc.property(seeds, small, fc.integer({ min: 2, max: 7 }), fc.constantFrom(1, 100, 1000), (seed, N, V, scale) => {
      const logits = Array.from({ length: N }, (_, row) => numbers(V, seed + row, scale));
      const random = new Random(seed);
      const targets = logits.map(() => (random.integer(4) === 0 ? -100 : random.integer(V)));
      const library = tf.tidy(() => crossEntropy(tf.tensor2d(logits, [N, V]), targets).dataSync());
      near([own.crossEntropy(logits, targets)], library);
    }),
    runs,
  );
});

test("perplexity() of parts is the library's perplexity of the whole", async () => {
  const model = new GPT(
    { architecture: "gpt2", vocabSize: 11, blockSize: 8, nLayer: 1, nHead: 1, nEmbd: 8 },
    new Random(1),
  );
  const ids = Array.from({ length: 30 }, (_, i) => (7 * i) % 11);
  const whole = await scoreIds(model, ids);
  const [losses, tokens]: number[][] = [[], []];
  for (let start = 0; start + 1 < ids.length; start += 8) {
    const part = await scoreIds(model, ids.slice(start, start + 9)); // the windows that the whole is cut into
    losses!.push(part.loss);
    tokens!.push(part.tokens);
  }
  assert.equal(tokens, [8, 8, 8, 5]);
  near([own.perplexity(losses!, tokens!)], [whole.perplexity]);
  model.dispose();
});

test("nextTokenBatch() of the chapter is the library's", () => {
  const row = fc.array(fc.nat(9), { minLength: 2, maxLength: 9 });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), fc.nat(9), (rows, padId) => {
      const library = nextTokenBatch(rows, { padId });
      const plain = (lists: readonly ArrayLike<number>[]): number[][] => lists.map((one) => Array.from(one));
      assert.equal(own.nextTokenBatch(rows, padId), { ids: plain(library.ids), targets: plain(library.targets) });
    }),
  );
});

test("adamWStep() of the chapter goes the way of AdamW, over ten steps", () => {
  fc.assert(
    fc.property(seeds, small, fc.constantFrom(0, 0.1), (seed, n, weightDecay) => {
      const options = { lr: 0.05, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay };
      const start = numbers(n, seed);
      let state: State = { parameters: start, first: start.map(() => 0), second: start.map(() => 0), step: 0 };
      const variable = tf.variable(tf.tensor1d(start));
      const optimizer = new AdamW(new Map([["p", variable]]), {
        lr: options.lr,
        betas: [options.beta1, options.beta2],
        eps: options.epsilon,
        weightDecay,
        decay: () => true,
      });
      for (let step = 0; step < 10; step++) {
        const gradient = numbers(n, seed + 1 + step);
        state = own.adamWStep(state, gradient, options);
        tf.tidy(() => optimizer.apply(new Map([["p", tf.tensor1d(gradient)]])));
      }
      near(state.parameters, variable.dataSync());
      near(state.first, optimizer.variables().get("p.first")!.dataSync());
      near(state.second, optimizer.variables().get("p.second")!.dataSync());
      assert.is(state.step, optimizer.state().step);
      optimizer.dispose();
      variable.dispose();
    }),
    runs,
  );
});

test("warmupCosine() of the chapter is the library's at every step, and after the last", () => {
  fc.assert(
    fc.property(fc.nat(10), fc.integer({ min: 2, max: 20 }), (warmupSteps, more) => {
      const schedule = { warmupSteps, totalSteps: warmupSteps + more, maxLr: 0.003, minLr: 0.0002 };
      const rate = warmupCosine(schedule);
      for (let step = 0; step < schedule.totalSteps + 3; step++)
        near([own.warmupCosine(step, schedule)], [rate(step)], 1e-12);
    }),
  );
});

test("clipGradNorm() of the chapter is the library's", () => {
  fc.assert(
    fc.property(seeds, fc.array(small, { minLength: 1, maxLength: 4 }), small, (seed, lengths, maxNorm) => {
      const lists = lengths.map((length, i) => numbers(length, seed + i, 2));
      const mine = own.clipGradNorm(lists, maxNorm);
      tf.tidy(() => {
        const library = clipGradNorm(new Map(lists.map((list, i) => [String(i), tf.tensor1d(list)])), maxNorm);
        near([mine.norm], library.norm.dataSync());
        near(
          mine.gradients.flat(),
          [...library.gradients.values()].flatMap((one) => Array.from(one.dataSync())),
        );
      });
    }),
    runs,
  );
});

test("sampleTopK() and sampleTopP() of the chapter give the probabilities that the library draws from", () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 40 }), fc.double({ min: 0.01, max: 1, noNaN: true }), (seed, V, p) => {
      const logits = numbers(V, seed, 3); // different ones: how a tie at the edge of top-p is broken is nobody's rule
      const k = 1 + (seed % V);
      near(own.sampleTopK(logits, k), nextTokenProbabilities(logits, { topK: k }), 1e-9);
      near(own.sampleTopP(logits, p), nextTokenProbabilities(logits, { topP: p }), 1e-9);
      const rough = logits.map(Math.round); // ties at the edge of top-k all stay
      near(own.sampleTopK(rough, k), nextTokenProbabilities(rough, { topK: k }), 1e-9);
    }),
  );
});

test("kvCacheStep() of the chapter, token by token, attends as causalAttention does at once and with keys that are kept", () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 3 }), small, (seed, B, H, T) => {
      tf.engine().startScope("test");
      const hs = 4;
      const [q, k, v] = [0, 1, 2].map((i) => tf.tensor4d(numbers(B * H * T * hs, seed + i), [B, H, T, hs])) as [
        Tensor4D,
        Tensor4D,
        Tensor4D,
      ];
      const whole = causalAttention(q, k, v);
      let cache: Cache | undefined;
      for (let t = 0; t < T; t++) {
        const one = (x: Tensor): Tensor4D => x.slice([0, 0, t, 0], [B, H, 1, hs]) as Tensor4D;
        const step = own.kvCacheStep(cache, one(q), one(k), one(v));
        cache = step.cache;
        near(step.out.dataSync(), one(whole).dataSync());
        near(step.out.dataSync(), causalAttention(one(q), cache.k, cache.v).dataSync());
      }
      near(cache!.k.dataSync(), k.dataSync(), 0);
      near(cache!.v.dataSync(), v.dataSync(), 0);
      tf.engine().endScope();
    }),
    runs,
  );
});

test.run();
