/** @file reason(): what a failed download says, from the output of the npm package's own script. unpackWheel(): part of an archive. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { reason } from "../../../lib/dist/setup/prebuilt.js";
import { findPython, unpackWheel } from "../../../lib/dist/setup/python.js";
import { skip } from "../../support/skip.ts";

const test = suite("prebuilt download, wheels");
const python = await findPython({ make: false }).catch(() => undefined);

test("reason() finds the error in a stack trace", () => {
  const output = `* Downloading libtensorflow
https://example.org/libtensorflow-cpu-linux-x86_64-2.9.1.tar.gz
node:events:502
      throw er; // Unhandled 'error' event
      ^

Error: getaddrinfo ENOTFOUND example.org
    at GetAddrInfoReqWrap.onlookupall [as oncomplete] (node:dns:122:26)

Node.js v20.20.2`;
  assert.is(reason(output, 1), "getaddrinfo ENOTFOUND example.org");
});

test("reason() prefers the time limit, and has an answer for silence", () => {
  assert.is(reason("Error: aborted\n[==   ] 20%\nended after 120 seconds", -1), "ended after 120 seconds");
  assert.is(reason("node-pre-gyp ERR! stack", 1), "node-pre-gyp ERR! stack");
  assert.is(reason("", 7), "exit code 7");
});

test(
  "unpackWheel() takes only what matches, and keeps the permission to execute",
  python
    ? async () => {
        const folder = mkdtempSync(path.join(tmpdir(), "gptlab-wheel-"));
        const wheel = path.join(folder, "a.whl");
        const make = `
import zipfile
with zipfile.ZipFile(${JSON.stringify(wheel)}, "w") as z:
    for name, mode in (("lib/a.so", 0o644), ("bin/tool", 0o755), ("python/b.py", 0o644)):
        info = zipfile.ZipInfo(name); info.external_attr = mode << 16
        z.writestr(info, name)`;
        execFileSync(python, ["-c", make]);
        await unpackWheel(wheel, folder, { only: /^(lib|bin)\// });
        const missing = await unpackWheel(path.join(folder, "none.whl"), folder).catch((error: Error) => error.message);
        assert.is(readFileSync(path.join(folder, "lib/a.so"), "utf8"), "lib/a.so");
        assert.is(statSync(path.join(folder, "bin/tool")).mode & 0o111, 0o111);
        assert.is(statSync(path.join(folder, "lib/a.so")).mode & 0o111, 0);
        assert.is(existsSync(path.join(folder, "python")), false);
        assert.match(String(missing), /^Could not unpack .*none\.whl: .*No such file/);
        rmSync(folder, { recursive: true });
      }
    : skip("no Python 3"),
);

test.run();
