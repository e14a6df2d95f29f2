/** @file Starts WebAssembly, the engine that runs everywhere. It uses one thread in Node and has no UnsortedSegmentSum (the gradient of `gather`). */
import { dirname, join, sep } from "node:path";
import { setWasmPaths, version_wasm } from "@tensorflow/tfjs-backend-wasm";
import { tf } from "../tf";
import type { EngineDescription } from "./report";

/** Makes WebAssembly the engine. */
export async function startWasm(): Promise<EngineDescription> {
  setWasmPaths(join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json")), "dist", sep));
  if (!(await tf.setBackend("wasm"))) throw new Error("WebAssembly does not start");
  const simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
  return { device: "cpu", engine: `tfjs-backend-wasm ${version_wasm}${simd ? " with SIMD" : ""}`, threads: 1 };
}
