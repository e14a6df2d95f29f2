/** @file Catches what a notebook would show: a stand-in for the kernel's output function, or for standard output. */

/** @file Catches what a notebook would show: a stand-in for the kernel's output function, or for standard output. */
import Module, { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const KERNEL = "/made-up/tslab/dist/jupyter.js";

/** One output as the kernel receives it. */
export interface Shown {
  readonly data: Readonly<Record<string, unknown>>;
  readonly transient: { readonly display_id?: string };
  readonly update: boolean;
}

/** Runs work as if in a notebook's cell, and returns what it showed. */
export async function inKernel(work: () => unknown): Promise<Shown[]> {
  const shown: Shown[] = [];
  const kernel = new Module(KERNEL);
  kernel.exports = {
    lastWriteDisplayData: (output: Omit<Shown, "update">, update: boolean) => shown.push({ ...output, update }),
  };
  require.cache[KERNEL] = kernel;
  try {
    await work();
  } finally {
    delete require.cache[KERNEL];
  }
  return shown;
}

/** Runs work outside a notebook and returns what it printed. */
export async function onTerminal(work: () => unknown): Promise<string> {
  const write = process.stdout.write;
  let printed = "";
  process.stdout.write = ((text: string) => {
    printed += text;
    return true;
  }) as typeof process.stdout.write;
  try {
    await work();
  } finally {
    process.stdout.write = write;
  }
  return printed;
}
