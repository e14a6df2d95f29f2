/** @file Brings the wanted files of one registry package into memory: no dependencies, no scripts, nothing installed. What it fetches is compared with the hash of the recipe. */
import { once } from "node:events";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { ProgressReporter } from "../progress";
import { downloadWheel, unpackWheel } from "../setup/python";
import type { PackageSource } from "./recipe";

/** The part of pacote, npm's own package fetcher, that is used here; the package has no types. */
interface Pacote {
  readonly tarball: {
    stream<T>(spec: string, handler: (stream: NodeJS.ReadableStream) => Promise<T>, options: object): Promise<T>;
  };
}
/** The part of @npmcli/config that is used here: it reads .npmrc files and the environment as npm does. */
type NpmConfig = new (options: object) => { load(): Promise<void>; readonly flat: Readonly<Record<string, unknown>> };

/** npm's settings of this user: registry, mirror, proxy, certificates, tokens, cache. */
async function npmSettings(): Promise<Readonly<Record<string, unknown>>> {
  const Config: NpmConfig = require("@npmcli/config");
  const known: object = require("@npmcli/config/lib/definitions"); // which settings there are
  const config = new Config({ ...known, npmPath: __dirname, argv: [process.execPath, "gptlab"] });
  await config.load();
  return config.flat;
}

/** Wait less long than npm does (10 s and more) before it asks again: here a person is waiting. */
const RETRY = { retries: 2, factor: 2, minTimeout: 500, maxTimeout: 3000 };
/** Reports of progress are at least this far apart, in milliseconds. */
const PROGRESS_EVERY = 250;

/** What a fetch needs to know beside the package. */
interface Request {
  /** Which files are wanted, by `<package>/<path in it>`. */
  readonly wanted: (path: string) => boolean;
  /** An empty folder to work in. */
  readonly folder: string;
  readonly label: string;
  readonly onProgress: ProgressReporter;
  /** The first attempt failed: trust nothing that npm has cached. */
  readonly again: boolean;
}

/** Reads the wanted files of a tarball; its files lie in one top folder, whose name differs from package to package. */
async function readTarball(
  tarball: Uint8Array,
  name: string,
  wanted: (path: string) => boolean,
): Promise<Map<string, Buffer>> {
  const { Parser } = await import("tar"); // not above: it takes a tenth of the time in which gptlab loads
  const files = new Map<string, Buffer>();
  const parser = new Parser({
    onReadEntry: (entry) => {
      const path = `${name}/${entry.path.split("/").slice(1).join("/")}`;
      if (entry.type !== "File" || !wanted(path)) return entry.resume();
      const chunks: Buffer[] = [];
      entry.on("data", (chunk: Buffer) => chunks.push(chunk));
      entry.on("end", () => files.set(path, Buffer.concat(chunks)));
    },
  });
  const finished = once(parser, "end");
  parser.end(Buffer.from(tarball));
  await finished;
  return files;
}

/** All bytes of a stream. The listener for errors stays: a cut connection emits several, and one that nobody hears ends the process. */
function readAll(stream: NodeJS.ReadableStream, tell: (done: number) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let done = 0;
    stream.on("error", reject);
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      done += chunk.length;
      tell(done);
    });
    stream.on("end", () => resolve(Buffer.concat(chunks)));
  });
}

async function fetchNpm(
  source: PackageSource,
  { wanted, label, onProgress, again }: Request,
): Promise<Map<string, Buffer>> {
  const pacote: Pacote = require("pacote");
  const settings = {
    ...(await npmSettings()),
    retry: RETRY,
    integrity: source.integrity,
    ...(again ? { preferOnline: true } : { preferOffline: true }),
  };
  const start = Date.now();
  let told = 0;
  const tell = (done: number) => {
    if (Date.now() - told < PROGRESS_EVERY && done !== source.bytes) return;
    told = Date.now();
    onProgress({ label, done, total: source.bytes, seconds: (told - start) / 1000 });
  };
  const spec = `${source.package}@${source.version}`;
  const tarball = await pacote.tarball.stream(spec, (stream) => readAll(stream, tell), settings);
  return readTarball(tarball, source.package, wanted);
}

async function fetchPypi(
  source: PackageSource,
  { wanted, folder, label, onProgress }: Omit<Request, "again">,
): Promise<Map<string, Buffer>> {
  const { package: name, version, integrity, bytes } = source;
  const work = await mkdtemp(join(folder, "wheel-"));
  const pipArguments = ["--retries=2"]; // pip would ask five times, with longer and longer pauses
  const wheel = { package: name, version, bytes, sha256: [integrity], pipArguments };
  const file = await downloadWheel(wheel, work, { label, onProgress });
  const unpacked = join(work, "unpacked");
  await unpackWheel(file, unpacked);
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(unpacked, { withFileTypes: true, recursive: true })) {
    const full = join(entry.parentPath, entry.name);
    const path = `${name}/${relative(unpacked, full).split(sep).join("/")}`;
    if (entry.isFile() && wanted(path)) files.set(path, await readFile(full));
  }
  return files;
}

/** Signs that trying again at once would give the same: no connection, no such package, no permission. */
const HOPELESS =
  /^(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|E404|E401|E403|ETARGET|ENOSPC|EACCES|EROFS)$/;
const ATTEMPTS = 3;

/**
 * Fetches a package and gives its wanted files by `<package>/<path in it>`. `folder` is where temporary files may be made.
 * A download that is cut or whose hash differs is fetched again, twice at most (pip's once, by `downloadWheel`).
 *
 * npm packages come by pacote with the user's npm settings, Python packages by `pip download` with the user's pip settings.
 * Throws the error of the last attempt.
 */
export async function fetchPackage(
  source: PackageSource,
  request: Omit<Request, "again">,
): Promise<Map<string, Buffer>> {
  if (source.registry === "pypi") return fetchPypi(source, request);
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetchNpm(source, { ...request, again: attempt > 1 });
    } catch (error) {
      if (attempt === ATTEMPTS || HOPELESS.test((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
}
