/**
 * @file Sets up the course on a fresh machine: packages, notebooks' Python, library, kernel, native engine.
 *
 * `node tools/setup.mjs [--without-engine]`. Plain Node, because it runs before anything is installed. Each step first
 * looks whether it has been done, so a second run does no work and needs no connection. Not here: the native engine
 * itself, which is `gptlab setup`, for everybody who installs the library.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { alone } from "./alone.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const windows = process.platform === "win32";
const venv = path.join(root, ".venv");
const venvBin = path.join(venv, windows ? "Scripts" : "bin");
const python = path.join(venvBin, windows ? "python.exe" : "python");
const TOKENIZERS = "tokenizers==0.23.3";
const npm = windows ? "npm.cmd" : "npm";

/** Runs a command; its output is shown only when it fails. */
function run(command, args, { show = false, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const viaShell = windows && command.endsWith(".cmd"); // the only way to run those
    const quoted = viaShell ? args.map((arg) => `"${arg}"`) : args;
    const child = spawn(viaShell ? `"${command}"` : command, quoted, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", show ? "inherit" : "pipe", show ? "inherit" : "pipe"],
      shell: viaShell,
    });
    let output = "";
    child.stdout?.on("data", (chunk) => (output += chunk));
    child.stderr?.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0
        ? resolve(output)
        : reject(new Error(`${path.basename(command)} ${args.join(" ")} ended with ${code}\n${output.trimEnd()}`)),
    );
  });
}

const hash = (...parts) => createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 16);
const read = (file) => (existsSync(path.join(root, file)) ? readFileSync(path.join(root, file), "utf8") : "");

/** Does `work` unless the stamp file already holds `key`; the stamp is written last, so a killed step is done again. */
async function step(label, stampFile, key, work) {
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === key) return;
  const start = Date.now();
  console.log(`  ${label} …`);
  await work();
  mkdirSync(path.dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, key);
  console.log(`  ${label}: done in ${((Date.now() - start) / 1000).toFixed(0)} s`);
}

function nodePackages() {
  const key = hash(read("package-lock.json"), read("package.json"), read("lib/package.json"));
  return step("npm packages", path.join(root, "node_modules/.gptlab-stamp"), key, () =>
    run(npm, ["ci", "--no-progress", "--loglevel=error"]),
  );
}

/** The Python that makes the virtual environment: PYTHON, python3 or python. */
async function findPython() {
  let found = "no python3 was found";
  for (const name of [process.env.PYTHON, "python3", "python"].filter(Boolean)) {
    try {
      await run(name, ["-c", "import sys; assert sys.version_info >= (3, 10), sys.version"]);
      return name;
    } catch (error) {
      const old = /AssertionError: (\S+)/.exec(error.message)?.[1];
      if (old) found = `${name} is ${old}`;
    }
  }
  throw new Error(`JupyterLab needs Python 3.10 or newer, but ${found}. Install it, or set PYTHON to its path.`);
}

async function createVenv() {
  const base = await findPython();
  rmSync(venv, { recursive: true, force: true });
  try {
    await run(base, ["-m", "venv", venv]);
  } catch (error) {
    // Debian and Ubuntu ship Python without its venv module.
    const isRoot = process.getuid?.() === 0;
    if (!isRoot || !existsSync("/usr/bin/apt-get")) {
      throw new Error(
        `${base} -m venv failed. On Debian and Ubuntu: sudo apt install python3-venv, then run this again.\n${error.message}`,
      );
    }
    console.log("  python3-venv is missing: installing it with apt-get …");
    await run("apt-get", ["update", "-qq"]);
    await run("apt-get", ["install", "-y", "-qq", "python3-venv"], { env: { DEBIAN_FRONTEND: "noninteractive" } });
    rmSync(venv, { recursive: true, force: true });
    await run(base, ["-m", "venv", venv]);
  }
}

function pythonPackages() {
  const key = hash(read("tools/requirements.txt"), read("tools/requirements.lock"), TOKENIZERS, root);
  return step("JupyterLab", path.join(venv, ".gptlab-stamp"), key, async () => {
    await createVenv();
    const pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check"];
    await run(python, [...pip, "-r", "tools/requirements.txt", "-c", "tools/requirements.lock"]);
    // Hugging Face's own tokenizers: the tests compare with it. Its dependencies serve only downloads.
    await run(python, [...pip, "--no-deps", TOKENIZERS]);
  });
}

/** tslab as a kernel inside the virtual environment, with absolute paths: neither PATH nor JUPYTER_PATH is needed. */
function kernel() {
  const tslab = path.join(root, "node_modules", ".bin", windows ? "tslab.cmd" : "tslab");
  const key = hash(read("node_modules/tslab/package.json"), root);
  return step("notebook kernel", path.join(venv, "share/jupyter/kernels/tslab/.gptlab-stamp"), key, async () => {
    await run(tslab, ["install", `--prefix=${venv}`, `--python=${python}`, `--binary=${tslab}`]);
    rmSync(path.join(venv, "share/jupyter/kernels/jslab"), { recursive: true, force: true });
  });
}

async function engine() {
  const options = { env: { PATH: `${venvBin}${path.delimiter}${process.env.PATH}` } };
  const built = existsSync(path.join(root, "node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node"));
  const output = await run(process.execPath, ["lib/bin/gptlab.js", "setup"], { ...options, show: !built });
  if (built && !output.startsWith("native TensorFlow is ready")) process.stdout.write(output); // nothing new is not said
}

async function everything() {
  await Promise.all([nodePackages(), pythonPackages()]);
  await run(npm, ["run", "--silent", "build"]);
  await kernel();
  if (!process.argv.includes("--without-engine")) await engine();
}

try {
  // Two at once (`make lab` and `make test`) would install into the same folders.
  const lock = ".build/setup.lock";
  await alone(path.join(root, lock), everything, () =>
    console.log(`  another set-up is at work: waiting for it … (if there is none, delete ${lock})`),
  );
} catch (error) {
  console.error(
    `\nThe set-up stopped: ${error.message}\n\nWhat is done stays done: run the same command again when this is mended. docs/setup.md has help.`,
  );
  process.exit(1);
}
