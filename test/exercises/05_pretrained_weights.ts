/** @file The checks of chapter 05: right answers made in another way than the chapter's, blocks that Python's gguf package decoded, and the mistakes that learners make. Messages are in `chapters/src/messages`. */
import { float16ToFloat32, type Random, type Tensor, type Tensor1D, type Tensor4D, tf } from "gptlab";
import { exercise } from "gptlab/course";

interface RawTensor {
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}
type ParseSafetensors = (bytes: Uint8Array) => Map<string, RawTensor>;
type Bf16ToFloat32 = (halves: Uint16Array) => Float32Array;
type MapWeightNames = (names: string[]) => Map<string, string>;
type RmsNorm = (x: Tensor, gain: Tensor1D, epsilon?: number) => Tensor;
type RotaryEmbedding = (x: Tensor4D, theta?: number) => Tensor4D;
type Swiglu = (gate: Tensor, up: Tensor) => Tensor;
type RepeatKv = (x: Tensor4D, times: number) => Tensor4D;
type DequantizeQ4 = (bytes: Uint8Array) => Float32Array;

const FLOAT32 = { tolerance: 2e-5 }; // engines add up in other orders
const normals = <T extends Tensor>(random: Random, ...shape: number[]): T =>
  tf.tensor<T>(random.normal(shape.reduce((a, b) => a * b, 1)), shape);
/** 1, 2, 3, … in this shape: every number has one right place. */
const counted = <T extends Tensor>(...shape: number[]): T =>
  tf.range(1, 1 + shape.reduce((a, b) => a * b, 1)).reshape<T>(shape);
/** A window into a larger buffer, with `before` in front of it. */
function windowOn(bytes: Uint8Array, before: Uint8Array): Uint8Array {
  const both = new Uint8Array(before.length + bytes.length);
  both.set(before);
  both.set(bytes, before.length);
  return both.subarray(before.length);
}
const randomBytes = (random: Random, length: number): Uint8Array =>
  Uint8Array.from({ length }, () => random.integer(256));

// parseSafetensors

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
/** A file with these tensors; `order` is the order in which their bytes lie. */
function fileOf(tensors: ReadonlyMap<string, RawTensor>, metadata?: object, order = [...tensors.keys()]): Uint8Array {
  const places = new Map<string, [number, number]>();
  let end = 0;
  for (const name of order) {
    const begin = end;
    end += tensors.get(name)?.bytes.length ?? 0;
    places.set(name, [begin, end]);
  }
  const entries = Array.from(tensors, ([name, { dtype, shape }]) => [
    name,
    { dtype, shape, data_offsets: places.get(name) },
  ]);
  const json = Buffer.from(JSON.stringify({ ...(metadata && { __metadata__: metadata }), ...Object.fromEntries(entries) })); // biome-ignore format: one thought
  const length = Buffer.alloc(8);
  length.writeUInt32LE(json.length);
  return Uint8Array.from(Buffer.concat([length, json, ...order.map((name) => tensors.get(name)?.bytes ?? length)]));
}

interface ParseRule {
  readonly begin?: (header: number) => number;
  readonly cut?: (data: Buffer, begin: number, end: number) => Uint8Array;
  readonly text?: (header: Buffer) => string;
  readonly entry?: (name: string) => boolean;
  readonly all?: (bytes: Uint8Array) => Buffer;
  readonly inOrder?: boolean;
}
/** One reader with its rules as options, so that each mistake is one changed rule. */
function parserWith({
  begin = (header) => 8 + header,
  cut = (data, from, to) => Uint8Array.from(data.subarray(from, to)),
  text = (header) => header.toString("utf8"),
  entry = (name) => name !== "__metadata__",
  all = (bytes) => Buffer.from(bytes),
  inOrder = false,
}: ParseRule): ParseSafetensors {
  return (bytes) => {
    const whole = all(bytes);
    const length = whole.readUInt32LE(0) + 2 ** 32 * whole.readUInt32LE(4);
    const header = JSON.parse(text(whole.subarray(8, 8 + length))) as Header;
    const data = whole.subarray(begin(length));
    const tensors = new Map<string, RawTensor>();
    let done = 0;
    for (const name of Object.keys(header).filter(entry)) {
      const { dtype, shape, data_offsets: [from, to] = [0, 0] } = header[name]!;
      tensors.set(name, { dtype, shape, bytes: inOrder ? cut(data, done, done + to - from) : cut(data, from, to) });
      done += to - from;
    }
    return tensors;
  };
}
const matrix: RawTensor = { dtype: "F32", shape: [2], bytes: new Uint8Array(Float32Array.of(1, 2).buffer) };
const single = new Map([["w", matrix]]);
const pair = new Map([
  ["a", { dtype: "U8", shape: [3], bytes: Uint8Array.of(1, 2, 3) }],
  ["b", { dtype: "BF16", shape: [1, 2], bytes: Uint8Array.of(128, 63, 0, 64) }],
]);
const SIZES: Record<string, number> = { F32: 4, F16: 2, BF16: 2, U8: 1 };
const NAMES = ["h.0.attn.weight", "größe", "وزن", "norm", "transformer.wte.weight"];

