/** @file An npm registry on this machine with one package of our own, which can be told to misbehave; and the recipe that reads it. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import type { DataRecord } from "gptlab";
import type { RecordRecipe } from "../../lib/src/data/recipe.ts";
import { root } from "./repository.ts";

const { create } = createRequire(path.join(root, "lib/package.json"))("tar") as {
  create: (options: { sync: true; gzip: true; cwd: string; file: string; portable: true }, paths: string[]) => void;
};

export const PACKAGE = "gptlab-fixture";
const VERSION = "1.0.0";
/** Noise makes the file large enough that half of it is not all of it. */
const noise = Array.from({ length: 3000 }, (_, i) => createHash("sha256").update(`line ${i}`).digest("base64"));
const FILES: Readonly<Record<string, string>> = {
  "package.json": JSON.stringify({ name: PACKAGE, version: VERSION }),
  "data/a.txt": "The first river was slow.",
  "data/b.txt": "The second river was wide.\u2028It had two banks.",
  "data/noise.txt": noise.join("\n"),
  "other/c.txt": "Nobody asked for this file.",
};

function pack(): Buffer {
  const folder = mkdtempSync(path.join(tmpdir(), "gptlab-pack-"));
  for (const [name, text] of Object.entries(FILES)) {
    const file = path.join(folder, "package", name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const file = path.join(folder, "package.tgz");
  create({ sync: true, gzip: true, cwd: folder, file, portable: true }, ["package"]);
  const tarball = readFileSync(file);
  rmSync(folder, { recursive: true });
  return tarball;
}

const convert = (files: ReadonlyMap<string, string>): DataRecord[] =>
  [...files.keys()].sort().map((name) => ({ name, text: files.get(name) ?? "" }));

/** The recipe of the package, whose tarball has this integrity and size. */
function fixtureRecipe(integrity: string, bytes: number): RecordRecipe {
  const wanted = Object.entries(FILES).filter(([name]) => name.startsWith("data/"));
  const records = convert(new Map(wanted.map(([name, text]) => [`${PACKAGE}/${name}`, text])));
  const jsonl = records.map((record) => `${JSON.stringify(record)}\n`).join("");
  return {
    name: "fixture",
    title: "Rivers",
    licence: "CC0",
    sources: [{ registry: "npm", package: PACKAGE, version: VERSION, integrity, bytes }],
    files: /\/data\/\w+\.txt$/,
    expected: {
      records: records.length,
      characters: records.reduce((sum, { text }) => sum + text.length, 0),
      sha256: createHash("sha256").update(jsonl).digest("hex"),
    },
    convert,
  };
}

/** How the registry answers a request for the tarball. */
export type Answer = "whole" | "cut" | "changed" | "stuck" | "missing";

export interface Registry {
  readonly recipe: RecordRecipe;
  /** What the next requests for the tarball get; the last one stays. */
  answers: Answer[];
  /** Requests for the tarball so far. */
  readonly requests: () => number;
  readonly close: () => Promise<void>;
  readonly env: Readonly<Record<string, string>>;
}

/** Starts the registry. `env` holds npm's settings for it, with a fresh npm cache in `folder`. */
export async function startRegistry(folder: string): Promise<Registry> {
  const tarball = pack();
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  let requests = 0;
  const registry = { answers: ["whole"] as Answer[] };
  const server = createServer((request, response) => {
    if (!request.url?.endsWith(".tgz")) {
      const dist = { tarball: `${url}/${PACKAGE}/-/${PACKAGE}-${VERSION}.tgz`, integrity };
      const manifest = { name: PACKAGE, version: VERSION, dist };
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({ name: PACKAGE, "dist-tags": { latest: VERSION }, versions: { [VERSION]: manifest } }),
      );
      return;
    }
    requests++;
    const answer = registry.answers.length > 1 ? registry.answers.shift() : registry.answers[0];
    const half = tarball.subarray(0, tarball.length / 2);
    const changed = Buffer.from(tarball);
    changed[changed.length - 20]! ^= 1;
    if (answer === "missing") response.writeHead(404).end();
    else if (answer === "whole") response.end(tarball);
    else if (answer === "changed") response.end(changed);
    else {
      response.setHeader("content-length", tarball.length);
      response.write(half, () => answer === "cut" && request.socket.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  return Object.assign(registry, {
    recipe: fixtureRecipe(integrity, tarball.length),
    requests: () => requests,
    env: { npm_config_registry: url, npm_config_noproxy: "127.0.0.1", npm_config_cache: path.join(folder, "npm") },
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}
