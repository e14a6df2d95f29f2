/** @file Starts libtensorflow, the native engine, through the add-on of @tensorflow/tfjs-node-gpu. It builds nothing; `gptlab setup` does. */
import { existsSync } from "node:fs";
import { addonPath, NATIVE_PACKAGE, nativePackage } from "../setup/package";
import { quietly } from "../setup/quiet";
import { tf } from "../tf";
import type { EngineBackend } from "./control";
import { nvidiaGpu } from "./nvidia";
import { BackendUnavailable, type EngineDescription, firstLine } from "./report";
import { nativeThreads } from "./threads";

/** Settings that libtensorflow reads once, while it is loaded. What the user has set stays. */
const ENVIRONMENT: Readonly<Record<string, string>> = {
  TF_CPP_MIN_LOG_LEVEL: "2", // warnings and information stay unsaid
  TF_ENABLE_ONEDNN_OPTS: "1", // faster products; a little slower for tiny models one token at a time
  TF_OVERRIDE_GLOBAL_THREADPOOL: "1", // each session has threads of its own: compile()'s `structure`
  TF_FORCE_GPU_ALLOW_GROWTH: "true", // else the first process takes all memory of the GPU
};

interface NodeBackend extends EngineBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: { readonly TF_Version: string };
}

/** What libtensorflow says of itself; a GPU that it leaves idle is said loudly. */
export function describe(
  { isUsingGpuDevice, binding }: Pick<NodeBackend, "isUsingGpuDevice" | "binding">,
  findGpu: () => string | undefined = nvidiaGpu,
): EngineDescription {
  const description = { engine: `libtensorflow ${binding.TF_Version}`, threads: nativeThreads() };
  if (isUsingGpuDevice) return { device: "gpu", ...description };
  const gpu = findGpu();
  const idle = `TensorFlow runs on the CPU although this machine has a GPU (${gpu})`;
  const warning = `${idle}; remedy: see that nvidia-smi works, then run npx gptlab setup --force`;
  return { device: "cpu", ...description, ...(gpu && { warning }) };
}

/** Loads the add-on and makes libtensorflow the engine. Throws BackendUnavailable. */
export async function startTensorflow(): Promise<EngineDescription> {
  const installed = nativePackage();
  if (!installed)
    throw new BackendUnavailable(`the package ${NATIVE_PACKAGE} is not installed`, "run npx gptlab setup");
  if (!existsSync(addonPath(installed.folder)))
    throw new BackendUnavailable("the native add-on is not built", "run npx gptlab setup");
  for (const [name, value] of Object.entries(ENVIRONMENT)) process.env[name] ??= value;
  try {
    quietly(installed.folder, () => require(NATIVE_PACKAGE) as unknown);
  } catch (error) {
    throw new BackendUnavailable(
      `the native add-on does not load (${firstLine(error)})`,
      "run npx gptlab setup --force",
    );
  }
  if (!(await tf.setBackend("tensorflow"))) {
    throw new BackendUnavailable("libtensorflow does not start", "npx gptlab doctor shows why");
  }
  return describe(tf.backend() as NodeBackend);
}
