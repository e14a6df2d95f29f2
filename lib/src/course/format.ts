/** @file Values as short text for messages: long ones are cut, numbers keep six digits. It never throws, whatever it is given. */

const ITEMS = 8; // entries of a list that are shown
const DEPTH = 4; // nesting that is shown
const CHARACTERS = 72; // length of the whole text

/** What a check needs to know of a tensor. Any object like this counts as one, whichever copy of the engine made it. */
export interface TensorLikeValue {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly isDisposed?: boolean;
  dataSync(): ArrayLike<unknown>;
  data(): Promise<ArrayLike<unknown>>;
}

/** True for tensors and variables of TensorFlow.js. */
export function isTensor(value: unknown): value is TensorLikeValue {
  if (typeof value !== "object" || value === null) return false;
  return Array.isArray(Reflect.get(value, "shape")) && typeof Reflect.get(value, "dataSync") === "function";
}

/** True for Float32Array, Uint8Array and the like. */
export function isTypedArray(value: unknown): value is ArrayLike<number> & object {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

/** A shape as `x.shape` shows it: `[2, 3]`, `[5]`, `[]`. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/** What a value is, in one word that a TypeScript programmer knows. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  if (isTensor(value)) return "tensor";
  if (Array.isArray(value)) return "array";
  return Object.prototype.toString.call(value) === "[object Object]"
    ? className(value)
    : Object.prototype.toString.call(value).slice(8, -1);
}

function className(value: object): string {
  const name: unknown = Reflect.get(Object(Reflect.get(value, "constructor")), "name");
  return typeof name === "string" && name !== "Object" && name !== "" ? name : "object";
}

/** The value as short text. `limit` is the number of characters that it may take. */
export function format(value: unknown, limit: number = CHARACTERS): string {
  let text: string;
  try {
    text = write(value, DEPTH, []);
  } catch {
    text = "…"; // a getter or a proxy that throws
  }
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}

/** True if `format` shows all of the value. */
export function showsWhole(value: unknown): boolean {
  return !format(value).includes("…");
}

/** A call as it is written: `mergePair([1, 2], 9)`. */
export function formatCall(name: string, input: readonly unknown[]): string {
  const each = Math.max(16, Math.floor(90 / Math.max(1, input.length)));
  return `${name}(${input.map((argument) => format(argument, each)).join(", ")})`;
}

function write(value: unknown, depth: number, above: readonly unknown[]): string {
  switch (typeof value) {
    case "number":
      return writeNumber(value);
    case "bigint":
      return `${value}n`;
    case "string":
      return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
    case "function":
      return value.name ? `function ${value.name}` : "function";
    case "object":
      if (value === null) return "null";
      if (above.includes(value) || depth === 0) return "…";
      return writeObject(value, (inner) => write(inner, depth - 1, [...above, value]));
    default:
      return String(value);
  }
}

function writeNumber(value: number): string {
  if (!Number.isFinite(value) || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(6)));
}

function writeObject(value: object, inner: (value: unknown) => string): string {
  if (isTensor(value)) return writeTensor(value, inner);
  if (Array.isArray(value)) return list("[", value, value.length, inner, "]");
  if (isTypedArray(value)) return list(`${kindOf(value)} [`, value, value.length, inner, "]");
  if (value instanceof Map) {
    const entries: Iterable<[unknown, unknown]> = value.entries();
    const pairs = Array.from(firstOf(entries), ([k, v]) => `${inner(k)} => ${inner(v)}`);
    return `Map {${pairs.join(", ")}${value.size > ITEMS ? ", …" : ""}}`;
  }
  if (value instanceof Set) {
    return `Set {${Array.from(firstOf(value.values()), inner).join(", ")}${value.size > ITEMS ? ", …" : ""}}`;
  }
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  const keys = Object.keys(value).filter((key) => typeof Reflect.get(value, key) !== "function");
  const pairs = keys.slice(0, ITEMS).map((key) => `${key}: ${inner(Reflect.get(value, key))}`);
  const name = kindOf(value);
  return `${name === "object" ? "" : `${name} `}{${pairs.join(", ")}${keys.length > ITEMS ? ", …" : ""}}`;
}

function* firstOf<T>(values: Iterable<T>): Generator<T> {
  let left = ITEMS;
  for (const value of values) {
    if (left-- === 0) return;
    yield value;
  }
}

function writeTensor(value: TensorLikeValue, inner: (value: unknown) => string): string {
  const head = `tensor of shape ${formatShape(value.shape)}`;
  if (value.isDisposed) return `${head} (disposed)`;
  const values = value.dataSync();
  return `${head}: ${list("[", values, values.length, inner, "]")}`;
}

function list(
  open: string,
  values: ArrayLike<unknown>,
  length: number,
  inner: (value: unknown) => string,
  close: string,
): string {
  const shown = Array.from({ length: Math.min(length, ITEMS) }, (_, i) => inner(values[i]));
  return `${open}${shown.join(", ")}${length > ITEMS ? `, … ${length} in all` : ""}${close}`;
}
