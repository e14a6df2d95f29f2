/**
 * @file A GPT in plain TensorFlow.js, as its documentation teaches: layers of operations, the tape for gradients, `tf.train.adam`.
 * It has no clipping and no decay, which is a little less work than the others do; its targets, and on WebAssembly its tokens, are
 * one-hot rows, which is more.
 */
import { initBackend, openSafetensors, type Tensor, type Tensor1D, type Tensor2D, tf } from "gptlab";
import { job, serve, TRAINING, trainingIds } from "./protocol.ts";

if (job.options.backend === "wasm") process.env.GPTLAB_BACKEND = "wasm";
const { engine, threads } = await initBackend();
const { batchSize: B, tokens: T, nLayer: L, nEmbd: D, nHead: H, vocabSize: V } = job;

const P: Record<string, Tensor> = {};
const file = await openSafetensors(`${job.weights}/model.safetensors`);
for (const name of file.names) {
  const { data, shape } = await file.read(name);
  P[name.replace("transformer.", "")] = tf.variable(tf.tensor(data as Float32Array, [...shape]));
}
await file.close();

const { inputs, targets } = trainingIds();
const read = tf.tensor1d(inputs, "int32");
const wanted = tf.keep(tf.oneHot(tf.tensor1d(targets, "int32") as Tensor1D, V));
const mask = tf.keep(
  tf.tensor2d(
    Float32Array.from({ length: T * T }, (_, i) => (i % T > Math.floor(i / T) ? -1e9 : 0)),
    [T, T],
  ),
);

// WebAssembly cannot differentiate gather; the usual way round is a product with one-hot rows.
const embed = (table: Tensor, ids: Tensor1D): Tensor =>
  tf.getBackend() === "wasm"
    ? tf.matMul(tf.oneHot(ids, V).toFloat() as Tensor2D, table as Tensor2D)
    : tf.gather(table, ids);

function linear(x: Tensor, name: string): Tensor {
  return tf.matMul(x as Tensor2D, P[`${name}.weight`] as Tensor2D).add(P[`${name}.bias`]);
}

function layerNorm(x: Tensor, name: string): Tensor {
  const centred = x.sub(x.mean(-1, true));
  const scale = centred.square().mean(-1, true).add(1e-5).rsqrt();
  return centred.mul(scale).mul(P[`${name}.weight`]).add(P[`${name}.bias`]);
}

function gelu(x: Tensor): Tensor {
  const inner = x.add(x.mul(x).mul(x).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
  return x.mul(0.5).mul(inner.tanh().add(1));
}

function attention(x: Tensor, name: string): Tensor {
  const heads = (part: Tensor): Tensor => part.reshape([B, T, H, D / H]).transpose([0, 2, 1, 3]); // (B, H, T, hs)
  const [q, k, v] = tf.split(linear(x, `${name}.c_attn`), 3, 1).map(heads) as [Tensor, Tensor, Tensor];
  const scores = tf
    .matMul(q, k, false, true)
    .div(Math.sqrt(D / H))
    .add(mask);
  const y = tf
    .matMul(tf.softmax(scores), v)
    .transpose([0, 2, 1, 3])
    .reshape([B * T, D]);
  return linear(y, `${name}.c_proj`);
}

function loss(): Tensor {
  const places = P["wpe.weight"].slice([0, 0], [T, D]);
  let x: Tensor = embed(P["wte.weight"], read)
    .reshape([B, T, D])
    .add(places)
    .reshape([B * T, D]);
  for (let i = 0; i < L; i++) {
    x = x.add(attention(layerNorm(x, `h.${i}.ln_1`), `h.${i}.attn`));
    x = x.add(linear(gelu(linear(layerNorm(x, `h.${i}.ln_2`), `h.${i}.mlp.c_fc`)), `h.${i}.mlp.c_proj`));
  }
  const logits = tf.matMul(layerNorm(x, "ln_f") as Tensor2D, P["wte.weight"] as Tensor2D, false, true);
  return tf
    .logSoftmax(logits)
    .mul(wanted)
    .sum()
    .div(-B * T);
}

const optimizer = tf.train.adam(TRAINING.lr, ...TRAINING.betas);
await serve(`${engine}, ${threads} threads`, async () => {
  const cost = optimizer.minimize(() => loss().asScalar(), true) as Tensor;
  const value = (await cost.data())[0] as number;
  cost.dispose();
  return value;
});