function randomTensors(random: Random, count: number): Map<string, RawTensor> {
  const types = Object.keys(SIZES);
  return new Map(
    Array.from({ length: count }, (_, i) => {
      const dtype = types[(i + random.integer(4)) % 4]!;
      const shape = [1 + random.integer(3), 1 + random.integer(4)];
      return [NAMES[i]!, { dtype, shape, bytes: randomBytes(random, shape[0]! * shape[1]! * SIZES[dtype]!) }];
    }),
  );
}

const parseSafetensors = exercise<ParseSafetensors>({
  reference: parserWith({}),
  examples: [
    { input: [fileOf(single)], expected: single },
    { input: [fileOf(pair)], expected: pair },
    { input: [fileOf(single, { format: "pt" })], expected: single },
    { input: [windowOn(fileOf(pair), fileOf(single))], expected: pair },
  ],
  random: (random, i) => {
    const tensors = randomTensors(random, 1 + (i % 5));
    const names = [...tensors.keys()];
    const order = Array.from(random.permutation(names.length), (place) => names[place]!);
    const bytes = fileOf(tensors, i % 3 ? { made: "by a test" } : undefined, order);
    return [i % 2 ? windowOn(bytes, fileOf(pair)) : bytes];
  },
  cases: 12,
  extremes: [
    [fileOf(new Map())],
    [fileOf(new Map([["empty", { dtype: "F32", shape: [0], bytes: new Uint8Array() }]]))],
    [fileOf(new Map([["one number", { dtype: "U8", shape: [], bytes: Uint8Array.of(7) }]]))],
  ],
  mistakes: {
    fromFileStart: parserWith({ begin: () => 0 }),
    forgetsLength: parserWith({ begin: (header) => header }),
    forgetsHeader: parserWith({ begin: () => 8 }),
    endIsLength: parserWith({ cut: (data, from, to) => Uint8Array.from(data.subarray(from, from + to)) }),
    wholeData: parserWith({ cut: (data) => Uint8Array.from(data) }),
    toTheEnd: parserWith({ cut: (data, from) => Uint8Array.from(data.subarray(from)) }),
    keepsMetadata: parserWith({ entry: () => true }),
    ignoresWindow: parserWith({ all: (bytes) => Buffer.from(bytes.buffer as ArrayBuffer) }),
    latin: parserWith({ text: (header) => header.toString("latin1") }),
    inOrder: parserWith({ inOrder: true }),
    decodes: parserWith({ cut: (data, from, to) => new Float32Array(Uint8Array.from(data.subarray(from, to)).buffer) as unknown as Uint8Array }), // biome-ignore format: one rule a line
  },
  tolerance: 0,
});

// bf16ToFloat32

const float = new DataView(new ArrayBuffer(4));
function numberOf(pattern: number): number {
  float.setUint32(0, pattern);
  return float.getFloat32(0);
}
const eachHalf =
  (number: (half: number) => number): Bf16ToFloat32 =>
  (halves) =>
    Float32Array.from(halves, number);
const swapped = (half: number): number => (half >> 8) + 256 * (half & 255);

