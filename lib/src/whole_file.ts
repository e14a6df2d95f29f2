/** @file Writes files whole or not at all: a crash, a full disk or an error in between leaves the old ones as they were. */
import { open, rename, rm } from "node:fs/promises";

/** One file to write: its path and the parts of its content, which may be made while writing. */
export interface WholeFile {
  readonly path: string;
  readonly chunks: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;
}

/** What systems answer when there is no room: on the disk, in the user's share of it, in a file of limited size. */
const NO_ROOM = /^(?:ENOSPC|EDQUOT|EFBIG)$/;

/** An error of writing as it is, or in words when there was no room: what could not be done, and `remedy`, what to do. */
export function noRoom(error: unknown, failed: string, remedy: string): unknown {
  const code = String((error as NodeJS.ErrnoException | undefined)?.code);
  return NO_ROOM.test(code)
    ? new Error(`${failed}: there is no room left (${code}). ${remedy}`, { cause: error })
    : error;
}

/**
 * Writes all files under temporary names beside their places, then renames them. When one fails, none is changed.
 *
 * @throws Error that names the file when there is no room for it
 */
export async function writeWhole(files: readonly WholeFile[]): Promise<void> {
  const temporary = (path: string): string => `${path}.${process.pid}.part`;
  let at = "";
  try {
    for (const { path, chunks } of files) {
      at = path;
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
    throw noRoom(
      error,
      `${at} could not be written`,
      "No file was changed. Make room on this disk, or write elsewhere",
    );
  }
}
