/** @file Seeded random numbers by the rules of PyTorch's CPU generator, so that a seed gives the numbers that PyTorch prints. There is no global generator: code that needs chance takes a `Random`. Not for secrets. */

const N = 624; // words of the mt19937 state
const M = 397; // distance between the words that one step mixes
const TWO_PI = Math.fround(2 * Math.PI);

/** All that a `Random` needs to go on: plain JSON, so that a checkpoint can hold it. */
export interface RandomState {
  readonly seed: number;
  /** The 624 words of mt19937. */
  readonly words: readonly number[];
  /** How many of the words are used up. */
  readonly index: number;
  /** The second value of the last Box-Muller pair, `null` when there is none. */
  readonly cachedNormal: number | null;
}

/**
 * A stream of random numbers. The same seed gives the same stream on every machine.
 *
 * Source: mt19937 (Matsumoto and Nishimura, 1998); how its words become numbers follows
 * PyTorch's ATen (`DistributionsHelper.h`, `DistributionTemplates.h`).
 *
 * @throws RangeError if the seed is not an integer from 0 to 2^32 - 1.
 * @example
 * import { Random } from "gptlab";
 * const random = new Random(7);
 * random.integer(10); // => 5
 * Array.from(random.permutation(6)); // => [4, 2, 0, 1, 5, 3]
 */
export class Random {
  #seed: number;
  readonly #words = new Uint32Array(N);
  #index = N;
  #cachedNormal: number | null = null;

