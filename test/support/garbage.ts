/** @file Collects garbage when a test asks for it. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Collects garbage until `done`, or 20 times. In between other tasks run: finalisers, and the end of what `deref()` held for its own task. */
export async function collected(done: () => boolean): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    collect();
    if (done()) return;
  }
}
