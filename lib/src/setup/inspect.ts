/** @file The state of every part that the engines need, with the remedy of each defect. It changes nothing and prints nothing. */
import { existsSync, readFileSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { nvidiaGpu } from "../backend/nvidia";
import { type Probe, probeBackend } from "../backend/probe";
import { BACKEND_NAMES } from "../backend/report";
import { isInstalled } from "./addon";
import { cacheDir } from "./cache";
import { compilers } from "./compiler";
import { addonPath, NATIVE_PACKAGE, nativePackage } from "./package";
import { findPython } from "./python";
import { run } from "./run";
import { remedy } from "./setup";
import { intact, readState } from "./state";

/** One part: what was found, and how to mend it when something is wrong. */
export interface Finding {
  readonly part: string;
  readonly found: string;
  /** Present when there is something to mend. */
  readonly remedy?: string;
}

/** All parts, and how each engine fared in a process of its own. */
export interface Inspection {
  readonly findings: readonly Finding[];
  readonly backends: readonly Probe[];
  /** True when at least one engine works. */
  readonly usable: boolean;
}

/** Looks at every part. It takes some seconds, because each engine is started and multiplies. */
export async function inspect(): Promise<Inspection> {
  const findings = [
    node(),
    await python(),
    compiler(),
    gpu(),
    packages(),
    addon(),
    engine(),
    await cache(),
    ...(await notebooks()),
  ];
  const backends: Probe[] = [];
  for (const name of BACKEND_NAMES) backends.push(await probeBackend(name)); // one at a time: they measure
  return { findings, backends, usable: backends.some(({ report }) => report !== undefined) };
}

function node(): Finding {
  const [major, minor] = process.versions.node.split(".").map(Number) as [number, number];
  const found = `${process.versions.node} on ${process.platform} ${process.arch}`;
  const old = major < 20 || (major === 20 && minor < 19);
  return { part: "Node", found, ...(old && { remedy: "install Node 20.19 or newer" }) };
}

async function python(): Promise<Finding> {
  const part = "Python with pip";
  try {
    const command = await findPython({ make: false });
    const { output } = await run(command, ["--version"]);
    return { part, found: `${output.trim().replace("Python ", "")} (${command})` };
  } catch {
    const install = "install python3 with pip (Debian, Ubuntu: sudo apt install python3-pip), then npx gptlab setup";
    return { part, found: "none; it fetches the native engine and some data sets", remedy: install };
  }
}

function compiler(): Finding {
  const found = compilers();
  const part = "C++ compiler";
  if (found.length > 0) return { part, found: found.join(", ") };
  const install =
    process.platform === "darwin" ? "xcode-select --install" : "install g++ (Debian, Ubuntu: sudo apt install g++)";
  return { part, found: "none; it builds the native add-on", remedy: `${install}, then npx gptlab setup` };
}

function gpu(): Finding {
  return { part: "NVIDIA GPU", found: nvidiaGpu() ?? "none" };
}

/** The version of an installed package, or undefined. */
function versionOf(name: string): string | undefined {
  try {
    for (let folder = dirname(require.resolve(name)); folder !== dirname(folder); folder = dirname(folder)) {
      const file = join(folder, "package.json");
      if (!existsSync(file)) continue;
      const found = JSON.parse(readFileSync(file, "utf8")) as { name?: string; version?: string };
      if (found.name === name) return found.version;
    }
  } catch {} // not installed
  return undefined;
}

function packages(): Finding {
  const names = ["@tensorflow/tfjs", "@tensorflow/tfjs-backend-wasm", "@tensorflow/tfjs-backend-webgpu", "webgpu"];
  const version = (name: string) => `${name.replace("@tensorflow/", "")} ${versionOf(name) ?? "not installed"}`;
  const native = nativePackage();
  const found = [...names.map(version), `tfjs-node-gpu ${native?.version ?? "not installed"}`].join(", ");
  return { part: "npm packages", found, ...(!native && { remedy: "npx gptlab setup" }) };
}

function addon(): Finding {
  const part = "native add-on";
  const native = nativePackage();
  if (!native) return { part, found: `none, because ${NATIVE_PACKAGE} is not installed`, remedy: "npx gptlab setup" };
  const state = readState();
  if (!existsSync(addonPath(native.folder))) {
    // When set-up could not build it, the missing compiler or Python has its own remedy.
    return { part, found: "not built", ...(state?.outcome !== "wasm" && { remedy: "npx gptlab setup" }) };
  }
  const ours = state?.outcome === "native" && isInstalled(state.addon, native.folder);
  return { part, found: ours ? `in place, from the cache (${state.source})` : "in place, not made by gptlab setup" };
}

function engine(): Finding {
  const part = "set-up";
  const state = readState();
  if (!state) return { part, found: "not done with this cache", remedy: "npx gptlab setup" };
  if (state.outcome === "wasm") {
    // A missing compiler or Python is a finding of its own, with its remedy.
    const told = state.missing.includes("compiler") || state.missing.includes("python");
    return { part, found: state.line, ...(!told && { remedy: remedy(state.missing) }) };
  }
  const whole = intact(state.files);
  const found = `${state.title}, in ${state.folder}${whole ? "" : ", but files are missing or cut"}`;
  const mend = whole ? state.warning : "npx gptlab setup";
  return { part, found, ...(mend && { remedy: mend }) };
}

async function folderSize(folder: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => [])) {
    if (entry.isFile()) sum += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return sum;
}

async function cache(): Promise<Finding> {
  const size = await folderSize(cacheDir());
  return { part: "cache", found: `${cacheDir()}, ${(size / 1e9).toFixed(2)} GB` };
}

/** The notebook kernel, where this is the course and not a project that only uses the library. */
async function notebooks(): Promise<Finding[]> {
  const jupyter = join(process.cwd(), ".venv", process.platform === "win32" ? "Scripts" : "bin", "jupyter");
  if (!existsSync(join(process.cwd(), "course.json"))) return [];
  const part = "notebooks";
  if (!existsSync(jupyter)) return [{ part, found: "JupyterLab is not set up", remedy: "make lab" }];
  const { output } = await run(jupyter, ["kernelspec", "list", "--json"]);
  const kernel = /"tslab"/.test(output);
  return [
    {
      part,
      found: kernel ? "JupyterLab with the tslab kernel" : "no tslab kernel",
      ...(!kernel && { remedy: "make lab" }),
    },
  ];
}
