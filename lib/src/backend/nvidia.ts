/** @file Is there an NVIDIA GPU that programs here may use? It looks at device files and asks the driver's own tool; it does not use the GPU. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";

/** What is looked at, so that tests can describe another machine. */
export interface Machine {
  readonly env: NodeJS.ProcessEnv;
  readonly exists: (path: string) => boolean;
  readonly list: (folder: string) => readonly string[];
  /** Output of a program, or undefined when it is missing or fails. */
  readonly ask: (command: string, args: readonly string[]) => string | undefined;
}

const thisMachine: Machine = {
  env: process.env,
  exists: existsSync,
  list: (folder) => (existsSync(folder) ? readdirSync(folder) : []),
  ask: (command, args) => {
    const { status, stdout } = spawnSync(command, args, { encoding: "utf8", timeout: 10_000, windowsHide: true });
    return status === 0 ? stdout : undefined;
  },
};

/**
 * The name of the first NVIDIA GPU that can be used here, or undefined.
 *
 * `/proc/driver/nvidia` alone does not count: containers see it without the devices. A GPU that `CUDA_VISIBLE_DEVICES`
 * hides does not count either.
 */
export function nvidiaGpu({ env, exists, list, ask }: Machine = thisMachine): string | undefined {
  const visible = env.CUDA_VISIBLE_DEVICES?.trim();
  if (visible === "" || visible === "-1" || visible === "NoDevFiles") return undefined;
  const device = list("/dev").some((name) => /^nvidia\d+$/.test(name)) || exists("/dev/dxg");
  if (!device && process.platform === "linux") return undefined;
  const listed = ask("nvidia-smi", ["-L"]) ?? ask("/usr/lib/wsl/lib/nvidia-smi", ["-L"]);
  const name = listed?.match(/^GPU \d+: (.*?)(?: \(UUID.*)?$/m)?.[1];
  // A device file without nvidia-smi (a slim container) is still a GPU; WSL's /dev/dxg may be any maker's.
  return name ?? (list("/dev").some((file) => /^nvidia\d+$/.test(file)) ? "NVIDIA GPU" : undefined);
}
