/** @file The decoder: token ids to logits. GPT-2 and the newer family are the same blocks with other parts. */
import { Embedding, type LayerNorm, Linear, Module, type RMSNorm } from "../nn";
import { causalMask, dropout, linearTransposed, type RotaryAngles, rotaryAngles } from "../ops";
import { gatherRows } from "../ops/kernels";
import type { Random } from "../random";
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor3D, tf } from "../tf";
import type { SavableTokenizer } from "../tokenizer/tokenizer";
import type { Pass } from "./attention";
import { Block, makeNorm } from "./block";
import type { CachePlaces, KVCache } from "./cache";
import { type FullConfig, fullConfig, type GPTConfig } from "./config";
import { type FloatType, writeConfig } from "./huggingface";
import { huggingFaceNames } from "./names";
import { openPretrained, type PretrainedOptions } from "./pretrained";
import { saveTokenizer } from "./token_roles";
import { Blank, loadWeights, saveWeights } from "./weights";

/** Token ids of a batch: rows of equal length, or an int32 tensor (B, T). */
export type Ids = readonly ArrayLike<number>[] | Tensor2D;

/** How a forward pass runs. */
export interface ForwardOptions {
  /** (B, S): 1 for real tokens, 0 for padding, of either side; with a cache it covers the cached tokens too. */
  readonly attentionMask?: readonly ArrayLike<number>[] | Tensor2D;
  readonly cache?: KVCache;
  /** Where in the cache; default after what it holds. With this given, the caller reserves and advances the cache. */
  readonly at?: CachePlaces;
  /** With dropout; then `random` is needed. Default false. */
  readonly training?: boolean;
  readonly random?: Random;
}

/**
 * A decoder-only transformer.
 *
 * Sources: Radford et al. (2019), "Language Models are Unsupervised Multitask Learners", for GPT-2; Touvron et al. (2023),
 * arXiv 2302.13971, for the Llama family. Weights start as GPT-2's: normal with standard deviation 0.02, smaller by
 * sqrt(2 · nLayer) where a layer ends in the residual stream.
 *
 * @example
 * import { GPT, initBackend, presets, Random } from "gptlab";
 * await initBackend();
 * const model = new GPT({ ...presets.course, nLayer: 1 }, new Random(1));
 * model.forward([[1, 2, 3]]).shape; // => [1, 3, 8192]
 * model.dispose();
 */
export class GPT extends Module {
  readonly config: Readonly<FullConfig>;
  readonly tokens: Embedding;
  readonly positions: Embedding | undefined;
  readonly blocks: readonly Block[];
  readonly norm: LayerNorm | RMSNorm;
  readonly head: Linear | undefined;
  #angles: RotaryAngles | undefined;
  readonly #kept = new Map<symbol, { dispose(): void }>();

  constructor(config: GPTConfig, random: Random) {
    super();
    const full = fullConfig(config);
    this.config = full;
    this.tokens = this.part("tokens", new Embedding(full.vocabSize, full.nEmbd, { random }));
    if (full.architecture === "gpt2")
      this.positions = this.part("positions", new Embedding(full.blockSize, full.nEmbd, { random }));
    this.blocks = Array.from({ length: full.nLayer }, (_, layer) =>
      this.part(`blocks.${layer}`, new Block(full, layer, random)),
    );
    this.norm = this.part("norm", makeNorm(full));
    if (!full.tieWeights)
      this.head = this.part("head", new Linear(full.nEmbd, full.vocabSize, { random, bias: false }));
  }

  /** Logits of the next token at every position: (B, T) -> (B, T, V). */
  forward(ids: Ids, options: ForwardOptions = {}): Tensor3D {
    return tf.tidy(() => this.logits(this.hidden(ids, options)));
  }

  /** The output layer alone: (B, T, C) -> (B, T, V). */
  logits(hidden: Tensor3D): Tensor3D {
    return (
      this.head ? this.head.forward(hidden) : linearTransposed(hidden, this.tokens.weight as Tensor as Tensor2D)
    ) as Tensor3D;
  }

