/** @file compilers() and compileCommand(). */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compileCommand, compilers } from "../../../lib/dist/setup/compiler.js";

const test = suite("compiler");
const folder = mkdtempSync(path.join(tmpdir(), "gptlab-compiler-"));
for (const name of ["g++", "clang++", "ccache"]) {
  writeFileSync(path.join(folder, name), "#!/bin/sh\n");
  chmodSync(path.join(folder, name), 0o755);
}
writeFileSync(path.join(folder, "c++"), "not a program"); // no permission to execute
test.after(() => rmSync(folder, { recursive: true, force: true }));
const PATH = `/nowhere:${folder}`;

test("compilers() lists the programs on the PATH that can be executed", () => {
  assert.equal(compilers({ PATH }), ["g++", "clang++"]);
});

test("compilers() puts CXX first, with its arguments, and leaves it out when it does not exist", () => {
  assert.equal(compilers({ PATH, CXX: "ccache g++" }), ["ccache g++", "g++", "clang++"]);
  assert.equal(compilers({ PATH, CXX: `${folder}/clang++` }), [`${folder}/clang++`, "g++", "clang++"]);
  assert.equal(compilers({ PATH, CXX: "icpx" }), ["g++", "clang++"]);
});

test("compilers() finds none where there is none", () => {
  assert.equal(compilers({ PATH: "/nowhere" }), []);
  assert.equal(compilers({}), []);
});

test("compileCommand() is one call that writes the libraries' folder into the add-on", () => {
  const folders = { engine: "/cache/engine", package: "/pkg", headers: "/headers", output: "/out.node" };
  const { command, args } = compileCommand("ccache g++ -march=native", folders);
  assert.is(command, "ccache");
  assert.is(
    args.join(" "),
    "g++ -march=native -O2 -std=c++17 -shared -fPIC -DNAPI_VERSION=8 -I /headers -I /cache/engine/tensorflow/include -I /pkg " +
      `-include ${path.resolve("lib/native/session.h")} ` +
      "/pkg/binding/tfjs_backend.cc /pkg/binding/tfjs_binding.cc -o /out.node " +
      "/cache/engine/tensorflow/libtensorflow_cc.so.2 /cache/engine/tensorflow/libtensorflow_framework.so.2 " +
      "-Wl,-rpath,/cache/engine/tensorflow",
  );
});

test.run();
