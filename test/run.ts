/**
 * @file Runs every test of the project, the learner's exercises first, two jobs at a time, and prints one closing line
 * `N passed, N failed, N skipped`. Usage: `tsx test/run.ts [--chapter NN]`.
 *
 * A test file is a program (uvu); this file only starts them and adds up. A file with `@backends` in its first line runs
 * once for every engine of this machine, or for those named there (`@backends tensorflow wasm.`). Quick files of one folder
 * of `test/lib` share a process, for each engine one.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { BackendName } from "gptlab";
import { availableBackends, backendEnvironment } from "./support/backends.ts";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const python = path.join(root, ".venv", process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
const JOBS_AT_ONCE = 2;
/** A hung test must not hang the suite. In CI the notebooks of all languages take 8 minutes, on a busy machine 17. */
const JOB_LIMIT_SECONDS = 2400;

interface Job {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly count: (output: string, code: number) => Count;
  /** Its output is for the reader, also when all is well. */
  readonly show?: boolean;
}
interface Count {
  passed: number;
  failed: number;
  skipped: number;
}
interface Result extends Count {
  readonly job: Job;
  readonly output: string;
  readonly seconds: number;
}

/** One test that is the exit code. */
const countExit = (_: string, code: number): Count => ({
  passed: code === 0 ? 1 : 0,
  failed: code === 0 ? 0 : 1,
  skipped: 0,
});

/** uvu prints `Total:`, `Passed:` and `Skipped:`; a file that ran nothing, or died before its summary, has failed. */
function countUvu(output: string, code: number): Count {
  const number = (label: string) => Number(new RegExp(`^\\s*${label}:\\s+(\\d+)`, "m").exec(output)?.[1] ?? 0);
  const total = number("Total");
  const skipped = (output.match(/^.*\bSKIP /gm) ?? []).length;
  const failed = total - number("Passed") - number("Skipped");
  if (total === 0 || (code !== 0 && failed === 0)) return { passed: 0, failed: 1, skipped: 0 };
  return { passed: number("Passed") - skipped, failed, skipped: skipped + number("Skipped") };
}