const bf16ToFloat32 = exercise<Bf16ToFloat32>({
  reference: eachHalf((half) => numberOf(half * 65_536)),
  examples: [
    { input: [Uint16Array.of(0x4049, 0xc000)], expected: Float32Array.of(3.140625, -2) }, // no two mistakes agree on it
    { input: [Uint16Array.of(0x3f80, 0x3e20, 0)], expected: Float32Array.of(1, 0.15625, 0) },
  ],
  random: (random, i) => [
    Uint16Array.from({ length: 1 + i }, () => random.integer(2) * 0x8000 + 0x3000 + random.integer(0x2000)),
  ],
  extremes: [
    [Uint16Array.of(0x7f80, 0xff80, 0x7fc0)],
    [Uint16Array.of(0x7f7f, 0xff7f, 0x0080)],
    [Uint16Array.of()],
    [Uint16Array.of(0x8000, 0x3f80)],
  ],
  mistakes: {
    asIntegers: eachHalf((half) => half),
    asFloat16: (halves) => float16ToFloat32(halves),
    lowHalf: eachHalf((half) => numberOf(half)),
    swapsBytes: eachHalf((half) => numberOf(swapped(half) * 65_536)),
    shiftedInteger: eachHalf((half) => half * 65_536),
    signedInteger: eachHalf((half) => half << 16),
    noSign: eachHalf((half) => numberOf((half & 0x7fff) * 65_536)),
    pairsOfHalves: (halves) => new Float32Array(Uint16Array.from(halves).buffer),
  },
});

// mapWeightNames

const TOP: Readonly<Record<string, string>> = {
  "wte.weight": "tokens.weight",
  "wpe.weight": "positions.weight",
  "ln_f.weight": "norm.gain",
  "ln_f.bias": "norm.bias",
};
const LAYER: Readonly<Record<string, string>> = {
  "ln_1.weight": "norm1.gain",
  "ln_1.bias": "norm1.bias",
  "attn.c_attn.weight": "attention.qkv.weight",
  "attn.c_attn.bias": "attention.qkv.bias",
  "attn.c_proj.weight": "attention.projection.weight",
  "attn.c_proj.bias": "attention.projection.bias",
  "ln_2.weight": "norm2.gain",
  "ln_2.bias": "norm2.bias",
  "mlp.c_fc.weight": "feedForward.up.weight",
  "mlp.c_fc.bias": "feedForward.up.bias",
  "mlp.c_proj.weight": "feedForward.down.weight",
  "mlp.c_proj.bias": "feedForward.down.bias",
};
const MASKS = ["attn.bias", "attn.masked_bias"];
/** Our name of a parameter of the file; undefined for what is none. */
function ourName(name: string): string | undefined {
  const parts = name.split(".");
  if (parts[0] === "transformer") parts.shift();
  if (parts[0] !== "h") return TOP[parts.join(".")];
  const inner = LAYER[parts.slice(2).join(".")];
  return inner && `blocks.${parts[1]}.${inner}`;
}

interface NameRule {
  readonly keeps?: (name: string) => boolean;
  readonly ours?: (name: string, ours: string) => string;
  readonly key?: (name: string) => string;
}
function namerWith({ keeps = () => true, ours = (_, own) => own, key = (name) => name }: NameRule): MapWeightNames {
  return (names) =>
    new Map(
      names
        .filter((name) => ourName(name) !== undefined && keeps(name))
        .map((name) => [key(name), ours(name, ourName(name) ?? "")]),
    );
}
/** The right names and, besides, those of no parameter, called what a loader without a rule for them makes of them. */
const keeping =
  (which: RegExp): MapWeightNames =>
  (names) => {
    const extra = names.filter((name) => which.test(name));
    const called = (name: string): string => name.replace(/^transformer\./, "").replace(/^h\./, "blocks.");
    return new Map([...namerWith({})(names), ...extra.map((name) => [name, called(name)] as const)]);
  };
const prefix = /^transformer\./;

