/** @file Asks the Hugging Face hub: settings from the environment as Python's huggingface_hub reads them, requests that try again, and errors that say what to do. Package: @huggingface/hub. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { isCommit } from "./cache";

/** Where the hub is and how it is asked. */
export interface HubSettings {
  readonly endpoint: string;
  readonly cacheFolder: string;
  readonly token: string | undefined;
  readonly offline: boolean;
  /** After so many milliseconds without an answer, or without a byte, a connection counts as lost. Pauses are parts of it. */
  readonly patience: number;
}

/** One file of a repository. */
export interface RemoteFile {
  readonly path: string;
  readonly size: number;
  /** Git's own hash of the content, or SHA-256 for a large file. It is also the file's name in the cache. */
  readonly hash: string;
}

/** HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE and HF_HUB_DOWNLOAD_TIMEOUT (seconds). */
export async function hubSettings(): Promise<HubSettings> {
  const { getHFHubCachePath, HUB_URL } = await import("@huggingface/hub");
  const { env } = process;
  const home = env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  const kept = await readFile(env.HF_TOKEN_PATH || join(home, "token"), "utf8").catch(() => ""); // `hf auth login` writes it
  const seconds = Number(env.HF_HUB_DOWNLOAD_TIMEOUT);
  return {
    endpoint: (env.HF_ENDPOINT || HUB_URL).replace(/\/+$/, ""),
    cacheFolder: getHFHubCachePath(),
    token: env.HF_TOKEN?.trim() || kept.trim() || undefined,
    offline: [env.HF_HUB_OFFLINE, env.TRANSFORMERS_OFFLINE].some((value) => /^(1|on|yes|true)$/i.test(value ?? "")),
    patience: seconds > 0 ? 1000 * seconds : 30_000,
  };
}

/** The hub answered, and the answer is no. */
export class HubError extends Error {
  override readonly name = "HubError";

  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** Nobody answered, or not the hub, or the answer broke off. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
}

/** What `fetch` or reading its answer threw, as a {@link ConnectionError} if it is one. */
export function asConnectionError(error: unknown): unknown {
  const timeout = error instanceof DOMException && error.name === "TimeoutError";
  if (!(error instanceof TypeError) && !timeout) return error;
  return new ConnectionError(codeOf(error) ?? (error as Error).message, { cause: error });
}

const ATTEMPTS = 3;
/** Signs that trying again at once would give the same. */
const HOPELESS = /^(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH)$/;

/** The code of the system's error inside one of `fetch`. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return typeof code === "string" ? code : codeOf(cause);
}

/**
 * `fetch` that tries again when the connection fails or the server is at fault. Throws {@link HubError} for a refusal and
 * {@link ConnectionError} when nobody answers. `what` names what is asked for.
 */
export async function request(
  url: string | URL,
  init: RequestInit,
  { endpoint, token, patience }: HubSettings,
  what: string,
): Promise<Response> {
  const late = new DOMException(`no answer within ${patience / 1000} s`, "TimeoutError");
  for (let attempt = 1; ; attempt++) {
    const answering = new AbortController(); // only until the answer begins: its body has as long as it takes
    const timer = setTimeout(() => answering.abort(late), patience);
    try {
      const signal = init.signal ? AbortSignal.any([init.signal, answering.signal]) : answering.signal;
      const response = await fetch(url, { ...init, signal });
      if (response.ok || response.status === 416) return response;
      await response.body?.cancel();
      const mayPass = response.status === 429 || response.status >= 500;
      if (!mayPass || attempt === ATTEMPTS) throw refusal(response, endpoint, token !== undefined, what);
    } catch (error) {
      const lost = error instanceof TypeError && !HOPELESS.test(codeOf(error) ?? "");
      if (!lost || attempt === ATTEMPTS) throw asConnectionError(error);
    } finally {
      clearTimeout(timer);
    }
    await pause((patience / 60) * 4 ** (attempt - 1), undefined, init.signal ? { signal: init.signal } : {});
  }
}

function refusal({ status, headers }: Response, endpoint: string, hasToken: boolean, what: string): HubError {
  const code = headers.get("X-Error-Code") ?? "";
  const said = headers.get("X-Error-Message");
  const page = `${endpoint}/${what.split(" ")[0]}`;
  const say = (text: string) =>
    new HubError(`${text} (${endpoint} answered ${[status, said].filter(Boolean).join(": ")})`, status);
  if (code === "RevisionNotFound") return say(`${what} is not on the hub: the model has no such branch, tag or commit`);
  if (code === "EntryNotFound") return say(`${what} is not on the hub: the model has no such file`);
  if (code === "GatedRepo")
    return say(
      `${what} is given only to those who accept its terms: do so at ${page}, then set HF_TOKEN to a token of that account`,
    );
  if (status === 401 || status === 404)
    return say(
      `${what} is not on the hub, or not for everybody. Look for its name at ${page}; a private model needs ${hasToken ? "a token that may read it; HF_TOKEN now holds another" : "HF_TOKEN"}`,
    );
  if (status === 403) return say(`${what} may not be read with this token: look at ${page} what it asks for`);
  return say(`${what} could not be fetched now: the hub is at fault or overloaded. Try again later`);
}

/** A repository at one commit. */
export interface RemoteRepository {
  readonly commit: string;
  /** The names of all its files. */
  readonly names: readonly string[];
  /** All its files. */
  list(): Promise<RemoteFile[]>;
  /** Where a file is fetched. */
  url(path: string): string;
}

/** Asks for the commit that a branch, a tag or an abbreviated commit stands for. */
export async function findRepository(
  id: string,
  revision: string,
  settings: HubSettings,
  signal: AbortSignal,
): Promise<RemoteRepository> {
  const { modelInfo, listFiles } = await import("@huggingface/hub");
  const { endpoint } = settings;
  const notOurs = (error: unknown): never => {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ConnectionError("its answer is not what the hub answers: is it one, or does a proxy ask you to log in?", {
      cause: error,
    });
  };
  const what = revision === "main" ? id : `${id} at "${revision}"`;
  const common = {
    hubUrl: endpoint,
    fetch: (url: string | URL | Request, init: RequestInit = {}) =>
      request(
        url as string,
        { ...init, headers: { ...init.headers, ...authorization(settings) }, signal },
        settings,
        what,
      ),
  };
  const asked = { name: id, revision, additionalFields: ["sha", "filePaths"] as ("sha" | "filePaths")[], ...common };
  const { sha: commit, filePaths: names } = await modelInfo(asked).catch(notOurs);
  if (!isCommit(commit)) return notOurs(new SyntaxError("no commit"));
  return {
    commit,
    names,
    async list() {
      const files: RemoteFile[] = [];
      const repo = { type: "model", name: id } as const;
      for await (const { type, path, size, oid, lfs } of listFiles({
        repo,
        revision: commit,
        recursive: true,
        ...common,
      }))
        if (type === "file") files.push({ path, size: lfs?.size ?? size, hash: lfs?.oid ?? oid ?? "" });
      return files;
    },
    url: (path) => `${endpoint}/${id}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`,
  };
}

/** The header that says who asks. `fetch` takes it off when it is sent on to another host. */
export function authorization({ token }: HubSettings): Record<string, string> {
  return token === undefined ? {} : { Authorization: `Bearer ${token}` };
}
