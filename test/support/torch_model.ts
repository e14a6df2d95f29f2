/** @file Models with the weights that PyTorch's default initialisation gives for a seed, in the layouts of this library. */
import { type GPT, type Random, type Tensor1D, type Tensor2D, tf } from "gptlab";

const bound = (inputs: number) => 1 / Math.sqrt(inputs);

/** (out, in) -> (in, out), into `target` from column `offset` on. */
function turn(values: Float32Array, inputs: number, outputs: number, target: Float32Array, width: number, offset = 0) {
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) target[i * width + offset + o] = values[o * inputs + i]!;
  }
}

/** `torch.nn.Linear` as this library's weight (in, out) and bias (out). */
export function torchLinear(
  random: Random,
  inputs: number,
  outputs: number,
  hasBias: true,
): { weight: Tensor2D; bias: Tensor1D };
export function torchLinear(
  random: Random,
  inputs: number,
  outputs: number,
  hasBias: boolean,
): { weight: Tensor2D; bias?: Tensor1D };
export function torchLinear(random: Random, inputs: number, outputs: number, hasBias: boolean) {
  const weight = new Float32Array(inputs * outputs);
  turn(random.uniform(inputs * outputs, -bound(inputs), bound(inputs)), inputs, outputs, weight, outputs);
  const bias = hasBias ? { bias: tf.tensor1d(random.uniform(outputs, -bound(inputs), bound(inputs))) } : {};
  return { weight: tf.tensor2d(weight, [inputs, outputs]), ...bias };
}

/**
 * Gives a GPT-2 with a head of its own the weights of the book's GPTModel after `torch.manual_seed`: the parts in the order in which
 * that class makes them; queries, keys and values have no bias there.
 */
export function seedAsTorch(model: GPT, random: Random): void {
  const { vocabSize, blockSize, nEmbd: C, nInner, nLayer } = model.config;
  const parameters = model.parameters();
  const set = (name: string, values: Float32Array): void => {
    const variable = parameters.get(name)!;
    const tensor = tf.tensor(values, variable.shape);
    variable.assign(tensor);
    tensor.dispose();
  };
  const linear = (name: string, inputs: number, outputs: number, hasBias = true): void => {
    const weight = new Float32Array(inputs * outputs);
    turn(random.uniform(inputs * outputs, -bound(inputs), bound(inputs)), inputs, outputs, weight, outputs);
    set(`${name}.weight`, weight);
    if (hasBias) set(`${name}.bias`, random.uniform(outputs, -bound(inputs), bound(inputs)));
  };
  set("tokens.weight", random.normal(vocabSize * C));
  set("positions.weight", random.normal(blockSize * C));
  for (let layer = 0; layer < nLayer; layer++) {
    const block = `blocks.${layer}`;
    const qkv = new Float32Array(C * 3 * C);
    for (let part = 0; part < 3; part++) turn(random.uniform(C * C, -bound(C), bound(C)), C, C, qkv, 3 * C, part * C);
    set(`${block}.attention.qkv.weight`, qkv); // its bias is 0 from the start
    linear(`${block}.attention.projection`, C, C);
    linear(`${block}.feedForward.up`, C, nInner);
    linear(`${block}.feedForward.down`, nInner, C);
  }
  linear("head", C, vocabSize, false);
}
