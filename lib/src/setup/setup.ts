/**
 * @file `gptlab setup`: brings the native engine to this machine, or says in one line why not, and remembers the outcome.
 * The ways to the engine are in `native.ts`. It prints nothing; the command line does.
 */
import { basename } from "node:path";
import { locked } from "../lock";
import { addonName, install, isInstalled } from "./addon";
import { cacheDir } from "./cache";
import { NativeSetup, type StageListener } from "./native";
import { intact, type Missing, type Native, readState, type SetupState, writeState } from "./state";
import { type Tools, tools as thisMachine } from "./tools";
import { engineFiles } from "./wheels";

/** How set-up ended. */
export interface SetupResult {
  readonly outcome: "native" | "wasm";
  /** One line for the user. */
  readonly line: string;
  readonly warning?: string;
  /** False when everything was there already. */
  readonly worked: boolean;
}

const silent: StageListener = { start() {}, progress() {}, end() {} };

/**
 * Brings the native engine to this machine. A second call does no work and needs no network, whatever came out, unless a missing
 * compiler or Python has appeared since; `force` does everything again.
 * Throws an Error only when the cache or node_modules cannot be written, or another set-up is at work.
 */
export async function setUp({
  force = false,
  listener = silent,
  tools = thisMachine,
}: {
  readonly force?: boolean;
  readonly listener?: StageListener;
  readonly tools?: Tools;
} = {}): Promise<SetupResult> {
  const engine = engineFiles(tools.platform, tools.arch, tools.hasGpu());
  const wanted = engine?.key ?? `prebuilt-${tools.platform}-${tools.arch}`;
  const state = readState();
  if (!force && state?.wanted === wanted) {
    const known = await fromState(state, tools);
    if (known) return known;
  }
  return locked(cacheDir("engine", "lock"), "gptlab setup", async () => {
    const setup = new NativeSetup(tools, listener, engine, force);
    const npmPackage = await setup.package();
    const native = npmPackage && (await setup.make(npmPackage));
    const common = { format: 1 as const, wanted, packageVersion: npmPackage?.version ?? "" };
    if (native) {
      await writeState({ ...common, ...native });
      return ready(native, true);
    }
    const { missing, reasons } = setup;
    const line = `native TensorFlow is not available (${reasons.join("; ")}); going on with WebAssembly; remedy: ${remedy(missing)}`;
    await writeState({ ...common, outcome: "wasm", missing, line, compilers: [...tools.compilers()] });
    return { outcome: "wasm", line, worked: true };
  });
}

/** The result without work, or undefined when there is work to do. */
async function fromState(state: SetupState, tools: Tools): Promise<SetupResult | undefined> {
  const installed = tools.nativePackage();
  if (state.outcome === "wasm") {
    const { missing, compilers, line } = state;
    const appeared =
      compilers.join() !== tools.compilers().join() ||
      (missing.includes("package") && installed !== undefined) ||
      (missing.includes("python") && (await tools.findPython().then(Boolean, () => false)));
    return appeared ? undefined : { outcome: "wasm", line, worked: false };
  }
  if (installed?.version !== state.packageVersion || !intact(state.files)) return undefined;
  const { source, folder, addon, packageVersion } = state;
  if (source === "wheel" && basename(addon) !== addonName(packageVersion, folder)) return undefined; // of an older gptlab
  const worked = !isInstalled(state.addon, installed.folder);
  if (worked) install(state, installed.folder);
  return ready(state, worked, worked ? " (put back from the cache)" : "");
}

function ready({ title, warning }: Native, worked: boolean, note = ""): SetupResult {
  const line = `native TensorFlow is ready: ${title}${note}`;
  return { outcome: "native", line, worked, ...(warning && { warning }) };
}

/** What the user does so that the next set-up finds everything. */
export function remedy(missing: readonly Missing[]): string {
  const programs = [
    ...(missing.includes("compiler") ? ["g++"] : []),
    ...(missing.includes("python") ? ["python3 with pip"] : []),
  ];
  if (programs.length > 0) return `install ${programs.join(" and ")} and run npx gptlab setup again`;
  if (missing.includes("package"))
    return "install @tensorflow/tfjs-node-gpu in your project and run npx gptlab setup again";
  if (missing[0] === "download") return "see that pip reaches a package index, then run npx gptlab setup --force";
  return "npx gptlab doctor shows the state; when the cause is mended, run npx gptlab setup --force";
}
