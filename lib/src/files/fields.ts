/** @file The fields of a JSON file that another program wrote, and the refusal of what is not computed here. */
import { readFile } from "node:fs/promises";
import { isRecord } from "./json";
import { shown } from "./tensors";

/** A configuration file; its errors name it. */
export class Fields {
  constructor(
    readonly file: string,
    readonly json: Readonly<Record<string, unknown>>,
  ) {}

  /** Reads a file. Throws Error with `missing` when there is none, SyntaxError when it is not JSON, TypeError when it is no object. */
  static async read(file: string, missing: string): Promise<Fields> {
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      throw new Error(`There is no ${file}${missing}`);
    });
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (error) {
      throw new SyntaxError(`${file} is not JSON: ${(error as Error).message}. Fetch or write it again`);
    }
    if (!isRecord(json)) throw new TypeError(`${file} holds ${shown(json)}, expected an object`);
    return new Fields(file, json);
  }

  /** Throws TypeError if there is no number, and no fallback. */
  number(name: string, fallback?: number): number {
    return this.numberOf(this.json[name] ?? fallback, name);
  }

  /** `value`, which was found under `name`. */
  numberOf(value: unknown, name: string): number {
    if (typeof value !== "number")
      throw new TypeError(`${this.file} has ${shown(value)} for "${name}", expected a number`);
    return value;
  }

  /** Throws RangeError for every other value of a field than those that mean what this library computes. */
  require(name: string, ...allowed: readonly unknown[]): void {
    const value = this.json[name] ?? null;
    if (allowed.includes(value)) return;
    throw new RangeError(
      `${this.file} has ${shown(value)} for "${name}", but this library computes only ${allowed.map((one) => JSON.stringify(one)).join(" or ")}`,
    );
  }
}
