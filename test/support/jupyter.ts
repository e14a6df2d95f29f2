/** @file Drives the course in a real JupyterLab in a real Chromium, as a learner's hands would. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";

export const root = path.resolve(import.meta.dirname, "../..");
const jupyter = path.join(root, ".venv/bin/jupyter");

/** The user's or Debian's Chromium, or undefined. */
export function findChromium(): string | undefined {
  const names = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  return names.find((name) => name && existsSync(name));
}

/** Why the browser tests cannot run here, or undefined when they can. */
export function browserMissing(): string | undefined {
  if (!existsSync(jupyter)) return "no JupyterLab in .venv: run make setup";
  if (!findChromium()) return "no Chromium found: install chromium, or set CHROMIUM to its path";
  return undefined;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (!address || typeof address === "string") throw new Error("no free port");
  return address.port;
}

export class Lab {
  private pages = 0;

  private constructor(
    private readonly server: ChildProcess,
    private readonly browser: Browser,
    private readonly url: string,
    private readonly log: () => string,
  ) {}

  static async start(env: Record<string, string> = {}): Promise<Lab> {
    const port = await freePort();
    const token = "browser-test";
    const flags = ["--no-browser", "--ServerApp.ip=127.0.0.1", `--port=${port}`, `--IdentityProvider.token=${token}`];
    const workspaces = mkdtempSync(path.join(tmpdir(), "gptlab-workspaces-")); // no tabs of an earlier run
    const server = spawn(process.execPath, ["--import", "tsx", "tools/lab.ts", "en", ...flags], {
      cwd: root,
      env: { ...process.env, JUPYTERLAB_WORKSPACES_DIR: workspaces, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true, // its own process group, so that the kernels end with it
    });
    const end = () => server.pid && process.kill(-server.pid, "SIGTERM");
    process.once("exit", end); // also when a test breaks off
    server.once("close", () => process.removeListener("exit", end));
    let log = "";
    server.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()));
    server.stdout?.on("data", (chunk: Buffer) => (log += chunk.toString()));
    const url = `http://127.0.0.1:${port}`;
    for (let attempt = 0; ; attempt++) {
      const up = await fetch(`${url}/api`).then(
        (answer) => answer.ok,
        () => false,
      );
      if (up) break;
      if (attempt > 300 || server.exitCode !== null) throw new Error(`JupyterLab did not start:\n${log}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const executablePath = findChromium();
    if (!executablePath) throw new Error("no Chromium");
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    return new Lab(server, browser, `${url}/lab/workspaces/%w/tree/%s?token=${token}`, () => log);
  }

  /** Opens a notebook, given from the root of the repository. */
  async open(notebook: string): Promise<NotebookPage> {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 1000 } });
    const page = await context.newPage();
    // A workspace of its own, so that pages do not open each other's tabs.
    await page.goto(this.url.replace("%w", `test-${++this.pages}`).replace("%s", notebook));
    await page.locator(".jp-NotebookPanel .jp-Cell").first().waitFor({ timeout: 60_000 });
    await page.getByText(/\| Idle$/).waitFor({ timeout: 60_000 }); // the status bar: before it, a run is dropped
    return new NotebookPage(page, path.join(root, notebook));
  }

  serverLog(): string {
    return this.log();
  }

  async stop(): Promise<void> {
    await this.browser.close();
    const ended = new Promise((resolve) => this.server.once("close", resolve));
    if (this.server.pid) process.kill(-this.server.pid, "SIGTERM");
    const kill = setTimeout(() => this.server.pid && process.kill(-this.server.pid, "SIGKILL"), 5000);
    await ended;
    clearTimeout(kill);
  }
}

interface SavedCell {
  id: string;
  cell_type: string;
  source: string | string[];
  outputs?: { output_type: string; name?: string; text?: string | string[]; data?: Record<string, unknown> }[];
}

export class NotebookPage {
  private marks = 0;

  constructor(
    readonly page: Page,
    private readonly file: string,
  ) {}

  /** Run > Run All Cells, and waits for the end. */
  async runAll(limitSeconds = 300): Promise<void> {
    await this.menu("Run", "Run All Cells");
    await this.idle(limitSeconds);
  }

  async menu(name: string, item: string): Promise<void> {
    await this.page.locator(".lm-MenuBar-itemLabel", { hasText: new RegExp(`^${name}$`) }).click();
    await this.page.locator(".lm-Menu-itemLabel", { hasText: new RegExp(`^${item}$`) }).click();
  }

  /** Waits until no cell is running. Two looks, because the kernel is idle for a moment between cells. */
  async idle(limitSeconds = 60): Promise<void> {
    const end = Date.now() + limitSeconds * 1000;
    for (let quiet = 0; quiet < 3; ) {
      if (Date.now() > end) throw new Error(`the notebook was still running after ${limitSeconds} s`);
      await this.page.waitForTimeout(400);
      const status = await this.page
        .locator(".jp-NotebookPanel .jp-Notebook-ExecutionIndicator")
        .getAttribute("data-status");
      const waiting = await this.page.locator(".jp-InputPrompt", { hasText: "[*]" }).count();
      quiet = status === "idle" && waiting === 0 ? quiet + 1 : 0;
    }
  }

  /** The cell that shows `text`; JupyterLab draws only cells near the view, so it scrolls until the cell is there. */
  async cell(text: string): Promise<Locator> {
    const cell = this.page.locator(".jp-NotebookPanel .jp-Cell", { hasText: text }).first();
    const view = this.page.locator(".jp-NotebookPanel .jp-WindowedPanel-outer");
    await view.evaluate((element) => element.scrollTo(0, 0));
    for (let step = 0; step < 300; step++) {
      if (await cell.count()) {
        await cell.scrollIntoViewIfNeeded();
        return cell;
      }
      const atEnd = await view.evaluate((element) => {
        element.scrollBy(0, element.clientHeight * 0.7);
        return element.scrollTop + element.clientHeight >= element.scrollHeight - 2;
      });
      await this.page.waitForTimeout(120);
      if (atEnd && !(await cell.count())) break;
    }
    throw new Error(`no cell shows "${text}"`);
  }

  /** The cell that shows `text`, also when it will not show it any more. */
  async mark(text: string): Promise<Locator> {
    const name = `cell-${++this.marks}`;
    await (await this.cell(text)).evaluate((element, value) => element.setAttribute("data-test", value), name);
    return this.page.locator(`[data-test="${name}"]`);
  }

  /** Presses the button that stops the running cell. */
  async interrupt(): Promise<void> {
    const item = '[data-jp-item-name="interrupt"]';
    await this.page.locator(`${item} jp-button, ${item} button`).first().click();
  }

  /** Writes `code` into the cell that shows `text`, as a paste would, and runs it. Gives the text of its output. */
  async answer(text: string, code: string): Promise<string> {
    const cell = await this.mark(text);
    await cell.locator(".cm-content").click();
    await this.page.keyboard.press("Control+a");
    await this.page.keyboard.insertText(code);
    await this.page.keyboard.press("Control+Enter");
    await this.idle();
    return cell.locator(".jp-OutputArea").innerText();
  }

  /** The notebook as it is on disk after File > Save. */
  async saved(): Promise<SavedCell[]> {
    await this.page.keyboard.press("Escape");
    await this.page.keyboard.press("Control+s");
    await this.page.waitForTimeout(1500);
    return (JSON.parse(readFileSync(this.file, "utf8")) as { cells: SavedCell[] }).cells;
  }
}
