/** @file Which engines this machine can test, each seen to work in a process of its own. */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { BackendName } from "gptlab";
import { probeBackend } from "../../lib/dist/backend/probe.js";
import { BACKEND_NAMES } from "../../lib/dist/backend/report.js";

/** Chromium brings a processor that plays GPU (SwiftShader) and a Vulkan loader. */
const SOFTWARE_GPU = ["/usr/lib/chromium", "/usr/lib64/chromium-browser", "/opt/google/chrome"].find((folder) =>
  existsSync(path.join(folder, "vk_swiftshader_icd.json")),
);

/**
 * Variables with which a process must start so that it runs on this engine. Where there is no GPU, WebGPU runs on SwiftShader:
 * slow, but right.
 */
export function backendEnvironment(name: BackendName): Record<string, string> {
  const env = { GPTLAB_BACKEND: name };
  if (name !== "webgpu" || !SOFTWARE_GPU || process.env.VK_ICD_FILENAMES) return env;
  return {
    ...env,
    VK_ICD_FILENAMES: path.join(SOFTWARE_GPU, "vk_swiftshader_icd.json"),
    LD_LIBRARY_PATH: [SOFTWARE_GPU, process.env.LD_LIBRARY_PATH].filter(Boolean).join(":"),
    XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? tmpdir(),
  };
}

/** The engines that work here, fastest first. */
export async function availableBackends(): Promise<BackendName[]> {
  const probe = (name: BackendName) =>
    probeBackend(name, { size: 8, env: { ...process.env, ...backendEnvironment(name) } });
  const probes = await Promise.all(BACKEND_NAMES.map(probe));
  return probes.filter(({ report }) => report !== undefined).map(({ name }) => name);
}
