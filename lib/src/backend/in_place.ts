/** @file Operations that change variables in place, such as the update of an optimiser. Only a captured graph has variables of its own; everywhere else the same is computed with tensors. */
import type { Tensor, Variable } from "../tf";
import { Diversion } from "./diversion";
import { type Attribute, FLOAT32, typeAttribute } from "./native";

/** A TensorFlow operation whose first inputs are resource variables. */
export interface InPlaceOperation {
  readonly name: string;
  readonly attributes: readonly Attribute[];
  /** The variables that it changes, in the order of its inputs. */
  readonly variables: readonly Variable[];
  /** The inputs after the variables. */
  readonly inputs: readonly Tensor[];
}

type Listener = (operation: InPlaceOperation) => void;
const capture = new Diversion<Listener>();

/** Adds the operation to the graph while a function is captured; otherwise runs `plain`, which must give the variables the same values. */
export function inPlace(operation: InPlaceOperation, plain: () => void): void {
  if (capture.current) capture.current(operation);
  else plain();
}

/** Subtracts a value from a float32 variable. */
export function subtractInPlace(variable: Variable, value: Tensor): void {
  const attributes = [typeAttribute("dtype", FLOAT32)];
  inPlace({ name: "AssignSubVariableOp", attributes, variables: [variable], inputs: [value] }, () =>
    variable.assign(variable.sub(value)),
  );
}

/** Runs `body`; operations in place go to `listen` meanwhile. */
export function withInPlace<T>(listen: Listener, body: () => T): T {
  return capture.during(listen, body);
}
