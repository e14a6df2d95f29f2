/** @file Brings one file of the hub into the cache: goes on where it was cut, compares size and hash, and only then gives the file its name. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { isAlive } from "../alive";
import { noRoom } from "../whole_file";
import {
  asConnectionError,
  authorization,
  ConnectionError,
  type HubSettings,
  type RemoteFile,
  request,
} from "./client";

/** How often in a row a connection may bring nothing before the download gives up. */
const ATTEMPTS = 4;

/** One file to bring. */
export interface Download {
  readonly file: RemoteFile;
  readonly url: string;
  /** Where it is to lie in the end. */
  readonly target: string;
  /** What it is called in messages. */
  readonly what: string;
  readonly settings: HubSettings;
  readonly signal: AbortSignal;
  /** Hears how many bytes of the file are here. */
  readonly onBytes: (bytes: number) => void;
}

/** Downloads under way in this process, by target: two loads at once share one. */
const underway = new Map<string, Promise<void>>();

/** Makes sure that the whole file lies at its target. */
export async function download(job: Download): Promise<void> {
  const { file, target, what } = job;
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(file.hash))
    throw new Error(
      `The hub gives no hash for ${what}, so that it cannot be checked; found ${JSON.stringify(file.hash)}`,
    );
  while (!(await isThere(target, file.size))) {
    const other = underway.get(target);
    if (other) {
      await endOf(other, job.signal);
      continue;
    }
    const mine = bring(job).finally(() => underway.delete(target));
    underway.set(target, mine);
    await mine;
  }
  job.onBytes(file.size);
}

/** Waits for another load's download. Its failure is its own: it may have been stopped. */
async function endOf(other: Promise<void>, signal: AbortSignal): Promise<void> {
  const waiting = new AbortController();
  const stopped = once(signal, "abort", { signal: waiting.signal }).catch(() => undefined);
  await Promise.race([other.catch(() => undefined), stopped]);
  waiting.abort();
  signal.throwIfAborted();
}

/** How many bytes of a file an earlier download has left here. */
export async function bytesKept(target: string): Promise<number> {
  const parts = await leftovers(target);
  const sizes = await Promise.all(parts.map((path) => sizeOf(path)));
  return Math.max(0, ...sizes);
}

async function bring(job: Download): Promise<void> {
  const { file, target, what } = job;
  await mkdir(dirname(target), { recursive: true });
  const part = `${target}.gptlab-${process.pid}.incomplete`; // Python writes <hash>.<random>.incomplete
  await adopt(target, part);
  for (let idle = 0, wrong = 0; ; ) {
    const before = await sizeOf(part);
    try {
      await append(part, job);
    } catch (error) {
      if (!(error instanceof ConnectionError))
        throw noRoom(
          error,
          `${what} could not be written to ${dirname(target)}`,
          `${await sizeOf(part)} of ${file.size} bytes are kept; with room the same call goes on from there. Or set HF_HOME to a folder on a larger disk`,
        );
      idle = (await sizeOf(part)) > before ? 1 : idle + 1;
      if (idle < ATTEMPTS) {
        await pause((job.settings.patience / 60) * 2 ** idle, undefined, { signal: job.signal });
        continue;
      }
      const { size } = file;
      throw new Error(
        `${what} was cut off ${ATTEMPTS} times in a row: ${(error as Error).message}. ${await sizeOf(part)} of ${size} bytes are kept; the same call goes on from there`,
        { cause: error },
      );
    }
    const fault = await faultOf(part, file);
    if (fault === undefined) break;
    await rm(part, { force: true });
    if (++wrong < 2) continue;
    throw new Error(
      `${what} came twice, and each time ${fault}. Something on the way changes it, or the hub is wrong. Nothing was kept`,
    );
  }
  await rename(part, target);
}

/** A leftover of a process that is no more becomes this download's beginning. Python's own parts are left alone: it may be at work. */
async function adopt(target: string, part: string): Promise<void> {
  for (const path of await leftovers(target)) {
    if (path === part) return;
    await rename(path, part).catch(() => undefined); // another process was faster
    return;
  }
}

/** Unfinished files of this target that no other process works on. */
async function leftovers(target: string): Promise<string[]> {
  const start = `${basename(target)}.`;
  const names = await readdir(dirname(target)).catch(() => []);
  return names.flatMap((name) => {
    const pid = name.startsWith(start) ? /^gptlab-(\d+)\.incomplete$/.exec(name.slice(start.length))?.[1] : undefined;
    return pid === undefined || isOthers(Number(pid)) ? [] : [join(dirname(target), name)];
  });
}

function isOthers(pid: number): boolean {
  return pid !== process.pid && isAlive(pid);
}

/** Adds to the part what is missing. */
async function append(part: string, { file, url, settings, signal, onBytes, what }: Download): Promise<void> {
  const handle = await openPart(part);
  const stalled = new AbortController();
  const late = new DOMException(`no byte for ${settings.patience / 1000} s`, "TimeoutError");
  const timer = setTimeout(() => stalled.abort(late), settings.patience);
  try {
    let at = (await handle.stat()).size;
    const restart = async (): Promise<void> => {
      await handle.truncate(0);
      at = 0;
    };
    if (at > file.size) await restart();
    if (at === file.size) return;
    const headers = {
      ...authorization(settings),
      "Accept-Encoding": "identity", // a part of compressed bytes could not be continued
      ...(at > 0 ? { Range: `bytes=${at}-` } : {}),
    };
    const response = await request(url, { headers, signal: AbortSignal.any([signal, stalled.signal]) }, settings, what);
    const begin = Number(/^bytes (\d+)-/.exec(response.headers.get("Content-Range") ?? "")?.[1] ?? 0);
    if (response.status === 416 || begin !== (response.status === 206 ? at : 0)) {
      const found = `the answer to a request from byte ${at} on was ${response.status} from byte ${begin} on`;
      await restart();
      throw new ConnectionError(found);
    }
    if (response.status !== 206) await restart(); // the server knows no parts
    onBytes(at);
    for await (const chunk of bodyOf(response)) {
      timer.refresh();
      await writeAll(handle, chunk, at);
      at += chunk.length;
      onBytes(Math.min(at, file.size));
      if (at > file.size) break; // it is another file; its size says so
    }
    if (at < file.size) throw new ConnectionError(`the answer ended after ${at} of ${file.size} bytes`);
    await handle.sync();
  } finally {
    clearTimeout(timer);
    await handle.close();
  }
}

/** The bytes of an answer; when they break off, a {@link ConnectionError}. */
async function* bodyOf({ body }: Response): AsyncGenerator<Uint8Array> {
  try {
    if (body) yield* body as unknown as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw asConnectionError(error);
  }
}

/** Writes at a place, all of it: a disk that is nearly full takes a part first. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
}

async function openPart(part: string): Promise<FileHandle> {
  return open(part, "r+").catch(() => open(part, "w+"));
}

/** What is wrong with a finished part; undefined when nothing is. A short hash is git's, of a header and the content. */
async function faultOf(part: string, { size, hash: expected }: RemoteFile): Promise<string | undefined> {
  const found = await sizeOf(part);
  if (found !== size) return `it had ${found} bytes or more, expected ${size}`;
  const hash = expected.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
  await pipeline(createReadStream(part), hash);
  const digest = hash.digest("hex");
  return digest === expected ? undefined : `its hash was ${digest}, expected ${expected}`;
}

/** Whether a file of this size is there; one of another size was not made by a download. */
async function isThere(path: string, size: number): Promise<boolean> {
  return stat(path).then(
    (found) => found.size === size,
    () => false,
  );
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
