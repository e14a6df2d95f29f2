/** @file Which files of the Python package index hold libtensorflow: exact versions, hashes and sizes. It fetches nothing. */
import type { Wheel } from "./python";

/** One build of libtensorflow. */
export interface EngineFiles {
  /** Name of its folder in the cache; another build has another one. */
  readonly key: string;
  /** What it is, for messages. */
  readonly title: string;
  readonly gpu: boolean;
  readonly wheels: readonly Wheel[];
  /** Space on disk while it is being unpacked, in bytes. */
  readonly space: number;
}

const VERSION = "2.21.0";

/** Any Python can fetch these: pip is told for which Python and system, and nothing of Python is used afterwards. */
function wheel(name: string, version: string, bytes: number, sha256: string, machine = "x86_64"): Wheel {
  const systems = ["manylinux_2_27", "manylinux_2_17", "manylinux2014"];
  const pipArguments = ["--python-version", "3.12", "--implementation", "cp"];
  for (const system of systems) pipArguments.push("--platform", `${system}_${machine}`);
  return { package: name, version, bytes, sha256: [sha256], pipArguments };
}

const X64: EngineFiles = {
  key: `tensorflow-cpu-${VERSION}-linux-x64`,
  title: `tensorflow-cpu ${VERSION}`,
  gpu: false,
  wheels: [
    wheel("tensorflow-cpu", VERSION, 274_000_871, "dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb"),
  ],
  space: 1.3e9,
};

const ARM64: EngineFiles = {
  key: `tensorflow-${VERSION}-linux-arm64`,
  title: `tensorflow ${VERSION}`,
  gpu: false,
  wheels: [
    wheel(
      "tensorflow",
      VERSION,
      281_946_471,
      "b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552",
      "aarch64",
    ),
  ],
  space: 1.4e9,
};

// What pip chose for tensorflow[and-cuda] 2.21.0, without the packages that only Python needs.
const X64_GPU: EngineFiles = {
  key: `tensorflow-gpu-${VERSION}-linux-x64`,
  title: `tensorflow ${VERSION} with CUDA 12.9`,
  gpu: true,
  wheels: [
    wheel("tensorflow", VERSION, 572_611_111, "b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0"),
    wheel(
      "nvidia-cublas-cu12",
      "12.9.3.13",
      581_217_458,
      "d7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72",
    ),
    wheel(
      "nvidia-cuda-cupti-cu12",
      "12.8.90",
      10_248_621,
      "ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182",
    ),
    wheel(
      "nvidia-cuda-nvcc-cu12",
      "12.9.86",
      40_546_229,
      "5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0",
    ),
    wheel(
      "nvidia-cuda-nvrtc-cu12",
      "12.9.86",
      89_568_129,
      "210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4",
    ),
    wheel(
      "nvidia-cuda-runtime-cu12",
      "12.9.79",
      3_493_179,
      "25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3",
    ),
    wheel(
      "nvidia-cudnn-cu12",
      "9.28.0.42",
      716_538_495,
      "9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375",
    ),
    wheel(
      "nvidia-cufft-cu12",
      "11.4.1.4",
      200_877_592,
      "c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28",
    ),
    wheel(
      "nvidia-curand-cu12",
      "10.3.10.19",
      68_295_626,
      "49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e",
    ),
    wheel(
      "nvidia-cusolver-cu12",
      "11.7.5.82",
      338_117_415,
      "15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88",
    ),
    wheel(
      "nvidia-cusparse-cu12",
      "12.5.10.65",
      366_465_088,
      "73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78",
    ),
    wheel(
      "nvidia-nccl-cu12",
      "2.32.3",
      351_526_311,
      "bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c",
    ),
    wheel(
      "nvidia-nvjitlink-cu12",
      "12.9.86",
      39_748_338,
      "e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9",
    ),
  ],
  space: 6.6e9,
};

/** The build for a system, or undefined when there is none and the npm package's own download has to serve. */
export function engineFiles(platform: string, arch: string, gpu: boolean): EngineFiles | undefined {
  if (platform !== "linux") return undefined;
  if (arch === "x64") return gpu ? X64_GPU : X64;
  return arch === "arm64" ? ARM64 : undefined;
}
