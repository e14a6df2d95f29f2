/** @file Copies of values and the first difference between two values. It knows nothing of exercises and writes no messages. */
import { formatShape, isTensor, isTypedArray, kindOf } from "./format";
import { type Steps, settle } from "./steps";

/** Where and how two values differ. `path` is empty at the top, else like `[2].get("a").x`. */
export interface Difference {
  readonly kind: "type" | "shape" | "value" | "nan" | "disposed";
  readonly path: string;
  readonly found: unknown;
  readonly expected: unknown;
}

/** The originals of copies made by `copyOf`, so that an answer may return one of its arguments. */
export type Originals = WeakMap<object, unknown>;

/** A deep copy that keeps classes, shared parts and cycles. Functions and tensors are kept as they are. */
export function copyOf<T>(value: T, originals: Originals = new WeakMap()): T {
  const made = new Map<unknown, unknown>();
  const waiting: { readonly from: object; readonly to: object }[] = [];
  const copy = (from: unknown): unknown => {
    if (typeof from !== "object" || from === null || isTensor(from)) return from;
    const before = made.get(from);
    if (before) return before;
    const to = emptyLike(from);
    made.set(from, to);
    if (to !== from) {
      originals.set(to, from);
      waiting.push({ from, to });
    }
    return to;
  };
  const result = copy(value);
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { from, to } = next;
    if (from instanceof Map && to instanceof Map) {
      for (const [k, v] of from as Map<unknown, unknown>) to.set(copy(k), copy(v));
    } else if (from instanceof Set && to instanceof Set) {
      for (const v of from as Set<unknown>) to.add(copy(v));
    } else if (!isTypedArray(from)) {
      for (const key of Object.keys(from)) define(to, key, copy(Reflect.get(from, key)));
    }
  }
  return result as T; // `copy` returns what it was given or something of the same class
}

/** Sets an own field even where its name means something to assignments, as `__proto__` does. */
function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

function emptyLike(from: object): object {
  if (Array.isArray(from)) return new Array(from.length);
  if (from instanceof Map) return new Map();
  if (from instanceof Set) return new Set();
  if (isTypedArray(from)) return structuredClone(from);
  const tag = Object.prototype.toString.call(from);
  return tag === "[object Object]" ? Object.create(Object.getPrototypeOf(from)) : from;
}

interface Pair {
  readonly found: unknown;
  readonly expected: unknown;
  readonly path: string;
}

/**
 * The first place where `found` is not `expected`, or undefined if they are equal.
 * Numbers are equal when |found - expected| <= tolerance · (1 + |expected|); NaN equals NaN. It walks through `expected`,
 * so an enormous `found` costs nothing.
 */
export function* differ(
  found: unknown,
  expected: unknown,
  tolerance: number,
  originals: Originals = new WeakMap(),
): Steps<Difference | undefined> {
  const seen = new WeakMap<object, WeakSet<object>>();
  const waiting: Pair[] = [{ found, expected, path: "" }];
  for (let pair = waiting.pop(); pair; pair = waiting.pop()) {
    const { found: f, expected: e, path } = pair;
    if (Object.is(f, e)) continue;
    if (isObject(f) && isObject(e)) {
      const original = originals.get(f);
      if (original !== undefined && original === (originals.get(e) ?? e)) continue;
      const partners = seen.get(f) ?? new WeakSet();
      if (partners.has(e)) continue;
      seen.set(f, partners.add(e));
    }
    const difference = isTensor(e) ? yield* differTensors(pair, tolerance) : differHere(pair, tolerance, waiting);
    if (difference) return { ...difference, path };
  }
  return undefined;
}

type Here = Omit<Difference, "path"> | undefined;

