/** @file The runner of a check: takes an exercise and an answer through the steps in order and returns a verdict. It shows nothing and stores nothing; `card.ts` and `journal.ts` do. */
import { Random } from "../random";
import { copyOf, type Difference, differ, type Originals } from "./compare";
import type { AnyFunction, Exercise, Verify } from "./exercise";
import { format, formatCall, kindOf, showsWhole } from "./format";
import { type Code, code, type Message, withTextValues } from "./messages";
import { drive, isThenable, type Steps, settle } from "./steps";

/** What a check found. `messages` are one or two: the mistake, if one is recognised, and what was expected and found. */
export interface Verdict {
  readonly id: string;
  readonly state: "passed" | "failed" | "todo";
  readonly messages: readonly Message[];
}

/** Limits that keep a check from running for ever; a test shortens them. */
export interface Limits {
  /** Milliseconds for the whole check. */
  readonly total?: number;
  /** Milliseconds that one promise may take. */
  readonly wait?: number;
}

const SEED = 20240229; // any fixed number: a check must ask everyone the same questions

/** Ends a check; carries the messages to show. */
class Failure extends Error {
  constructor(readonly messages: readonly Message[]) {
    super("The check failed");
  }
}

/**
 * Checks an answer. The verdict is a plain value as long as the answer returns plain values, so that an endless loop in it can
 * be interrupted in a notebook; it is a promise if the answer returns one. It never throws, whatever the answer does.
 */
export function judge<F extends AnyFunction>(
  id: string,
  exercise: Exercise<F>,
  answer: unknown,
  limits: Limits = {},
): Verdict | Promise<Verdict> {
  return drive(new Examination(id, exercise, limits).run(answer));
}

class Examination<F extends AnyFunction> {
  readonly #tolerance: number;
  /** The reference is asynchronous too; else later cells need the value itself. */
  readonly #mayWait: boolean;
  readonly #total: number;
  readonly #wait: number;
  readonly #start = performance.now();
  /** The first time that an argument was changed; told only when all values were right. */
  #changed: Message | undefined;
  /** What the answer threw, and on which call: tells its errors from those of the check. */
  readonly #thrown = new Map<unknown, string>();

  constructor(
    readonly id: string,
    readonly exercise: Exercise<F>,
    { total = 60_000, wait = 20_000 }: Limits,
  ) {
    this.#tolerance = exercise.tolerance ?? 1e-6;
    this.#mayWait = Object.prototype.toString.call(exercise.reference) === "[object AsyncFunction]";
    this.#total = total;
    this.#wait = wait;
  }

  *run(answer: unknown): Steps<Verdict> {
    try {
      if (typeof answer !== "function")
        throw new Failure([{ key: "check.notFunction", values: { name: code(this.id), kind: code(kindOf(answer)) } }]);
      yield* this.#examine(answer as F);
      return { id: this.id, state: "passed", messages: [] };
    } catch (error) {
      return this.#verdictOf(error);
    }
  }

  *#examine(answer: F): Steps<void> {
    const { examples, random, cases = 20, extremes = [], verify } = this.exercise;
    for (const { input, expected } of examples) yield* this.#try(answer, input, { expected });
    for (let i = 0; random && i < cases; i++)
      yield* this.#try(answer, random(new Random(SEED).fork(`${this.id} ${i}`), i));
    for (const input of extremes) yield* this.#try(answer, input);
    if (this.#changed) throw new Failure([this.#changed]);
    if (verify) yield* this.#verify(answer, verify);
  }

