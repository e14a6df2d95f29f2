/** @file Starts JupyterLab on the course: `tsx tools/lab.ts [en|ar|fa] [flags for JupyterLab …]`. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const { languages } = JSON.parse(readFileSync(path.join(root, "course.json"), "utf8")) as { languages: string[] };
const args = process.argv.slice(2);
const asked = args[0]?.startsWith("-") ? undefined : args.shift();
const language = asked ?? "en";
const flags = args;
if (!languages.includes(language)) {
  console.error(`The course is in ${languages.join(", ")}, not in "${language}". For example: make lab COURSE_LANG=fa`);
  process.exit(2);
}
const folder = `chapters/${language}`;
const first = readdirSync(path.join(root, folder)).find((name) => name.endsWith(".ipynb"));
const jupyter = path.join(root, ".venv", process.platform === "win32" ? "Scripts/jupyter.exe" : "bin/jupyter");

const asRoot = process.getuid?.() === 0 ? ["--allow-root"] : []; // containers; JupyterLab refuses otherwise
// The root is the whole course: with a notebook's path as argument, its folder would be, and links out of it dead.
const start = [`--ServerApp.root_dir=${root}`, ...(first ? [`--LabApp.default_url=/lab/tree/${folder}/${first}`] : [])];
const lab = spawn(jupyter, ["lab", ...start, ...asRoot, ...flags], {
  cwd: root,
  stdio: "inherit",
  env: {
    ...process.env,
    JUPYTER_CONFIG_DIR: path.join(root, "tools/jupyter"),
    TF_CPP_MIN_LOG_LEVEL: process.env.TF_CPP_MIN_LOG_LEVEL ?? "2",
  },
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => lab.kill(signal));
lab.on("close", (code) => process.exit(code ?? 1));