const mapWeightNames = exercise<MapWeightNames>({
  reference: namerWith({}),
  examples: [
    {
      input: [["wte.weight", "h.0.attn.c_attn.weight"]],
      expected: new Map([
        ["wte.weight", "tokens.weight"],
        ["h.0.attn.c_attn.weight", "blocks.0.attention.qkv.weight"],
      ]),
    },
    { input: [["h.1.ln_2.weight"]], expected: new Map([["h.1.ln_2.weight", "blocks.1.norm2.gain"]]) },
    { input: [["ln_f.weight"]], expected: new Map([["ln_f.weight", "norm.gain"]]) },
    { input: [["h.0.mlp.c_fc.weight"]], expected: new Map([["h.0.mlp.c_fc.weight", "blocks.0.feedForward.up.weight"]]) }, // biome-ignore format: one row
    { input: [["h.2.ln_1.bias"]], expected: new Map([["h.2.ln_1.bias", "blocks.2.norm1.bias"]]) },
    { input: [["transformer.wpe.weight"]], expected: new Map([["transformer.wpe.weight", "positions.weight"]]) },
    { input: [["lm_head.weight"]], expected: new Map() },
    { input: [["h.0.attn.bias"]], expected: new Map() },
    { input: [["transformer.h.0.attn.masked_bias"]], expected: new Map() },
    {
      input: [["h.0.attn.c_attn.bias"]],
      expected: new Map([["h.0.attn.c_attn.bias", "blocks.0.attention.qkv.bias"]]),
    },
  ],
  random: (random, i) => {
    const all = Array.from({ length: 12 }, (_, layer) =>
      [...Object.keys(LAYER), ...MASKS].map((inner) => `h.${layer}.${inner}`),
    ).flat();
    const short = [...Object.keys(TOP), ...all].filter(() => random.integer(6) === 0);
    const names = i % 2 ? short.map((name) => `transformer.${name}`) : short;
    return [i % 3 ? names : [...names, "lm_head.weight"]];
  },
  cases: 12,
  extremes: [[[]], [["h.10.ln_1.weight", "h.11.attn.c_proj.weight", "h.1.attn.c_proj.weight"]]],
  mistakes: {
    keepsHead: keeping(/^lm_head\./),
    keepsMaskedBias: keeping(/\.attn\.masked_bias$/),
    keepsMasks: keeping(/\.attn\.(masked_)?bias$/),
    dropsAttentionBias: namerWith({ keeps: (name) => !name.endsWith("attn.bias") }),
    dropsBiases: namerWith({ keeps: (name) => !name.endsWith("bias") }),
    onlyNumberedNorms: namerWith({ ours: (_, own) => own.replace("norm.gain", "norm.weight") }),
    noGain: namerWith({ ours: (_, own) => own.replace("gain", "weight") }),
    gainEverywhere: namerWith({ ours: (_, own) => own.replace(/weight$/, "gain") }),
    gainsForBiases: namerWith({ ours: (_, own) => own.replace(/(norm\d?)\.bias$/, "$1.gain") }),
    keepsPrefix: namerWith({ ours: (name, own) => (prefix.test(name) ? `transformer.${own}` : own) }),
    needsPrefix: namerWith({ keeps: (name) => prefix.test(name) }),
    refusesPrefix: namerWith({ keeps: (name) => !prefix.test(name) }),
    shortKeys: namerWith({ key: (name) => name.replace(prefix, "") }),
    oneDigit: namerWith({ keeps: (name) => !/h\.\d\d/.test(name) }),
    oursToTheirs: (names) => new Map(Array.from(namerWith({})(names), ([theirs, ours]) => [ours, theirs])),
  },
});

// rmsNorm

type Scale = (x: Tensor, epsilon: number) => Tensor;
const square = (x: Tensor): Tensor => x.square().mean(-1, true);
const root: Scale = (x, epsilon) => square(x).add<Tensor>(epsilon).rsqrt();
const rmsWith =
  (scale: Scale, of = (x: Tensor): Tensor => x): RmsNorm =>
  (x, gain, epsilon = 1e-5) =>
    of(x)
      .mul<Tensor>(scale(of(x), epsilon))
      .mul(gain);
const plainRms = rmsWith(root);
const rows = (...values: number[][]): Tensor => tf.tensor2d(values);

