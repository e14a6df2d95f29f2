/** @file The folder in which models from the hub are kept, laid out as Python's huggingface_hub does, so that both share it: blobs by hash, snapshots of links by commit, refs from names to commits. */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { INDEX } from "../files/open";
import { shardNames } from "../files/sharded";
import { chooseFiles, isGguf, type Wanted } from "./choose";

/** Whether a revision is a full commit, which never changes. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** The cache of one repository. */
export class RepositoryCache {
  readonly folder: string;

  constructor(cacheFolder: string, id: string) {
    this.folder = join(resolve(cacheFolder), `models--${id.replaceAll("/", "--")}`);
  }

  /** Where the content with this hash lies, or will lie. */
  blob(hash: string): string {
    return join(this.folder, "blobs", hash);
  }

  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  /** The commit that a branch or tag had when it was last fetched. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const text = await readFile(this.#ref(revision), "utf8").catch(() => "");
    return isCommit(text.trim()) ? text.trim() : undefined;
  }

  async remember(revision: string, commit: string): Promise<void> {
    if (isCommit(revision) || (await this.commitOf(revision)) === commit) return;
    const path = this.#ref(revision);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, commit); // half of it is no commit, and counts as none
  }

  /** Makes a blob appear in a snapshot under its name; where links cannot be made, the blob itself moves there. */
  async link(commit: string, name: string, hash: string): Promise<void> {
    const path = join(this.snapshot(commit), name);
    await mkdir(dirname(path), { recursive: true });
    if (!existsSync(path)) await rm(path, { force: true }); // a link to nothing
    await symlink(relative(dirname(path), this.blob(hash)), path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") await rename(this.blob(hash), path); // else another load was faster
    });
  }

  /**
   * What {@link resolveModel} would return, if all that is wanted of a commit is here; else undefined. A file is linked into
   * its snapshot only when it is whole, so being there is being whole. Python fetches single files too: that none of the small
   * ones lacks is known only with the names that the hub has.
   */
  async find(commit: string, wanted: Wanted, onHub: readonly string[] = []): Promise<string | undefined> {
    const folder = this.snapshot(commit);
    const names = (await readdir(folder, { recursive: true }).catch(() => []))
      .map((name) => name.replaceAll("\\", "/"))
      .filter((name) => existsSync(join(folder, name))); // false for a link to nothing
    try {
      const { small, weights } = chooseFiles(names, wanted, folder);
      if (weights !== undefined && isGguf(weights)) return join(folder, weights);
      if (onHub.length > 0 && chooseFiles(onHub, wanted, folder).small.some((name) => !small.includes(name)))
        return undefined;
      if (wanted.only) return small.includes("tokenizer.json") ? folder : undefined;
      if (weights === undefined || !small.includes("config.json")) return undefined;
      if (weights !== INDEX) return folder;
      const shards = await shardNames(join(folder, INDEX));
      return shards.every((shard) => names.includes(shard)) ? folder : undefined;
    } catch {
      return undefined;
    }
  }

  /** The commits of which all that is wanted is here. */
  async wholeCommits(wanted: Wanted): Promise<string[]> {
    const commits = (await readdir(join(this.folder, "snapshots")).catch(() => [])).filter(isCommit);
    const found = await Promise.all(commits.map((commit) => this.find(commit, wanted)));
    return commits.filter((_, i) => found[i] !== undefined);
  }

  #ref(revision: string): string {
    if (revision.split(/[/\\]/).includes("..") || revision === "")
      throw new RangeError(`A revision is a branch, a tag or a commit, but found ${JSON.stringify(revision)}`);
    return join(this.folder, "refs", revision);
  }
}
