/** @file resolveModel() against a hub on this machine: what is fetched, what is kept, what is refused. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as later } from "node:timers/promises";
import { Interrupted, type Progress, resolveModel } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Hub, REPOSITORY, startHub, TOKEN } from "../../support/hub.ts";
import { root } from "../../support/repository.ts";
import { withFullDisk } from "../../support/small_files.ts";

const test = suite("resolveModel");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-hub-"));
const weights = Buffer.alloc(300_000, "weights ");
const CONTENTS = {
  "config.json": "{}",
  "tokenizer.json": '{"a": 1}',
  "tokenizer_config.json": '{"b": 1}',
  "README.md": "not needed",
  "pytorch_model.bin": "not needed",
  "model.safetensors": weights,
};
const NEEDED = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];
/** A request for the rest of a file. */
const RESUMED = /^bytes=([1-9]\d*)-$/;
let hub: Hub;
let cache = "";

test.before.each(async () => {
  hub = await startHub(CONTENTS);
  cache = mkdtempSync(path.join(folder, "cache-"));
  for (const name of Object.keys(process.env))
    if (/^(HF_|HUGGINGFACE_|TRANSFORMERS_)/.test(name)) delete process.env[name];
  Object.assign(process.env, { HF_ENDPOINT: hub.url, HF_HOME: cache, HF_HUB_DOWNLOAD_TIMEOUT: "6" });
});
test.after.each(() => hub.close());
test.after(() => rmSync(folder, { recursive: true, force: true }));

const store = () => path.join(cache, "hub", `models--${REPOSITORY.replace("/", "--")}`);
const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    (value) => assert.unreachable(`it gave ${String(value)}`) as never,
    (error: Error) => error,
  );
const fetched = () => hub.asked.filter(({ path }) => path.includes("/resolve/")).map(({ path: p }) => path.basename(p));
const blobs = () => path.join(store(), "blobs");
const parts = () => (existsSync(blobs()) ? readdirSync(blobs()).filter((name) => name.endsWith(".incomplete")) : []);

test("resolveModel() takes a local folder or file as it is and asks nobody", async () => {
  const local = mkdtempSync(path.join(folder, "local-"));
  assert.is(await resolveModel(local), local);
  writeFileSync(path.join(local, "a.gguf"), "");
  assert.is(await resolveModel(local), path.join(local, "a.gguf"));
  assert.is(await resolveModel(path.join(local, "a.gguf")), path.join(local, "a.gguf"));
  writeFileSync(path.join(local, "b.gguf"), "");
  assert.is(await resolveModel(local, { file: "b.gguf" }), path.join(local, "b.gguf"));
  assert.match(
    (await failure(resolveModel(local))).message,
    /has 2 GGUF files; name one as `file`\. It has a\.gguf, b\.gguf/,
  );
  assert.match((await failure(resolveModel(local, { file: "c.gguf" }))).message, /has no file "c\.gguf"/);
  writeFileSync(path.join(local, "model.safetensors"), "");
  assert.is(await resolveModel(local), local);
  assert.is(hub.asked.length, 0);
});

test("resolveModel() does not look on the hub for what can only be a path", async () => {
  for (const name of ["./someone/tiny", "a/b/c", "/nowhere/model", "model.gguf", "../tiny", "someone/"])
    assert.match((await failure(resolveModel(name))).message, /There is no folder or file ".*" here .*"owner\/name"/);
  assert.is(hub.asked.length, 0);
});

test("resolveModel() fetches the files that a model needs, laid out as Python's huggingface_hub does", async () => {
  const news: Progress[] = [];
  const found = await resolveModel(REPOSITORY, { onProgress: (p) => news.push(p) });
  assert.is(found, path.join(store(), "snapshots", hub.commit()));
  assert.equal(readdirSync(found).sort(), NEEDED);
  assert.equal(readFileSync(path.join(found, "model.safetensors")), weights);
  assert.is(readFileSync(path.join(store(), "refs/main"), "utf8"), hub.commit());
  const link = readlinkSync(path.join(found, "model.safetensors"));
  assert.match(link, /^\.\.[/\\]\.\.[/\\]blobs[/\\][0-9a-f]{64}$/, "the name of a large file's blob is its SHA-256");
  assert.match(readlinkSync(path.join(found, "config.json")), /blobs[/\\][0-9a-f]{40}$/);
  assert.equal(parts(), []);
  const last = news.at(-1)!;
  assert.equal([last.label, last.done, last.total], [`Fetching ${REPOSITORY}`, weights.length, weights.length]);
});

