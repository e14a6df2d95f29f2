/** @file Starts WebGPU: any maker's GPU through Dawn, which the npm package `webgpu` brings to Node. Both packages are optional. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { tf } from "../tf";
import { BackendUnavailable, type EngineDescription, firstLine } from "./report";

const INSTALL = "npm install webgpu @tensorflow/tfjs-backend-webgpu@4.22.0";

/** What we use of the packages, which have no types here because they may be absent. */
interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
}
interface Gpu {
  requestAdapter(): Promise<{ readonly info: AdapterInfo } | null>;
}
interface Dawn {
  create(options: string[]): Gpu;
  readonly globals: object;
}

/** Dawn complains on the terminal when Linux has no Vulkan, so that is looked at first. */
function vulkanIsMissing(): boolean {
  if (process.platform !== "linux") return false;
  const { VK_ICD_FILENAMES, VK_DRIVER_FILES, LD_LIBRARY_PATH = "", HOME = "/" } = process.env;
  const places = [
    "/etc/vulkan",
    "/usr/share/vulkan",
    "/usr/local/share/vulkan",
    "/run/opengl-driver/share/vulkan",
    join(HOME, ".local/share/vulkan"),
  ];
  const driver =
    VK_ICD_FILENAMES ||
    VK_DRIVER_FILES ||
    places.some((place) => existsSync(join(place, "icd.d")) && readdirSync(join(place, "icd.d")).length > 0);
  const folders = [
    ...LD_LIBRARY_PATH.split(":").filter(Boolean),
    "/usr/lib",
    "/usr/lib64",
    "/lib64",
    `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`,
    "/run/opengl-driver/lib",
  ];
  return !driver || !folders.some((folder) => existsSync(join(folder, "libvulkan.so.1")));
}

async function load(): Promise<Dawn> {
  try {
    require.resolve("@tensorflow/tfjs-backend-webgpu");
    const name = "webgpu";
    return (await import(name)) as Dawn;
  } catch (error) {
    throw new BackendUnavailable(`the packages for WebGPU do not load (${firstLine(error)})`, INSTALL);
  }
}

/** Makes a GPU that WebGPU finds the engine. A processor that plays GPU counts only when `allowSoftware` is set: it is slower than wasm. */
export async function startWebgpu({
  allowSoftware = false,
}: {
  allowSoftware?: boolean;
} = {}): Promise<EngineDescription> {
  const remedy = "install the graphics driver of your GPU";
  if (vulkanIsMissing()) throw new BackendUnavailable("no Vulkan driver was found", remedy);
  const dawn = await load();
  const gpu = dawn.create([]);
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new BackendUnavailable("WebGPU finds no GPU", remedy);
  const { vendor, architecture, device, description } = adapter.info;
  const title = description || device || `${vendor} ${architecture}`.trim() || "unnamed adapter";
  const software = /swiftshader|llvmpipe|lavapipe|basic render|software/i.test(
    [vendor, architecture, device, description].join(" "),
  );
  if (software && !allowSoftware) {
    throw new BackendUnavailable(
      `WebGPU finds only software that plays GPU (${title})`,
      `${remedy}, or set GPTLAB_BACKEND=webgpu to use it all the same`,
    );
  }
  // TensorFlow.js asks navigator.gpu, as in a browser. It must stay: Dawn lives as long as this object does.
  const browser = (globalThis as { navigator?: object }).navigator;
  if (!browser) Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true, writable: true });
  Object.defineProperty((globalThis as { navigator?: object }).navigator, "gpu", { value: gpu, configurable: true });
  Object.assign(globalThis, dawn.globals);
  require("@tensorflow/tfjs-backend-webgpu");
  if (!(await tf.setBackend("webgpu"))) throw new BackendUnavailable("TensorFlow.js does not start on WebGPU", remedy);
  return { device: software ? "cpu" : "gpu", engine: `tfjs-backend-webgpu ${tf.version_core} on ${title}`, threads: 1 };
}
