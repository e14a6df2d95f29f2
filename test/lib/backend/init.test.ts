/** @file initBackend(): order, override, fallback with its reasons, switching, and what it leaves alone. Each case is a process of its own, as a user's program is. */
import { existsSync } from "node:fs";
import path from "node:path";
import type { BackendReport } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { describe } from "../../../lib/dist/backend/tensorflow.js";
import { addonPath, nativePackage } from "../../../lib/dist/setup/package.js";
import { QUIET } from "../../../lib/dist/setup/quiet.js";
import { availableBackends, backendEnvironment } from "../../support/backends.ts";
import { end, makeProject } from "../../support/project.ts";
import { root } from "../../support/repository.ts";
import { skip } from "../../support/skip.ts";

const test = suite("initBackend()");
const backends = await availableBackends();
const tensorflow = backends.includes("tensorflow");
const noTensorflow = "the native engine is not built";

/** Runs a program that prints one line of JSON. */
async function run<T>(program: string, env: Readonly<Record<string, string | undefined>> = {}): Promise<T> {
  const text = `const { initBackend, tf } = require("gptlab");\n(async () => {${program}\n})();`;
  const { code, stdout, stderr } = await end(["-e", text], root, env);
  assert.is(code, 0, `${stdout}${stderr}`);
  return JSON.parse(stdout) as T;
}

const printReport = "console.log(JSON.stringify(await initBackend()));";
/** Prints the error as a learner meets it. */
const printError =
  "await initBackend().catch((e) => console.log(JSON.stringify({ kind: e.constructor.name, text: e.message })));";

const ENGINES = {
  tensorflow: /^libtensorflow \d+\.\d+\.\d+$/,
  webgpu: /^tfjs-backend-webgpu \d+\.\d+\.\d+ on \S/,
  wasm: /^tfjs-backend-wasm \d+\.\d+\.\d+( with SIMD)?$/,
  cpu: /^tfjs-backend-cpu \d+\.\d+\.\d+$/,
} as const;

const reports = new Map(
  await Promise.all(
    backends.map(async (name) => [name, await run<BackendReport>(printReport, backendEnvironment(name))] as const),
  ),
);

for (const name of backends) {
  test(`GPTLAB_BACKEND=${name} starts that engine, and the program ends by itself`, () => {
    const report = reports.get(name)!;
    assert.is(report.name, name);
    assert.match(report.engine, ENGINES[name]);
    assert.ok(report.threads >= 1);
    assert.ok(report.device === "cpu" || report.device === "gpu");
    assert.equal(report.tried, [], "nothing else is tried");
  });
}

test("plain JavaScript starts without a word on the terminal", async () => {
  const program = 'require("gptlab").tf.tensor1d([1, 2]).sum().dataSync();';
  assert.equal(await end(["-e", program], root), { code: 0, stdout: "", stderr: "" });
});

const native = nativePackage();
const quiet = native && existsSync(path.join(path.dirname(addonPath(native.folder)), QUIET));
test(
  "libtensorflow starts without a word on the terminal; what is written afterwards is seen",
  tensorflow && quiet
    ? async () => {
        const program = 'require("gptlab").initBackend().then((report) => console.error(report.name));';
        const unset = { TF_CPP_MIN_LOG_LEVEL: undefined, TF_ENABLE_ONEDNN_OPTS: undefined };
        const ended = await end(["-e", program], root, { ...unset, GPTLAB_BACKEND: "tensorflow" });
        assert.equal(ended, { code: 0, stdout: "", stderr: "tensorflow\n" });
      }
    : skip("the native engine was not built by gptlab setup"),
);

test("GPTLAB_BACKEND with an unknown name names the known ones", async () => {
  const { kind, text } = await run<{ kind: string; text: string }>(printError, { GPTLAB_BACKEND: "tensorflwo" });
  assert.is(kind, "RangeError");
  assert.is(text, 'GPTLAB_BACKEND is "tensorflwo"; expected one of "tensorflow", "webgpu", "wasm", "cpu".');
});

test("initBackend() refuses an unknown name in `prefer`", async () => {
  const program = 'await initBackend({ prefer: ["gpu"] }).catch((e) => console.log(JSON.stringify(e.message)));';
  assert.match(await run<string>(program), /^prefer names "gpu"; expected one of/);
});

