/**
 * @file `gptlab setup`: brings the native engine to this machine, or says in one line why not. Order: what is there already,
 * libtensorflow of the Python package with an add-on built here, the npm package's own download, WebAssembly.
 * It prints nothing; the command line does.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BackendReport } from "../backend/report";
import type { Progress } from "../progress";
import { addonName, installAddon, installPrebuilt, isInstalled, removeAddon } from "./addon";
import { cacheDir } from "./cache";
import { engineFolder, hasEngine } from "./fetch";
import { locked } from "./lock";
import type { NativePackage } from "./package";
import { addonPath } from "./package";
import { prebuiltFolder } from "./prebuilt";
import { intact, type Missing, type Native, readState, type SetupState, sizes, writeState } from "./state";
import { type Tools, tools as thisMachine } from "./tools";
import { type EngineFiles, engineFiles } from "./wheels";

/** Hears what set-up is at. */
export interface StageListener {
  start(label: string): void;
  progress(progress: Progress): void;
  end(note: string): void;
}

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
  return locked(cacheDir("engine", "lock"), () => new Setup(tools, listener, engine, wanted, force).work());
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
  const { warning, title } = state;
  const worked = !isInstalled(state.addon, installed.folder);
  if (worked) install(state, installed.folder);
  const line = `native TensorFlow is ready: ${title}${worked ? " (put back from the cache)" : ""}`;
  return { outcome: "native", line, worked, ...(warning && { warning }) };
}

function install({ source, folder, addon }: Native, packageFolder: string): void {
  if (source === "wheel") installAddon(addon, packageFolder);
  if (source === "prebuilt") installPrebuilt(folder, packageFolder);
}

class Setup {
  /** Why the native engine is not there, in the user's words, and what is missing. */
  private readonly reasons: string[] = [];
  private readonly missing: Missing[] = [];

  constructor(
    private readonly tools: Tools,
    private readonly listener: StageListener,
    private readonly engine: EngineFiles | undefined,
    private readonly wanted: string,
    private readonly force: boolean,
  ) {}

  async work(): Promise<SetupResult> {
    const npmPackage = await this.package();
    const native = npmPackage && ((await this.fromWheel(npmPackage)) ?? (await this.fromDownload(npmPackage)));
    const packageVersion = npmPackage?.version ?? "";
    const common = { format: 1 as const, wanted: this.wanted, packageVersion };
    if (!native) {
      const line = `native TensorFlow is not available (${this.reasons.join("; ")}); going on with WebAssembly; remedy: ${remedy(this.missing)}`;
      await writeState({
        ...common,
        outcome: "wasm",
        missing: this.missing,
        line,
        compilers: [...this.tools.compilers()],
      });
      return { outcome: "wasm", line, worked: true };
    }
    await writeState({ ...common, ...native });
    const { title, warning } = native;
    return {
      outcome: "native",
      line: `native TensorFlow is ready: ${title}`,
      worked: true,
      ...(warning && { warning }),
    };
  }

  private async package(): Promise<NativePackage | undefined> {
    const found = this.tools.nativePackage();
    if (found) return found;
    return this.stage(
      "installing @tensorflow/tfjs-node-gpu as an optional dependency of your project",
      "package",
      async () => {
        const installed = await this.tools.installPackage();
        return [installed, `version ${installed.version}`];
      },
    );
  }

  /** libtensorflow of the Python package; without success for the GPU, the one for the CPU. */
  private async fromWheel(npmPackage: NativePackage): Promise<Native | undefined> {
    const { engine, tools } = this;
    if (!engine) return undefined;
    if (tools.compilers().length === 0) {
      this.lacks("compiler", "no C++ compiler");
      // Named too, so that one visit to the package manager is enough.
      if (!(await this.hasPython(engine))) this.lacks("python", "no Python 3 with pip");
      return undefined;
    }
    const forCpu = engine.gpu ? engineFiles(tools.platform, tools.arch, false) : undefined;
    for (const build of forCpu ? [engine, forCpu] : [engine]) {
      const native = await this.build(build, npmPackage);
      if (!native) continue;
      if (build === engine) return native;
      return {
        ...native,
        warning: `the GPU is not used (${this.reasons.join("; ")}); remedy: npx gptlab setup --force`,
      };
    }
    return undefined;
  }

  private async hasPython(engine: EngineFiles): Promise<boolean> {
    return hasEngine(engine) || this.tools.findPython().then(Boolean, () => false);
  }