  /** One call: the value must be the expected one, or else the reference's. */
  *#try(answer: F, input: Parameters<F>, byHand?: { readonly expected: unknown }): Steps<void> {
    const originals: Originals = new WeakMap();
    const call = formatCall(this.id, input);
    const mine = copyOf(input, originals);
    const theirs = copyOf(input, originals);
    const found = yield* this.#call(answer, mine, call);
    const reference =
      byHand && !this.exercise.mutatesInput ? undefined : yield* settle(this.exercise.reference(...theirs));
    const expected = byHand ? byHand.expected : reference;
    const difference = yield* differ(found, expected, this.#tolerance, originals);
    if (difference) throw new Failure(yield* this.#explain(difference, { call, input, found, expected }));
    if (this.exercise.mutatesInput) {
      const effect = yield* differ(mine, theirs, this.#tolerance); // without the originals: those of both are the same
      if (effect) throw new Failure([this.#argumentMessage("check.effect", answer, effect, mine, theirs, call)]);
    } else if (!this.#changed) {
      const change = yield* differ(mine, input, 0);
      if (change) this.#changed = this.#argumentMessage("check.changedInput", answer, change, mine, input, call);
    }
  }

  /** Calls the answer; waits for it if it is a promise, but not for ever. */
  *#call(answer: F, input: Parameters<F>, call: string): Steps<unknown> {
    if (performance.now() - this.#start > this.#total) {
      throw new Failure([{ key: "check.slow", values: { call: code(call), seconds: this.#total / 1000 } }]);
    }
    try {
      const result: unknown = answer(...input);
      if (!isThenable(result)) return result;
      if (!this.#mayWait) {
        Promise.resolve(result).catch(() => undefined); // it is refused whatever becomes of it
        throw new Failure([{ key: "check.promise", values: { call: code(call) } }]);
      }
      return yield this.#inTime(result, call);
    } catch (error) {
      if (error instanceof Failure) throw error;
      this.#thrown.set(error, call);
      throw error;
    }
  }

  async #inTime(result: PromiseLike<unknown>, call: string): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((_, reject) => {
      const values = { call: code(call), seconds: this.#wait / 1000 };
      timer = setTimeout(() => reject(new Failure([{ key: "check.slow", values }])), this.#wait);
    });
    try {
      return await Promise.race([result, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The messages for a wrong value: the mistake that gives the same value, else what is wrong about it. */
  *#explain(
    difference: Difference,
    { call, input, found, expected }: { call: string; input: Parameters<F>; found: unknown; expected: unknown },
  ): Steps<Message[]> {
    const values = { call: code(call), expected: shown(expected), found: shown(found) };
    const mistake = yield* this.#mistakeWith(input, found);
    const facts = factsOf(difference, values, found, expected);
    return mistake ? [{ key: `${this.id}.${mistake}`, values }, facts] : [facts];
  }

  *#mistakeWith(input: Parameters<F>, found: unknown): Steps<string | undefined> {
    for (const [name, wrong] of Object.entries(this.exercise.mistakes)) {
      const originals: Originals = new WeakMap();
      try {
        const same = yield* settle(wrong(...copyOf(input, originals)));
        if (!(yield* differ(found, same, this.#tolerance, originals))) return name;
      } catch {
        // a mistake may throw on this input; then it is not the one
      }
    }
    return undefined;
  }

  #argumentMessage(
    key: string,
    answer: F,
    { path }: Difference,
    now: readonly unknown[],
    before: readonly unknown[],
    call: string,
  ): Message {
    const index = Number(/^\[(\d+)\]/.exec(path)?.[1] ?? 0);
    const name = parameterNames(answer)[index] ?? `${index + 1}`;
    const [was, is] = [before[index], now[index]];
    // A number that was moved and moved back differs only behind the six digits that are shown.
    const say = format(was) === format(is) ? (value: unknown): Code => code(`[${value}]`.slice(0, 72)) : shown;
    return { key, values: { call: code(call), name: code(name), before: say(was), now: say(is) } };
  }

  *#verify(answer: F, verify: NonNullable<Exercise<F>["verify"]>): Steps<void> {
    const waiting: unknown[] = [];
    const watched = ((...input: Parameters<F>): unknown => {
      const result = drive(this.#call(answer, input, formatCall(this.id, input)));
      if (result instanceof Promise) result.catch(() => {}); // `verify` may not wait for it: no unhandled rejection then
      return result;
    }) as F;
    const tools: Verify = {
      random: new Random(SEED).fork(`${this.id} verify`),
      that: (condition, key, values = {}) => {
        if (!condition) throw new Failure([{ key: `${this.id}.${key}`, values }]);
      },
      equal: (found, expected, call) => {
        const result = drive(this.#equal(found, expected, call));
        if (result instanceof Promise) waiting.push(result.catch((error: unknown) => error));
      },
    };
    yield* settle(verify(watched, tools));
    for (const one of waiting) {
      const error = yield* settle(one);
      if (error) throw error;
    }
  }

  *#equal(found: unknown, expected: unknown, call: string): Steps<void> {
    const difference = yield* differ(found, expected, this.#tolerance);
    if (!difference) return;
    throw new Failure([
      factsOf(difference, { call: code(call), expected: shown(expected), found: shown(found) }, found, expected),
    ]);
  }

  #verdictOf(error: unknown): Verdict {
    const failed = (messages: readonly Message[]): Verdict => ({
      id: this.id,
      state: "failed",
      messages: messages.map(withTextValues),
    });
    if (error instanceof Failure) return failed(error.messages);
    const call = this.#thrown.get(error);
    const name = code(this.id);
    if (error instanceof Error && error.name === "NotImplemented") {
      const missing = String(Reflect.get(error, "exercise"));
      if (missing === this.id)
        return { id: this.id, state: "todo", messages: [{ key: "check.notImplemented", values: { name } }] };
      return failed([{ key: "check.needs", values: { name, other: code(missing) } }]);
    }
    const values = { call: code(call ?? this.id), error: code(describeError(error)) };
    return failed([{ key: call === undefined ? "check.unreadable" : "check.threw", values }]);
  }
}

/** Says what is wrong about a value in general terms. */
function factsOf(
  difference: Difference,
  values: { call: Code; expected: Code; found: Code },
  found: unknown,
  expected: unknown,
): Message {
  const { kind, path } = difference;
  if (kind === "disposed") return { key: "check.disposed", values };
  const atTop = path === "";
  const where = { ...values, path: code(path) };
  const bothSeen = showsWhole(found) && showsWhole(expected);
  if (kind === "shape" && atTop && !(bothSeen && Array.isArray(found)))
    return {
      key: "check.shape",
      values: {
        ...values,
        expectedShape: code(String(difference.expected)),
        foundShape: code(String(difference.found)),
      },
    };
  if (kind === "type" && atTop)
    return {
      key: "check.type",
      values: { ...values, expectedKind: code(kindOf(expected)), foundKind: code(kindOf(found)) },
    };
  if (kind === "nan") return { key: "check.nan", values: where };
  if (atTop || bothSeen) return { key: "check.value", values };
  const there = kind === "shape" ? (value: unknown): Code => code(String(value)) : shown;
  return {
    key: "check.valueAt",
    values: { ...where, expected: there(difference.expected), found: there(difference.found) },
  };
}

function shown(value: unknown): Code {
  return code(format(value));
}

/** The first line of an error, without its stack. */
function describeError(error: unknown): string {
  try {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : format(error);
    const plain = text.replace(/Invalid TF_Status: \d+\s+Message: /, ""); // libtensorflow says what is wrong in its second line
    return (plain.split("\n")[0] ?? "").slice(0, 140);
  } catch {
    return "…";
  }
}

/** The names of a function's parameters as they stand in its source; undefined where one is not a plain name. */
function parameterNames(fn: AnyFunction): (string | undefined)[] {
  const source = Function.prototype.toString.call(fn);
  const inside =
    /^(?:async\s*)?(?:function\s*\*?\s*[\w$]*)?\s*\(([^()]*)\)/.exec(source)?.[1] ??
    /^(?:async\s+)?([\w$]+)\s*=>/.exec(source)?.[1] ??
    "";
  const parts = inside.replace(/\[[^\]]*\]|\{[^}]*\}/g, "…").split(","); // a destructured parameter has no name
  return parts.map((part) => /^\s*([\w$]+)\s*(?:=.*)?$/.exec(part)?.[1]);
}
