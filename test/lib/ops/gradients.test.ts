/** @file @backends tensorflow wasm cpu. Every operation against the same thing in plain tfjs operations with tfjs's own gradients, and against finite differences. */
import {
  causalAttention,
  causalMask,
  crossEntropy,
  embedding,
  gelu,
  initBackend,
  layerNorm,
  linear,
  Random,
  rmsNorm,
  rotary,
  rotaryAngles,
  swiglu,
  type Tensor,
  tf,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("operations");
test.before(async () => void (await initBackend()));

const random = new Random(11);
const normal = (...shape: number[]) => tf.tensor(random.normal(shape.reduce((a, b) => a * b, 1)), shape);
const [B, H, T, S, hs, C, V] = [2, 3, 4, 6, 8, 5, 7]; // all different, so that mixed-up axes show

type Operation = (...x: Tensor[]) => Tensor;
interface Case {
  readonly name: string;
  readonly ours: Operation;
  readonly plain: Operation;
  readonly inputs: () => Tensor[];
}

const plainAttention =
  (mask: () => Tensor): Operation =>
  (q, k, v) =>
    tf.matMul(tf.softmax(tf.matMul(q!, k!, false, true).div(Math.sqrt(hs)).add(mask())), v!);
const ids = [3, 0, 3, 6];
const padding = () => tf.tensor2d([0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [B, S]);

const cases: Case[] = [
  {
    name: "linear()",
    ours: (x, w, b) => linear(x!, w as tf.Tensor2D, b as tf.Tensor1D),
    plain: (x, w, b) =>
      tf
        .matMul(x!.reshape([-1, C]), w!)
        .add(b!)
        .reshape([B, T, V]),
    inputs: () => [normal(B, T, C), normal(C, V), normal(V)],
  },
  {
    name: "linear() without bias",
    ours: (x, w) => linear(x!, w as tf.Tensor2D),
    plain: (x, w) => tf.matMul(x!, w!),
    inputs: () => [normal(T, C), normal(C, V)],
  },
  {
    name: "embedding()",
    ours: (table) => embedding(table as tf.Tensor2D, tf.tensor2d(ids, [2, 2], "int32")),
    plain: (table) => tf.matMul(tf.oneHot(tf.tensor1d(ids, "int32"), V).toFloat(), table!).reshape([2, 2, C]),
    inputs: () => [normal(V, C)],
  },
  {
    name: "layerNorm()",
    ours: (x, g, b) => layerNorm(x!, g as tf.Tensor1D, b as tf.Tensor1D),
    plain: (x, g, b) => {
      const centred = x!.sub(x!.mean(-1, true));
      return centred.div(centred.square().mean(-1, true).add(1e-5).sqrt()).mul(g!).add(b!);
    },
    inputs: () => [normal(B, T, C), normal(C), normal(C)],
  },
  {
    name: "rmsNorm()",
    ours: (x, g) => rmsNorm(x!, g as tf.Tensor1D),
    plain: (x, g) => x!.div(x!.square().mean(-1, true).add(1e-5).sqrt()).mul(g!),
    inputs: () => [normal(B, T, C), normal(C)],
  },
  {
    name: "gelu()",
    ours: (x) => gelu(x!),
    plain: (x) =>
      x!.mul(0.5).mul(
        x!
          .add(x!.pow(3).mul(0.044715))
          .mul(Math.sqrt(2 / Math.PI))
          .tanh()
          .add(1),
      ),
    inputs: () => [normal(T, C)],
  },
  {
    name: "swiglu()",
    ours: (g, u) => swiglu(g!, u!),
    plain: (g, u) => g!.mul(g!.sigmoid()).mul(u!),
    inputs: () => [normal(T, C), normal(T, C)],
  },
  {
    name: "causalAttention()",
    ours: (q, k, v) => causalAttention(q as tf.Tensor4D, k as tf.Tensor4D, v as tf.Tensor4D),
    plain: plainAttention(() => causalMask(S)),
    inputs: () => [normal(B, H, S, hs), normal(B, H, S, hs), normal(B, H, S, hs)],
  },
  {
    name: "causalAttention() with a cache and padding",
    ours: (q, k, v) =>
      causalAttention(q as tf.Tensor4D, k as tf.Tensor4D, v as tf.Tensor4D, { mask: causalMask(T, S, padding()) }),
    plain: plainAttention(() => tf.minimum(causalMask(T, S), padding().sub(1).mul(1e9).reshape([B, 1, 1, S]))),
    inputs: () => [normal(B, H, T, hs), normal(B, H, S, hs), normal(B, H, S, hs)],
  },
  {
    name: "rotary()",
    ours: (x) => rotary(x as tf.Tensor4D, rotaryAngles([0, 1, 5, 9], hs)),
    plain: (x) => {
      const { cos, sin } = rotaryAngles([0, 1, 5, 9], hs);
      const [a, b] = tf.split(x!, 2, 3) as [Tensor, Tensor];
      return tf.concat([a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin))], 3);
    },
    inputs: () => [normal(B, H, T, hs)],
  },
  {
    name: "crossEntropy()",
    ours: (logits) => crossEntropy(logits!, [2, -100, 0, 6]),
    plain: (logits) => {
      const rows = tf
        .logSoftmax(logits!)
        .mul(tf.oneHot(tf.tensor1d([2, 0, 0, 6], "int32"), V))
        .sum(1);
      return rows
        .mul([1, 0, 1, 1])
        .sum()
        .mul(-1 / 3);
    },
    inputs: () => [normal(T, V)],
  },
];

