/** @file The public names of the package `gptlab`; each module says itself what it offers. */

export * from "./loop";
export * from "./progress";
export * from "./random";
