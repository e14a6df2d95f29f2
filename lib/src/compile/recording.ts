/** @file What the recording of a function is: a part of a graph, and what it needs and gives. */
import type { MakeValues } from "../backend/host_input";
import type { GraphPart, Output } from "./graph";
import type { StateTensor } from "./variables";

/** What the recording of one function gave. */
export interface Recording {
  readonly part: GraphPart;
  /** Placeholder of each feed, by the feed's name. */
  readonly feeds: ReadonlyMap<string, Output>;
  /** Values that JavaScript makes for each run. */
  readonly hostInputs: readonly HostInput[];
  /** All state that the function reads or writes. */
  readonly state: ReadonlySet<StateTensor>;
  /** The variables that it gives a new value. */
  readonly written: ReadonlySet<StateTensor>;
  readonly outputs: readonly Output[];
  /** The function returned one tensor, not a list. */
  readonly single: boolean;
  readonly operations: number;
}

/** A placeholder whose values are made anew for each run. */
export interface HostInput {
  readonly placeholder: Output;
  readonly make: MakeValues;
  readonly shape: readonly number[];
  readonly dtype: number;
}