/** Programs that end in the plain line `N passed, N failed[, N skipped]`. */
function countPlain(output: string, code: number): Count {
  const line = /(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/.exec(output);
  if (!line) return { passed: 0, failed: 1, skipped: 0 };
  const [passed, failed, skipped] = line.slice(1).map((text) => Number(text ?? 0)) as [number, number, number];
  return { passed, failed: failed === 0 && code !== 0 ? 1 : failed, skipped };
}

function tsx(file: string, args: readonly string[] = []): Pick<Job, "command" | "args"> {
  return { command: process.execPath, args: ["--import", "tsx", file, ...args] };
}

const exercises = (chapter?: string): Job => ({
  name: "your exercises",
  ...tsx("tools/course.ts", ["check", "--test", ...(chapter ? ["--chapter", chapter] : [])]),
  count: countPlain,
  show: true,
});

const types = (project: string): Job => ({
  name: `types of ${project}`,
  command: process.execPath,
  args: ["node_modules/typescript/bin/tsc", "-p", project, "--noEmit"],
  count: countExit,
});

const style: Job = {
  name: "format and style",
  command: process.execPath,
  args: ["node_modules/@biomejs/biome/bin/biome", "check"],
  count: countExit,
};

const notebooks: Job = {
  name: "every notebook on the kernel",
  ...tsx("tools/notebooks.ts", ["--run"]),
  env: { PROFILE: "ci" },
  count: countPlain,
};

async function testFiles(): Promise<Job[]> {
  const names = (await readdir(path.join(root, "test"), { recursive: true }))
    .filter((name) => name.endsWith(".test.ts"))
    .sort();
  const backends = await availableBackends();
  const together = new Map<string, { readonly engine: BackendName | undefined; readonly files: string[] }>();
  const jobs = names.flatMap((name): Job[] => {
    const file = `test/${name.split(path.sep).join("/")}`;
    const [firstLine = ""] = readFileSync(path.join(root, file), "utf8").split("\n", 1);
    const wanted = /@backends([a-z ]*)/.exec(firstLine)?.[1]?.trim().split(/ +/).filter(Boolean);
    const engines = wanted ? backends.filter((name) => wanted.length === 0 || wanted.includes(name)) : [undefined];
    if (!file.startsWith("test/lib/") || file.includes(".slow."))
      return engines.map((engine) => uvuJob(file, engine, tsx(file)));
    for (const engine of engines) {
      const key = `${path.posix.dirname(file)}/* ${engine}`;
      const group = together.get(key) ?? { engine, files: [] };
      together.set(key, group);
      group.files.push(file);
    }
    return [];
  });
  const folders = [...together.values()].map(({ engine, files }) =>
    uvuJob(`${path.posix.dirname(files[0] as string)}/*`, engine, tsx("test/support/run_files.ts", files)),
  );
  return [...folders, ...jobs];
}

function uvuJob(name: string, engine: BackendName | undefined, program: Pick<Job, "command" | "args">): Job {
  if (!engine) return { name, ...program, count: countUvu };
  return { name: `${name} on ${engine}`, ...program, env: backendEnvironment(engine), count: countUvu };
}

function execute(job: Job): Promise<Result> {
  const start = Date.now();
  return new Promise((resolve) => {
    const child = spawn(job.command, [...job.args], {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1", ...job.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const limit = setTimeout(() => {
      output += `\nstopped: it ran for more than ${JOB_LIMIT_SECONDS} s`;
      child.kill("SIGKILL");
    }, JOB_LIMIT_SECONDS * 1000);
    child.on("close", (code) => {
      clearTimeout(limit);
      resolve({ job, output, seconds: (Date.now() - start) / 1000, ...job.count(output, code ?? 1) });
    });
  });
}

function print(result: Result): void {
  const { job, passed, failed, skipped, output, seconds } = result;
  const word = failed ? "FAIL" : skipped && !passed ? "skip" : "ok  ";
  const counts = `${passed} passed${failed ? `, ${failed} failed` : ""}${skipped ? `, ${skipped} skipped` : ""}`;
  console.log(`${word} ${job.name}: ${counts} (${seconds.toFixed(1)} s)`);
  if (failed || job.show) console.log(output.trimEnd().replace(/^/gm, "     "));
  else
    for (const line of output.match(/^.*\bSKIP .*$/gm) ?? [])
      console.log(`     ${line.replace(/^.*?SKIP/, "skipped:")}`);
}

async function main(): Promise<void> {
  const flag = process.argv.indexOf("--chapter");
  const chapter = flag > 0 ? process.argv[flag + 1] : undefined;
  mkdirSync(path.join(root, "test/artefacts"), { recursive: true });
  const queue: Job[] = [exercises(chapter)];
  if (chapter) {
    queue.push({
      name: `exercises of chapter ${chapter}`,
      ...tsx("test/course/exercises.test.ts"),
      env: { CHAPTER: chapter },
      count: countUvu,
    });
  } else {
    const files = await testFiles();
    const slow = files.filter(({ name }) => name.includes(".slow.") || name.includes("browser"));
    if (existsSync(python)) queue.push(notebooks);
    queue.push(
      ...slow,
      style,
      ...["chapters", "test", "tools", "bench"].map(types),
      ...files.filter((job) => !slow.includes(job)),
    );
  }

  const results: Result[] = [];
  const first = await execute(queue.shift()!); // the learner's exercises alone, and first
  results.push(first);
  print(first);
  const worker = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) {
      const result = await execute(job);
      results.push(result);
      print(result);
    }
  };
  await Promise.all(Array.from({ length: JOBS_AT_ONCE }, worker));

  const sum = (key: keyof Count) => results.reduce((total, result) => total + result[key], 0);
  const broken = results.filter(({ failed }) => failed).map(({ job }) => job.name);
  if (broken.length) console.log(`\nFailed: ${broken.join(" · ")}`);
  const skipped = sum("skipped");
  console.log(`\n${sum("passed")} passed, ${sum("failed")} failed${skipped ? `, ${skipped} skipped` : ""}`);
  process.exitCode = broken.length ? 1 : 0;
}

await main();