  constructor(seed: number) {
    if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
      throw new RangeError(`A random seed must be an integer from 0 to 4294967295, but found ${seed}`);
    }
    this.#seed = seed;
    this.#words[0] = seed;
    for (let i = 1; i < N; i++) {
      const before = this.#words[i - 1]!;
      this.#words[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
    }
  }

  /** `count` float32 values, each equally likely in `[low, high)`; `torch.rand(count) * (high - low) + low`. */
  uniform(count: number, low = 0, high = 1): Float32Array {
    requireCount("uniform()", count);
    const from = Math.fround(low);
    const range = Math.fround(Math.fround(high) - from);
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) values[i] = Math.fround(this.#uniform24() * range) + from;
    return values;
  }

  /**
   * `count` float32 values from a normal distribution; `torch.randn(count) * std + mean`.
   *
   * PyTorch has two ways and so have we. From 16 values on it fills the array with uniforms and turns
   * them into normals 16 at a time; a rest is mended by drawing the last 16 again. Below 16 it makes one
   * float64 pair at a time and keeps the second value of the pair for the next call.
   */
  normal(count: number, mean = 0, std = 1): Float32Array {
    requireCount("normal()", count);
    if (!(std >= 0)) throw new RangeError(`normal() needs a standard deviation of at least 0, but found ${std}`);
    const values = new Float32Array(count);
    if (count < 16) {
      for (let i = 0; i < count; i++) values[i] = this.#serialNormal() * std + mean;
      return values;
    }
    for (let i = 0; i < count; i++) values[i] = this.#uniform24();
    for (let i = 0; i + 16 <= count; i += 16) boxMuller16(values, i, mean, std);
    if (count % 16 !== 0) {
      for (let i = count - 16; i < count; i++) values[i] = this.#uniform24();
      boxMuller16(values, count - 16, mean, std);
    }
    return values;
  }

  /** The numbers 0 to n - 1 in random order; `torch.randperm(n)`. */
  permutation(n: number): Uint32Array {
    requireCount("permutation()", n);
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = 0; i < n - 1; i++) {
      const j = i + (this.word() % (n - i));
      const kept = order[i]!;
      order[i] = order[j]!;
      order[j] = kept;
    }
    return order;
  }

  /**
   * One index, drawn as often as its probability says; `torch.multinomial(probabilities, 1)`.
   * The probabilities need not sum to 1.
   *
   * @throws RangeError if a probability is negative or not finite, or if all are 0.
   */
  choice(probabilities: ArrayLike<number>): number {
    let best = -1;
    let bestScore = 0;
    for (let i = 0; i < probabilities.length; i++) {
      const p = Math.fround(probabilities[i]!);
      if (!(p >= 0) || p === Infinity) {
        throw new RangeError(
          `choice() needs finite probabilities of at least 0, but found ${probabilities[i]} at index ${i}`,
        );
      }
      const score = Math.fround(p / Math.fround(-Math.log1p(-this.uniform53()))); // the largest p / Exponential(1) wins
      if (score > bestScore) {
        best = i;
        bestScore = score;
      }
    }
    if (best < 0)
      throw new RangeError(
        `choice() needs at least one probability above 0, but found none among ${probabilities.length}`,
      );
    return best;
  }

  /** `count` zeros and ones, each 1 with the given probability; what PyTorch's CPU dropout keeps when `probability` is 1 - p. */
  bernoulli(count: number, probability: number): Uint8Array {
    requireCount("bernoulli()", count);
    if (!(probability >= 0 && probability <= 1)) {
      throw new RangeError(`bernoulli() needs a probability from 0 to 1, but found ${probability}`);
    }
    return Uint8Array.from({ length: count }, () => (this.uniform53() < probability ? 1 : 0));
  }

  /** One integer from 0 to `high` - 1; `torch.randint(high, (1,))` as long as `high` is below 2^28. */
  integer(high: number): number {
    if (!Number.isInteger(high) || high < 1 || high > 2 ** 32) {
      throw new RangeError(`integer() needs a bound that is an integer from 1 to 4294967296, but found ${high}`);
    }
    return this.word() % high;
  }

  /** The next 32 random bits, as an integer from 0 to 2^32 - 1. */
  word(): number {
    if (this.#index === N) this.#refill();
    let y = this.#words[this.#index++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** One float64 value in [0, 1) with 53 random bits. */
  uniform53(): number {
    const high = this.word() & 0x1fffff;
    return (high * 2 ** 32 + this.word()) * 2 ** -53;
  }

  /**
   * A new, independent stream for one purpose, named by its label.
   * It depends on the seed and the label only: forking takes nothing from this stream, and the same label
   * gives the same stream again, however many numbers were drawn before.
   */
  fork(label: string): Random {
    let hash = scramble(this.#seed); // first, so that seed and label cannot cancel each other
    for (const byte of new TextEncoder().encode(label)) hash = Math.imul(hash ^ byte, 0x01000193); // FNV-1a
    return new Random(scramble(hash ^ 0x811c9dc5));
  }

  /** A copy of this generator's state, ready for `JSON.stringify`. */
  state(): RandomState {
    return { seed: this.#seed, words: Array.from(this.#words), index: this.#index, cachedNormal: this.#cachedNormal };
  }

  /**
   * Goes on exactly where `state()` was taken.
   *
   * @throws TypeError if the state is not what `state()` returns.
   */
  restore({ seed, words, index, cachedNormal }: RandomState): void {
    if (words?.length !== N || !Number.isInteger(index) || index < 0 || index > N) {
      throw new TypeError(
        `A random state needs ${N} words and an index from 0 to ${N}, but found ${words?.length} words and index ${index}`,
      );
    }
    this.#seed = seed;
    this.#words.set(words);
    this.#index = index;
    this.#cachedNormal = cachedNormal;
  }

  /** A new generator in a state that `state()` returned. Throws TypeError as `restore` does. */
  static fromState(state: RandomState): Random {
    const random = new Random(state.seed);
    random.restore(state);
    return random;
  }

  #uniform24(): number {
    return (this.word() & 0xffffff) * 2 ** -24; // exact in float32
  }

  #serialNormal(): number {
    if (this.#cachedNormal !== null) {
      const kept = this.#cachedNormal;
      this.#cachedNormal = null;
      return kept;
    }
    const theta = 2 * Math.PI * this.uniform53();
    const radius = Math.sqrt(-2 * Math.log1p(-this.uniform53()));
    this.#cachedNormal = radius * Math.sin(theta);
    return radius * Math.cos(theta);
  }

  #refill(): void {
    const words = this.#words;
    for (let i = 0; i < N; i++) {
      const y = (words[i]! & 0x80000000) | (words[(i + 1) % N]! & 0x7fffffff);
      words[i] = words[(i + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#index = 0;
  }
}

/** Spreads each bit of a 32-bit integer over all of them; the last step of MurmurHash3. */
function scramble(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Turns the 16 uniforms from `start` on into 16 normals, in float32 steps: 8 radii and 8 angles give 8 pairs. */
function boxMuller16(values: Float32Array, start: number, mean: number, std: number): void {
  const scale = Math.fround(std);
  for (let j = start; j < start + 8; j++) {
    const radius = Math.fround(Math.sqrt(Math.fround(-2 * Math.fround(Math.log(1 - values[j]!)))));
    const theta = Math.fround(TWO_PI * values[j + 8]!);
    values[j] = Math.fround(Math.fround(radius * Math.fround(Math.cos(theta))) * scale) + Math.fround(mean);
    values[j + 8] = Math.fround(Math.fround(radius * Math.fround(Math.sin(theta))) * scale) + Math.fround(mean);
  }
}

function requireCount(what: string, count: number): void {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new RangeError(`${what} needs a count that is an integer of at least 0, but found ${count}`);
  }
}
