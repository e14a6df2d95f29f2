/** @file What a training run tells: its events, and the error of a run that lost its way. */

/** Named numbers of an evaluation. */
export type Metrics = Readonly<Record<string, number>>;

/** What happened in a run. Steps count from 1. */
export type TrainEvent =
  | {
      readonly kind: "step";
      readonly step: number;
      /** Mean over the items that count, before the update. */
      readonly loss: number;
      readonly lr: number;
      /** Of all gradients, before clipping. */
      readonly gradNorm: number;
      /** Items that counted so far in the whole run. */
      readonly tokens: number;
      /** Of this step. */
      readonly tokensPerSecond: number;
    }
  | { readonly kind: "evaluate"; readonly step: number; readonly metrics: Metrics }
  | { readonly kind: "checkpoint"; readonly step: number; readonly path: string };

/**
 * Thrown when a loss is not a number any more. The model is then as in the last good checkpoint, which the message names.
 *
 * @example
 * import { TrainingDiverged } from "gptlab";
 * new TrainingDiverged(7, "the loss is NaN", undefined).message.startsWith("Training stopped at step 7"); // => true
 */
export class TrainingDiverged extends Error {
  constructor(step: number, what: string, checkpoint: string | undefined) {
    const rescue = checkpoint
      ? `The model is back at the last good checkpoint, ${checkpoint}`
      : "There is no good checkpoint to go back to, and the model's weights are spoilt: make it anew, and give train() a checkpoint folder";
    super(
      `Training stopped at step ${step}: ${what}. ${rescue}. Try a lower learning rate, a longer warm-up, or maxGradNorm: 1`,
    );
    this.name = "TrainingDiverged";
  }
}
