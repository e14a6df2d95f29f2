/** @file Counts how often TensorFlow's add-on is asked for something. */
import { nativeBackend } from "../../lib/dist/backend/native.js";

/** The calls of one method of the add-on while `body` runs; 0 on other engines. */
export async function nativeCalls(
  method: "loadSavedModel" | "runSavedModel",
  body: () => unknown | Promise<unknown>,
): Promise<number> {
  const backend = nativeBackend();
  let calls = 0;
  if (!backend) {
    await body();
    return calls;
  }
  const { binding } = backend;
  const value = (...args: unknown[]): unknown => {
    calls++;
    return Reflect.apply(binding[method], binding, args);
  };
  backend.binding = Object.create(binding, { [method]: { value } }) as typeof binding;
  try {
    await body();
  } finally {
    backend.binding = binding;
  }
  return calls;
}