const rmsNorm = exercise<RmsNorm>({
  reference: plainRms,
  get examples() {
    // tensors can be made only when an engine has been chosen
    const of = (x: Tensor, gain: number[], ...rest: number[]): Parameters<RmsNorm> =>
      [x, tf.tensor1d(gain), ...rest] as Parameters<RmsNorm>;
    return [
      { input: of(rows([3, 4]), [1, 1]), expected: rows([0.8485278, 1.1313704]) }, // over sqrt(12.50001)
      { input: of(rows([1, 2, 6]), [1, 1, 1]), expected: rows([0.2705008, 0.5410016, 1.6230048]) },
      { input: of(rows([3, 4], [30, -40]), [2, 10]), expected: rows([1.6970556, 11.313704], [1.6970563, -11.3137082]) },
    ];
  },
  random: (random, i) => {
    const C = 2 + i;
    const x: Tensor = i % 2 ? normals(random, 1 + (i % 3), 2 + (i % 4), C) : normals(random, 3 + (i % 3), C);
    return [x.mul<Tensor>(2).add(0.5), normals<Tensor1D>(random, C).mul<Tensor1D>(0.3).add(1)];
  },
  cases: 10,
  get extremes() {
    return [
      [rows([0, 0, 0]), tf.ones([3])],
      [rows([1000, -1000, 100, -100]), tf.ones([4])],
      [rows([0.001, 0.002, -0.003]), tf.ones([3])],
      [rows([1, 2, 6]), tf.ones([3]), 1],
    ] as Parameters<RmsNorm>[];
  },
  mistakes: {
    subtractsMean: rmsWith(root, (x) => x.sub(x.mean(-1, true))),
    noRoot: rmsWith((x, epsilon) => square(x).add<Tensor>(epsilon).reciprocal()),
    ignoresEpsilon: (x, gain) => plainRms(x, gain),
    noEpsilon: rmsWith((x) => square(x).rsqrt()),
    epsilonOutside: rmsWith((x, epsilon) => square(x).sqrt().add<Tensor>(epsilon).reciprocal()),
    sums: rmsWith((x, epsilon) => x.square().sum<Tensor>(-1, true).add<Tensor>(epsilon).rsqrt()),
    overAll: rmsWith((x, epsilon) => x.square().mean<Tensor>().add<Tensor>(epsilon).rsqrt()),
    otherAxis: rmsWith((x, epsilon) => x.square().mean<Tensor>(-2, true).add<Tensor>(epsilon).rsqrt()),
    meanOfSizes: rmsWith((x, epsilon) => x.abs().mean<Tensor>(-1, true).add<Tensor>(epsilon).reciprocal()),
    noGain: (x, gain, epsilon) => plainRms(x, tf.onesLike(gain), epsilon),
    addsGain: (x, gain, epsilon) => plainRms(x, tf.onesLike(gain), epsilon).add(gain),
    dividesByGain: (x, gain, epsilon) => plainRms(x, gain.pow<Tensor1D>(-1), epsilon),
  },
  ...FLOAT32,
});

// rotaryEmbedding

interface TurnRule {
  /** Places of pair i in a head of `hs` numbers. */
  readonly places?: (i: number, hs: number) => readonly [number, number];
  readonly angle?: (position: number, i: number, hs: number, theta: number) => number;
  /** New values of a pair. */
  readonly turned?: (a: number, b: number, cos: number, sin: number) => readonly [number, number];
  /** Position of the row t of head h. */
  readonly position?: (t: number, h: number) => number;
}
const halvesOf = (i: number, hs: number): readonly [number, number] => [i, i + hs / 2];
/** Turns pair by pair with plain numbers; each mistake is one changed rule. */
function turnWith({
  places = halvesOf,
  angle = (position, i, hs, theta) => position / theta ** ((2 * i) / hs),
  turned = (a, b, cos, sin) => [a * cos - b * sin, b * cos + a * sin],
  position = (t) => t,
}: TurnRule): RotaryEmbedding {
  return (x, theta = 10_000) => {
    const [, H, T, hs] = x.shape;
    const from = x.dataSync();
    const to = Float32Array.from(from);
    for (let row = 0; row < from.length / hs; row++) {
      const [t, h] = [row % T, Math.floor(row / T) % H];
      for (let i = 0; i < hs / 2; i++) {
        const [first, second] = places(i, hs);
        const by = angle(position(t, h), i, hs, theta);
        const [a, b] = [from[row * hs + first]!, from[row * hs + second]!];
        [to[row * hs + first], to[row * hs + second]] = turned(a, b, Math.cos(by), Math.sin(by)) as [number, number];
      }
    }
    return tf.tensor4d(to, x.shape);
  };
}
const slow = (position: number, power: number, theta: number): number => position / theta ** power;