test("resolveModel() fetches nothing twice: the second time it asks for the commit only, and a commit it knows not even that", async () => {
  const first = await resolveModel(REPOSITORY);
  hub.asked.length = 0;
  assert.is(await resolveModel(REPOSITORY), first);
  assert.equal(
    hub.asked.map(({ path }) => path.split("?")[0]),
    [`/api/models/${REPOSITORY}/revision/main`],
  );
  assert.is(await resolveModel(REPOSITORY, { revision: hub.commit() }), first);
  assert.is(hub.asked.length, 1);
});

test("resolveModel() follows a branch that has moved, and shares what has not changed", async () => {
  const old = await resolveModel(REPOSITORY);
  hub.asked.length = 0;
  hub.files.set("config.json", Buffer.from('{"new": 1}'));
  const now = await resolveModel(REPOSITORY);
  assert.is.not(now, old);
  assert.equal(fetched(), ["config.json"]);
  assert.is(readFileSync(path.join(now, "config.json"), "utf8"), '{"new": 1}');
  assert.is(readFileSync(path.join(old, "config.json"), "utf8"), "{}", "the old snapshot stays");
});

test("resolveModel() takes a tag, and says so when there is no such revision", async () => {
  await resolveModel(REPOSITORY, { revision: "v1" });
  assert.is(readFileSync(path.join(store(), "refs/v1"), "utf8"), hub.commit());
  const { message } = await failure(resolveModel(REPOSITORY, { revision: "v2" }));
  assert.match(message, 'someone/tiny at "v2" is not on the hub: the model has no such branch, tag or commit');
  assert.match((await failure(resolveModel(REPOSITORY, { revision: "../x" }))).message, /A revision is a branch/);
});

test("resolveModel() fetches no weights when only the tokenizer is wanted", async () => {
  await resolveModel(REPOSITORY, { only: "tokenizer" });
  assert.equal(fetched(), ["config.json", "tokenizer.json", "tokenizer_config.json"]);
  await resolveModel(REPOSITORY);
  assert.equal(fetched().slice(3), ["model.safetensors"]);
});

test("resolveModel() fetches the shards that the index names, and no others", async () => {
  const index = {
    weight_map: {
      a: "model-00001-of-00002.safetensors",
      b: "model-00002-of-00002.safetensors",
      c: "model-00001-of-00002.safetensors",
    },
  };
  hub.files.delete("model.safetensors");
  hub.files.set("model.safetensors.index.json", Buffer.from(JSON.stringify(index)));
  for (const name of ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "other.safetensors"])
    hub.files.set(name, Buffer.from(name));
  const found = await resolveModel(REPOSITORY);
  const names = readdirSync(found).filter((name) => name.endsWith(".safetensors"));
  assert.equal(names.sort(), ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]);
  process.env.HF_HUB_OFFLINE = "1";
  assert.is(await resolveModel(REPOSITORY), found);
  rmSync(path.join(found, names[0]!));
  assert.match((await failure(resolveModel(REPOSITORY))).message, /is not in the cache/, "a shard is missing");
});

test("resolveModel() refuses an index that leads out of the folder, or to nothing", async () => {
  hub.files.delete("model.safetensors");
  for (const [shard, expected] of [
    ["../../config.json", /expected the name of a file beside it/],
    ["absent.safetensors", /names "absent\.safetensors", which the repository lacks/],
  ] as const) {
    hub.files.set("model.safetensors.index.json", Buffer.from(JSON.stringify({ weight_map: { a: shard } })));
    assert.match((await failure(resolveModel(REPOSITORY))).message, expected);
  }
});

