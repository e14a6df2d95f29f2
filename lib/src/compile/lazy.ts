/** @file Data records of the native backend whose value is fetched only when somebody asks for it. */
import type { NativeBackend, TensorData } from "../backend/native";

/** The lazy records, each with what brings its value and its neighbours' in one go. */
const lazy = new WeakMap<TensorData, () => void>();
/** How often a record became lazy: the same record has another value after each time. */
const versions = new WeakMap<TensorData, number>();
const patched = new WeakSet<NativeBackend>();

/** True while the record's value has not been fetched. */
export function isLazy(data: TensorData): boolean {
  return lazy.has(data);
}

/** A number that changes when the record's value is replaced without a new record. */
export function versionOf(data: TensorData): number {
  return versions.get(data) ?? 0;
}

/** Fetches the values of all lazy records among these, session by session: one by one is slow. */
export function settleAll(records: Iterable<TensorData>): void {
  for (const data of records) lazy.get(data)?.();
}

/** Frees the record's native tensor; the first use of its handle calls `fetch` for a new one, or `fetchAll` brings it with others. */
export function makeLazy(backend: NativeBackend, data: TensorData, fetch: () => number, fetchAll: () => void): void {
  disposeWithoutFetching(backend);
  if (data.values === null && data.id >= 0) backend.binding.deleteTensor(data.id);
  data.values = null;
  lazy.set(data, fetchAll);
  versions.set(data, versionOf(data) + 1);
  Object.defineProperty(data, "id", {
    configurable: true,
    enumerable: true,
    get: () => {
      const id = fetch();
      settle(data, id);
      return id;
    },
  });
}

/** Gives a lazy record its native tensor. */
export function settle(data: TensorData, id: number): void {
  lazy.delete(data);
  Object.defineProperty(data, "id", { configurable: true, enumerable: true, writable: true, value: id });
}

/** tfjs-node asks for the handle when it disposes data; a value that nobody wants need not be fetched for that. */
function disposeWithoutFetching(backend: NativeBackend): void {
  if (patched.has(backend)) return;
  patched.add(backend);
  const { disposeData } = backend;
  backend.disposeData = (dataId, force = false) => {
    if (backend.tensorMap.has(dataId)) {
      const data = backend.tensorMap.get(dataId);
      if (isLazy(data) && (force || data.refCount <= 1)) settle(data, -1);
    }
    return disposeData.call(backend, dataId, force);
  };
}