const rotaryEmbedding = exercise<RotaryEmbedding>({
  reference: turnWith({}),
  get examples() {
    const head = (...values: number[][]): Tensor4D => tf.tensor4d([[values]]);
    return [
      { input: [head([1, 2], [1, 2])], expected: head([1, 2], [-1.1426397, 1.9220756]) },
      { input: [head([1, 0], [1, 0], [1, 0])], expected: head([1, 0], [0.5403023, 0.841471], [-0.4161468, 0.9092974]) },
      {
        // angles 1 and 0.01 at position 1; pairs (0, 2) and (1, 3)
        input: [head([1, 1, 0, 0], [1, 1, 0, 0])],
        expected: head([1, 1, 0, 0], [0.5403023, 0.99995, 0.841471, 0.0099998]),
      },
      { input: [head([0, 0], [1, 2]), 100], expected: head([0, 0], [-1.1426397, 1.9220756]) },
    ] as { input: Parameters<RotaryEmbedding>; expected: Tensor4D }[];
  },
  random: (random, i) => {
    const x = normals<Tensor4D>(random, 1 + (i % 2), 1 + (i % 3), 2 + (i % 5), 2 * (1 + i));
    return i % 2 ? [x, i % 4 === 1 ? 100 : 500_000] : [x];
  },
  cases: 8,
  get extremes() {
    return [
      [tf.ones<Tensor4D>([1, 1, 300, 4])],
      [tf.tensor4d([[[[1000, -1000, 0.001, 5]]]])],
    ] as Parameters<RotaryEmbedding>[];
  },
  mistakes: {
    neighbours: turnWith({ places: (i) => [2 * i, 2 * i + 1] }),
    fromOne: turnWith({ position: (t) => t + 1 }),
    byHead: turnWith({ position: (_, h) => h }),
    backwards: turnWith({ turned: (a, b, cos, sin) => [a * cos + b * sin, b * cos - a * sin] }),
    exchanged: turnWith({ turned: (a, b, cos, sin) => [a * sin - b * cos, b * sin + a * cos] }),
    wrongSign: turnWith({ turned: (a, b, cos, sin) => [a * cos + b * sin, b * cos + a * sin] }),
    onlyCosine: turnWith({ turned: (a, b, cos) => [a * cos, b * cos] }),
    halvesExchanged: turnWith({ turned: (a, b, cos, sin) => [b * cos + a * sin, a * cos - b * sin] }),
    mirrored: turnWith({ turned: (a, b, cos, sin) => [a * cos - b * sin, b * cos - a * sin] }),
    ignoresTheta: turnWith({ angle: (position, i, hs) => slow(position, (2 * i) / hs, 10_000) }),
    slowTurns: turnWith({ angle: (position, i, hs, theta) => slow(position, i / hs, theta) }),
    quickTurns: turnWith({ angle: (position, i, hs, theta) => slow(position, (4 * i) / hs, theta) }),
    growing: turnWith({ angle: (position, i, hs, theta) => position * theta ** ((2 * i) / hs) }),
    oneSpeed: turnWith({ angle: (position) => position }),
    degrees: turnWith({ angle: (position, i, hs, theta) => (slow(position, (2 * i) / hs, theta) * Math.PI) / 180 }),
  },
  ...FLOAT32,
});

// swiglu

const silu = (z: number): number => z / (1 + Math.exp(-z));
/** Number by number, with plain numbers. */
const eachPair =
  (f: (gate: number, up: number) => number): Swiglu =>
  (gate, up) => {
    const [gates, ups] = [gate.dataSync(), up.dataSync()];
    return tf.tensor(
      Float32Array.from(gates, (value, i) => f(value, ups[i]!)),
      gate.shape,
    );
  };
const tanhGelu = (z: number): number => (z / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)));

const swiglu = exercise<Swiglu>({
  reference: eachPair((gate, up) => silu(gate) * up),
  get examples() {
    const of = (...values: number[]): Tensor => tf.tensor1d(values);
    return [
      { input: [of(1, -1), of(2, 1)] as Parameters<Swiglu>, expected: of(1.4621172, -0.2689414) },
      { input: [of(0, 3), of(5, -1)] as Parameters<Swiglu>, expected: of(0, -2.8577224) },
    ];
  },
  random: (random, i) => {
    const shape = [1 + (i % 3), 2 + i];
    return [normals(random, ...shape), normals(random, ...shape)];
  },
  cases: 8,
  get extremes() {
    return [[tf.tensor1d([100, -100, 0]), tf.tensor1d([1, 1, 1000])]] as Parameters<Swiglu>[];
  },
  mistakes: {
    exchanged: eachPair((gate, up) => gate * silu(up)),
    onlySigmoid: eachPair((gate, up) => (silu(gate) / gate || 0.5) * up),
    onlyGate: eachPair((gate) => silu(gate)),
    noBend: eachPair((gate, up) => gate * up),
    bothBent: eachPair((gate, up) => silu(gate) * silu(up)),
    adds: eachPair((gate, up) => silu(gate) + up),
    withGelu: eachPair((gate, up) => tanhGelu(gate) * up),
    withRelu: eachPair((gate, up) => Math.max(0, gate) * up),
    withTanh: eachPair((gate, up) => gate * Math.tanh(gate) * up),
  },
  ...FLOAT32,
});

