/** @file Another process that acts at the worst moment: between a look at a file and what is done about it. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

/** Once `file` has been read for the next time, `act` is done before anything else. */
export function afterReading(file: string, act: () => void): void {
  const { readFileSync } = fs;
  const watching = (...args: unknown[]): unknown => {
    const text = Reflect.apply(readFileSync, fs, args) as unknown;
    if (args[0] !== file) return text;
    Object.assign(fs, { readFileSync });
    syncBuiltinESMExports();
    act();
    return text;
  };
  Object.assign(fs, { readFileSync: watching });
  syncBuiltinESMExports();
}
