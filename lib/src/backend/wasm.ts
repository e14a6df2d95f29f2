/** @file Starts WebAssembly, the engine that runs everywhere. It uses one thread in Node and has no UnsortedSegmentSum (the gradient of `gather`). */
import { dirname, join, sep } from "node:path";
import { tf } from "../tf";
import type { EngineDescription } from "./report";

/** Makes WebAssembly the engine. */
export async function startWasm(): Promise<EngineDescription> {
  // Loaded only here: once it is loaded, TensorFlow.js refuses to compute before an engine is chosen.
  const { setWasmPaths, version_wasm } =
    require("@tensorflow/tfjs-backend-wasm") as typeof import("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json")), "dist", sep));
  if (!(await tf.setBackend("wasm"))) throw new Error("WebAssembly does not start");
  const simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
  return { device: "cpu", engine: `tfjs-backend-wasm ${version_wasm}${simd ? " with SIMD" : ""}`, threads: 1 };
}
