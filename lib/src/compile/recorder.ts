/**
 * @file Runs a tfjs function once on the native backend and writes down every operation that it executes, as nodes of a graph.
 * The function's effects are undone: variables have their old values afterwards. What becomes of the graph is `session.ts`'s job.
 */
import { getKernel, registerKernel, unregisterKernel } from "@tensorflow/tfjs";
import { type MakeValues, withHostInputs } from "../backend/host_input";
import { type InPlaceOperation, withInPlace } from "../backend/in_place";
import { type Binding, dataOf, type Metadata, type NativeBackend, typeAttribute } from "../backend/native";
import { type DataType, type NamedTensorMap, type Tensor, tf, type Variable } from "../tf";
import { uncheckedGather } from "./gather";
import { GraphPart, type Output } from "./graph";
import { CaptureError, DRAWS_RANDOM, INFERRED } from "./limits";
import type { HostInput, Recording } from "./recording";
import { StandIns } from "./stand_ins";
import { GraphVariables, type HandleOf } from "./variables";

/** Larger tensors from outside are kept beside the graph, as state that is uploaded once. */
const LARGEST_CONSTANT = 4096; // elements

/** Records `fn(feeds)`. Throws {@link CaptureError} for what a graph cannot do, and what `fn` throws. */
export function record(
  backend: NativeBackend,
  fn: (feeds: NamedTensorMap) => Tensor | Tensor[],
  feeds: NamedTensorMap,
  prefix: string,
  handleOf: HandleOf,
): Recording {
  return new Recorder(backend, prefix, handleOf).run(fn, feeds);
}

class Recorder {
  readonly #part: GraphPart;
  readonly #real: Binding;
  /** What each native handle is in the graph. */
  readonly #outputs = new Map<number, Output>();
  /** Values that JavaScript created meanwhile; constants of the graph, once an operation uses them. */
  readonly #created = new Map<number, { values: ArrayLike<number>; shape: readonly number[]; dtype: number }>();
  /** Tensors that came as inputs, by their native handle. */
  readonly #inputs = new Map<number, Tensor>();
  readonly #hostInputs: HostInput[] = [];
  readonly #variables: GraphVariables;
  readonly #standIns: StandIns;
  /** The handle that a variable has while the graph's variable has the same value. */
  readonly #current = new Map<Variable, number>();
  #operations = 0;

  constructor(
    readonly backend: NativeBackend,
    prefix: string,
    handleOf: HandleOf,
  ) {
    this.#part = new GraphPart(prefix);
    this.#variables = new GraphVariables(backend, this.#part, handleOf);
    this.#real = backend.binding;
    this.#standIns = new StandIns(this.#real);
  }

