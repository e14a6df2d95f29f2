/** @file A test that cannot run here says why: `test(name, ready ? body : skip("no Chromium found"))`. */

/** A test body that passes and prints `SKIP <reason>`; test/run.ts counts the line as skipped, not as passed. */
export function skip(reason: string): () => void {
  return () => console.log(`SKIP ${reason}`);
}