// repeatKv

const takeHeads =
  (which: (head: number, K: number, times: number) => number): RepeatKv =>
  (x, times) => {
    const K = x.shape[1];
    const chosen = Array.from({ length: K * times }, (_, head) => which(head, K, times));
    return tf.concat(
      chosen.map((head) => x.slice([0, head, 0, 0], [-1, 1, -1, -1])),
      1,
    );
  };

const repeatKv = exercise<RepeatKv>({
  reference: takeHeads((head, _, times) => Math.floor(head / times)),
  get examples() {
    const heads = (...values: number[]): Tensor4D => tf.tensor4d([values.map((value) => [[value]])]);
    return [
      { input: [heads(7, 8), 3] as Parameters<RepeatKv>, expected: heads(7, 7, 7, 8, 8, 8) },
      { input: [heads(1, 2, 3), 1] as Parameters<RepeatKv>, expected: heads(1, 2, 3) },
      {
        input: [counted<Tensor4D>(1, 2, 2, 2), 2] as Parameters<RepeatKv>,
        expected: tf.tensor4d([1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 5, 6, 7, 8], [1, 4, 2, 2]),
      },
    ];
  },
  random: (_, i) => [counted(1 + (i % 2), 2 + (i % 3), 3 + (i % 4), 5), 1 + (i % 4)],
  cases: 8,
  mistakes: {
    inTurn: takeHeads((head, K) => head % K),
    repeatsBatch: (x, times) => tf.concat(new Array<Tensor4D>(times).fill(x), 0),
    repeatsTime: (x, times) => tf.concat(new Array<Tensor4D>(times).fill(x), 2),
    repeatsEntries: (x, times) => tf.concat(new Array<Tensor4D>(times).fill(x), 3),
    unchanged: (x) => x.clone(),
    splitsTime: (x, times) =>
      tf.stack(new Array<Tensor4D>(times).fill(x), 3).reshape([x.shape[0], x.shape[1] * times, x.shape[2], x.shape[3]]), // biome-ignore format: one thought
    fiveAxes: (x, times) => tf.stack(new Array<Tensor4D>(times).fill(x), 2) as Tensor4D,
  },
  tolerance: 0,
});

// dequantizeQ4_1

const half = (low: number, high: number): number => float16ToFloat32(Uint16Array.of(low + 256 * high))[0]!;
const bf16 = (low: number, high: number): number => numberOf((low + 256 * high) * 65_536);

interface BlockRule {
  readonly weight?: (step: number, d: number, m: number) => number;
  /** Where the low and the high half of byte i go. */
  readonly places?: (i: number) => readonly [number, number];
  readonly number?: (low: number, high: number) => number;
  readonly stepsAt?: (block: number) => number;
  readonly headAt?: (block: number) => number;
  readonly all?: (bytes: Uint8Array) => Uint8Array;
}
function blocksWith({
  weight = (step, d, m) => d * step + m,
  places = (i) => [i, i + 16],
  number = half,
  stepsAt = (block) => 20 * block + 4,
  headAt = (block) => 20 * block,
  all = (bytes) => bytes,
}: BlockRule): DequantizeQ4 {
  return (bytes) => {
    const file = all(bytes);
    const at = (place: number): number => file[place] ?? 0;
    const found = new Float32Array((bytes.length / 20) * 32);
    for (let block = 0; block < bytes.length / 20; block++) {
      const head = headAt(block);
      const d = number(at(head), at(head + 1));
      const m = number(at(head + 2), at(head + 3));
      for (let i = 0; i < 16; i++) {
        const byte = at(stepsAt(block) + i);
        const [low, high] = places(i);
        found[32 * block + low] = weight(byte % 16, d, m);
        found[32 * block + high] = weight(Math.floor(byte / 16), d, m);
      }
    }
    return found;
  };
}
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
/** A block with d between 0.001 and 1 and m below 0. */
function randomBlock(random: Random): number[] {
  const head = [random.integer(256), 0x14 + random.integer(0x28), random.integer(256), 0xa0 + random.integer(0x1c)];
  return [...head, ...randomBytes(random, 16)];
}

