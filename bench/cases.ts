/** @file What is compared with what: the shapes, and for each the programs that do the same work. Nothing runs here. */
import { availableParallelism } from "node:os";
import { type GPTConfig, presets } from "gptlab";

/** One program that does the work of a case. The first of a case is gptlab. */
export interface Contestant {
  readonly name: string;
  /** A file of `workers/`; `.py` runs in the benchmark's own Python, `.js` was compiled. */
  readonly worker: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Gptlab must be as fast as the best of these. */
  readonly rival?: true;
  /** What it does in another way than the others of the case, where that is more or less work. */
  readonly differs?: string;
  /** Units of work a round, when it is much slower than the others. */
  readonly units?: number;
}

/** Work that several programs do in turn. */
export interface Case {
  readonly id: string;
  readonly title: string;
  readonly group: "train" | "generate" | "wasm" | "length" | "parameters";
  readonly model: GPTConfig;
  /** The data set that is a GGUF file with the weights; default: random weights. */
  readonly pretrained?: string;
  readonly batchSize: number;
  /** Tokens of a row: of a training window, or new ones. */
  readonly tokens: number;
  /** Tokens before the new ones. */
  readonly prompt?: number;
  /** Steps or whole generations of each program in one round. */
  readonly units: number;
  readonly contestants: readonly Contestant[];
  /** gptlab against the fastest rival: what is accepted, and what we would like. */
  readonly target?: { readonly accepted: number; readonly goal: number };
}

const THREADS = String(availableParallelism());
const torchEnv = { OMP_NUM_THREADS: THREADS, TORCHINDUCTOR_CACHE_DIR: ".build/bench/inductor" };

const gpt2 = (nLayer: number, nEmbd: number, nHead: number, vocabSize: number, blockSize: number): GPTConfig => ({
  architecture: "gpt2",
  nLayer,
  nEmbd,
  nHead,
  vocabSize,
  blockSize,
});

const gptlabTrain: Contestant = { name: "gptlab", worker: "gptlab_train.js" };
const torchTrain = (name: string, options: Record<string, boolean>): Contestant => ({
  name,
  worker: "torch_train.py",
  options,
  env: torchEnv,
  rival: true,
});
const FUSED = torchTrain("PyTorch sdpa + fused AdamW", { sdpa: true, fused: true });
const TORCH = [
  torchTrain("PyTorch eager", {}),
  FUSED,
  torchTrain("PyTorch torch.compile", { sdpa: true, fused: true, compile: true }),
];
const ADAM = "Adam without decay and clipping";
const ONE_HOT = "tokens and targets as one-hot rows";
const naive = (units?: number): Contestant => ({
  name: "TensorFlow.js, plain operations, eager",
  worker: "naive_train.js",
  differs: `${ADAM}, targets as one-hot rows`,
  ...(units ? { units } : {}),
});

const SMALL = gpt2(4, 128, 4, 1024, 128);
const MIDDLE = gpt2(6, 384, 6, 4096, 256);

function training(id: string, title: string, model: GPTConfig, B: number, T: number, units: number): Case {
  return {
    id,
    title,
    group: "train",
    model,
    batchSize: B,
    tokens: T,
    units,
    // At 124 M parameters plain operations fill the memory of the machine, and other programs are killed too.
    contestants: [gptlabTrain, ...TORCH, ...(model.nEmbd < 768 ? [naive(Math.max(1, Math.round(units / 4)))] : [])],
    target: { accepted: 1, goal: 1.15 },
  };
}

const train: Case[] = [
  training("train-1m", "1 M parameters: B 8, T 128, L 4, D 128, H 4, V 1,024", SMALL, 8, 128, 10),
  training("train-12m", "12 M parameters: B 4, T 256, L 6, D 384, H 6, V 4,096", MIDDLE, 4, 256, 4),
  training("train-124m", "124 M parameters: B 2, T 256, GPT-2", presets.gpt2, 2, 256, 2),
  training("course", "the course's base model: B 8, T 256, L 6, D 192, H 6, V 8,192", presets.course, 8, 256, 3),
];

const gptlabGenerate: Contestant = { name: "gptlab", worker: "gptlab_generate.js" };
const transformers = (how: string, options: Record<string, boolean>): Contestant => ({
  name: `transformers generate()${how}`,
  worker: "transformers_generate.py",
  options,
  env: torchEnv,
});

