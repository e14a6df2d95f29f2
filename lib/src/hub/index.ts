/** @file Where a model is: a local path as it is, or a name on the Hugging Face hub, fetched once into the cache that Python's huggingface_hub shares. It reads no weights. */
import { existsSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { INDEX } from "../files/open";
import { shardNames } from "../files/sharded";
import { Interrupted, watchInterrupt } from "../interrupt";
import { type ProgressReporter, report, stepReporter } from "../progress";
import { isCommit, RepositoryCache } from "./cache";
import { chooseFiles, isGguf, type Wanted } from "./choose";
import { ConnectionError, findRepository, HubError, type HubSettings, hubSettings, type RemoteFile } from "./client";
import { bytesKept, download } from "./download";

/** How a model is looked for. */
export interface ResolveOptions {
  /** On the hub: a branch, a tag or a commit. Default `main`. */
  readonly revision?: string | undefined;
  /** One weights file of the folder or repository: a `.gguf`, or another `.safetensors` than `model.safetensors`. */
  readonly file?: string | undefined;
  /** On the hub: fetch no weights. */
  readonly only?: "tokenizer" | undefined;
  /** Hears of the download, in bytes. Default: where all progress goes. */
  readonly onProgress?: ProgressReporter | undefined;
  /** Stops the download; what has come is kept. */
  readonly signal?: AbortSignal | undefined;
}

/** A name on the hub: `gpt2` or `owner/name`. */
const HUB_ID = /^(?:\w[\w.-]*\/)?\w[\w.-]{0,95}$/;

/**
 * Finds a model: a folder in Hugging Face's layout, a `.gguf` file, or a name on the hub such as `HuggingFaceTB/SmolLM2-135M`.
 * A local path wins. From the hub come only the files that are needed, into the cache of Python's huggingface_hub, and only
 * those that are not there yet; a broken download goes on where it stopped. Without a connection, the cached copy is used.
 *
 * The environment says more, as in Python: HF_HOME or HF_HUB_CACHE (where), HF_TOKEN (for private and gated models),
 * HF_ENDPOINT (a mirror), HF_HUB_OFFLINE=1 (ask nobody).
 *
 * @returns the path of a folder; of a GGUF file where that is the model, or the one that `file` names
 * @throws Error that says what to do when there is no such model, it cannot be fetched, or what came is not what the hub promised
 * @throws Interrupted when it was stopped
 * @example
 * import { resolveModel } from "gptlab";
 * import { mkdirSync, writeFileSync } from "node:fs";
 * mkdirSync("my-model");
 * writeFileSync("my-model/tiny.gguf", "");
 * (await resolveModel("my-model")).endsWith("tiny.gguf"); // => true
 */
export async function resolveModel(idOrPath: string, options: ResolveOptions = {}): Promise<string> {
  if (existsSync(idOrPath)) return localModel(idOrPath, options);
  if (!HUB_ID.test(idOrPath) || idOrPath.includes("..") || isGguf(idOrPath))
    throw new Error(
      `There is no folder or file "${idOrPath}" here (looked from ${process.cwd()}), and it cannot be a name on the Hugging Face hub, which looks like "owner/name"`,
    );
  const stop = new AbortController();
  const { signal } = options;
  const watch = await watchInterrupt();
  const look = setInterval(() => watch.interrupted && stop.abort(), 100);
  try {
    return await hubModel(idOrPath, options, signal ? AbortSignal.any([signal, stop.signal]) : stop.signal);
  } catch (error) {
    if (!signal?.aborted && !stop.signal.aborted) throw error;
    throw new Interrupted(`Stopped fetching ${idOrPath}. What has come is kept; the same call goes on from there.`);
  } finally {
    clearInterval(look);
    watch.close();
  }
}

async function localModel(path: string, options: ResolveOptions): Promise<string> {
  if (!statSync(path).isDirectory()) return path;
  const { file } = options;
  const weights = file ?? chooseFiles(await readdir(path), options, path).weights;
  if (file !== undefined && !existsSync(join(path, file))) throw new RangeError(`${path} has no file "${file}"`);
  return weights !== undefined && isGguf(weights) ? join(path, weights) : path;
}

async function hubModel(id: string, options: ResolveOptions, signal: AbortSignal): Promise<string> {
  const settings = await hubSettings();
  const { revision = "main" } = options;
  const cache = new RepositoryCache(settings.cacheFolder, id);
  const known = await cache.commitOf(revision);
  const cached = known && (await cache.find(known, options));
  if (cached && (settings.offline || isCommit(revision))) return cached;
  if (settings.offline)
    throw new Error(
      `${id} is not in the cache, and HF_HUB_OFFLINE forbids to fetch it. ${await otherWays(id, cache, options)}`,
    );
  try {
    const { commit, names, list, url } = await findRepository(id, revision, settings, signal);
    const job: Job = { id, options, cache, settings, signal, commit, url };
    const path = (await cache.find(commit, options, names)) ?? (await fetchModel(job, await list()));
    await cache.remember(revision, commit); // only now: until all is here, the name stands for the old copy
    return path;
  } catch (error) {
    if (signal.aborted || !isUnreachable(error)) throw error;
    if (cached) return cached;
    throw new Error(
      `${id} is not in the cache, and ${settings.endpoint} cannot be reached (${(error as Error).message}). ${await otherWays(id, cache, options)}`,
      { cause: error },
    );
  }
}

interface Job {
  readonly id: string;
  readonly options: ResolveOptions;
  readonly cache: RepositoryCache;
  readonly settings: HubSettings;
  readonly signal: AbortSignal;
  readonly commit: string;
  readonly url: (path: string) => string;
}

async function fetchModel(job: Job, files: readonly RemoteFile[]): Promise<string> {
  const { id, options, cache, commit } = job;
  const byName = new Map(files.map((file) => [file.path, file]));
  const { small, weights } = chooseFiles([...byName.keys()], options, `${id} on the hub`);
  if (weights === undefined && !options.only)
    throw new Error(
      `${id} has no weights that gptlab reads: expected model.safetensors, its index, or a .gguf file, but found ${[...byName.keys()].join(", ").slice(0, 300)}. Look for a copy of the model in one of these formats`,
    );
  const folder = cache.snapshot(commit);
  const first = weights === INDEX ? [...small, INDEX] : small;
  await fetchFiles(`Fetching ${id}: settings`, first, byName, job);
  const several = weights === INDEX ? await shardNames(join(folder, INDEX)) : undefined;
  const large = several ?? (weights === undefined ? [] : [weights]);
  await fetchFiles(`Fetching ${id}`, large, byName, job);
  return weights !== undefined && isGguf(weights) ? join(folder, weights) : folder;
}

/** Brings those of the files that are not in the snapshot yet, one after the other, and tells how many bytes of all are here. */
async function fetchFiles(
  label: string,
  names: readonly string[],
  byName: ReadonlyMap<string, RemoteFile>,
  { id, options, cache, commit, url, settings, signal }: Job,
): Promise<void> {
  const files = names.flatMap((name) => {
    const file = byName.get(name);
    if (!file) throw new Error(`The index of ${id} names "${name}", which the repository lacks`);
    const here = statSync(join(cache.snapshot(commit), name), { throwIfNoEntry: false });
    return here?.size === file.size ? [] : [file];
  });
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const kept = await Promise.all(files.map(({ hash }) => bytesKept(cache.blob(hash))));
  const { onProgress = report } = options;
  const tell = stepReporter(label, total, { onProgress, from: kept.reduce((sum, bytes) => sum + bytes, 0) });
  let before = 0;
  for (const file of files) {
    const { path, hash, size } = file;
    const onBytes = (bytes: number): void =>
      tell(before + bytes, () => `${megabytes(before + bytes)} of ${megabytes(total)} MB, ${path}`);
    await download({
      file,
      url: url(path),
      target: cache.blob(hash),
      what: `${id} ${path}`,
      settings,
      signal,
      onBytes,
    });
    await cache.link(commit, path, hash);
    before += size;
  }
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** Whether nobody answered, or nobody who is in order: then the cached copy will do. */
function isUnreachable(error: unknown): boolean {
  if (error instanceof HubError) return error.status >= 500 || error.status === 429;
  return error instanceof ConnectionError;
}

async function otherWays(id: string, cache: RepositoryCache, wanted: Wanted): Promise<string> {
  const commits = await cache.wholeCommits(wanted);
  const older = commits.length > 0 ? `Whole in the cache is the revision ${commits.join(", ")}: ask for it. ` : "";
  return `${older}With a connection, the same call fetches it once and for all. Without one, copy ${cache.folder} from a machine that has it, or give a folder instead of "${id}"`;
}
