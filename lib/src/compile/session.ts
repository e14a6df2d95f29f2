/**
 * @file A TensorFlow session that holds the graphs of one or several recorded functions and their common state.
 *
 * While a session has the newest value of a variable, the variable's record in the backend becomes lazy: whoever asks for its
 * native handle (any tfjs operation, `data()`) gets the value fetched then. So nothing outside ever sees a stale value, and the
 * memory is not held twice.
 */

import { dataOf, FLOAT32, type Metadata, type NativeBackend, type TensorData, typeAttribute } from "../backend/native";
import { type NamedTensorMap, type Tensor, tf, type Variable } from "../tf";
import { GraphPart, loadSession, type Output, type Structure, variableHandle } from "./graph";
import { isLazy, makeLazy, settle, settleAll, versionOf } from "./lazy";
import { record } from "./recorder";
import type { Recording } from "./recording";
import type { HandleOf, StateTensor } from "./variables";

/** Of one state in the loaded graph: feed and upload, read, free. */
interface Nodes {
  readonly feed: Output;
  readonly uploaded: Output;
  readonly value: Output;
  readonly freed: Output;
}

/** A tensor that lives in the session. */
interface State {
  readonly tensor: StateTensor;
  readonly name: string;
  readonly dtype: number;
  readonly shape: readonly number[];
  nodes?: Nodes;
  /** The backend's record whose value the session has, and the version of it. */
  held?: TensorData;
  version?: number;
}

let sessions = 0;

/** Larger states are uploaded one group after the other, so that not all of them are in memory twice. */
const LARGEST_UPLOAD = 2 ** 28; // bytes

export class Session {
  readonly #name = `session${++sessions}`;
  readonly #states = new Map<StateTensor, State>();
  readonly #recordings = new Set<Recording>();
  #handle: number | undefined;
  #functions = 0;
  #named = 0;

  constructor(
    readonly backend: NativeBackend,
    readonly structure?: Structure,
    readonly largestUpload = LARGEST_UPLOAD,
  ) {}

