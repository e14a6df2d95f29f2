/** @file Wrong answers to the exercises of chapter 05, as learners write them, and the message that each must get. Written without a look at `mistakes`. */
import { float16ToFloat32, gelu, type Tensor, type Tensor1D, type Tensor4D, tf } from "gptlab";

interface Mutant {
  readonly name: string;
  /** Key of the message that must be shown. */
  readonly message: string;
  // biome-ignore lint/complexity/noBannedTypes: a wrong answer may have any signature
  readonly answer: Function;
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}
/** A reader as in the chapter; each part as a learner may get it wrong. */
const reader =
  ({
    bytesOf = (b: Uint8Array): Uint8Array => b,
    little = true,
    start = (n: number): number => 8 + n,
    decode = (b: Uint8Array): string => new TextDecoder().decode(b),
    slice = (b: Uint8Array, s: number, [from, to]: [number, number]): unknown => b.slice(s + from, s + to),
    skip = "__metadata__",
  }) =>
  (input: Uint8Array): Map<string, unknown> => {
    const b = bytesOf(input);
    const n = Number(new DataView(b.buffer, b.byteOffset).getBigUint64(0, little));
    const header = JSON.parse(decode(b.subarray(8, 8 + n))) as Record<string, Entry>;
    const map = new Map<string, unknown>();
    for (const name in header) {
      if (name === skip) continue;
      const { dtype, shape, data_offsets: offsets = [0, 0] } = header[name]!;
      map.set(name, { dtype, shape, bytes: slice(b, start(n), offsets) });
    }
    return map;
  };

const PARTS: [RegExp, string][] = [
  [/^h\./, "blocks."],
  [/^wte/, "tokens"],
  [/^wpe/, "positions"],
  [/ln_f/, "norm"],
  [/ln_(\d)/, "norm$1"],
  [/attn\.c_attn/, "attention.qkv"],
  [/attn\.c_proj/, "attention.projection"],
  [/mlp\.c_fc/, "feedForward.up"],
  [/mlp\.c_proj/, "feedForward.down"],
];
/** A loop over the names; each rule as a learner may get it wrong. */
const namer =
  ({
    cut = (name: string): string => name.replace("transformer.", ""),
    drop = (s: string): boolean =>
      s === "lm_head.weight" || s.endsWith(".attn.bias") || s.endsWith(".attn.masked_bias"),
    gain = (s: string): string => (/norm\d?\.weight/.test(s) ? s.replace("weight", "gain") : s),
    parts = PARTS,
    put = (map: Map<string, string>, theirs: string, _short: string, ours: string): unknown => map.set(theirs, ours),
  }) =>
  (names: string[]): Map<string, string> => {
    const map = new Map<string, string>();
    for (const name of names) {
      let s = cut(name);
      if (drop(s)) continue;
      const short = s;
      for (const [from, to] of parts) s = s.replace(from, to);
      put(map, name, short, gain(s));
    }
    return map;
  };

/** Turning with tensors; each part as a learner may get it wrong. */
const turner =
  ({
    speed = (i: number, half: number, theta: number): number => 1 / theta ** (i / half),
    place = (t: number): number => t,
    join = (a: Tensor, b: Tensor, c: Tensor, s: Tensor): Tensor =>
      tf.concat([tf.sub(a.mul(c), b.mul(s)), tf.add(b.mul(c), a.mul(s))], 3),
    pair = (x: Tensor4D): Tensor[] => tf.split(x, 2, 3),
  }) =>
  (x: Tensor4D, theta = 10_000): Tensor => {
    const T = x.shape[2];
    const half = x.shape[3] / 2;
    const rows: number[][] = [];
    for (let t = 0; t < T; t++) rows.push(Array.from({ length: half }, (_, i) => place(t) * speed(i, half, theta)));
    const angles = tf.tensor2d(rows, [T, half]);
    const [a, b] = pair(x) as [Tensor, Tensor];
    return join(a, b, angles.cos(), angles.sin());
  };