test("resolveModel() fetches one GGUF file alone", async () => {
  hub.files.set("q4.gguf", Buffer.from("q4")).set("q8.gguf", Buffer.from("q8"));
  assert.is(path.basename(await resolveModel(REPOSITORY, { file: "q8.gguf" })), "q8.gguf");
  assert.equal(fetched(), ["q8.gguf"]);
  hub.files.delete("model.safetensors");
  assert.match((await failure(resolveModel(REPOSITORY))).message, /has 2 GGUF files; name one/);
  hub.files.delete("q4.gguf");
  assert.is(path.basename(await resolveModel(REPOSITORY)), "q8.gguf");
  hub.files.delete("q8.gguf");
  assert.match(
    (await failure(resolveModel(REPOSITORY))).message,
    /has no weights that gptlab reads: .*pytorch_model\.bin/,
  );
});

test("a download that is cut goes on where it stopped", async () => {
  hub.answers = ["cut", "cut", "whole"];
  const found = await resolveModel(REPOSITORY);
  assert.equal(readFileSync(path.join(found, "model.safetensors")), weights);
  const ranges = hub.asked.filter(({ store }) => store).map(({ range }) => range);
  assert.is(ranges.length, 3);
  const [second, third] = ranges.slice(1).map((range) => Number(RESUMED.exec(range ?? "")?.[1]));
  assert.ok(0 < second! && second! < third! && third! < weights.length, String(ranges));
  assert.equal(parts(), []);
});

test("a download begins again where the server knows no parts", async () => {
  hub.answers = ["cut", "without parts"];
  const found = await resolveModel(REPOSITORY);
  assert.equal(readFileSync(path.join(found, "model.safetensors")), weights);
});

test("what was changed, is too short or too long is fetched once more, then refused, and nothing of it stays", async () => {
  for (const answer of ["changed", "short", "long"] as const) {
    hub.answers = [answer];
    const { message } = await failure(resolveModel(REPOSITORY));
    if (answer === "short")
      assert.match(message, /was cut off 4 times in a row: the answer ended after 299999 of 300000/);
    else assert.match(message, /model\.safetensors came twice, and each time (its hash was|it had \d+ bytes or more)/);
    assert.not.ok(existsSync(path.join(store(), "snapshots", hub.commit(), "model.safetensors")));
    assert.not.ok(existsSync(path.join(store(), "refs/main")), "the name stands for nothing yet");
    hub.answers = [answer, "whole"];
    const found = await resolveModel(REPOSITORY);
    assert.equal(readFileSync(path.join(found, "model.safetensors")), weights);
    rmSync(store(), { recursive: true });
  }
});

test("a part that another process left when it was killed is taken over; that of a living one and Python's are not", async () => {
  await resolveModel(REPOSITORY);
  const [blob] = readdirSync(blobs()).filter((name) => name.length === 64);
  rmSync(path.join(blobs(), blob!));
  const dead = spawn(process.execPath, ["-e", ""]);
  await once(dead, "close");
  writeFileSync(path.join(blobs(), `${blob}.gptlab-${dead.pid}.incomplete`), weights.subarray(0, 1000));
  const others = [`${blob}.gptlab-${process.ppid}.incomplete`, `${blob}.incomplete`, `${blob}.12345678.incomplete`];
  for (const name of others) writeFileSync(path.join(blobs(), name), "x");
  hub.asked.length = 0;
  await resolveModel(REPOSITORY);
  assert.equal(
    hub.asked.filter(({ store }) => store).map(({ range }) => range),
    ["bytes=1000-"],
  );
  assert.equal(parts().sort(), others.sort());
});

test("a connection that brings nothing any more counts as lost, and the bytes stay", async () => {
  process.env.HF_HUB_DOWNLOAD_TIMEOUT = "1.5";
  hub.answers = ["stuck", "whole"];
  const found = await resolveModel(REPOSITORY);
  assert.equal(readFileSync(path.join(found, "model.safetensors")), weights);
  assert.match(hub.asked.at(-1)?.range ?? "", RESUMED);
});