  private async build(engine: EngineFiles, npmPackage: NativePackage): Promise<Native | undefined> {
    const { tools, listener } = this;
    if (this.force) rmSync(engineFolder(engine), { recursive: true, force: true });
    if (!(await this.hasPython(engine))) return this.lacks("python", "no Python 3 with pip");
    const megabytes = Math.round(engine.wheels.reduce((sum, wheel) => sum + (wheel.bytes ?? 0), 0) / 1e6);
    const label = `fetching libtensorflow (${engine.title}, ${megabytes} MB)`;
    const folder = hasEngine(engine)
      ? engineFolder(engine)
      : await this.stage(label, "download", async () => [
          await tools.fetchEngine(engine, { onProgress: (p) => listener.progress(p) }),
        ]);
    if (!folder) return undefined;
    const compilers = tools.compilers();
    const sources = { engine: folder, package: npmPackage.folder, packageVersion: npmPackage.version };
    const cached = join(folder, addonName(npmPackage.version, folder));
    const addon = existsSync(cached)
      ? cached
      : await this.stage(`compiling the native add-on (${compilers[0]})`, "build", async () => [
          await tools.buildAddon({ ...sources, compilers }),
        ]);
    if (!addon) return undefined;
    const libraries = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"].map((name) =>
      join(folder, "tensorflow", name),
    );
    return this.check(
      { outcome: "native", source: "wheel", folder, addon, title: "", files: sizes([addon, ...libraries]) },
      npmPackage,
    );
  }

  /** What npm's own install script made, if it ran; else the same download into the cache. */
  private async fromDownload(npmPackage: NativePackage): Promise<Native | undefined> {
    const { tools } = this;
    const own = addonPath(npmPackage.folder);
    if (existsSync(own)) {
      const found = { outcome: "native", source: "found", folder: npmPackage.folder, addon: own, title: "" } as const;
      const native = await this.check({ ...found, files: sizes([own]) }, npmPackage);
      if (native) return native;
      this.reasons.pop(); // a leftover: what the user can mend is what keeps a new one from being made
      this.missing.pop();
    }
    const prebuilt = { package: npmPackage.folder, packageVersion: npmPackage.version, gpu: tools.hasGpu() };
    if (this.force) rmSync(prebuiltFolder(prebuilt), { recursive: true, force: true });
    const label = "fetching the add-on and libtensorflow 2.9.1 that the npm package offers";
    const folder = await this.stage(label, "download", async () => [await tools.fetchPrebuilt(prebuilt)]);
    if (!folder) return undefined;
    const addon = addonPath(folder);
    const libraries = join(folder, "deps", "lib");
    const names = existsSync(libraries) ? readdirSync(libraries) : [];
    const files = sizes([addon, ...names.map((name) => join(libraries, name))]);
    return this.check({ outcome: "native", source: "prebuilt", folder, addon, title: "", files }, npmPackage);
  }

  /** Puts the add-on into its package and lets a child process multiply with it; one that fails is taken away again. */
  private check(native: Native, npmPackage: NativePackage): Promise<Native | undefined> {
    const label = native.source === "found" ? "trying the add-on that is in place" : "multiplying two matrices with it";
    return this.stage(label, "build", async () => {
      install(native, npmPackage.folder);
      const { report, error } = await this.tools.probe();
      if (!report) {
        removeAddon(npmPackage.folder);
        throw new Error(`libtensorflow does not run here: ${error}`);
      }
      const title = describe(report);
      return [{ ...native, title, ...(report.warning && { warning: report.warning }) }, title];
    });
  }

  /** One step that is shown; when it fails, the reason is noted and undefined given. `work` gives its result and a note. */
  private async stage<T>(label: string, missing: Missing, work: () => Promise<[T, string?]>): Promise<T | undefined> {
    const start = Date.now();
    this.listener.start(label);
    try {
      const [result, note] = await work();
      this.listener.end(note ?? `${((Date.now() - start) / 1000).toFixed(0)} s`);
      return result;
    } catch (error) {
      this.listener.end("failed");
      return this.lacks(missing, oneLine(error));
    }
  }

  private lacks(missing: Missing, reason: string): undefined {
    this.missing.push(missing);
    this.reasons.push(reason);
    return undefined;
  }
}

/** What failed and, from a longer message, the last line, which is the cause. */
function oneLine(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).trim().split("\n");
  return (lines.length === 1 ? lines[0]! : `${lines[0]} ${lines.at(-1)!.trim()}`).slice(0, 300);
}

function describe({ engine, device, threads }: BackendReport): string {
  return `${engine} on the ${device === "gpu" ? "GPU" : "CPU"}, ${threads} thread${threads === 1 ? "" : "s"}`;
}

/** What the user does so that the next set-up finds everything. */
export function remedy(missing: readonly Missing[]): string {
  const install = [
    ...(missing.includes("compiler") ? ["g++"] : []),
    ...(missing.includes("python") ? ["python3 with pip"] : []),
  ];
  if (install.length > 0) return `install ${install.join(" and ")} and run npx gptlab setup again`;
  if (missing.includes("package"))
    return "install @tensorflow/tfjs-node-gpu in your project and run npx gptlab setup again";
  if (missing[0] === "download") return "see that pip reaches a package index, then run npx gptlab setup --force";
  return "npx gptlab doctor shows the state; when the cause is mended, run npx gptlab setup --force";
}
