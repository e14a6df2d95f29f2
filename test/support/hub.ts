/** @file A Hugging Face hub on this machine with one repository of our own, which can be told to misbehave. Large files are sent on to a second server, as the hub sends to its own store. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

export const REPOSITORY = "someone/tiny";
export const TOKEN = "hf_test";

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const gitHash = (bytes: Buffer) => createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

/** How the store answers a request for a large file. */
export type Answer = "whole" | "cut" | "changed" | "short" | "long" | "without parts" | "stuck";

export interface Hub {
  readonly url: string;
  /** Content by name; a commit's hash is made from it, so a change is a new commit. */
  files: Map<string, Buffer>;
  /** What the next requests for a large file get; the last one stays. */
  answers: Answer[];
  /** What the hub answers to everything, when it is not to do its work. */
  instead: { status: number; code?: string; page?: string } | undefined;
  /** Who asks without {@link TOKEN} gets nothing. */
  gated: boolean;
  /** What was asked: method, path, and the headers that matter. */
  readonly asked: { path: string; range: string | undefined; token: string | undefined; store: boolean }[];
  commit(): string;
  close(): Promise<void>;
}

const LARGE = /\.(safetensors|gguf)$/;

export async function startHub(contents: Readonly<Record<string, string | Buffer>>): Promise<Hub> {
  const large = (name: string) => LARGE.test(name);
  const hub: Hub = {
    url: "",
    files: new Map(Object.entries(contents).map(([name, content]) => [name, Buffer.from(content)])),
    answers: ["whole"],
    instead: undefined,
    gated: false,
    asked: [],
    commit: () => gitHash(Buffer.concat([...hub.files].flatMap(([name, bytes]) => [Buffer.from(name), bytes]))),
    close: async () => {
      for (const server of [front, store]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };

  const entry = ([path, bytes]: [string, Buffer]) => ({
    type: "file",
    path,
    size: bytes.length,
    oid: large(path) ? gitHash(Buffer.from("pointer")) : gitHash(bytes),
    ...(large(path) ? { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 134 } } : {}),
  });

  const front = createServer((request, response) => {
    const { path, token } = note(request, false);
    const refuse = (status: number, code = "") => response.writeHead(status, { "X-Error-Code": code }).end();
    if (hub.instead?.page) return response.writeHead(hub.instead.status).end(hub.instead.page);
    if (hub.instead) return refuse(hub.instead.status, hub.instead.code);
    if (hub.gated && token !== `Bearer ${TOKEN}`) return refuse(401, "GatedRepo");
    const [, revision] = new RegExp(`^/api/models/${REPOSITORY}/revision/([^?]+)`).exec(path) ?? [];
    if (revision) {
      if (!["main", "v1", hub.commit()].includes(decodeURIComponent(revision))) return refuse(404, "RevisionNotFound");
      return json(response, {
        _id: "1",
        id: REPOSITORY,
        sha: hub.commit(),
        private: false,
        lastModified: "2026-01-01T00:00:00.000Z",
        siblings: [...hub.files.keys()].map((rfilename) => ({ rfilename })),
      });
    }
    if (path.startsWith(`/api/models/${REPOSITORY}/tree/${hub.commit()}`)) {
      const entries = [{ type: "directory", path: "onnx", size: 0, oid: "" }, ...[...hub.files].map(entry)];
      const second = path.includes("cursor=2"); // two pages, as the hub does with long lists
      if (!second) response.setHeader("Link", `<${hub.url}${path}&cursor=2>; rel="next"`);
      return json(response, second ? entries.slice(3) : entries.slice(0, 3));
    }
    const [, name = ""] = new RegExp(`^/${REPOSITORY}/resolve/${hub.commit()}/(.+)$`).exec(path) ?? [];
    const bytes = hub.files.get(name);
    if (!bytes) return path.includes(REPOSITORY) ? refuse(404, "EntryNotFound") : refuse(401, "RepoNotFound");
    response.setHeader("X-Repo-Commit", hub.commit());
    const linked = { "X-Linked-Etag": `"${sha256(bytes)}"`, "X-Linked-Size": bytes.length };
    if (large(name)) return response.writeHead(302, { ...linked, Location: `${storeUrl}/${name}` }).end();
    return response.writeHead(200, { ETag: `"${gitHash(bytes)}"`, "Content-Length": bytes.length }).end(bytes);
  });

  const store = createServer((request, response) => {
    const { path, range } = note(request, true);
    const answer = hub.answers.length > 1 ? hub.answers.shift() : hub.answers[0];
    let bytes = Buffer.from(hub.files.get(path.slice(1)) ?? "");
    if (answer === "changed") bytes[bytes.length - 1]! ^= 1;
    if (answer === "short") bytes = bytes.subarray(0, -1);
    if (answer === "long") bytes = Buffer.concat([bytes, bytes]);
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const total = bytes.length;
    if (from > 0 && answer !== "without parts") {
      bytes = bytes.subarray(from);
      response.writeHead(206, {
        "Content-Range": `bytes ${from}-${total - 1}/${total}`,
        "Content-Length": bytes.length,
      });
    } else response.writeHead(200, { "Content-Length": total });
    if (answer !== "cut" && answer !== "stuck") return response.end(bytes);
    return response.write(bytes.subarray(0, bytes.length / 2), () =>
      setTimeout(() => answer === "cut" && request.socket.destroy(), 20),
    );
  });

  const note = ({ url = "", headers }: IncomingMessage, isStore: boolean) => {
    const asked = { path: url, range: headers.range, token: headers.authorization, store: isStore };
    hub.asked.push(asked);
    return asked;
  };
  const json = (response: ServerResponse, value: unknown) =>
    response.setHeader("content-type", "application/json").end(JSON.stringify(value));
  const listen = async (server: Server) => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  };
  const storeUrl = await listen(store);
  return Object.assign(hub, { url: await listen(front) });
}