function generation(id: string, title: string, model: GPTConfig, B: number, target?: Case["target"]): Case {
  const torch = (name: string, options: Record<string, boolean>): Contestant => ({
    name,
    worker: "torch_generate.py",
    options,
    env: torchEnv,
    rival: true,
  });
  return {
    id,
    title,
    group: "generate",
    model,
    batchSize: B,
    prompt: 16,
    tokens: 64,
    units: 1,
    contestants: [
      gptlabGenerate,
      torch("PyTorch eager, growing cache", {}),
      torch("PyTorch torch.compile, fixed cache", { compile: true }),
      transformers("", {}),
      { name: "transformers.js generate()", worker: "transformers_js_generate.mjs" },
    ],
    ...(target ? { target } : {}),
  };
}

/** gptlab reads the GGUF file; transformers reads the folder that gptlab wrote from it, and so the same float32 numbers. */
function smollm2(B: number): Case {
  return {
    id: `generate-smollm2-${B}`,
    title: `SmolLM2-135M-Instruct, batch ${B}`,
    group: "generate",
    model: presets["smollm2-135m"],
    pretrained: "smollm2",
    batchSize: B,
    prompt: 16,
    tokens: 64,
    units: 1,
    contestants: [
      gptlabGenerate,
      { ...transformers("", {}), rival: true },
      { ...transformers(", static cache", { static: true }), rival: true },
      { ...transformers(", static cache, torch.compile", { static: true, compile: true }), rival: true },
    ],
    target: { accepted: 1, goal: 1 },
  };
}

const generate: Case[] = [
  generation("generate-124m-1", "124 M parameters, batch 1", presets.gpt2, 1, { accepted: 1.3, goal: 1.5 }),
  generation("generate-124m-8", "124 M parameters, batch 8", presets.gpt2, 8, { accepted: 1.5, goal: 1.8 }),
  generation("generate-1m-1", "1 M parameters, batch 1", SMALL, 1),
  generation("generate-1m-8", "1 M parameters, batch 8", SMALL, 8),
  smollm2(1),
  smollm2(8),
];

const wasm: Case = {
  id: "wasm",
  title: "1 M parameters on WebAssembly: B 8, T 128, L 4, D 128, H 4, V 1,024",
  group: "wasm",
  model: SMALL,
  batchSize: 8,
  tokens: 128,
  units: 1,
  contestants: [
    { ...gptlabTrain, env: { GPTLAB_BACKEND: "wasm" } },
    {
      name: "TensorFlow.js, plain operations",
      worker: "naive_train.js",
      options: { backend: "wasm" },
      rival: true,
      differs: `${ADAM}, ${ONE_HOT}`,
    },
    { name: "jax-js, jit", worker: "jax_train.mjs", differs: ONE_HOT },
  ],
  target: { accepted: 4, goal: 4.5 },
};

const length: Case[] = [64, 128, 256, 512, 1024].map((T) => ({
  id: `length-${T}`,
  title: `T ${T}, B ${1024 / T}`,
  group: "length",
  model: { ...MIDDLE, blockSize: T },
  batchSize: 1024 / T,
  tokens: T,
  units: 2,
  contestants: [gptlabTrain, FUSED],
}));

const parameters: Case[] = (
  [
    [2, 128, 4],
    [4, 256, 4],
    [6, 384, 6],
    [8, 512, 8],
    [12, 768, 12],
  ] as const
).map(([L, D, H]) => ({
  id: `parameters-${D}`,
  title: `L ${L}, D ${D}, H ${H}`,
  group: "parameters",
  model: gpt2(L, D, H, 4096, 128),
  batchSize: 4,
  tokens: 128,
  units: D < 300 ? 6 : 2,
  contestants: [gptlabTrain, FUSED],
}));

/** Every comparison, in the order in which it is run. */
export const cases: readonly Case[] = [...train, ...generate, wasm, ...length, ...parameters];

/** Weights of a GPT-2 model: tied embeddings, biases everywhere. */
export function parameterCount({ vocabSize, blockSize, nLayer, nEmbd }: GPTConfig): number {
  return (vocabSize + blockSize) * nEmbd + nLayer * (12 * nEmbd ** 2 + 13 * nEmbd) + 2 * nEmbd;
}