  run(fn: (feeds: NamedTensorMap) => Tensor | Tensor[], feeds: NamedTensorMap): Recording {
    const placeholders = new Map<string, Output>();
    const copies: NamedTensorMap = {}; // with handles of their own, also if one tensor is fed twice
    for (const [name, tensor] of Object.entries(feeds)) {
      const { dtype } = dataOf(this.backend, tensor);
      const placeholder = this.#part.placeholder(tensor.shape, dtype);
      placeholders.set(name, placeholder);
      copies[name] = this.backend.executeSingleOutput("Identity", [typeAttribute("T", dtype)], [tensor]);
      this.#outputs.set(this.#idOf(copies[name]), placeholder);
    }
    const variables = Object.values(tf.engine().registeredVariables) as Variable[];
    const before = variables.map((variable) => ({ variable, value: variable.clone(), id: this.#idOf(variable) }));
    for (const { variable, id } of before) {
      this.#inputs.set(id, variable);
      this.#current.set(variable, id);
    }
    this.backend.binding = this.#watchingBinding();
    try {
      const recording = tf.tidy(() => {
        const result = this.#watch(
          () => withHostInputs(this.#hostInput, () => withInPlace(this.#inPlace, () => fn(copies))),
          variables.length,
        );
        const list = Array.isArray(result) ? result : [result];
        if (list.length === 0) throw new CaptureError("it returns an empty list", "Return at least one tensor");
        const outputs = list.map((tensor) => ({
          output: this.#outputOf(this.#idOf(tensor)),
          dtype: dataOf(this.backend, tensor).dtype,
        }));
        for (const { variable } of before) this.#assignPending(variable);
        const changes = this.#variables.done();
        this.#requireSmallGraph();
        return {
          part: this.#part,
          feeds: placeholders,
          hostInputs: this.#hostInputs,
          state: this.#variables.all,
          written: this.#variables.changed,
          outputs: outputs.map(({ output, dtype }) => this.#part.after(changes, output, dtype)),
          single: !Array.isArray(result),
          operations: this.#operations,
        };
      });
      this.#putBack(before);
      if (this.#standIns.size > 0)
        throw new CaptureError(
          `it keeps ${this.#standIns.size} tensors that it made (tf.keep)`,
          "Make them outside, or return them",
        );
      return recording;
    } finally {
      this.#putBack(before);
      for (const copy of Object.values(copies)) copy.dispose();
      this.#standIns.trim(0);
      this.backend.binding = this.#real;
    }
  }

  /** Gives the variables their old values; a second call does nothing. */
  #putBack(before: { variable: Variable; value: Tensor }[]): void {
    for (const { variable, value } of before.splice(0)) {
      variable.assign(value);
      value.dispose();
    }
  }

  /** While recording, a host input is zeros: the recording's values are thrown away, and `make` must not be used up. */
  readonly #hostInput = (make: MakeValues, shape: number[], type: DataType): Tensor => {
    const zeros = tf.zeros(shape, type);
    const { dtype } = dataOf(this.backend, zeros);
    const placeholder = this.#part.placeholder(shape, dtype);
    this.#outputs.set(this.#idOf(zeros), placeholder);
    this.#hostInputs.push({ placeholder, make, shape, dtype });
    return zeros;
  };

  /** Runs `body` while every operation is written down, then puts the backend back as it was. */
  #watch<T>(body: () => T, variablesBefore: number): T {
    const { backend } = this;
    const { getInputTensorIds, readSync } = backend;
    const host = Math as { random(): number };
    const { random } = host;
    const gather = getKernel("GatherV2", "tensorflow");
    backend.getInputTensorIds = (tensors) => {
      const ids = getInputTensorIds.call(backend, tensors);
      for (const [i, id] of ids.entries()) if (!this.#inputs.has(id) && tensors[i]) this.#inputs.set(id, tensors[i]);
      return ids;
    };
    backend.readSync = (dataId) => {
      const data = backend.tensorMap.get(dataId);
      if (data.values === null && this.#dependsOnRun(data.id)) {
        throw new CaptureError(
          "it reads the values of a tensor (dataSync, data, arraySync, print)",
          "Return the tensor and read it outside",
        );
      }
      return readSync.call(backend, dataId);
    };
    host.random = () => {
      throw new CaptureError(
        "it draws random numbers in JavaScript (tf.randomNormal, tf.dropout without a seed), and each run would repeat them",
        "Draw them outside and feed them",
      );
    };
    // tfjs-node's own kernel reads the indices to check their range; the graph's operation checks by itself.
    unregisterKernel("GatherV2", "tensorflow");
    registerKernel({ kernelName: "GatherV2", backendName: "tensorflow", kernelFunc: uncheckedGather });
    try {
      const result = body();
      const variables = Object.keys(tf.engine().registeredVariables).length;
      if (variables > variablesBefore)
        throw new CaptureError(
          `it creates ${variables - variablesBefore} variables`,
          "Create them before the first call",
        );
      return result;
    } finally {
      unregisterKernel("GatherV2", "tensorflow");
      if (gather) registerKernel(gather);
      host.random = random;
      backend.readSync = readSync;
      backend.getInputTensorIds = getInputTensorIds;
    }
  }

  #watchingBinding(): Binding {
    const real = this.#real;
    const over: Partial<Binding> = {
      executeOp: (name, attributes, inputs, count) => {
        if (DRAWS_RANDOM.test(name))
          throw new CaptureError(`it uses the random operation ${name}`, "Feed the random numbers");
        const sources = Array.from(inputs, (id) => this.#outputOf(id));
        const results = this.#standIns.execute(name, attributes, inputs, count);
        const inferred = INFERRED[name]?.(results[0]?.dtype ?? 0) ?? [];
        const node = this.#part.node(name, [...attributes, ...inferred], sources);
        for (const [i, { id }] of results.entries()) this.#outputs.set(id, `${node}:${i}`);
        this.#operations++;
        return results;
      },
      createTensor: (shape, dtype, values) => {
        const id = real.createTensor(shape, dtype, values);
        this.#created.set(id, { values: values as ArrayLike<number>, shape: [...shape], dtype });
        return id;
      },
      deleteTensor: (id) => {
        if (!this.#standIns.forget(id)) real.deleteTensor(id);
      },
      loadSavedModel: () => {
        throw new CaptureError("it loads a saved model", "Load it outside");
      },
      runSavedModel: () => {
        throw new CaptureError("it runs another compiled function or a saved model", "Call the plain function inside");
      },
    };
    // The add-on's methods are read-only: a new object on top of it, with these instead.
    return Object.create(
      real,
      Object.fromEntries(Object.entries(over).map(([name, value]) => [name, { value }])),
    ) as Binding;
  }

  /** The graph's output for a native handle: known already, or else state or a constant. */
  #outputOf(id: number): Output {
    const known = this.#outputs.get(id);
    if (known !== undefined) return known;
    const created = this.#created.get(id);
    const tensor = this.#inputs.get(id);
    let output: Output;
    if (created) output = this.#part.constant(created.values, created.shape, created.dtype);
    else if (tensor && (isVariable(tensor) || tensor.size > LARGEST_CONSTANT)) output = this.#variables.read(tensor);
    else if (tensor)
      output = this.#part.constant(this.#real.tensorDataSync(id), tensor.shape, dataOf(this.backend, tensor).dtype);
    else throw new Error(`compile() lost track of the tensor with native handle ${id}; this is a fault of gptlab`);
    this.#outputs.set(id, output);
    return output;
  }

  /** Tells the graph of a value that the function has assigned. */
  #assignPending(variable: Variable): void {
    const now = this.#idOf(variable);
    if (now === this.#current.get(variable)) return;
    this.#variables.assign(variable, this.#outputOf(now));
    this.#current.set(variable, now);
  }

  /** The recording itself need not change anything: its values are thrown away. Later uses of the variables read them anew. */
  readonly #inPlace = ({ name, attributes, variables, inputs }: InPlaceOperation): void => {
    const sources = this.backend.getInputTensorIds(inputs).map((id) => this.#outputOf(id));
    for (const variable of variables) {
      this.#assignPending(variable);
      const others = dataOf(this.backend, variable).refCount > 2; // beside the variable and our own clone of it
      if (others) this.#outputOf(this.#idOf(variable)); // a clone has the value before the change
    }
    this.#variables.change(name, attributes, variables, sources);
    this.#operations++;
    for (const variable of variables) this.#renew(variable);
  };

  /** Gives a variable a handle of its own, whose value in the graph is read when it is used. */
  #renew(variable: Variable): void {
    const attributes = [typeAttribute("T", dataOf(this.backend, variable).dtype)];
    const [copy] = this.#real.executeOp("Identity", attributes, [this.#standIns.resolve(this.#idOf(variable))], 1);
    const fresh = this.backend.createOutputTensor(this.#standIns.replace(copy as Metadata));
    variable.assign(fresh);
    fresh.dispose();
    const id = this.#idOf(variable);
    this.#inputs.set(id, variable);
    this.#current.set(variable, id);
  }

  /** True if the values behind a handle differ from run to run: a feed, a variable, or computed. */
  #dependsOnRun(id: number): boolean {
    const tensor = this.#inputs.get(id);
    return this.#outputs.has(id) || (tensor !== undefined && isVariable(tensor));
  }

  #idOf(tensor: Tensor): number {
    return this.backend.getInputTensorIds([tensor])[0] as number;
  }

  #requireSmallGraph(): void {
    const limit = 1.5e9; // TensorFlow refuses graphs over 2 GB
    if (this.#part.constantBytes > limit) {
      throw new CaptureError(
        `it holds ${Math.round(this.#part.constantBytes / 1e6)} MB of constants`,
        "Create large tensors outside",
      );
    }
  }
}

function isVariable(tensor: Tensor): tensor is Variable {
  return typeof Reflect.get(tensor, "assign") === "function";
}