/** Blocks with one loop over the weights; each part as a learner may get it wrong. */
const decoder =
  ({
    view = (b: Uint8Array): DataView => new DataView(b.buffer, b.byteOffset, b.byteLength),
    bits = (byte: number, i: number): number => (i < 16 ? byte & 15 : byte >> 4),
    byteOf = (i: number): number => i % 16,
    w = (q: number, d: number, m: number): number => q * d + m,
    half = (v: DataView, at: number): number => float16ToFloat32(Uint16Array.of(v.getUint16(at, true)))[0]!,
    block = (n: number): number => 20 * n,
  }) =>
  (bytes: Uint8Array): Float32Array => {
    const v = view(bytes);
    const out = new Float32Array((bytes.length / 20) * 32);
    out.forEach((_, j) => {
      const [n, i] = [Math.floor(j / 32), j % 32];
      const at = block(n);
      out[j] = w(bits(v.getUint8(at + 4 + byteOf(i)), i), half(v, at), half(v, at + 2));
    });
    return out;
  };

export const mutants: Record<string, readonly Mutant[]> = {
  parseSafetensors: [
    {
      name: "counts the offsets from the start of the file",
      message: "parseSafetensors.fromFileStart",
      answer: reader({ start: () => 0 }),
    },
    {
      name: "forgets the eight bytes of the length",
      message: "parseSafetensors.forgetsLength",
      answer: reader({ start: (n) => n }),
    },
    { name: "forgets the header", message: "parseSafetensors.forgetsHeader", answer: reader({ start: () => 8 }) },
    {
      name: "takes the end for a length",
      message: "parseSafetensors.endIsLength",
      answer: reader({ slice: (b, s, [from, to]) => b.slice(s + from, s + from + to) }),
    },
    {
      name: "gives all bytes to each",
      message: "parseSafetensors.wholeData",
      answer: reader({ slice: (b, s) => b.slice(s) }),
    },
    {
      name: "gives all bytes from the begin",
      message: "parseSafetensors.toTheEnd",
      answer: reader({ slice: (b, s, [from]) => b.slice(s + from) }),
    },
    {
      name: "takes the metadata for a tensor",
      message: "parseSafetensors.keepsMetadata",
      answer: reader({ skip: "no such name" }),
    },
    {
      name: "reads the buffer behind the window",
      message: "parseSafetensors.ignoresWindow",
      answer: reader({ bytesOf: (b) => new Uint8Array(b.buffer) }),
    },
    {
      name: "one character a byte",
      message: "parseSafetensors.latin",
      answer: reader({ decode: (b) => String.fromCharCode(...b) }),
    },
    {
      name: "turns bytes into numbers",
      message: "parseSafetensors.decodes",
      answer: reader({ slice: (b, s, [from, to]) => new Float32Array(b.slice(s + from, s + to).buffer) }),
    },
    { name: "the largest byte first", message: "check.threw", answer: reader({ little: false }) },
    {
      name: "an object instead of a map",
      message: "check.type",
      answer: (bytes: Uint8Array) => Object.fromEntries(reader({})(bytes)),
    },
    {
      name: "cuts in the order of the header",
      message: "parseSafetensors.inOrder",
      answer: (input: Uint8Array) => {
        let end = 0;
        const next = (b: Uint8Array, s: number, [from, to]: [number, number]) => {
          end += to - from;
          return b.slice(s + end - (to - from), s + end);
        };
        return reader({ slice: next })(input);
      },
    },
  ],

  bf16ToFloat32: [
    {
      name: "takes the bits for a number",
      message: "bf16ToFloat32.asIntegers",
      answer: (halves: Uint16Array) => Float32Array.from(halves),
    },
    {
      name: "reads float16",
      message: "bf16ToFloat32.asFloat16",
      answer: (halves: Uint16Array) => float16ToFloat32(halves),
    },
    {
      name: "does not move the bits",
      message: "bf16ToFloat32.lowHalf",
      answer: (halves: Uint16Array) => new Float32Array(Uint32Array.from(halves).buffer),
    },
    {
      name: "moves by 8",
      message: "bf16ToFloat32.lowHalf",
      answer: (halves: Uint16Array) => new Float32Array(Uint32Array.from(halves, (h) => h << 8).buffer),
    },
    {
      name: "does not read the bits again",
      message: "bf16ToFloat32.shiftedInteger",
      answer: (halves: Uint16Array) => Float32Array.from(halves, (h) => h * 2 ** 16),
    },
    {
      name: "does not read the bits again, with a shift",
      message: "bf16ToFloat32.signedInteger",
      answer: (halves: Uint16Array) => Float32Array.from(halves, (h) => h << 16),
    },
    {
      name: "a list of numbers",
      message: "check.type",
      answer: (halves: Uint16Array) => [...new Float32Array(Uint32Array.from(halves, (h) => h << 16).buffer)],
    },
    {
      name: "exchanges the bytes",
      message: "bf16ToFloat32.swapsBytes",
      answer: (halves: Uint16Array) =>
        new Float32Array(Uint32Array.from(halves, (h) => ((h & 255) << 24) | ((h >> 8) << 16)).buffer),
    },
    {
      name: "cuts off the sign",
      message: "bf16ToFloat32.noSign",
      answer: (halves: Uint16Array) => new Float32Array(Uint32Array.from(halves, (h) => (h & 32_767) * 65_536).buffer),
    },
    {
      name: "reads the buffer as it is",
      message: "bf16ToFloat32.pairsOfHalves",
      answer: (halves: Uint16Array) => new Float32Array(halves.slice().buffer),
    },
  ],

  mapWeightNames: [
    { name: "keeps the head", message: "mapWeightNames.keepsHead", answer: namer({ drop: (s) => /\.attn\.(masked_)?bias$/.test(s) }) }, // biome-ignore format: one row
    {
      name: "keeps the masks",
      message: "mapWeightNames.keepsMasks",
      answer: namer({ drop: (s) => s === "lm_head.weight" }),
    },
    {
      name: "drops by the end of the name",
      message: "mapWeightNames.dropsAttentionBias",
      answer: namer({ drop: (s) => s === "lm_head.weight" || s.endsWith("attn.bias") || s.includes("masked") }),
    },
    {
      name: "forgets the masked bias",
      message: "mapWeightNames.keepsMaskedBias",
      answer: namer({ drop: (s) => s === "lm_head.weight" || s.endsWith(".attn.bias") }),
    },
    {
      name: "drops every bias",
      message: "mapWeightNames.dropsBiases",
      answer: namer({ drop: (s) => s.startsWith("lm_head") || s.endsWith("bias") }),
    },
    { name: "leaves the weight of a norm", message: "mapWeightNames.noGain", answer: namer({ gain: (s) => s }) },
    {
      name: "calls every weight a gain",
      message: "mapWeightNames.gainEverywhere",
      answer: namer({ gain: (s) => s.replace("weight", "gain") }),
    },
    {
      name: "forgets the last norm",
      message: "mapWeightNames.onlyNumberedNorms",
      answer: namer({ gain: (s) => s.replace(/(norm\d)\.weight/, "$1.gain") }),
    },
    { name: "keeps the prefix", message: "mapWeightNames.keepsPrefix", answer: namer({ cut: (s) => s, drop: (s) => s.startsWith("lm_head") || /\.attn\.(masked_)?bias$/.test(s), parts: PARTS.map(([from, to]) => [new RegExp(from.source.replace("^", "\\b")), to]) }) }, // biome-ignore format: one row
    {
      name: "uses the short name as key",
      message: "mapWeightNames.shortKeys",
      answer: namer({ put: (map, _theirs, short, ours) => map.set(short, ours) }),
    },
    {
      name: "maps the other way",
      message: "mapWeightNames.oursToTheirs",
      answer: namer({ put: (map, theirs, _short, ours) => map.set(ours, theirs) }),
    },
    {
      name: "a list",
      message: "check.type",
      answer: (names: string[]) => [...namer({})(names).values()],
    },
    { name: "leaves nothing out", message: "mapWeightNames.keepsHead", answer: namer({ drop: () => false }) },
    {
      name: "calls the bias of a norm a gain too",
      message: "mapWeightNames.gainsForBiases",
      answer: namer({ gain: (s) => s.replace(/(norm\d?)\..*/, "$1.gain") }),
    },
    {
      name: "looks only at names with the prefix",
      message: "mapWeightNames.needsPrefix",
      answer: (names: string[]) => namer({})(names.filter((name) => name.startsWith("transformer."))),
    },
    {
      name: "looks only at names without the prefix",
      message: "mapWeightNames.refusesPrefix",
      answer: (names: string[]) => namer({})(names.filter((name) => !name.startsWith("transformer."))),
    },
    {
      name: "knows ten layers",
      message: "mapWeightNames.oneDigit",
      answer: namer({ drop: (s) => s === "lm_head.weight" || /^h\.(\d\d|\d\.attn\.(masked_)?bias)/.test(s) }),
    },
  ],

  rmsNorm: [
    {
      name: "subtracts the mean",
      message: "rmsNorm.subtractsMean",
      answer: (x: Tensor, gain: Tensor1D, eps = 1e-5) => {
        const { mean, variance } = tf.moments(x, -1, true);
        return x.sub(mean).div(variance.add(eps).sqrt()).mul(gain);
      },
    },
    {
      name: "no root",
      message: "rmsNorm.noRoot",
      answer: (x: Tensor, gain: Tensor1D, eps = 1e-5) => x.div(x.square().mean(-1, true).add(eps)).mul(gain),
    },
    {
      name: "divides by the length",
      message: "rmsNorm.sums",
      answer: (x: Tensor, gain: Tensor1D, eps = 1e-5) => x.div(x.square().sum(-1, true).add(eps).sqrt()).mul(gain),
    },
    {
      name: "one mean for all",
      message: "rmsNorm.overAll",
      answer: (x: Tensor, gain: Tensor1D, eps = 1e-5) => x.div(x.square().mean().add(eps).sqrt()).mul(gain),
    },
    {
      name: "no epsilon",
      message: "rmsNorm.noEpsilon",
      answer: (x: Tensor, gain: Tensor1D) => x.div(x.square().mean(-1, true).sqrt()).mul(gain),
    },
    {
      name: "epsilon behind the root",
      message: "rmsNorm.epsilonOutside",
      answer: (x: Tensor, gain: Tensor1D, eps = 1e-5) => x.div(x.square().mean(-1, true).sqrt().add(eps)).mul(gain),
    },
    {
      name: "its own epsilon",
      message: "rmsNorm.ignoresEpsilon",
      answer: (x: Tensor, gain: Tensor1D) => x.mul(x.square().mean(-1, true).add(1e-5).rsqrt()).mul(gain),
    },
    {
      name: "forgets the gain",
      message: "rmsNorm.noGain",
      answer: (x: Tensor, _gain: Tensor1D, eps = 1e-5) => x.div(x.square().mean(-1, true).add(eps).sqrt()),
    },
    {
      name: "adds the gain",
      message: "rmsNorm.addsGain",
      answer: (x: Tensor, gain: Tensor1D, eps = 1e-5) => x.div(x.square().mean(-1, true).add(eps).sqrt()).add(gain),
    },
    {
      name: "mean of the sizes",
      message: "rmsNorm.meanOfSizes",
      answer: (x: Tensor, gain: Tensor1D, eps = 1e-5) => x.div(x.abs().mean(-1, true).add(eps)).mul(gain),
    },
    {
      name: "gives plain numbers",
      message: "check.type",
      answer: (x: Tensor) => x.arraySync(),
    },
    {
      name: "means of the columns",
      message: "rmsNorm.otherAxis",
      answer: (x: Tensor, gain: Tensor1D, eps = 1e-5) =>
        x
          .div(
            x
              .square()
              .mean(x.rank - 2, true)
              .add(eps)
              .sqrt(),
          )
          .mul(gain),
    },
    {
      name: "divides by the gain",
      message: "rmsNorm.dividesByGain",
      answer: (x: Tensor, gain: Tensor1D, eps = 1e-5) => x.div(x.square().mean(-1, true).add(eps).sqrt().mul(gain)),
    },
  ],

  rotaryEmbedding: [
    {
      name: "pairs of neighbours",
      message: "rotaryEmbedding.neighbours",
      answer: turner({
        pair: (x) => tf.unstack(tf.reshape(x, [x.shape[0], x.shape[1], x.shape[2], -1, 2]), 4),
        join: (a, b, c, s) => {
          const [B, H, T, half] = a.shape as [number, number, number, number];
          return tf.stack([tf.sub(a.mul(c), b.mul(s)), tf.add(b.mul(c), a.mul(s))], 4).reshape([B, H, T, 2 * half]);
        },
      }),
    },
    { name: "positions from 1", message: "rotaryEmbedding.fromOne", answer: turner({ place: (t) => t + 1 }) },
    {
      name: "turns the other way",
      message: "rotaryEmbedding.backwards",
      answer: turner({ place: (t) => -t }),
    },
    {
      name: "cosine and sine exchanged",
      message: "rotaryEmbedding.exchanged",
      answer: turner({ join: (a, b, s, c) => tf.concat([tf.sub(a.mul(c), b.mul(s)), tf.add(b.mul(c), a.mul(s))], 3) }),
    },
    {
      name: "plus instead of minus",
      message: "rotaryEmbedding.wrongSign",
      answer: turner({ join: (a, b, c, s) => tf.concat([tf.add(a.mul(c), b.mul(s)), tf.add(b.mul(c), a.mul(s))], 3) }),
    },
    {
      name: "all pairs turn at one speed",
      message: "rotaryEmbedding.oneSpeed",
      answer: turner({ speed: () => 1 }),
    },
    {
      name: "divides by the head size",
      message: "rotaryEmbedding.slowTurns",
      answer: turner({ speed: (i, half, theta) => theta ** (-i / (2 * half)) }),
    },
    {
      name: "the minus of the power is missing",
      message: "rotaryEmbedding.growing",
      answer: turner({ speed: (i, half, theta) => theta ** (i / half) }),
    },
    {
      name: "its own theta",
      message: "rotaryEmbedding.ignoresTheta",
      answer: turner({ speed: (i, half) => 10_000 ** (-i / half) }),
    },
    {
      name: "joins the halves the wrong way round",
      message: "rotaryEmbedding.halvesExchanged",
      answer: turner({ join: (a, b, c, s) => tf.concat([tf.add(b.mul(c), a.mul(s)), tf.sub(a.mul(c), b.mul(s))], 3) }),
    },
    {
      name: "degrees",
      message: "rotaryEmbedding.degrees",
      answer: turner({ place: (t) => (t / 180) * Math.PI }),
    },
    {
      name: "turns head by head",
      message: "rotaryEmbedding.byHead",
      answer: (x: Tensor4D, theta?: number) =>
        turner({})(x.transpose([0, 2, 1, 3]) as Tensor4D, theta).transpose([0, 2, 1, 3]),
    },
    {
      name: "forgets the sines",
      message: "rotaryEmbedding.onlyCosine",
      answer: turner({ join: (a, b, c) => tf.concat([a.mul(c), b.mul(c)], 3) }),
    },
    {
      name: "minus twice",
      message: "rotaryEmbedding.mirrored",
      answer: turner({ join: (a, b, c, s) => tf.concat([tf.sub(a.mul(c), b.mul(s)), tf.sub(b.mul(c), a.mul(s))], 3) }),
    },
    {
      name: "divides by a quarter of the head size",
      message: "rotaryEmbedding.quickTurns",
      answer: turner({ speed: (i, half, theta) => theta ** ((-2 * i) / half) }),
    },
    {
      name: "divides by nothing",
      message: "rotaryEmbedding.quickTurns",
      answer: turner({ speed: (i, _, theta) => theta ** -i }),
    },
  ],

  swiglu: [
    {
      name: "bends the wrong one",
      message: "swiglu.exchanged",
      answer: (gate: Tensor, up: Tensor) => up.mul(up.sigmoid()).mul(gate),
    },
    {
      name: "only the sigmoid",
      message: "swiglu.onlySigmoid",
      answer: (gate: Tensor, up: Tensor) => gate.sigmoid().mul(up),
    },
    { name: "forgets up", message: "swiglu.onlyGate", answer: (gate: Tensor) => gate.mul(gate.sigmoid()) },
    { name: "no bend", message: "swiglu.noBend", answer: (gate: Tensor, up: Tensor) => gate.mul(up) },
    {
      name: "adds",
      message: "swiglu.adds",
      answer: (gate: Tensor, up: Tensor) => tf.add(gate.mul(gate.sigmoid()), up),
    },
    { name: "with relu", message: "swiglu.withRelu", answer: (gate: Tensor, up: Tensor) => gate.relu().mul(up) },
    {
      name: "the sigmoid of up",
      message: "swiglu.exchanged",
      answer: (gate: Tensor, up: Tensor) => gate.mul(up).mul(up.sigmoid()),
    },
    {
      name: "bends both",
      message: "swiglu.bothBent",
      answer: (gate: Tensor, up: Tensor) => gate.mul(gate.sigmoid()).mul(up.mul(up.sigmoid())),
    },
    {
      name: "with the tanh form of GELU",
      message: "swiglu.withGelu",
      answer: (gate: Tensor, up: Tensor) => gelu(gate).mul(up),
    },
    {
      name: "with tanh",
      message: "swiglu.withTanh",
      answer: (gate: Tensor, up: Tensor) => gate.mul(gate.tanh()).mul(up),
    },
  ],

  repeatKv: [
    {
      name: "tiles",
      message: "repeatKv.inTurn",
      answer: (x: Tensor4D, times: number) => x.tile([1, times, 1, 1]),
    },
    {
      name: "tiles the batch",
      message: "repeatKv.repeatsBatch",
      answer: (x: Tensor4D, times: number) => x.tile([times, 1, 1, 1]),
    },
    {
      name: "tiles the time",
      message: "repeatKv.repeatsTime",
      answer: (x: Tensor4D, times: number) => x.tile([1, 1, times, 1]),
    },
    { name: "does nothing", message: "repeatKv.unchanged", answer: (x: Tensor4D) => x.clone() },
    {
      name: "five axes are left",
      message: "repeatKv.fiveAxes",
      answer: (x: Tensor4D, times: number) => tf.stack(Array(times).fill(x), 2),
    },
    {
      name: "the new axis behind time",
      message: "repeatKv.splitsTime",
      answer: (x: Tensor4D, times: number) => {
        const [B, K, T, hs] = x.shape;
        return tf.stack(Array(times).fill(x), 3).reshape([B, K * times, T, hs]);
      },
    },
    {
      name: "tiles the entries",
      message: "repeatKv.repeatsEntries",
      answer: (x: Tensor4D, times: number) => x.tile([1, 1, 1, times]),
    },
    {
      name: "copies the batch, then reshapes",
      message: "repeatKv.inTurn",
      answer: (x: Tensor4D, times: number) => {
        const [B, K, T, hs] = x.shape;
        return tf.stack(Array(times).fill(x)).reshape([B, K * times, T, hs]);
      },
    },
  ],

  dequantizeQ4_1: [
    {
      name: "neighbours share a byte",
      message: "dequantizeQ4_1.neighbours",
      answer: decoder({ byteOf: (i) => i >> 1, bits: (byte, i) => (i % 2 ? byte >> 4 : byte & 15) }),
    },
    {
      name: "the high half first",
      message: "dequantizeQ4_1.highFirst",
      answer: decoder({ bits: (byte, i) => (i < 16 ? byte >> 4 : byte & 15) }),
    },
    { name: "forgets m", message: "dequantizeQ4_1.noMinimum", answer: decoder({ w: (q, d) => q * d }) },
    {
      name: "steps from -8",
      message: "dequantizeQ4_1.asQ4_0",
      answer: decoder({ w: (q, d) => (q - 8) * d }),
    },
    {
      name: "d and m exchanged",
      message: "dequantizeQ4_1.exchanged",
      answer: decoder({ w: (q, d, m) => q * m + d }),
    },
    {
      name: "subtracts m",
      message: "dequantizeQ4_1.minusMinimum",
      answer: decoder({ w: (q, d, m) => q * d - m }),
    },
    {
      name: "the larger byte first",
      message: "dequantizeQ4_1.bigEndian",
      answer: decoder({ half: (v, at) => float16ToFloat32(Uint16Array.of(v.getUint16(at, false)))[0]! }),
    },
    {
      name: "always the first block",
      message: "dequantizeQ4_1.firstBlockOnly",
      answer: decoder({ block: () => 0 }),
    },
    {
      name: "reads the buffer behind the window",
      message: "dequantizeQ4_1.ignoresWindow",
      answer: decoder({ view: (b) => new DataView(b.buffer) }),
    },
    {
      name: "a list of numbers",
      message: "check.type",
      answer: (bytes: Uint8Array) => [...decoder({})(bytes)],
    },
    {
      name: "neighbours share a byte, the high half first",
      message: "dequantizeQ4_1.neighboursHighFirst",
      answer: decoder({ byteOf: (i) => i >> 1, bits: (byte, i) => (i % 2 ? byte & 15 : byte >> 4) }),
    },
    { name: "scales m", message: "dequantizeQ4_1.minimumScaled", answer: decoder({ w: (q, d, m) => d * (q + m) }) },
    { name: "gives the steps", message: "dequantizeQ4_1.onlySteps", answer: decoder({ w: (q) => q }) },
    {
      name: "reads d and m as the first half of a float32",
      message: "dequantizeQ4_1.asBfloat16",
      answer: decoder({
        half: (v, at) => new Float32Array(Uint32Array.of(v.getUint16(at, true) << 16).buffer)[0]!,
      }),
    },
    {
      name: "d and m of the first block for all",
      message: "dequantizeQ4_1.firstScales",
      answer: decoder({ half: (v, at) => float16ToFloat32(Uint16Array.of(v.getUint16(at % 20, true)))[0]! }),
    },
    {
      name: "steps of the first block for all",
      message: "dequantizeQ4_1.firstSteps",
      answer: (bytes: Uint8Array) => decoder({})(bytes.map((byte, at) => (at % 20 < 4 ? byte : bytes[at % 20]!))),
    },
    {
      name: "blocks of 16 bytes",
      message: "dequantizeQ4_1.blocksOf16",
      answer: decoder({ block: (n) => 16 * n }),
    },
    {
      name: "steps from byte 0",
      message: "dequantizeQ4_1.stepsFromZero",
      answer: decoder({ byteOf: (i) => (i % 16) - 4 }),
    },
    {
      name: "steps from byte 2",
      message: "dequantizeQ4_1.stepsFromTwo",
      answer: decoder({ byteOf: (i) => (i % 16) - 2 }),
    },
    {
      name: "d and m from the buffer behind the window",
      message: "dequantizeQ4_1.headIgnoresWindow",
      answer: decoder({
        half: (v, at) => float16ToFloat32(Uint16Array.of(new DataView(v.buffer).getUint16(at, true)))[0]!,
      }),
    },
  ],
};
