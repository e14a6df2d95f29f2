/** @file Starts the engine in plain JavaScript: the slowest, with every operation, and always there. */
import { tf } from "../tf";
import type { EngineDescription } from "./report";

/** Makes plain JavaScript the engine. */
export async function startCpu(): Promise<EngineDescription> {
  await tf.setBackend("cpu");
  return { device: "cpu", engine: `tfjs-backend-cpu ${tf.version_core}`, threads: 1 };
}