  /** Records a function and adds its graph. */
  add(fn: (feeds: NamedTensorMap) => Tensor | Tensor[], feeds: NamedTensorMap): Recording {
    const variables = Object.values(tf.engine().registeredVariables) as Variable[];
    settleAll(variables.map((variable) => dataOf(this.backend, variable))); // recording takes a copy of each
    const recording = record(this.backend, fn, feeds, `${this.#name}/f${++this.#functions}`, this.#handleOf);
    this.#unload();
    this.#recordings.add(recording);
    return recording;
  }

  /** Forgets a function, and frees the state that only it had. Its nodes stay until the next load: to load for this alone costs more. */
  remove(recording: Recording): void {
    this.#recordings.delete(recording);
    const used = new Set([...this.#recordings].flatMap(({ state }) => [...state]));
    const unused = [...this.#states.values()].filter(({ tensor }) => !used.has(tensor));
    this.#bring(unused);
    if (this.#recordings.size === 0) this.#unload();
    else this.#free(unused);
    for (const { tensor } of unused) this.#states.delete(tensor);
  }

  run(recording: Recording, feeds: NamedTensorMap): Tensor[] {
    const session = this.#load();
    this.#upload(session, recording);
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
    this.#bring([...this.#states.values()]);
  }

  #bring(states: readonly State[]): void {
    // A record that is lazy in another version has its value in another session.
    const waiting = states.filter(({ held, version }) => held && isLazy(held) && versionOf(held) === version);
    if (waiting.length === 0 || this.#handle === undefined) return;
    const results = this.backend.binding.runSavedModel(
      this.#handle,
      [],
      "",
      waiting.map(({ nodes }) => nodes?.value).join(","),
    );
    for (const [i, { held }] of waiting.entries()) if (held) settle(held, (results[i] as Metadata).id);
  }

  readonly #handleOf: HandleOf = (part, tensor, { dtype, shape }) => {
    let state = this.#states.get(tensor);
    if (!state) {
      state = { tensor, name: `${this.#name}_${this.#named++}`, dtype, shape };
      this.#states.set(tensor, state);
    }
    return variableHandle(part, state.name, dtype, shape);
  };

  #load(): number {
    if (this.#handle !== undefined) return this.#handle;
    const own = new GraphPart(`${this.#name}/state`);
    for (const state of this.#states.values()) {
      const { name, dtype, shape } = state;
      const handle = variableHandle(own, name, dtype, shape);
      const feed = own.placeholder(shape, dtype);
      const upload = own.node("AssignVariableOp", [typeAttribute("dtype", dtype)], [handle, feed]);
      const uploaded = own.after([upload], own.constant([1], [], FLOAT32), FLOAT32);
      const value = `${own.node("ReadVariableOp", [typeAttribute("dtype", dtype)], [handle])}:0`;
      const free = own.node("DestroyResourceOp", [], [handle]);
      const freed = own.after([free], own.constant([1], [], FLOAT32), FLOAT32);
      state.nodes = { feed, uploaded, value, freed };
    }
    this.#handle = loadSession(
      this.backend.binding,
      [own, ...Array.from(this.#recordings, ({ part }) => part)],
      this.structure,
    );
    return this.#handle;
  }

  #unload(): void {
    if (this.#handle === undefined) return;
    this.sync();
    for (const state of this.#states.values()) delete state.held;
    this.backend.binding.deleteSavedModel(this.#handle);
    this.#handle = undefined;
  }

  #free(states: readonly State[]): void {
    const uploaded = states.filter(({ held }) => held);
    if (uploaded.length === 0 || this.#handle === undefined) return;
    const names = uploaded.map(({ nodes }) => nodes?.freed).join(",");
    for (const { id } of this.backend.binding.runSavedModel(this.#handle, [], "", names))
      this.backend.binding.deleteTensor(id);
  }

  /** Uploads the values that were changed outside since the last run. */
  #upload(session: number, { state: needed, written }: Recording): void {
    const stale: State[] = [];
    for (const tensor of needed) {
      const state = this.#states.get(tensor) as State;
      if (tensor.isDisposed)
        throw new Error(
          "A compiled function uses a tensor that was disposed. Keep the variables that it uses, or compile it again",
        );
      const data = dataOf(this.backend, tensor);
      if (state.held !== data || state.version !== versionOf(data)) stale.push(state);
    }
    if (stale.length === 0) return;
    settleAll(stale.map(({ tensor }) => dataOf(this.backend, tensor))); // another session may have the newest values
    const { binding } = this.backend;
    for (const group of inGroups(stale, this.largestUpload)) {
      const done = binding.runSavedModel(
        session,
        this.backend.getInputTensorIds(group.map(({ tensor }) => tensor)),
        group.map(({ nodes }) => nodes?.feed).join(","),
        group.map(({ nodes }) => nodes?.uploaded).join(","),
      );
      for (const { id } of done) binding.deleteTensor(id);
      for (const state of group) {
        if (written.has(state.tensor))
          this.#hold(state.tensor); // frees the copy that nobody needs any more
        else this.#holds(state);
      }
    }
  }

  /** The session has the newest value of a variable, and will change it: no second copy is kept. */
  #hold(tensor: StateTensor): void {
    const state = this.#states.get(tensor) as State;
    const data = dataOf(this.backend, tensor);
    if (!isLazy(data))
      makeLazy(
        this.backend,
        data,
        () => this.#fetch(state),
        () => this.sync(),
      );
    this.#holds(state);
  }

  #holds(state: State): void {
    state.held = dataOf(this.backend, state.tensor);
    state.version = versionOf(state.held);
  }

  /** Before the session changes a variable: whoever shares its data (a clone) keeps the old value, the variable gets a record of its own. */
  #keepForOthers(tensor: StateTensor): void {
    const data = dataOf(this.backend, tensor);
    if (data.refCount === 1) return;
    this.backend.getInputTensorIds([tensor]); // fetches the old value if only the session has it
    const fresh = this.backend.createOutputTensor({ id: -1, dtype: data.dtype, shape: [...data.shape] });
    (tensor as Variable).assign(fresh);
    fresh.dispose();
    this.#hold(tensor); // should the run fail, the session still has the value
  }

  #fetch(state: State): number {
    const [metadata] = this.backend.binding.runSavedModel(this.#load(), [], "", (state.nodes as Nodes).value);
    return (metadata as Metadata).id;
  }
}

/** Groups of at most `largest` bytes of float32, where a single one is not larger. Few: each costs a new plan of the graph. */
export function inGroups<S extends { readonly tensor: { readonly size: number } }>(
  states: readonly S[],
  largest: number,
): S[][] {
  const groups: S[][] = [];
  let room = 0;
  for (const state of states) {
    const bytes = 4 * state.tensor.size;
    if (bytes > room) {
      groups.push([]);
      room = largest;
    }
    groups.at(-1)?.push(state);
    room -= bytes;
  }
  return groups;
}