const dequantizeQ4_1 = exercise<DequantizeQ4>({
  reference: blocksWith({}),
  examples: [
    {
      input: [bytesOf("0038 00bc 1032547698badcfe 0123456789abcdef")], // d = 0.5, m = -1
      expected: Float32Array.of(
        -1, 0, 1, 2, 3, 4, 5, 6, -0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5,
        -0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, -1, 0, 1, 2, 3, 4, 5, 6,
      ), // biome-ignore format: two halves of a block
    },
    {
      input: [bytesOf("af22c8adbf7d60990959267294687a8a8756873b")], // the first block of SmolLM2's blk.0.attn_v, decoded by gguf 0.19.0
      expected: Float32Array.of(
        0.10547638, 0.07936859, -0.09033203, 0.027153015, 0.027153015, 0.027153015, -0.012008667, -0.06422424,
        -0.038116455, 0.014099121, 0.04020691, 0.04020691, 0.001045227, -0.012008667, 0.001045227, 0.053260803,
        0.053260803, 0.001045227, -0.012008667, 0.027153015, -0.09033203, -0.025062561, -0.06422424, 0.001045227,
        0.027153015, -0.012008667, 0.001045227, 0.014099121, 0.014099121, -0.025062561, 0.014099121, -0.05117035,
      ), // biome-ignore format: rows of eight
    },
  ],
  random: (random, i) => {
    const blocks = Uint8Array.from(Array.from({ length: 1 + (i % 4) }, () => randomBlock(random)).flat());
    return [i % 2 ? windowOn(blocks, Uint8Array.from(randomBlock(random))) : blocks];
  },
  cases: 12,
  extremes: [
    [new Uint8Array(0)],
    [new Uint8Array(20)],
    [bytesOf("ff7b 0000 f0000000000000000000000000000000")], // the largest d
  ],
  mistakes: {
    neighbours: blocksWith({ places: (i) => [2 * i, 2 * i + 1] }),
    highFirst: blocksWith({ places: (i) => [i + 16, i] }),
    neighboursHighFirst: blocksWith({ places: (i) => [2 * i + 1, 2 * i] }),
    noMinimum: blocksWith({ weight: (step, d) => d * step }),
    asQ4_0: blocksWith({ weight: (step, d) => d * (step - 8) }),
    minusMinimum: blocksWith({ weight: (step, d, m) => d * step - m }),
    exchanged: blocksWith({ weight: (step, d, m) => m * step + d }),
    minimumScaled: blocksWith({ weight: (step, d, m) => d * (step + m) }),
    onlySteps: blocksWith({ weight: (step) => step }),
    asBfloat16: blocksWith({ number: bf16 }),
    bigEndian: blocksWith({ number: (low, high) => half(high, low) }),
    firstBlockOnly: blocksWith({ stepsAt: () => 4, headAt: () => 0 }),
    firstScales: blocksWith({ headAt: () => 0 }),
    firstSteps: blocksWith({ stepsAt: () => 4 }),
    stepsFromZero: blocksWith({ stepsAt: (block) => 20 * block }),
    stepsFromTwo: blocksWith({ stepsAt: (block) => 20 * block + 2 }),
    blocksOf16: blocksWith({ stepsAt: (block) => 16 * block + 4, headAt: (block) => 16 * block }),
    ignoresWindow: blocksWith({ all: (bytes) => new Uint8Array(bytes.buffer) }),
    headIgnoresWindow: (bytes) => {
      const whole = new Uint8Array(bytes.buffer);
      const mixed = Uint8Array.from(bytes, (byte, place) => (place % 20 < 4 ? (whole[place] ?? 0) : byte));
      return blocksWith({})(mixed);
    },
  },
});

export const exercises = {
  parseSafetensors,
  bf16ToFloat32,
  mapWeightNames,
  rmsNorm,
  rotaryEmbedding,
  swiglu,
  repeatKv,
  dequantizeQ4_1,
};
