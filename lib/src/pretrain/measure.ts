/** @file What is measured of a base model on text that it has not seen: bits per byte of each domain, and whether it copies. */
import { setImmediate as macrotask } from "node:timers/promises";
import { compile } from "../compile";
import { TokenDataset, type TokenWindow } from "../data/dataset";
import { stackWindows } from "../data/loader";
import { copyAccuracy, randomSpans } from "../evaluate/copying";
import type { GPT } from "../model";
import { crossEntropy } from "../ops";
import type { Random } from "../random";
import { type Tensor2D, tf } from "../tf";
import type { BpeTokenizer } from "../tokenizer/bpe";
import { type BatchTensors, batchTensors, type Metrics } from "../train";

/** Ids of a held-out domain. */
export interface HeldOutIds {
  readonly name: string;
  readonly ids: ArrayLike<number>;
}

/** Tokens of a span that is repeated in one window; the longest that is trained on is 120. */
export const spanLength = (blockSize: number): number => Math.min(64, blockSize >> 1);
/** Real text of these domains is repeated. */
const COPIED = ["sotu", "wordnet", "moby-dick"];

/** Measures a model again and again on the same windows and spans. */
export class BaseModelMeter {
  readonly #model: GPT;
  readonly #startId: number;
  readonly #windows: readonly {
    readonly name: string;
    readonly bytes: number;
    readonly windows: readonly TokenWindow[];
  }[];
  readonly #spans: readonly number[][];
  readonly #noise: readonly number[][];

  /**
   * @param options.windows of each domain, evenly spread over it; fewer where it is short
   * @param options.spans of each domain whose text is repeated
   */
  constructor(
    model: GPT,
    tokenizer: BpeTokenizer,
    domains: readonly HeldOutIds[],
    { windows, spans, random }: { windows: number; spans: number; random: Random },
  ) {
    const { blockSize } = model.config;
    const special = new Set(tokenizer.specialTokens.values());
    this.#model = model;
    this.#startId = tokenizer.specialTokens.get("<|endoftext|>") as number;
    this.#windows = domains.map(({ name, ids }) => {
      const chosen = evenly(new TokenDataset(ids, { blockSize }), windows);
      const bytes = chosen.reduce(
        (sum, { targets }) => sum + tokenizer.decodeBytes(targets.filter((id) => !special.has(id))).length,
        0,
      );
      return { name, bytes, windows: chosen };
    });
    const length = spanLength(blockSize);
    this.#spans = domains
      .filter(({ name }) => COPIED.includes(name))
      .flatMap(({ name, ids }) =>
        randomSpans(
          Array.from(ids).filter((id) => !special.has(id)),
          {
            count: spans,
            length,
            random: random.fork(`spans ${name}`),
          },
        ),
      );
    const noise = random.fork("noise");
    this.#noise = Array.from({ length: spans }, () =>
      Array.from({ length }, () => special.size + noise.integer(tokenizer.vocabSize - special.size)),
    );
  }

  /**
   * `bits/byte <domain>` for each domain, in which the end-of-text tokens are predicted but have no bytes; `copy accuracy` on
   * repeated real text, `copy accuracy, first copy` as what needs no copying, `copy accuracy, random tokens` where nothing else helps.
   */
  async measure(): Promise<Metrics> {
    const metrics: Record<string, number> = {};
    const losses = compile((feeds) => {
      const { ids, targets } = feeds as unknown as BatchTensors;
      return crossEntropy(this.#model.forward(ids as Tensor2D), targets, { reduction: "sum" });
    });
    try {
      for (const { name, bytes, windows } of this.#windows) {
        let nll = 0;
        for (let start = 0; start < windows.length; start += 8) {
          await macrotask(); // others run in between
          const { ids, targets } = batchTensors(stackWindows(windows.slice(start, start + 8)));
          const sum = losses({ ids, targets });
          nll += (await sum.data())[0] as number;
          tf.dispose([ids, targets, sum]);
        }
        metrics[`bits/byte ${name}`] = nll / Math.LN2 / bytes;
      }
    } finally {
      losses.dispose();
    }
    const options = { startId: this.#startId };
    if (this.#spans.length > 0) {
      const { accuracy, withoutCopy } = await copyAccuracy(this.#model, this.#spans, options);
      metrics["copy accuracy"] = accuracy;
      metrics["copy accuracy, first copy"] = withoutCopy;
    }
    metrics["copy accuracy, random tokens"] = (await copyAccuracy(this.#model, this.#noise, options)).accuracy;
    return metrics;
  }
}

/** At most `count` windows, evenly spread. */
function evenly(data: TokenDataset, count: number): TokenWindow[] {
  const taken = Math.min(count, data.length);
  return Array.from({ length: taken }, (_, i) => data.at(Math.floor((i * data.length) / taken)));
}