test("two loads at once share one download, and one that is stopped does not stop the other", async () => {
  hub.answers = ["stuck", "whole"];
  process.env.HF_HUB_DOWNLOAD_TIMEOUT = "600"; // what is stuck stays stuck
  const [stopFirst, stopThird] = [new AbortController(), new AbortController()];
  const first = failure(resolveModel(REPOSITORY, { signal: stopFirst.signal }));
  while (!hub.asked.some(({ store }) => store)) await later(10);
  const second = resolveModel(REPOSITORY);
  const third = failure(resolveModel(REPOSITORY, { signal: stopThird.signal }));
  while (hub.asked.filter(({ path }) => path.includes("/tree/")).length < 6) await later(10);
  await later(50); // all three have come to the large file
  stopThird.abort();
  assert.instance(await third, Interrupted, "it waited for the first");
  assert.is(hub.asked.filter(({ store }) => store).length, 1);
  stopFirst.abort();
  assert.instance(await first, Interrupted);
  assert.equal(readFileSync(path.join(await second, "model.safetensors")), weights);
  assert.match(hub.asked.at(-1)?.range ?? "", RESUMED, "it goes on where the other stopped");
});

test("without a connection the cached copy is used; without that, the error says what to do", async () => {
  const found = await resolveModel(REPOSITORY);
  await hub.close();
  assert.is(await resolveModel(REPOSITORY), found);
  const { message } = await failure(resolveModel("someone/else"));
  assert.match(message, /someone\/else is not in the cache, and http:\S+ cannot be reached \(ECONNREFUSED\)/);
  assert.match(message, /With a connection, the same call fetches it .* copy \S+models--someone--else from a machine/);
  hub = await startHub(CONTENTS);
});

test("a hub that is out of order counts as out of reach", async () => {
  const found = await resolveModel(REPOSITORY);
  hub.instead = { status: 503 };
  assert.is(await resolveModel(REPOSITORY), found);
  assert.is(hub.asked.filter(({ path }) => path.includes("/revision/")).length, 4, "it was asked three times");
});

test("HF_HUB_OFFLINE asks nobody, and an older whole copy is named", async () => {
  await resolveModel(REPOSITORY);
  const old = hub.commit();
  hub.files.set("model.safetensors", Buffer.from("new"));
  await resolveModel(REPOSITORY, { only: "tokenizer" }); // the name now stands for a commit whose weights are not here
  process.env.HF_HUB_OFFLINE = "1";
  hub.asked.length = 0;
  assert.match(
    (await failure(resolveModel(REPOSITORY))).message,
    new RegExp(`HF_HUB_OFFLINE forbids .* revision ${old}: ask for it`),
  );
  assert.match(await resolveModel(REPOSITORY, { revision: old }), old);
  assert.is(hub.asked.length, 0);
});

test("a gated model says where to accept its terms, and HF_TOKEN opens it; the token goes to no other host", async () => {
  hub.gated = true;
  assert.match(
    (await failure(resolveModel(REPOSITORY))).message,
    new RegExp(`accept its terms: do so at ${hub.url}/${REPOSITORY}, then set HF_TOKEN`),
  );
  process.env.HF_TOKEN = TOKEN;
  await resolveModel(REPOSITORY);
  assert.equal([...new Set(hub.asked.filter(({ store }) => store).map(({ token }) => token))], [undefined]);
  rmSync(store(), { recursive: true });
  delete process.env.HF_TOKEN;
  writeFileSync(path.join(cache, "token"), `${TOKEN}\n`); // where \`hf auth login\` keeps it
  await resolveModel(REPOSITORY);
});

