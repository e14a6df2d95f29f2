/** @file A machine for the tests of set-up: its compiler, Python, network and GPU are what the test says, its cache and its package are temporary folders. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildAddon } from "../../lib/dist/setup/addon.js";
import { fetchEngine } from "../../lib/dist/setup/fetch.js";
import { fetchPrebuilt } from "../../lib/dist/setup/prebuilt.js";
import type { Runner } from "../../lib/dist/setup/run.js";
import type { Tools } from "../../lib/dist/setup/tools.js";

export class Machine {
  /** What the machine has; a test changes it between two set-ups. */
  platform = "linux";
  gpu = false;
  compilers = ["c++"];
  python = true;
  /** The package index answers. `dies` names a wheel at which the process is killed. */
  index = true;
  dies = "";
  /** The host of the npm package's own download answers. */
  prebuiltHost = false;
  compilerWorks = true;
  engineWorks = true;
  free = 1e12;
  packageInstalled = true;
  npmWorks = true;
  /** What was done, in order. */
  log: string[] = [];

  readonly folder = mkdtempSync(path.join(tmpdir(), "gptlab-machine-"));
  readonly package = path.join(this.folder, "project/node_modules/@tensorflow/tfjs-node-gpu");
  readonly addon = path.join(this.package, "lib/napi-v8/tfjs_binding.node");
  readonly cache = path.join(this.folder, "cache");

  constructor() {
    process.env.GPTLAB_CACHE = this.cache;
    this.makePackage();
  }

  /** What `npm ci` leaves. */
  makePackage(): void {
    rmSync(this.package, { recursive: true, force: true });
    mkdirSync(path.join(this.package, "scripts"), { recursive: true });
    writeFileSync(path.join(this.package, "package.json"), "{}");
  }

  remove(): void {
    delete process.env.GPTLAB_CACHE;
    rmSync(this.folder, { recursive: true, force: true });
  }

  get tools(): Tools {
    const installed = { folder: this.package, version: "4.22.0" };
    return {
      platform: this.platform,
      arch: "x64",
      hasGpu: () => this.gpu,
      compilers: () => this.compilers,
      findPython: async () => {
        if (!this.python) throw new Error("No Python 3.9 or newer with pip was found.");
        return "python3";
      },
      nativePackage: () => (this.packageInstalled ? installed : undefined),
      installPackage: async () => {
        this.log.push("npm install");
        if (!this.npmWorks) throw new Error("npm could not install it: no network");
        return installed;
      },
      fetchEngine: (engine, options) => fetchEngine(engine, { ...options, pip: this.pip }),
      buildAddon: (options) => buildAddon({ ...options, runner: this.compile }),
      fetchPrebuilt: (options) => fetchPrebuilt({ ...options, runner: this.installScript }),
      probe: async () => {
        this.log.push("probe");
        if (!this.engineWorks || !existsSync(this.addon))
          return { name: "tensorflow", error: "its process ended with SIGILL" };
        const report = {
          name: "tensorflow",
          device: "cpu",
          engine: "libtensorflow 2.21.0",
          threads: 2,
          tried: [],
        } as const;
        return { name: "tensorflow", report, gigaflops: 50 };
      },
    };
  }

  private readonly pip: NonNullable<Parameters<typeof fetchEngine>[1]["pip"]> = {
    download: async (wheel, folder) => {
      this.log.push(`download ${wheel.package}`);
      if (!this.index)
        throw new Error(`pip could not download ${wheel.package}:\nretrying\nERROR: No matching distribution`);
      if (wheel.package === this.dies) throw new Error("killed");
      const file = path.join(folder, `${wheel.package}.whl`);
      writeFileSync(file, wheel.package);
      return file;
    },
    unpack: async (file, folder) => {
      const name = path.basename(file, ".whl");
      const library = name.startsWith("tensorflow")
        ? ["tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2"]
        : [`nvidia/${name}/lib/lib${name}.so.12`];
      for (const place of library) {
        mkdirSync(path.dirname(path.join(folder, place)), { recursive: true });
        writeFileSync(path.join(folder, place), `library of ${name}`);
      }
    },
    free: async () => this.free,
  };

  private readonly compile: Runner = async (command, args) => {
    const output = args[args.indexOf("-o") + 1]!;
    if (output.includes("quiet")) return { code: 1, output: "" }; // may fail: it is not needed
    this.log.push(`compile with ${command}`);
    if (!this.compilerWorks)
      return { code: 1, output: "In file included from x:\nfatal error: node_api.h: No such file" };
    writeFileSync(output, "add-on");
    return { code: 0, output: "" };
  };

  private readonly installScript: Runner = async (_, args, { cwd = "", limit } = {}) => {
    this.log.push(`${args.join(" ")} (at most ${limit} s)`);
    mkdirSync(path.join(cwd, "deps/lib"), { recursive: true });
    if (!this.prebuiltHost)
      return { code: 1, output: "* Downloading libtensorflow\nError: getaddrinfo ENOTFOUND host\n    at dns.js:1" };
    writeFileSync(path.join(cwd, "deps/lib/libtensorflow.so.2"), "prebuilt library");
    mkdirSync(path.join(cwd, "lib/napi-v8"), { recursive: true });
    writeFileSync(path.join(cwd, "lib/napi-v8/tfjs_binding.node"), "prebuilt add-on");
    return { code: 0, output: "" };
  };
}
