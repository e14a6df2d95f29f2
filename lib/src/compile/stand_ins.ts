/**
 * @file Executes the operations of a recording and spares its memory. The values of a recording are thrown away, only shapes matter: so
 * what an operation gives is freed at once, and zeros of the same shape stand in for it wherever a later operation uses it.
 */
import { type Attribute, type Binding, FLOAT32, INT32, type Metadata, typeAttribute } from "../backend/native";
import { WRITES_INPUT } from "./limits";

/** Handles from here on are no native ones. */
const FIRST = 2 ** 30;
/** Smaller tensors stay as they are, and so do all that are not float32: an operation may need their values (axes, sizes, divisors). */
const SMALLEST = 65_536; // elements
/** Zeros kept for the next use. */
const KEPT = 2 ** 28; // bytes

export class StandIns {
  readonly #known = new Map<number, Metadata>();
  /** Native handles of zeros by shape and type, in order of last use. */
  readonly #zeros = new Map<string, { id: number; bytes: number }>();
  #bytes = 0;
  #next = FIRST;

  constructor(readonly binding: Binding) {}

  /** Executes an operation. One that writes into its first input gets a copy of that, because a recording changes no value. */
  execute(name: string, attributes: readonly Attribute[], inputs: readonly number[], outputs: number): Metadata[] {
    const { binding } = this;
    const native = Array.from(inputs, (id) => this.resolve(id));
    const written = WRITES_INPUT.test(name) ? native.shift() : undefined;
    if (written !== undefined)
      native.unshift((binding.executeOp("DeepCopy", attributes, [written], 1)[0] as Metadata).id);
    const results = binding.executeOp(name, attributes, native, outputs).map((result) => this.replace(result));
    if (written !== undefined) binding.deleteTensor(native[0] as number);
    this.trim();
    return results;
  }

  /** Frees a result if it is large; its handle is then one of ours. */
  replace(result: Metadata): Metadata {
    if (result.dtype !== FLOAT32 || sizeOf(result) < SMALLEST) return result;
    this.binding.deleteTensor(result.id);
    const mine = { ...result, id: this.#next++ };
    this.#known.set(mine.id, mine);
    return mine;
  }

  /** The native handle to use for a handle, until the next call of `trim`. */
  resolve(id: number): number {
    const metadata = this.#known.get(id);
    if (!metadata) return id;
    const key = `${metadata.dtype}:${metadata.shape}`;
    const kept = this.#zeros.get(key) ?? this.#make(metadata);
    this.#zeros.delete(key);
    this.#zeros.set(key, kept);
    return kept.id;
  }

  /** True if the handle was one of ours. */
  forget(id: number): boolean {
    return this.#known.delete(id);
  }

  /** How many of our handles are still in use. */
  get size(): number {
    return this.#known.size;
  }

  /** Frees the zeros that were not used for longest, down to the limit. */
  trim(limit = KEPT): void {
    for (const [key, { id, bytes }] of this.#zeros) {
      if (this.#bytes <= limit) return;
      this.binding.deleteTensor(id);
      this.#zeros.delete(key);
      this.#bytes -= bytes;
    }
  }

  #make({ dtype, shape }: Metadata): { id: number; bytes: number } {
    const { binding } = this;
    const size = binding.createTensor([shape.length], INT32, Int32Array.from(shape));
    const zero = binding.createTensor([], dtype, Float32Array.of(0));
    const attributes = [typeAttribute("T", dtype), typeAttribute("index_type", INT32)];
    const [filled] = binding.executeOp("Fill", attributes, [size, zero], 1);
    for (const id of [size, zero]) binding.deleteTensor(id);
    const made = { id: (filled as Metadata).id, bytes: 4 * sizeOf({ shape }) };
    this.#bytes += made.bytes;
    return made;
  }
}

function sizeOf({ shape }: { shape: readonly number[] }): number {
  return shape.reduce((product, size) => product * size, 1);
}
