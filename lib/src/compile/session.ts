/**
 * @file A TensorFlow session that holds the graphs of one or several recorded functions and their common state.
 *
 * While a session has the newest value of a variable, the variable's record in the backend becomes lazy: whoever asks for its
 * native handle (any tfjs operation, `data()`) gets the value fetched then. So nothing outside ever sees a stale value, and the
 * memory is not held twice.
 */

import { dataOf, type Metadata, type NativeBackend, type TensorData } from "../backend/native";
import type { NamedTensorMap, Tensor, Variable } from "../tf";
import { GraphPart, loadSession, type Output, typeAttribute, variableHandle } from "./graph";
import { isLazy, makeLazy, settle } from "./lazy";
import { type HandleOf, type Recording, record, type StateTensor } from "./recorder";

interface State {
  readonly tensor: StateTensor;
  readonly name: string;
  /** Node names in the session's own part: feed and upload, or read. */
  readonly feed: Output;
  readonly uploaded: Output;
  readonly value: Output;
  /** The backend's record while the session has the newest value. */
  held?: TensorData;
}

let sessions = 0;

export class Session {
  readonly #name = `session${++sessions}`;
  readonly #states = new Map<StateTensor, State>();
  readonly #parts = new Set<GraphPart>();
  /** Upload, and reading back. */
  readonly #own = new GraphPart(`${this.#name}/state`);
  #handle: number | undefined;
  #functions = 0;

  constructor(readonly backend: NativeBackend) {}

  /** Records a function and adds its graph. */
  add(fn: (feeds: NamedTensorMap) => Tensor | Tensor[], feeds: NamedTensorMap): Recording {
    const recording = record(this.backend, fn, feeds, `${this.#name}/f${++this.#functions}`, this.#handleOf);
    this.#unload();
    this.#parts.add(recording.part);
    return recording;
  }

  /** Forgets a function; its graph leaves the session at the next load. */
  remove(recording: Recording): void {
    this.#parts.delete(recording.part);
    if (this.#parts.size === 0) this.#unload();
  }

  run(recording: Recording, feeds: NamedTensorMap): Tensor[] {
    const session = this.#load();
    this.#upload(session, recording.state);
    for (const tensor of recording.written) this.#keepForOthers(tensor);
    const { binding } = this.backend;
    const made = recording.hostInputs.map(({ make, shape, dtype }) => binding.createTensor(shape, dtype, make()));
    const names = [...recording.feeds.values(), ...recording.hostInputs.map(({ placeholder }) => placeholder)];
    const ids = this.backend.getInputTensorIds([...recording.feeds.keys()].map((name) => feeds[name] as Tensor));
    const results = binding.runSavedModel(session, [...ids, ...made], names.join(","), recording.outputs.join(","));
    for (const id of made) binding.deleteTensor(id);
    for (const tensor of recording.written) this.#hold(tensor);
    return results.map((metadata) => this.backend.createOutputTensor(metadata));
  }

  /** Brings all values that only the session has back to the variables. */
  sync(): void {
    const waiting = [...this.#states.values()].filter((state) => state.held && isLazy(state.held));
    if (waiting.length === 0 || this.#handle === undefined) return;
    const results = this.backend.binding.runSavedModel(
      this.#handle,
      [],
      "",
      waiting.map(({ value }) => value).join(","),
    );
    for (const [i, { held }] of waiting.entries()) if (held) settle(held, (results[i] as Metadata).id);
  }

  readonly #handleOf: HandleOf = (part, tensor, { dtype, shape }) => {
    let state = this.#states.get(tensor);
    if (!state) {
      const name = `${this.#name}_${this.#states.size}`;
      const own = variableHandle(this.#own, name, dtype, shape);
      const feed = this.#own.placeholder(shape, dtype);
      const upload = this.#own.node("AssignVariableOp", [typeAttribute("dtype", dtype)], [own, feed]);
      const uploaded = this.#own.after([upload], this.#own.constant([1], [], 1), 1);
      const value = `${this.#own.node("ReadVariableOp", [typeAttribute("dtype", dtype)], [own])}:0`;
      state = { tensor, name, feed, uploaded, value };
      this.#states.set(tensor, state);
    }
    return variableHandle(part, state.name, dtype, shape);
  };

  #load(): number {
    this.#handle ??= loadSession(this.backend.binding, [this.#own, ...this.#parts]);
    return this.#handle;
  }

  #unload(): void {
    if (this.#handle === undefined) return;
    this.sync();
    for (const state of this.#states.values()) delete state.held;
    this.backend.binding.deleteSavedModel(this.#handle);
    this.#handle = undefined;
  }

  /** Uploads the values that were changed outside since the last run. */
  #upload(session: number, needed: ReadonlySet<StateTensor>): void {
    const stale: State[] = [];
    for (const tensor of needed) {
      const state = this.#states.get(tensor) as State;
      if (tensor.isDisposed)
        throw new Error(
          "A compiled function uses a tensor that was disposed. Keep the variables that it uses, or compile it again",
        );
      if (state.held !== dataOf(this.backend, tensor)) stale.push(state);
    }
    if (stale.length === 0) return;
    const { binding } = this.backend;
    const ids = this.backend.getInputTensorIds(stale.map(({ tensor }) => tensor));
    const done = binding.runSavedModel(
      session,
      ids,
      stale.map(({ feed }) => feed).join(","),
      stale.map(({ uploaded }) => uploaded).join(","),
    );
    for (const { id } of done) binding.deleteTensor(id);
    for (const state of stale) state.held = dataOf(this.backend, state.tensor);
  }

  /** After a run that gave the variable a new value: the session has the newest. */
  #hold(tensor: StateTensor): void {
    const state = this.#states.get(tensor) as State;
    const data = dataOf(this.backend, tensor);
    if (!isLazy(data)) makeLazy(this.backend, data, () => this.#fetch(state));
    state.held = data;
  }

  /** Before the session changes a variable: whoever shares its data (a clone) keeps the old value, the variable gets a record of its own. */
  #keepForOthers(tensor: StateTensor): void {
    const data = dataOf(this.backend, tensor);
    if (data.refCount === 1) return;
    this.backend.getInputTensorIds([tensor]); // fetches the old value if only the session has it
    const fresh = this.backend.createOutputTensor({ id: -1, dtype: data.dtype, shape: [...data.shape] });
    (tensor as Variable).assign(fresh);
    fresh.dispose();
  }

  #fetch(state: State): number {
    const [metadata] = this.backend.binding.runSavedModel(this.#load(), [], "", state.value);
    return (metadata as Metadata).id;
  }
}
