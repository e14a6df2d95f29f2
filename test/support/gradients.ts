/** @file Gradients of PyTorch as the golden files hold them, and the comparison. */
import { crossEntropy, type GPT, type Tensor, type tf } from "gptlab";
import * as assert from "uvu/assert";

export interface Gradient {
  shape: number[];
  l2: number;
  first8: number[];
}

/** Within 1e-4 of its size: the tolerance of the golden files' README. */
export function requireGradient(gradient: Tensor, { l2, first8 }: Pick<Gradient, "l2" | "first8">, name: string): void {
  const size = gradient.norm().dataSync()[0]!;
  assert.ok(Math.abs(size - l2) < 1e-4 * (l2 + 1e-3), `${name}: norm ${size} instead of ${l2}`); // the key bias has a true gradient of 0
  const values = gradient.flatten().dataSync();
  for (const [i, value] of first8.entries()) {
    assert.ok(Math.abs(values[i]! - value) < 1e-4 * (l2 + 1e-3), `${name}[${i}]`);
  }
}

/** The mean loss of every next token. */
export function meanLoss(model: GPT, ids: readonly number[][]): tf.Scalar {
  const [B, T] = [ids.length, ids[0]!.length];
  const logits = model.forward(ids).slice([0, 0, 0], [B, T - 1, model.config.vocabSize]);
  return crossEntropy(
    logits,
    ids.flatMap((row) => row.slice(1)),
  ) as tf.Scalar;
}