test("initBackend() gives one and the same report, also to callers at the same time", async () => {
  const program = `const [a, b] = await Promise.all([initBackend(), initBackend()]);
    console.log(JSON.stringify([a === b, a === await initBackend(), a === await initBackend({ prefer: [a.name] })]));`;
  assert.equal(await run(program), [true, true, true]);
});

test("initBackend() switches to an engine that is preferred; tensors made before stay usable", async () => {
  const program = `const before = await initBackend({ prefer: ["cpu"] });
    const x = tf.tensor1d([1, 2, 3]);
    const after = await initBackend({ prefer: ["wasm"] });
    const sum = (await x.sum().data())[0];
    console.log(JSON.stringify([before.name, after.name, tf.getBackend(), sum, (await initBackend()).name]));`;
  assert.equal(await run(program), ["cpu", "wasm", "wasm", 6, "wasm"]);
});

test(
  "initBackend() sets what libtensorflow reads, unless the user has",
  tensorflow
    ? async () => {
        const program = `await initBackend({ prefer: ["tensorflow"] });
          console.log(JSON.stringify(["TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS", "TF_FORCE_GPU_ALLOW_GROWTH"].map((name) => process.env[name])));`;
        const unset = { TF_CPP_MIN_LOG_LEVEL: undefined, TF_FORCE_GPU_ALLOW_GROWTH: undefined };
        assert.equal(await run(program, { ...unset, TF_ENABLE_ONEDNN_OPTS: "0" }), ["2", "0", "true"]);
      }
    : skip(noTensorflow),
);

test(
  "the report counts the threads that libtensorflow really has",
  tensorflow
    ? async () => {
        const report = await run<BackendReport>(printReport, {
          GPTLAB_BACKEND: "tensorflow",
          TF_NUM_INTRAOP_THREADS: "1",
        });
        assert.is(report.threads, 1);
      }
    : skip(noTensorflow),
);

test("a GPU that TensorFlow leaves idle is said with its remedy", () => {
  const binding = { TF_Version: "2.21.0" };
  const gpu = () => "NVIDIA H100";
  assert.match(
    describe({ isUsingGpuDevice: false, binding }, gpu).warning ?? "",
    /CPU.*NVIDIA H100.*gptlab setup --force/,
  );
  assert.is(describe({ isUsingGpuDevice: true, binding }, gpu).warning, undefined);
  assert.is(describe({ isUsingGpuDevice: false, binding }, () => undefined).warning, undefined);
});

// What a machine without the native engine does. WebGPU is kept out: some machines have it, some have not.
const REASONS = {
  absent: /^the package @tensorflow\/tfjs-node-gpu is not installed; remedy: run npx gptlab setup$/,
  unbuilt: /^the native add-on is not built; remedy: run npx gptlab setup$/,
  broken: /^the native add-on does not load \(.*\); remedy: run npx gptlab setup --force$/,
} as const;
const noVulkan = { VK_ICD_FILENAMES: "", VK_DRIVER_FILES: "", GPTLAB_BACKEND: undefined };

const project = makeProject("absent");
test.after(() => project.remove());

for (const [state, reason] of Object.entries(REASONS) as [keyof typeof REASONS, RegExp][]) {
  test(`with the native package ${state}, initBackend() goes on to the next engine and says why`, async () => {
    project.setNative(state);
    const program = "console.log(JSON.stringify(await gptlab.initBackend({ prefer: ['tensorflow', 'wasm'] })));";
    const error = "await gptlab.initBackend().catch((e) => console.log(JSON.stringify(e.message)));";
    const [{ stdout, stderr }, asked] = await Promise.all([
      project.run(program, noVulkan),
      project.run(error, { GPTLAB_BACKEND: "tensorflow" }),
    ]);
    const report = JSON.parse(stdout) as BackendReport;
    assert.is(report.name, "wasm");
    assert.is(report.tried[0]?.name, "tensorflow");
    assert.match(report.tried[0]?.error ?? "", reason);
    assert.is(stderr, "", "no stack trace, no advice of TensorFlow.js");
    const message = JSON.parse(asked.stdout) as string;
    assert.match(
      message,
      /^GPTLAB_BACKEND asks for an engine that cannot be started\. tensorflow: .*gptlab setup.*unset GPTLAB_BACKEND/,
    );
    assert.is(message.split("\n").length, 1);
  });
}

test.run();
