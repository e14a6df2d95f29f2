/** @file JSON from files that others made: no name twice in one object, nothing without end, and never an error but the caller's. */
import { type Broken, shown } from "./tensors";

/** Headers nest three deep. */
const DEEPEST = 8;
/** A bound for the memory: there an object takes many times its text. */
const MOST_NAMES = 250_000;
const MOST_VALUES = 8 * MOST_NAMES;

/**
 * The value of a JSON text. `JSON.parse` keeps the last of two equal names, and two readers of one file could then see
 * two different tensors; here that is an error.
 */
export function parseJson(text: string, what: string, broken: Broken): unknown {
  let problem: string | undefined;
  let value: unknown;
  try {
    problem = problemOf(text);
    if (problem === undefined) value = JSON.parse(text);
  } catch {
    problem = "is not JSON";
  }
  return problem === undefined ? value : broken(`${what} ${problem}`);
}

/** An object of JSON, not a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is wrong before the text is parsed, which need not be JSON: too much of it, or a name that stands twice in its object. */
function problemOf(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []; // the names of each object that is not closed yet; undefined for a list
  let values = 0;
  for (let i = 0; i < text.length; i++) {
    const sign = text[i];
    if (sign === "," && ++values === MOST_VALUES) return `has more than ${MOST_VALUES} values`;
    if (sign === "{" || sign === "[") {
      if (open.length === DEEPEST) return `is nested more than ${DEEPEST} deep`;
      open.push(sign === "{" ? new Set() : undefined);
    } else if (sign === "}" || sign === "]") open.pop();
    else if (sign === '"') {
      const end = endOfString(text, i);
      const names = isName(text, end) ? open.at(-1) : undefined;
      if (names) {
        const written = text.slice(i, end);
        const name = written.includes("\\") ? (JSON.parse(written) as string) : written.slice(1, -1); // "\u0061" is "a"
        if (names.has(name)) return `has the name ${shown(name)} twice`;
        if (names.add(name).size > MOST_NAMES) return `has more than ${MOST_NAMES} names`;
      }
      i = end - 1;
    }
  }
  return undefined;
}

/** The position after the closing quote. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === '"') return i + 1;
  }
  return text.length;
}

function isName(text: string, end: number): boolean {
  let i = end;
  while (text[i] === " " || text[i] === "\n" || text[i] === "\r" || text[i] === "\t") i++;
  return text[i] === ":";
}