  /** What the last norm gives, before the output layer: (B, T) -> (B, T, C). */
  hidden(ids: Ids, options: ForwardOptions = {}): Tensor3D {
    return tf.tidy(() => {
      const { cache, training = false, random } = options;
      if (training && this.config.dropout > 0 && !random)
        throw new TypeError("A forward pass with dropout needs options.random");
      if (!("dataSync" in ids)) requireTokens(ids, this.config.vocabSize);
      const tokens = toTensor(ids);
      const [B, T] = tokens.shape;
      const past = options.at ? 0 : (cache?.length ?? 0);
      const length = past + T;
      if (length > this.config.blockSize) {
        throw new RangeError(
          `This model reads at most ${this.config.blockSize} tokens, but found ${length}${past ? ` (${past} of them cached)` : ""}. Shorten the text`,
        );
      }
      const visible = options.attentionMask && toTensor(options.attentionMask);
      if (visible && (visible.shape[0] !== B || visible.shape[1] !== length)) {
        throw new RangeError(
          `attentionMask must have the shape [${B}, ${length}], but found [${visible.shape.join(", ")}]`,
        );
      }
      if (!options.at) cache?.reserve(this.config, B, length);
      const at = options.at ?? cache?.next(T, visible);
      const positions = at?.positions ?? (visible ? positionsOf(visible, T) : undefined);
      const dropped = training && this.config.dropout > 0 && random ? { random } : {};
      const angles = this.#anglesAt(past, T, positions);
      const pass: Pass = {
        mask: at?.mask ?? causalMask(T, length, visible),
        ...(angles ? { angles } : {}),
        ...(cache && at ? { cache: { tables: cache, rows: at.rows } } : {}),
        ...dropped,
      };

      let x: Tensor = this.tokens.forward(tokens); // (B, T, C)
      if (this.positions)
        x = x.add(
          positions
            ? this.positions.forward(positions)
            : this.positions.weight.slice([past, 0], [T, this.config.nEmbd]),
        );
      if (dropped.random) x = dropout(x, this.config.dropout, dropped.random);
      for (const block of this.blocks) x = block.forward(x as Tensor3D, pass);
      if (!options.at) cache?.advance(T);
      return this.norm.forward(x) as Tensor3D;
    });
  }

  /**
   * Loads a model of GPT-2's architecture, the Llama family or Qwen3: from a folder in Hugging Face's layout (config.json and
   * model.safetensors, or several files with an index), from a GGUF file, or by its name on the Hugging Face hub. Weights become
   * float32, one parameter at a time.
   *
   * @param options.revision branch, tag or commit on the hub; default "main"
   * @param options.file one weights file of several: "model-q8_0.gguf"
   * @param options.onProgress hears of the download in bytes, and of the weights that are in place; default where all progress goes
   * @param options.signal stops the download; what has come is kept
   * @throws RangeError for an architecture that this library does not compute, and one that lists all tensors that are missing,
   * unknown or of another shape
   * @example
   * import { GPT, initBackend, presets, Random } from "gptlab";
   * import { mkdtempSync } from "node:fs";
   * import { tmpdir } from "node:os";
   * import { join } from "node:path";
   * await initBackend();
   * const folder = mkdtempSync(join(tmpdir(), "gptlab-"));
   * await new GPT({ ...presets.course, nLayer: 1 }, new Random(1)).save(folder);
   * (await GPT.fromPretrained(folder)).config.nLayer; // => 1
   */
  static async fromPretrained(idOrPath: string, options: PretrainedOptions = {}): Promise<GPT> {
    const { config, names, weights } = await openPretrained(idOrPath, options);
    try {
      const model = new GPT(config, new Blank());
      try {
        await loadWeights(model.parameters(), names, weights, options.onProgress);
        return model;
      } catch (error) {
        model.dispose();
        throw error;
      }
    } finally {
      await weights.close();
    }
  }

