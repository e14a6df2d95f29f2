/** @file Learning rates by step: for a training from nothing, and for one that goes on where another has ended. Nothing is updated here. */

/**
 * The learning rate of each step: a straight rise over `warmupSteps`, then a cosine down to `minLr` at the last step.
 * Step t counts from 0. Source: Loshchilov and Hutter (2016), arXiv 1608.03983; nanoGPT's form.
 *
 * @throws RangeError if there is no step after the warm-up
 * @example
 * import { warmupCosine } from "gptlab";
 * const rate = warmupCosine({ warmupSteps: 2, totalSteps: 5, maxLr: 1, minLr: 0 });
 * [0, 1, 2, 3, 4].map((step) => Number(rate(step).toFixed(3))); // => [0.5, 1, 1, 0.5, 0]
 */
export function warmupCosine(options: {
  warmupSteps: number;
  totalSteps: number;
  maxLr: number;
  minLr: number;
}): (step: number) => number {
  const { warmupSteps, totalSteps, maxLr, minLr } = options;
  if (!(warmupSteps >= 0 && totalSteps > warmupSteps))
    throw new RangeError(
      `warmupCosine() needs more steps than warm-up steps, but found ${totalSteps} and ${warmupSteps}`,
    );
  return (step) => {
    if (step < warmupSteps) return (maxLr * (step + 1)) / warmupSteps;
    const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - 1 - warmupSteps));
    return minLr + ((maxLr - minLr) / 2) * (1 + Math.cos(Math.PI * progress));
  };
}

/**
 * The learning rate of a training that goes on from a finished one with new data: a straight rise from `lastLr`, where that one
 * ended, to `maxLr` over `warmupSteps`, then a cosine down to `minLr` at the last step. Without the rise a model that was trained
 * to its end hardly learns: its rate is near 0. A lower `maxLr` forgets less and learns less. Step t counts from 0.
 * Source: Gupta et al. (2023), arXiv 2308.04014; Ibrahim et al. (2024), arXiv 2403.08763.
 *
 * @param options.lastLr rate at the end of the training before; default 0
 * @throws RangeError if there is no step after the warm-up, or `lastLr` is not between 0 and `maxLr`
 * @example
 * import { rewarmCosine } from "gptlab";
 * const rate = rewarmCosine({ lastLr: 0.2, warmupSteps: 2, totalSteps: 5, maxLr: 1, minLr: 0 });
 * [0, 1, 2, 3, 4].map((step) => Number(rate(step).toFixed(3))); // => [0.6, 1, 1, 0.5, 0]
 */
export function rewarmCosine(options: {
  lastLr?: number;
  warmupSteps: number;
  totalSteps: number;
  maxLr: number;
  minLr: number;
}): (step: number) => number {
  const { lastLr = 0, warmupSteps, totalSteps, maxLr } = options;
  if (!(warmupSteps >= 0 && totalSteps > warmupSteps))
    throw new RangeError(
      `rewarmCosine() needs more steps than warm-up steps, but found ${totalSteps} and ${warmupSteps}`,
    );
  if (!(lastLr >= 0 && lastLr <= maxLr))
    throw new RangeError(`rewarmCosine() rises from lastLr to maxLr, but found ${lastLr} and ${maxLr}`);
  const cosine = warmupCosine(options);
  return (step) => (step < warmupSteps ? lastLr + ((maxLr - lastLr) * (step + 1)) / warmupSteps : cosine(step));
}
