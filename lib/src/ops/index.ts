/** @file Differentiable operations, each with a gradient written by hand. Parameters and layers are `nn`'s. */
export { gelu, swiglu } from "./activation";
export { causalAttention, causalMask } from "./attention";
export { crossEntropy, type Reduction } from "./cross_entropy";
export { dropout, dropoutMask } from "./dropout";
export { embedding } from "./embedding";
export { linear, linearTransposed } from "./linear";
export { layerNorm, rmsNorm } from "./norm";
export { type RopeScaling, type RotaryAngles, rotary, rotaryAngles, rotaryFrequencies } from "./rotary";
