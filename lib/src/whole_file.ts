/** @file Writes files whole or not at all: a crash, a full disk or an error in between leaves the old ones as they were. */
import { open, rename, rm } from "node:fs/promises";

/** One file to write: its path and the parts of its content, which may be made while writing. */
export interface WholeFile {
  readonly path: string;
  readonly chunks: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;
}

/** Writes all files under temporary names beside their places, then renames them. When one fails, none is changed. */
export async function writeWhole(files: readonly WholeFile[]): Promise<void> {
  const temporary = (path: string): string => `${path}.${process.pid}.part`;
  try {
    for (const { path, chunks } of files) {
      const file = await open(temporary(path), "w");
      try {
        for await (const chunk of chunks) await file.writeFile(chunk);
        await file.sync();
      } finally {
        await file.close();
      }
    }
    for (const { path } of files) await rename(temporary(path), path);
  } catch (error) {
    for (const { path } of files) await rm(temporary(path), { force: true });
    throw error;
  }
}
