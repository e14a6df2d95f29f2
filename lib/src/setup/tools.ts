/** @file What set-up needs from the machine, in one place, so that tests can describe another machine. */
import { hasNvidiaGpu } from "../backend/nvidia";
import { type Probe, probeBackend } from "../backend/probe";
import { buildAddon } from "./addon";
import { compilers } from "./compiler";
import { fetchEngine } from "./fetch";
import { installPackage, type NativePackage, nativePackage } from "./package";
import { fetchPrebuilt } from "./prebuilt";
import { findPython } from "./python";

/** The machine as set-up sees it. */
export interface Tools {
  readonly platform: string;
  readonly arch: string;
  readonly hasGpu: () => boolean;
  readonly compilers: () => readonly string[];
  readonly findPython: () => Promise<string>;
  readonly nativePackage: () => NativePackage | undefined;
  readonly installPackage: () => Promise<NativePackage>;
  readonly fetchEngine: typeof fetchEngine;
  readonly buildAddon: typeof buildAddon;
  readonly fetchPrebuilt: typeof fetchPrebuilt;
  /** Starts libtensorflow in a child process. */
  readonly probe: () => Promise<Probe>;
}

/** This machine. */
export const tools: Tools = {
  platform: process.platform,
  arch: process.arch,
  hasGpu: hasNvidiaGpu,
  compilers,
  findPython,
  nativePackage,
  installPackage,
  fetchEngine,
  buildAddon,
  fetchPrebuilt,
  probe: () => probeBackend("tensorflow"),
};
