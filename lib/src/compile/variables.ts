/** @file The variables of one recording: where they are in the graph, and the order in which they are read and changed. */
import { type Attribute, dataOf, type NativeBackend, type TensorData, typeAttribute } from "../backend/native";
import type { Tensor, Variable } from "../tf";
import type { GraphPart, Output } from "./graph";

/** A tensor that was there before the function ran: a variable, or a constant too large to be part of the graph. */
export type StateTensor = Tensor | Variable;

/** Adds the resource handle of a state to a part and returns it; the session chooses the name, so that functions share it. */
export type HandleOf = (part: GraphPart, state: StateTensor, data: TensorData) => Output;

interface GraphState {
  readonly handle: Output;
  readonly dtype: number;
  /** The node that reads the present value, once somebody asked for it. */
  reader?: string;
  /** The nodes that read it or changed it last; the next change comes after them. */
  last: string[];
}

/** Reads and changes in the order in which the function does them. */
export class GraphVariables {
  readonly #states = new Map<StateTensor, GraphState>();
  readonly #changed = new Set<StateTensor>();

  constructor(
    readonly backend: NativeBackend,
    readonly part: GraphPart,
    readonly handleOf: HandleOf,
  ) {}

  get all(): ReadonlySet<StateTensor> {
    return new Set(this.#states.keys());
  }

  /** Those that get a new value. */
  get changed(): ReadonlySet<StateTensor> {
    return this.#changed;
  }

  /** The present value. */
  read(tensor: StateTensor): Output {
    const state = this.#stateOf(tensor);
    if (state.reader === undefined) {
      const { handle, dtype, last } = state;
      state.reader = this.part.node("ReadVariableOp", [typeAttribute("dtype", dtype)], [handle], last);
      state.last = [state.reader];
    }
    return `${state.reader}:0`;
  }

  /** An operation on variables, whose handles are its first inputs. */
  change(
    name: string,
    attributes: readonly Attribute[],
    variables: readonly StateTensor[],
    inputs: readonly Output[],
  ): void {
    const states = variables.map((variable) => this.#stateOf(variable));
    const handles = states.map(({ handle }) => handle);
    const earlier = states.flatMap(({ last }) => last);
    const node = this.part.node(name, attributes, [...handles, ...inputs], earlier);
    for (const state of states) {
      state.last = [node];
      delete state.reader;
    }
    for (const variable of variables) this.#changed.add(variable);
  }

  assign(variable: StateTensor, value: Output): void {
    this.change("AssignVariableOp", [typeAttribute("dtype", this.#stateOf(variable).dtype)], [variable], [value]);
  }

  /** The nodes after which every change is done. */
  done(): string[] {
    return [...this.#changed].flatMap((variable) => this.#stateOf(variable).last);
  }

  #stateOf(tensor: StateTensor): GraphState {
    let state = this.#states.get(tensor);
    if (!state) {
      const data = dataOf(this.backend, tensor);
      state = { handle: this.handleOf(this.part, tensor, data), dtype: data.dtype, last: [] };
      this.#states.set(tensor, state);
    }
    return state;
  }
}
