/** @file Chooses the engine and says what was chosen. Each engine's start is in a file of its own. */
import { tf } from "../tf";
import { startCpu } from "./cpu";
import { BACKEND_NAMES, type BackendName, type BackendReport, type EngineDescription, firstLine } from "./report";
import { startTensorflow } from "./tensorflow";
import { startWasm } from "./wasm";
import { startWebgpu } from "./webgpu";

/** Options of `initBackend`. */
export interface BackendOptions {
  /** Engines to try first, in this order; the others follow in their own order. Default: none. */
  readonly prefer?: readonly BackendName[];
}

let current: BackendReport | undefined;
let queue: Promise<unknown> = Promise.resolve();

/**
 * Starts the best engine that works here and reports it: libtensorflow, then WebGPU, WebAssembly, plain JavaScript.
 *
 * Call it as often as you like: once an engine runs, the same report comes back. A call that prefers another engine switches
 * to it; tensors made before stay usable. The environment variable `GPTLAB_BACKEND` goes before everything: only that engine is
 * started, and an Error says why when it cannot be. A `warning` in the report (a GPU that is not used) also goes to Node's
 * process warnings, so that it is seen. Throws RangeError for an unknown name.
 *
 * @example
 * import { initBackend } from "gptlab";
 * const first = await initBackend();
 * const second = await initBackend();
 * first === second; // => true
 */
export function initBackend({ prefer = [] }: BackendOptions = {}): Promise<BackendReport> {
  const result = queue.then(() => choose(prefer, process.env.GPTLAB_BACKEND));
  queue = result.catch(() => undefined);
  return result;
}

async function choose(prefer: readonly BackendName[], override: string | undefined): Promise<BackendReport> {
  for (const name of prefer) known(name, "prefer names");
  if (current && !override && prefer.length === 0) return current;
  const order = override ? [known(override, "GPTLAB_BACKEND is")] : [...new Set([...prefer, ...BACKEND_NAMES])];
  const tried: { name: BackendName; error: string }[] = [];
  for (const name of order) {
    if (current?.name === name) return current;
    try {
      const description = await startBackend(name, override !== undefined);
      current = { name, ...description, tried };
      if (description.warning) process.emitWarning(description.warning, "GptlabWarning");
      return current;
    } catch (error) {
      tried.push({ name, error: firstLine(error) });
      if (current) await tf.setBackend(current.name);
    }
  }
  const reasons = tried.map(({ name, error }) => `${name}: ${error}`).join("\n");
  throw new Error(
    override
      ? `GPTLAB_BACKEND asks for an engine that cannot be started. ${reasons}. Or unset GPTLAB_BACKEND.`
      : `No engine can be started.\n${reasons}`,
  );
}

function known(name: string, what: string): BackendName {
  const found = BACKEND_NAMES.find((backend) => backend === name);
  if (found) return found;
  throw new RangeError(
    `${what} "${name}"; expected one of ${BACKEND_NAMES.map((backend) => `"${backend}"`).join(", ")}.`,
  );
}

/** Starts one engine, makes it the current one and sees that it computes. Software that plays GPU counts only when `asked` for. */
export async function startBackend(name: BackendName, asked: boolean): Promise<EngineDescription> {
  const description = await startEngine(name, asked);
  const two = tf.tidy(() => tf.add(1, 1));
  const value = (await two.data())[0];
  two.dispose();
  if (value !== 2) throw new Error(`it computes 1 + 1 = ${value}`);
  return description;
}

function startEngine(name: BackendName, allowSoftware: boolean): Promise<EngineDescription> {
  switch (name) {
    case "tensorflow":
      return startTensorflow();
    case "webgpu":
      return startWebgpu({ allowSoftware });
    case "wasm":
      return startWasm();
    case "cpu":
      return startCpu();
    default:
      return name satisfies never;
  }
}
