/** @file The public names of the package `gptlab`; each module says itself what it offers. */

export * from "./files/float16";
export * from "./files/safetensors";
export * from "./loop";
export * from "./plot";
export * from "./progress";
export * from "./random";
