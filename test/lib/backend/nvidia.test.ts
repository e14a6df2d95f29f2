/** @file hasNvidiaGpu() and nvidiaGpu() on described machines. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasNvidiaGpu, type Machine, nvidiaGpu } from "../../../lib/dist/backend/nvidia.js";

const test = suite("nvidiaGpu()");
const LISTED = "GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-5d)\nGPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-5e)\n";
const bare: Machine = { env: {}, platform: "linux", exists: () => false, list: () => [], ask: () => undefined };
const device = (folder: string) => (folder === "/dev" ? ["null", "nvidia0", "nvidiactl"] : []);

test("nvidiaGpu() names the first GPU that the driver lists", () => {
  const machine = { ...bare, list: device, ask: (command: string) => (command === "nvidia-smi" ? LISTED : undefined) };
  assert.is(nvidiaGpu(machine), "NVIDIA H100 80GB HBM3");
});

test("nvidiaGpu() finds a GPU without nvidia-smi, as in a slim container", () => {
  assert.is(nvidiaGpu({ ...bare, list: device }), "NVIDIA GPU");
});

test("nvidiaGpu() does not believe the driver alone: a container may have no device", () => {
  const machine = {
    ...bare,
    list: () => ["null", "nvidiactl"],
    exists: (path: string) => path === "/proc/driver/nvidia",
    ask: () => LISTED,
  };
  assert.is(nvidiaGpu(machine), undefined);
});

test("nvidiaGpu() respects a GPU that the user has hidden", () => {
  for (const hidden of ["", "-1", " -1 ", "NoDevFiles"]) {
    assert.is(
      nvidiaGpu({ ...bare, list: device, ask: () => LISTED, env: { CUDA_VISIBLE_DEVICES: hidden } }),
      undefined,
    );
  }
  assert.is(hasNvidiaGpu({ ...bare, list: device, env: { CUDA_VISIBLE_DEVICES: "1" } }), true);
});

test("hasNvidiaGpu() asks no program on Linux, knows Windows' Linux, and asks nvidia-smi on Windows", () => {
  const never = (): never => {
    throw new Error("a program was started");
  };
  assert.is(hasNvidiaGpu({ ...bare, list: device, ask: never }), true);
  assert.is(hasNvidiaGpu({ ...bare, exists: (path) => path === "/usr/lib/wsl/lib/libcuda.so.1", ask: never }), true);
  assert.is(hasNvidiaGpu({ ...bare, ask: never }), false);
  assert.is(hasNvidiaGpu({ ...bare, platform: "win32", ask: () => LISTED }), true);
});

test.run();
