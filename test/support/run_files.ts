/** @file Runs test files in one process, because the start takes longer than most of them. Usage: `tsx run_files.ts FILE...`. */
import path from "node:path";
import { run } from "uvu/run";

// uvu puts `file:///` before the path.
await run(process.argv.slice(2).map((name) => ({ name, file: path.resolve(name).replace(/^\//, "") })));
