/** @file One block of the decoder: attention, then a feed-forward network, each added to what flows past it. */
import { LayerNorm, Linear, Module, RMSNorm } from "../nn";
import { dropout, gelu, swiglu } from "../ops";
import type { Random } from "../random";
import { type Tensor, type Tensor3D, tf } from "../tf";
import { type Pass, SelfAttention } from "./attention";
import type { FullConfig } from "./config";

/** The norm of an architecture: layer norm for GPT-2, RMS norm for the newer family. */
export function makeNorm({ architecture, nEmbd, normEpsilon }: FullConfig): LayerNorm | RMSNorm {
  return architecture === "gpt2" ? new LayerNorm(nEmbd, normEpsilon) : new RMSNorm(nEmbd, normEpsilon);
}

/** Two linear layers around a non-linear function: GELU for GPT-2, a gated unit for the newer family. */
export class FeedForward extends Module {
  readonly gated: boolean;
  /** (C, nInner), or (C, 2 · nInner) for gate and up together */
  readonly up: Linear;
  readonly down: Linear;

  constructor(
    readonly config: FullConfig,
    random: Random,
  ) {
    super();
    const { architecture, nEmbd, nInner, nLayer, bias } = config;
    this.gated = architecture !== "gpt2";
    this.up = this.part("up", new Linear(nEmbd, this.gated ? 2 * nInner : nInner, { random, bias }));
    this.down = this.part("down", new Linear(nInner, nEmbd, { random, bias, std: 0.02 / Math.sqrt(2 * nLayer) }));
  }

  /** (B, T, C) -> (B, T, C) */
  forward(x: Tensor3D, random?: Random): Tensor3D {
    const wide = this.up.forward(x);
    const active = this.gated ? swiglu(...(tf.split(wide, 2, -1) as [Tensor, Tensor])) : gelu(wide);
    const y = this.down.forward(active);
    return (random ? dropout(y, this.config.dropout, random) : y) as Tensor3D;
  }
}

export class Block extends Module {
  readonly norm1: LayerNorm | RMSNorm;
  readonly attention: SelfAttention;
  readonly norm2: LayerNorm | RMSNorm;
  readonly feedForward: FeedForward;

  constructor(config: FullConfig, layer: number, random: Random) {
    super();
    this.norm1 = this.part("norm1", makeNorm(config));
    this.attention = this.part("attention", new SelfAttention(config, layer, random));
    this.norm2 = this.part("norm2", makeNorm(config));
    this.feedForward = this.part("feedForward", new FeedForward(config, random));
  }

  /** (B, T, C) -> (B, T, C) */
  forward(x: Tensor3D, pass: Pass): Tensor3D {
    const y: Tensor3D = x.add(this.attention.forward(this.norm1.forward(x) as Tensor3D, pass));
    return y.add(this.feedForward.forward(this.norm2.forward(y) as Tensor3D, pass.random));
  }
}