test("a model that is not there is said to be so", async () => {
  assert.match(
    (await failure(resolveModel("someone/else"))).message,
    /someone\/else is not on the hub, or not for everybody.*HF_TOKEN.*401/,
  );
  hub.instead = { status: 404, code: "RepoNotFound" };
  assert.match((await failure(resolveModel(REPOSITORY))).message, /is not on the hub, or not for everybody.*404/);
  hub.instead = { status: 403 };
  assert.match((await failure(resolveModel(REPOSITORY))).message, /may not be read with this token/);
});

test("an answer that is no hub's is called so, and counts as no connection", async () => {
  hub.instead = { status: 200, page: "<html>Please log in.</html>" };
  assert.match(
    (await failure(resolveModel(REPOSITORY))).message,
    /not in the cache, and .* cannot be reached \(its answer is not what the hub answers: .*proxy.*\)\. With a connection/,
  );
  hub.instead = undefined;
  const found = await resolveModel(REPOSITORY);
  hub.instead = { status: 200, page: "<html>Please log in.</html>" };
  assert.is(await resolveModel(REPOSITORY), found);
});

if (process.platform !== "win32")
  test("where there is no room for a file, the error says so, and with room the same call goes on", async () => {
    const program = `require("gptlab").resolveModel("${REPOSITORY}").catch((error) => console.log(String(error)))`;
    assert.match(
      await withFullDisk(100, program),
      /someone\/tiny model\.safetensors could not be written to .*blobs: there is no room left \(EFBIG\)\. (\d+) of 300000 bytes are kept; with room the same call goes on from there\. Or set HF_HOME/,
    );
    assert.ok(statSync(path.join(blobs(), parts()[0]!)).size > 0);
    await resolveModel(REPOSITORY);
    assert.match(hub.asked.at(-1)?.range ?? "", RESUMED);
  });

test("HF_HUB_CACHE goes before HF_HOME", async () => {
  const other = mkdtempSync(path.join(folder, "other-"));
  process.env.HF_HUB_CACHE = other;
  assert.match(await resolveModel(REPOSITORY), other);
  assert.not.ok(existsSync(store()));
});

test("a model that Python has fetched is found: a link to a blob, and a ref with its commit", async () => {
  const commit = "0123456789".repeat(4);
  const snapshot = path.join(store(), "snapshots", commit);
  for (const dir of [snapshot, path.join(store(), "refs")]) mkdirSync(dir, { recursive: true });
  for (const name of ["config.json", "model.safetensors"]) writeFileSync(path.join(snapshot, name), "");
  writeFileSync(path.join(store(), "refs/main"), commit);
  process.env.HF_HUB_OFFLINE = "1";
  assert.is(await resolveModel(REPOSITORY), snapshot);
  assert.match((await failure(resolveModel(REPOSITORY, { only: "tokenizer" }))).message, /is not in the cache/);
});

test("a model of which Python has fetched some files gets the others, once", async () => {
  const whole = await resolveModel(REPOSITORY);
  rmSync(path.join(whole, "tokenizer_config.json")); // as hf_hub_download(…, "tokenizer.json") leaves it
  hub.asked.length = 0;
  for (const only of ["tokenizer", undefined] as const) assert.is(await resolveModel(REPOSITORY, { only }), whole);
  assert.ok(existsSync(path.join(whole, "tokenizer_config.json")));
  assert.is(hub.asked.filter(({ path }) => path.includes("/tree/")).length, 2, "two pages of one list");
});

test("Ctrl-C stops a download with a message, and the same call goes on", async () => {
  hub.answers = ["stuck", "whole"];
  const program = `require("gptlab").resolveModel("${REPOSITORY}").then(console.log, (error) => console.log(String(error)))`;
  const child = spawn(process.execPath, ["-e", program], { cwd: root, env: process.env });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  while (parts().length === 0 || statSync(path.join(blobs(), parts()[0]!)).size < 150_000) await later(20);
  child.kill("SIGINT");
  await once(child, "close");
  assert.match(output, `Interrupted: Stopped fetching ${REPOSITORY}. What has come is kept`);
  await resolveModel(REPOSITORY);
  assert.match(hub.asked.at(-1)?.range ?? "", RESUMED);
});

test.run();
