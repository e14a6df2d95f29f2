/**
 * @file The same GPT and the same AdamW in jax-js on WebAssembly, the whole step under `jit`. Plain JavaScript, because jax-js is
 * installed by the benchmark only. Tokens and targets are one-hot rows. In jax-js an array is used up when it is used; `.ref` keeps it.
 */
globalThis.navigator ??= { hardwareConcurrency: 2, userAgent: "Node.js" }; // jax-js asks for it; Node 20 has none
const { init, jit, nn, numpy: np, valueAndGrad } = await import("@jax-js/jax");
const { openSafetensors } = await import("gptlab");
const { job, serve, TRAINING, trainingIds } = await import("../../.build/bench/workers/protocol.js");

await init("wasm");
const { batchSize: B, tokens: T, nLayer: L, nEmbd: D, nHead: H, vocabSize: V } = job;
const hs = D / H;

const parameters = {};
const file = await openSafetensors(`${job.weights}/model.safetensors`);
for (const name of file.names) {
  const { data, shape } = await file.read(name);
  parameters[name.replace("transformer.", "")] = np.array(data, { shape: [...shape] });
}
await file.close();
const names = Object.keys(parameters);
const decays = names.map((name) => parameters[name].shape.length >= 2);

const future = Float32Array.from({ length: T * T }, (_, i) => (i % T > Math.floor(i / T) ? -1e9 : 0));

function layerNorm(x, p, name) {
  const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  return centred
    .div(np.sqrt(variance.add(1e-5)))
    .mul(p[`${name}.weight`].ref)
    .add(p[`${name}.bias`].ref);
}

const linear = (x, p, name) => np.matmul(x, p[`${name}.weight`].ref).add(p[`${name}.bias`].ref);

function attention(x, p, name, mask) {
  const qkv = linear(x, p, `${name}.c_attn`).reshape([B, T, 3, H, hs]).transpose([2, 0, 3, 1, 4]);
  const [q, k, v] = np.split(qkv, 3, 0).map((part) => part.reshape([B, H, T, hs]));
  const scores = np
    .matmul(q, k.transpose([0, 1, 3, 2]))
    .div(Math.sqrt(hs))
    .add(mask.ref);
  const y = np
    .matmul(nn.softmax(scores, -1), v)
    .transpose([0, 2, 1, 3])
    .reshape([B * T, D]);
  return linear(y, p, `${name}.c_proj`);
}

function lossOf(p, read, wanted, mask) {
  const places = np.tile(p["wpe.weight"].ref.slice([0, T]), [B, 1]);
  let x = np.matmul(read, p["wte.weight"].ref).add(places); // (B T, D)
  for (let i = 0; i < L; i++) {
    x = x.ref.add(attention(layerNorm(x, p, `h.${i}.ln_1`), p, `h.${i}.attn`, mask));
    const inner = linear(layerNorm(x.ref, p, `h.${i}.ln_2`), p, `h.${i}.mlp.c_fc`);
    x = x.add(linear(nn.gelu(inner), p, `h.${i}.mlp.c_proj`));
  }
  const logits = np.matmul(layerNorm(x, p, "ln_f"), p["wte.weight"].ref.transpose());
  mask.dispose();
  const loss = np.sum(nn.logSoftmax(logits, -1).mul(wanted)).mul(-1 / (B * T));
  for (const value of Object.values(p)) value.dispose();
  return loss;
}

const { lr, weightDecay, clip } = TRAINING;
const [beta1, beta2] = TRAINING.betas;

const update = jit((p, first, second, step, read, wanted, mask) => {
  const copy = Object.fromEntries(names.map((name) => [name, p[name].ref]));
  const [loss, gradients] = valueAndGrad((weights) => lossOf(weights, read, wanted, mask))(copy);
  const norm = np.sqrt(names.map((name) => np.sum(np.square(gradients[name].ref))).reduce((a, b) => a.add(b)));
  const scale = np.minimum(np.array(clip).div(norm.add(1e-6)), 1);
  const correction1 = np.array(1).sub(np.exp(step.ref.mul(Math.log(beta1))));
  const correction2 = np.array(1).sub(np.exp(step.mul(Math.log(beta2))));
  const [newP, newFirst, newSecond] = [{}, {}, {}];
  for (const [i, name] of names.entries()) {
    const gradient = gradients[name].mul(scale.ref);
    const m = first[name].mul(beta1).add(gradient.ref.mul(1 - beta1));
    const v = second[name].mul(beta2).add(np.square(gradient).mul(1 - beta2));
    const change = m.ref
      .div(correction1.ref)
      .div(np.sqrt(v.ref.div(correction2.ref)).add(1e-8))
      .mul(lr);
    newP[name] = (decays[i] ? p[name].mul(1 - lr * weightDecay) : p[name]).sub(change);
    [newFirst[name], newSecond[name]] = [m, v];
  }
  for (const value of [scale, correction1, correction2]) value.dispose();
  return [loss, newP, newFirst, newSecond];
});

const oneHot = (ids) => {
  const flat = new Float32Array(ids.length * V);
  for (const [i, id] of ids.entries()) flat[i * V + id] = 1;
  return np.array(flat, { shape: [ids.length, V] });
};
const { inputs, targets } = trainingIds();
const [read, wanted, mask] = [oneHot(inputs), oneHot(targets), np.array(future, { shape: [T, T] })];
const zeros = () => Object.fromEntries(names.map((name) => [name, np.zeros(parameters[name].shape)]));
let [p, first, second, step] = [parameters, zeros(), zeros(), 0];
const threads = typeof Worker === "undefined" ? 1 : navigator.hardwareConcurrency; // it computes in web workers, which Node has not
await serve(`jax-js 0.1.25, WebAssembly, ${threads} threads`, async () => {
  let loss;
  [loss, p, first, second] = update(p, first, second, np.array(++step), read.ref, wanted.ref, mask.ref);
  return loss.item();
});