const largest = (a: Tensor, b: Tensor) => a.sub(b).abs().max().dataSync()[0]!;

for (const { name, ours, plain, inputs } of cases) {
  test(`${name} and its gradients equal plain operations`, () => {
    tf.tidy(() => {
      const xs = inputs();
      assert.equal(ours(...xs).shape, plain(...xs).shape);
      const weights = normal(...ours(...xs).shape); // a random direction, so that every output counts
      const [mine, theirs] = [ours, plain].map((f) =>
        tf.grads((...x: Tensor[]) =>
          f(...x)
            .mul(weights)
            .sum(),
        )(xs),
      ) as [Tensor[], Tensor[]];
      assert.ok(largest(ours(...xs), plain(...xs)) < 2e-5, `value differs by ${largest(ours(...xs), plain(...xs))}`); // float32 sums of up to 8 terms of size 1
      for (const [i, gradient] of mine.entries()) {
        const difference = largest(gradient, theirs[i]!);
        assert.ok(difference < 1e-4, `gradient ${i} differs by ${difference}`); // sums of up to 48 terms
      }
    });
  });

  test(`${name} agrees with finite differences`, () => {
    tf.tidy(() => {
      const xs = inputs();
      const weights = normal(...ours(...xs).shape);
      const loss = (x: Tensor[]) =>
        ours(...x)
          .mul(weights)
          .sum()
          .dataSync()[0]!;
      const gradients = tf.grads((...x: Tensor[]) =>
        ours(...x)
          .mul(weights)
          .sum(),
      )(xs);
      for (const [i, x] of xs.entries()) {
        const direction = normal(...x.shape);
        const step = 1e-2;
        const moved = (by: number) => loss(xs.map((other, j) => (i === j ? other.add(direction.mul(by)) : other)));
        const numeric = (moved(step) - moved(-step)) / (2 * step);
        const exact = gradients[i]!.mul(direction).sum().dataSync()[0]!;
        // float32 rounding 1e-6 · |loss| / step plus the third derivative times step² / 6
        assert.ok(
          Math.abs(numeric - exact) < 2e-2 * (1 + Math.abs(exact)),
          `input ${i}: ${exact}, by differences ${numeric}`,
        );
      }
    });
  });
}

test("operations leave no tensors behind", () => {
  for (const { name, ours, inputs } of cases) {
    const xs = inputs();
    const before = tf.memory().numTensors;
    const y = ours(...xs);
    assert.ok(tf.memory().numTensors - before < 40, name); // outside tidy, as in a notebook, intermediate results stay until the cell's tidy
    tf.dispose([y]);
    const inside = tf.memory().numTensors;
    tf.tidy(() => void tf.grads((...x: Tensor[]) => ours(...x).sum())(xs));
    assert.is(tf.memory().numTensors, inside, name);
    tf.dispose(xs);
  }
});

test("large and hidden values stay finite", () => {
  tf.tidy(() => {
    const finite = (x: Tensor) => assert.ok(Array.from(x.dataSync()).every(Number.isFinite));
    for (const scale of [100, 1000]) {
      finite(crossEntropy(normal(T, V).mul(scale), [0, 1, 2, 3]));
      finite(gelu(normal(T, C).mul(scale)));
      finite(swiglu(normal(T, C).mul(scale), normal(T, C)));
      finite(layerNorm(normal(T, C).mul(scale), tf.ones([C]), tf.zeros([C])));
      finite(
        causalAttention(
          normal(B, H, T, hs).mul(scale) as tf.Tensor4D,
          normal(B, H, T, hs) as tf.Tensor4D,
          normal(B, H, T, hs) as tf.Tensor4D,
        ),
      );
    }
    const nothing = causalMask(T, S, tf.zeros([B, S]));
    finite(
      causalAttention(
        normal(B, H, T, hs) as tf.Tensor4D,
        normal(B, H, S, hs) as tf.Tensor4D,
        normal(B, H, S, hs) as tf.Tensor4D,
        { mask: nothing },
      ),
    );
    finite(crossEntropy(normal(T, V), [-100, -100, -100, -100]));
    finite(layerNorm(tf.zeros([T, C]), tf.ones([C]), tf.zeros([C])));
  });
});

test("the future has weight exactly 0", () => {
  tf.tidy(() => {
    const [q, k, v] = [normal(1, 1, T, hs), normal(1, 1, T, hs), normal(1, 1, T, hs)] as [
      tf.Tensor4D,
      tf.Tensor4D,
      tf.Tensor4D,
    ];
    const changed = tf.concat([v.slice([0, 0, 0, 0], [1, 1, T - 1, hs]), normal(1, 1, 1, hs)], 2) as tf.Tensor4D;
    const first = (values: tf.Tensor4D) =>
      Array.from(
        causalAttention(q, k, values)
          .slice([0, 0, 0, 0], [1, 1, T - 1, hs])
          .dataSync(),
      );
    assert.equal(first(v), first(changed));
  });
});

test.run();