  /**
   * Writes the model in Hugging Face's layout; transformers loads the folder. GPT-2's layout has biases: for a model without them it
   * gets zeros.
   *
   * @param folder is made when it is missing; its files of the same names are replaced, each whole or not at all
   * @param options.dtype default "F32"; "F16" and "BF16" need half the space
   * @param options.tokenizer is saved in the same folder, and the ids of its start, end and padding tokens in config.json
   * @throws RangeError for a GPT-2 that its layout cannot hold, and for adapters, which have files of their own; Error that names the file when there is no room on the disk
   */
  async save(folder: string, options: { dtype?: FloatType; tokenizer?: SavableTokenizer } = {}): Promise<void> {
    const { dtype = "F32", tokenizer } = options;
    await saveWeights(this.parameters(), huggingFaceNames(this.config), folder, dtype);
    await writeConfig(folder, this.config, dtype, await saveTokenizer(folder, tokenizer));
  }

  override dispose(): void {
    this.dropKept();
    super.dispose();
    if (this.#angles) tf.dispose([this.#angles.cos, this.#angles.sin]);
  }

  /** What is kept with this model only to run it faster, graphs and decoders: made at the first use, one for each `key`. */
  keep<Kept extends { dispose(): void }>(key: symbol, make: () => Kept): Kept {
    const kept = (this.#kept.get(key) ?? make()) as Kept;
    this.#kept.set(key, kept);
    return kept;
  }

  /** Disposes all that is kept, which is then made anew. Call it after a change of what the model computes, while nobody scores; new weights need none. */
  dropKept(): void {
    for (const kept of this.#kept.values()) kept.dispose();
    this.#kept.clear();
  }

  /** The angles of the T newest tokens, from a table made once. */
  #anglesAt(past: number, T: number, positions?: Tensor2D): RotaryAngles | undefined {
    const { architecture, blockSize, headSize, ropeTheta, ropeScaling } = this.config;
    if (architecture === "gpt2") return undefined;
    this.#angles ??= keepAngles(
      rotaryAngles(
        Array.from({ length: blockSize }, (_, i) => i),
        headSize,
        ropeTheta,
        ropeScaling,
      ),
    );
    const rows = (table: Tensor): Tensor =>
      positions
        ? gatherRows(table as Tensor2D, positions.flatten() as Tensor1D).reshape([
            positions.shape[0],
            1,
            T,
            headSize / 2,
          ])
        : table.slice([past, 0], [T, headSize / 2]);
    return { cos: rows(this.#angles.cos), sin: rows(this.#angles.sin) };
  }
}

function keepAngles({ cos, sin }: RotaryAngles): RotaryAngles {
  return { cos: tf.keep(cos), sin: tf.keep(sin) };
}

/** The position of each of the T newest tokens among the real ones: padding counts for nothing. (B, S) -> (B, T) int32 */
function positionsOf(visible: Tensor2D, T: number): Tensor2D {
  const [B, S] = visible.shape;
  const positions = visible.cumsum(1).sub(1).maximum(0).toInt();
  return positions.slice([0, S - T], [B, T]) as Tensor2D;
}

/** Throws RangeError for an id that is not in the vocabulary. */
export function requireTokens(rows: readonly ArrayLike<number>[], vocabSize: number): void {
  for (const row of rows)
    for (let i = 0; i < row.length; i++) {
      const id = row[i]!;
      if (!(id >= 0 && id < vocabSize) || !Number.isInteger(id))
        throw new RangeError(
          `Token ${id} is not in this model's vocabulary of ${vocabSize}. Does the tokenizer belong to the model?`,
        );
    }
}

/** Rows of equal length as an int32 tensor (B, T). */
export function toTensor(rows: readonly ArrayLike<number>[] | Tensor2D): Tensor2D {
  if ("dataSync" in rows) return rows;
  const length = rows[0]?.length ?? 0;
  const ragged = rows.findIndex((row) => row.length !== length);
  if (length === 0 || ragged >= 0) {
    throw new RangeError(
      `A batch needs rows of one length, at least 1, but row ${Math.max(0, ragged)} has ${rows[Math.max(0, ragged)]?.length ?? 0} and row 0 has ${length}. Pad with padBatch()`,
    );
  }
  const flat = new Int32Array(rows.length * length);
  for (const [i, row] of rows.entries()) flat.set(row, i * length);
  return tf.tensor2d(flat, [rows.length, length], "int32");
}
