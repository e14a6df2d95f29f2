/** @file A model in several safetensors files: an index says in which of them each tensor lies. To the reader it is one source. */
import path from "node:path";
import { isRecord, parseJson } from "./json";
import { openSafetensors, type SafetensorsFile } from "./safetensors";
import { noTensor, openFile, readInto } from "./tensor_file";
import {
  type Broken,
  brokenFile,
  FormatError,
  type HostTensor,
  shown,
  type TensorInfo,
  type TensorSource,
} from "./tensors";

/** Room for 250 thousand tensors, which is also the most that `parseJson` takes. */
const LONGEST_INDEX = 25_000_000;

class ShardedSafetensors implements TensorSource {
  readonly names: readonly string[];

  constructor(
    readonly path: string,
    readonly metadata: Readonly<Record<string, unknown>>,
    private readonly homes: ReadonlyMap<string, SafetensorsFile>,
    private readonly shards: Iterable<SafetensorsFile>,
  ) {
    this.names = [...homes.keys()];
  }

  has(name: string): boolean {
    return this.homes.has(name);
  }

  info(name: string): TensorInfo {
    return this.home(name).info(name);
  }

  read(name: string): Promise<HostTensor> {
    return this.home(name).read(name);
  }

  async close(): Promise<void> {
    await closeAll(this.shards);
  }

  private home(name: string): SafetensorsFile {
    const home = this.homes.get(name);
    if (home) return home;
    throw new FormatError(this.path, noTensor(this.path, name, this.names));
  }
}

/**
 * Opens all files that a `model.safetensors.index.json` names, which lie in its folder. Throws FormatError when one is
 * missing or broken, does not have a tensor that the index promises, or would lie elsewhere. What a file has beyond the
 * index is left alone.
 *
 * Source: the layout that transformers writes, `save_pretrained(max_shard_size=…)`.
 *
 * @example
 * import { openSharded, writeSafetensors } from "gptlab";
 * import { writeFileSync } from "node:fs";
 * await writeSafetensors("1.safetensors", new Map([["w", { dtype: "U8", shape: [1], data: Uint8Array.of(7) }]]));
 * writeFileSync("model.safetensors.index.json", JSON.stringify({ weight_map: { w: "1.safetensors" } }));
 * const source = await openSharded("model.safetensors.index.json");
 * (await source.read("w")).data[0]; // => 7
 * await source.close();
 */
export async function openSharded(indexPath: string): Promise<TensorSource> {
  const broken = brokenFile(indexPath, "index of safetensors files");
  const { metadata, files } = await readIndex(indexPath, broken);
  const shards = new Map<string, SafetensorsFile>();
  try {
    const homes = new Map<string, SafetensorsFile>();
    for (const [name, file] of files) {
      const shard = shards.get(file) ?? (await openShard(path.dirname(indexPath), file, broken));
      shards.set(file, shard);
      if (!shard.has(name)) broken(`it says that ${shown(name)} is in ${shown(file)}, which does not have it`);
      homes.set(name, shard);
    }
    return new ShardedSafetensors(indexPath, metadata, homes, shards.values());
  } catch (error) {
    await closeAll(shards.values());
    throw error;
  }
}

/** The files that an index names, each once. Throws FormatError when it is broken, or names one that would not lie beside it. */
export async function shardNames(indexPath: string): Promise<string[]> {
  const { files } = await readIndex(indexPath, brokenFile(indexPath, "index of safetensors files"));
  return [...new Set(files.map(([, file]) => file))];
}

/** Which file each tensor lies in. */
async function readIndex(
  indexPath: string,
  broken: Broken,
): Promise<{ metadata: Record<string, unknown>; files: [string, string][] }> {
  const { handle, size } = await openFile(indexPath);
  try {
    if (size > LONGEST_INDEX) broken(`it has ${size} bytes, expected at most ${LONGEST_INDEX}`);
    const bytes = Buffer.alloc(size);
    await readInto(handle, 0, bytes, indexPath);
    const index = parseJson(bytes.toString("utf8"), "its text", broken);
    const map = isRecord(index) ? index["weight_map"] : undefined;
    if (!isRecord(index) || !isRecord(map)) return broken(`it has no "weight_map" with a file for each tensor`);
    const files = Object.entries(map).map(([name, file]): [string, string] =>
      isPlainName(file)
        ? [name, file]
        : broken(`${shown(name)} is in ${shown(file)}, expected the name of a file beside it`),
    );
    return { metadata: isRecord(index["metadata"]) ? index["metadata"] : {}, files };
  } finally {
    await handle.close();
  }
}

async function openShard(folder: string, file: string, broken: Broken): Promise<SafetensorsFile> {
  const at = path.join(folder, file);
  return openSafetensors(at).catch((error: unknown) => {
    const missing =
      error instanceof FormatError && (error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
    return missing ? broken(`the file ${shown(file)}, which it names, is missing`) : Promise.reject(error);
  });
}

/** A name in the same folder: no way out of it, for this system or another. */
function isPlainName(file: unknown): file is string {
  return typeof file === "string" && /^[^/\\:\0]{1,255}$/.test(file) && file !== "." && file !== "..";
}

async function closeAll(shards: Iterable<SafetensorsFile>): Promise<void> {
  for (const shard of shards) await shard.close();
}
