/** @file The notebook kernel as a test sees it: starts tslab, sends a cell, reads its output, presses the interrupt button. Jupyter's protocol 5.3 without Python. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { rollUpDeclarations } from "../../tools/notebook/declarations.ts";

rollUpDeclarations();

/** The part of zeromq (a dependency of tslab) that is used here. */
interface Zeromq {
  Dealer: new () => ZeromqSocket & { send(frames: readonly (string | Buffer)[]): Promise<void> };
  Subscriber: new () => ZeromqSocket & { subscribe(): void };
}
interface ZeromqSocket extends AsyncIterable<Buffer[]> {
  connect(address: string): void;
  close(): void;
  linger: number;
}

const tslab = createRequire(import.meta.url).resolve("tslab/package.json");
const zmq = createRequire(tslab)("zeromq") as Zeromq;
const DELIMITER = "<IDS|MSG>";

/** What one cell did. `ok` is false when it failed, as the notebook would show. */
export interface CellResult {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Kernel {
  /** Runs a cell. `onOutput` sees the text so far, each time some arrives. */
  execute(code: string, onOutput?: (text: string) => void): Promise<CellResult>;
  /** What the interrupt button does. */
  interrupt(): void;
  /** True while the kernel's process lives. */
  alive(): boolean;
  close(): Promise<void>;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<typeof server>((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Starts a kernel that works in `cwd`, as Jupyter does for a notebook in that folder. */
export async function startKernel(cwd: string): Promise<Kernel> {
  const folder = mkdtempSync(path.join(tmpdir(), "gptlab-kernel-"));
  const [shell, iopub, stdin, control, hb] = await freePorts(5);
  const key = randomUUID();
  const connection = { shell_port: shell, iopub_port: iopub, stdin_port: stdin, control_port: control, hb_port: hb };
  const file = path.join(folder, "connection.json");
  writeFileSync(
    file,
    JSON.stringify({ ...connection, ip: "127.0.0.1", transport: "tcp", key, signature_scheme: "hmac-sha256" }),
  );
  const main = path.join(path.dirname(tslab), "bin", "tslab");
  const child = spawn(process.execPath, [main, "kernel", `--config-path=${file}`], {
    cwd,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));

  const requests = new zmq.Dealer();
  const news = new zmq.Subscriber();
  for (const socket of [requests, news]) socket.linger = 0;
  requests.connect(`tcp://127.0.0.1:${shell}`);
  news.connect(`tcp://127.0.0.1:${iopub}`);
  news.subscribe();

  const waiting = new Map<string, (type: string, content: Record<string, unknown>) => void>();
  const listen = async (socket: ZeromqSocket) => {
    for await (const frames of socket) {
      const parts = frames.map(String);
      const at = parts.indexOf(DELIMITER);
      const [header, parent, , content] = parts.slice(at + 2).map((part) => JSON.parse(part));
      waiting.get(parent.msg_id)?.(header.msg_type, content);
    }
  };
  void listen(requests);
  void listen(news);

  async function request(id: string, type: string, content: object): Promise<void> {
    const header = {
      msg_id: id,
      msg_type: type,
      session: key,
      username: "test",
      version: "5.3",
      date: new Date().toISOString(),
    };
    const parts = [header, {}, {}, content].map((part) => JSON.stringify(part));
    const signature = parts.reduce((hash, part) => hash.update(part), createHmac("sha256", key)).digest("hex");
    await requests.send([DELIMITER, signature, ...parts]);
  }

  /** After a failed cell tslab refuses others for 200 ms by its own clock, which a busy machine holds up: then the cell is sent again. */
  async function execute(code: string, onOutput?: (text: string) => void): Promise<CellResult> {
    for (;;) {
      const { status, ...result } = await send(code, onOutput);
      if (status !== "abort") return result;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async function send(
    code: string,
    onOutput: (text: string) => void = () => undefined,
  ): Promise<CellResult & { status: unknown }> {
    const streams = { stdout: "", stderr: "" };
    let status: unknown;
    let idle = false;
    const id = randomUUID();
    const answered = new Promise<void>((resolve) => {
      waiting.set(id, (type, content) => {
        if (type === "stream") {
          streams[content.name as "stdout" | "stderr"] += content.text;
          onOutput(streams.stdout + streams.stderr);
        }
        if (type === "execute_reply") status = content.status;
        if (type === "status") idle = content.execution_state === "idle";
        if (status !== undefined && idle) resolve();
      });
      void exited.then(resolve);
    });
    await request(id, "execute_request", {
      code,
      silent: false,
      store_history: false,
      user_expressions: {},
      allow_stdin: false,
      stop_on_error: false,
    });
    await answered;
    waiting.delete(id);
    return { ok: status === "ok", status, ...streams };
  }

  const kernel: Kernel = {
    execute,
    interrupt: () => void child.kill("SIGINT"),
    alive: () => child.exitCode === null && child.signalCode === null,
    async close() {
      child.kill("SIGKILL");
      await exited;
      for (const socket of [requests, news]) socket.close();
      rmSync(folder, { recursive: true });
    },
  };
  await subscribed(kernel, child);
  return kernel;
}

/** Output that comes before the subscription has arrived is lost, so asks until some is heard. */
async function subscribed(kernel: Kernel, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const answered = await Promise.race([
      kernel.execute('console.log("ready")'),
      new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 1000)),
    ]);
    if (answered?.stdout.includes("ready")) return;
  }
  throw new Error(`The kernel ended with code ${child.exitCode} before it answered.`);
}