function differHere(pair: Pair, tolerance: number, waiting: Pair[]): Here {
  const { found, expected } = pair;
  const wrong = (kind: Difference["kind"]): Here => ({ kind, found, expected });
  if (typeof expected === "number" && typeof found === "number") return differNumbers(found, expected, tolerance);
  if (!isObject(expected) || !isObject(found)) {
    if (typeof found !== typeof expected || isObject(expected) !== isObject(found)) return wrong("type");
    return typeof expected === "function" ? undefined : wrong("value");
  }
  if (kindOf(found) !== kindOf(expected)) return wrong("type");
  if (isList(expected) && isList(found)) return differLists(pair, found, expected, waiting);
  if (expected instanceof Map && found instanceof Map) return differMaps(pair, found, expected, waiting);
  if (expected instanceof Set && found instanceof Set) {
    return expected.size === found.size && [...(expected as Set<unknown>)].every((value) => found.has(value))
      ? undefined
      : wrong("value");
  }
  const keys = Object.keys(expected);
  if (Object.keys(found).length !== keys.length || keys.some((key) => !Object.hasOwn(found, key)))
    return wrong("value");
  for (const key of keys.reverse()) {
    const [theirs, ours]: unknown[] = [Reflect.get(found, key), Reflect.get(expected, key)];
    waiting.push({ found: theirs, expected: ours, path: `${pair.path}.${key}` });
  }
  return undefined;
}

function differNumbers(found: number, expected: number, tolerance: number): Here {
  if (Object.is(found, expected)) return undefined; // NaN too
  if (found === expected || Math.abs(found - expected) <= tolerance * (1 + Math.abs(expected))) {
    if (Number.isFinite(expected) || found === expected) return undefined;
  }
  return { kind: Number.isNaN(found) ? "nan" : "value", found, expected };
}

function differLists(pair: Pair, found: ArrayLike<unknown>, expected: ArrayLike<unknown>, waiting: Pair[]): Here {
  if (found.length !== expected.length) return { kind: "shape", found: shapeOf(found), expected: shapeOf(expected) };
  const [foundShape, expectedShape] = [shapeOf(found), shapeOf(expected)];
  if (pair.path === "" && foundShape !== expectedShape)
    return { kind: "shape", found: foundShape, expected: expectedShape };
  for (let i = expected.length - 1; i >= 0; i--) {
    waiting.push({ found: found[i], expected: expected[i], path: `${pair.path}[${i}]` });
  }
  return undefined;
}

function differMaps(pair: Pair, found: Map<unknown, unknown>, expected: Map<unknown, unknown>, waiting: Pair[]): Here {
  for (const [key, value] of [...expected].reverse()) {
    if (!found.has(key)) return { kind: "value", found, expected };
    waiting.push({ found: found.get(key), expected: value, path: `${pair.path}.get(${JSON.stringify(key)})` });
  }
  return found.size === expected.size ? undefined : { kind: "value", found, expected };
}

function* differTensors({ found, expected }: Pair, tolerance: number): Steps<Here> {
  if (!isTensor(expected) || !isTensor(found)) return { kind: "type", found, expected };
  if (found.isDisposed) return { kind: "disposed", found, expected };
  if (formatShape(found.shape) !== formatShape(expected.shape)) {
    return { kind: "shape", found: formatShape(found.shape), expected: formatShape(expected.shape) };
  }
  const [have, want] = [yield* valuesOf(found), yield* valuesOf(expected)];
  for (let i = 0; i < want.length; i++) {
    const difference = differNumbers(Number(have[i]), Number(want[i]), tolerance);
    if (difference) return difference;
  }
  return undefined;
}

/** A tensor's values: at once where the engine can, else by waiting. */
function* valuesOf(tensor: {
  dataSync(): ArrayLike<unknown>;
  data(): Promise<ArrayLike<unknown>>;
}): Steps<ArrayLike<unknown>> {
  try {
    return tensor.dataSync();
  } catch {
    return (yield* settle(tensor.data())) as ArrayLike<unknown>;
  }
}

/** The shape of a list of lists of equal length; only as deep as all parts agree. */
function shapeOf(value: unknown): string {
  const shape: number[] = [];
  let level: unknown[] = [value];
  for (let depth = 0; depth < 4; depth++) {
    const lists = level.filter(isList);
    const length = lists[0]?.length;
    if (length === undefined || lists.length !== level.length || lists.some((list) => list.length !== length)) break;
    shape.push(length);
    if (length === 0 || length * level.length > 1e5) break;
    level = lists.flatMap((list) => Array.from(list));
  }
  return formatShape(shape);
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || isTypedArray(value);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
