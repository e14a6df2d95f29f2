/** @file Is there an NVIDIA GPU that programs here may use? It looks at device files and asks the driver's own tool; it does not use the GPU. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";

/** What is looked at, so that tests can describe another machine. */
export interface Machine {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  readonly exists: (path: string) => boolean;
  readonly list: (folder: string) => readonly string[];
  /** Output of a program, or undefined when it is missing or fails. */
  readonly ask: (command: string, args: readonly string[]) => string | undefined;
}

/** Where Windows' Linux keeps the driver. */
const WSL = "/usr/lib/wsl/lib";

const thisMachine: Machine = {
  env: process.env,
  platform: process.platform,
  exists: existsSync,
  list: (folder) => (existsSync(folder) ? readdirSync(folder) : []),
  ask: (command, args) => {
    const { status, stdout } = spawnSync(command, args, { encoding: "utf8", timeout: 10_000, windowsHide: true });
    return status === 0 ? stdout : undefined;
  },
};

/**
 * True when a program here may use an NVIDIA GPU. Quick: it looks only at device files, except on Windows.
 *
 * `/proc/driver/nvidia` does not count: containers see it without the devices. A GPU that `CUDA_VISIBLE_DEVICES` hides does
 * not count either.
 */
export function hasNvidiaGpu({ env, platform, exists, list, ask }: Machine = thisMachine): boolean {
  if (["", "-1", "NoDevFiles"].includes(env.CUDA_VISIBLE_DEVICES?.trim() ?? "all")) return false;
  if (platform !== "linux") return ask("nvidia-smi", ["-L"]) !== undefined;
  return list("/dev").some((name) => /^nvidia\d+$/.test(name)) || exists(`${WSL}/libcuda.so.1`);
}

/** The name of the first NVIDIA GPU that a program here may use, or undefined. It asks nvidia-smi, which can take a second. */
export function nvidiaGpu(machine: Machine = thisMachine): string | undefined {
  if (!hasNvidiaGpu(machine)) return undefined;
  const listed = machine.ask("nvidia-smi", ["-L"]) ?? machine.ask(`${WSL}/nvidia-smi`, ["-L"]);
  return listed?.match(/^GPU \d+: (.*?)(?: \(UUID.*)?$/m)?.[1] ?? "NVIDIA GPU";
}
