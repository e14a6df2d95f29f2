/**
 * @file The ways to the native engine, in turn: libtensorflow of the Python package with an add-on built here, an add-on that is
 * in place, the npm package's own download. What is remembered between set-ups is in `setup.ts`.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BackendReport } from "../backend/report";
import type { Progress } from "../progress";
import { addonName, install, removeAddon } from "./addon";
import { engineFolder, hasEngine } from "./fetch";
import { addonPath, type NativePackage } from "./package";
import { prebuiltFolder } from "./prebuilt";
import { type Missing, type Native, sizes } from "./state";
import type { Tools } from "./tools";
import { type EngineFiles, engineFiles } from "./wheels";

/** Hears what set-up is at. */
export interface StageListener {
  start(label: string): void;
  progress(progress: Progress): void;
  end(note: string): void;
}

/** Tries each way to the native engine in turn. */
export class NativeSetup {
  /** Why the native engine is not there, in the user's words, and what is missing. */
  readonly reasons: string[] = [];
  readonly missing: Missing[] = [];

  constructor(
    private readonly tools: Tools,
    private readonly listener: StageListener,
    private readonly engine: EngineFiles | undefined,
    private readonly force: boolean,
  ) {}

  /** The engine that runs, or undefined: then `reasons` and `missing` say why. */
  async make(npmPackage: NativePackage): Promise<Native | undefined> {
    const built = await this.fromWheel(npmPackage);
    if (built) return built;
    if (this.force) return (await this.fromDownload(npmPackage)) ?? this.found(npmPackage);
    return (await this.found(npmPackage)) ?? this.fromDownload(npmPackage);
  }

  /** The npm package that the add-on belongs to, installed when it is not there. */
  async package(): Promise<NativePackage | undefined> {
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
    const built = hasEngine(engine) && existsSync(cachedAddon(engine, npmPackage));
    if (!built && tools.compilers().length === 0) {
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
    const cached = cachedAddon(engine, npmPackage);
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

  /** An add-on that npm's own install script made, if it runs. */
  private async found(npmPackage: NativePackage): Promise<Native | undefined> {
    const addon = addonPath(npmPackage.folder);
    if (!existsSync(addon)) return undefined;
    const own = { outcome: "native", source: "found", folder: npmPackage.folder, addon, title: "" } as const;
    const native = await this.check({ ...own, files: sizes([addon]) }, npmPackage);
    if (native) return native;
    this.reasons.pop(); // a leftover: what the user can mend is what keeps a new one from being made
    this.missing.pop();
    return undefined;
  }

  /** The npm package's own download. */
  private async fromDownload(npmPackage: NativePackage): Promise<Native | undefined> {
    const { tools } = this;
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

/** Where the cache keeps the add-on that was built for these libraries. */
function cachedAddon(engine: EngineFiles, { version }: NativePackage): string {
  const folder = engineFolder(engine);
  return join(folder, addonName(version, folder));
}

/** What failed and, from a longer message, the last line, which is the cause. */
function oneLine(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).trim().split("\n");
  return (lines.length === 1 ? lines[0]! : `${lines[0]} ${lines.at(-1)!.trim()}`).slice(0, 300);
}

function describe({ engine, device, threads }: BackendReport): string {
  return `${engine} on the ${device === "gpu" ? "GPU" : "CPU"}, ${threads} thread${threads === 1 ? "" : "s"}`;
}
