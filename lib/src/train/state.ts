/** @file What a training run must keep to go on exactly, as a checkpoint and back: all that training changes, and a hash of the frozen weights. */
import { createHash } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import path from "node:path";
import { type Checkpoint, checkpointPath, checkpointSteps, loadCheckpoint, saveCheckpoint } from "../files/checkpoint";
import type { HostTensor } from "../files/tensors";
import type { Module } from "../nn";
import type { Optimizer, OptimizerState } from "../optim";
import type { Random, RandomState } from "../random";
import { tf, type Variable } from "../tf";

interface RunState {
  readonly optimizer: OptimizerState;
  readonly random: RandomState;
  /** Where the batches stand; null when they have no `state()`. */
  readonly cursor: unknown;
  readonly tokens: number;
  /** Hash of the parameters that were not trained, which are not in the checkpoint; absent if all were. */
  readonly frozen?: string;
}

/** The parts of a run that change. */
export interface Run {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly random: Random;
  readonly batches: unknown;
}

function variablesOf({ model, optimizer }: Run): Map<string, Variable> {
  const named = (prefix: string, variables: ReadonlyMap<string, Variable>) =>
    Array.from(variables, ([name, variable]) => [`${prefix}.${name}`, variable] as const);
  const trained = model.parameters({ trainable: true });
  return new Map([...named("model", trained), ...named("optimizer", optimizer.variables())]);
}

const frozenHashes = new WeakMap<Run, Promise<string | undefined>>();

/** The hash of the parameters that are not trained, computed once a run; undefined if there are none. */
function frozenHash(run: Run): Promise<string | undefined> {
  const known = frozenHashes.get(run) ?? hashOf(run.model.parameters({ trainable: false }));
  frozenHashes.set(run, known);
  return known;
}

async function hashOf(variables: ReadonlyMap<string, Variable>): Promise<string | undefined> {
  const hash = createHash("sha256");
  for (const [name, variable] of variables) {
    const { buffer, byteOffset, byteLength } = await variable.data();
    hash.update(`${name} ${variable.shape}\n`).update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return variables.size === 0 ? undefined : hash.digest("hex");
}

/** Batches whose place can be kept: a DataLoader, a Mixture, or your own with these two methods. */
interface Resumable {
  /** Plain JSON. */
  state(): unknown;
  restore(state: unknown): void;
}

function isResumable(batches: unknown): batches is Resumable {
  const { state, restore } = batches as Partial<Resumable>;
  return typeof state === "function" && typeof restore === "function";
}

/** Writes a checkpoint of the run; returns its path. */
export async function saveRun(folder: string, step: number, tokens: number, run: Run, keep: number): Promise<string> {
  const tensors = new Map<string, HostTensor>();
  for (const [name, variable] of variablesOf(run)) {
    tensors.set(name, { dtype: "F32", shape: variable.shape, data: await variable.data() });
  }
  const cursor = isResumable(run.batches) ? run.batches.state() : null;
  const frozen = await frozenHash(run);
  const state: RunState = {
    optimizer: run.optimizer.state(),
    random: run.random.state(),
    cursor,
    tokens,
    ...(frozen === undefined ? {} : { frozen }),
  };
  return saveCheckpoint(folder, { step, tensors, state }, { keep });
}

/** Where a run stands. */
interface Place {
  readonly step: number;
  readonly tokens: number;
  /** Its checkpoint. */
  readonly path: string;
}

/** Puts the newest checkpoint of the folder back; returns where the run stands, or undefined if there is none. */
export async function loadRun(folder: string, run: Run): Promise<Place | undefined> {
  const checkpoint: Checkpoint<RunState> | undefined = await loadCheckpoint<RunState>(folder);
  if (!checkpoint) return undefined;
  const { step, tensors, state } = checkpoint;
  const variables = variablesOf(run);
  const other = (what: string): RangeError =>
    new RangeError(
      `The checkpoint of step ${step} in ${folder} ${what}. Is it another model or optimiser, or are other parameters frozen? Use another folder`,
    );
  for (const [name, { shape }] of variables) {
    const found = tensors.get(name);
    if (String(found?.shape) !== String(shape))
      throw other(
        `has ${found ? `shape [${found.shape.join(", ")}]` : "nothing"} for "${name}", expected [${shape.join(", ")}]`,
      );
  }
  for (const name of tensors.keys())
    if (!variables.has(name)) throw other(`has "${name}", which this run does not train`);
  if (state.frozen !== undefined && state.frozen !== (await frozenHash(run)))
    throw new RangeError(
      `The checkpoint of step ${step} in ${folder} was trained over other frozen weights than this model has. Begin with the model that the run began with, or use another folder`,
    );
  for (const [name, variable] of variables) {
    const value = tf.tensor((tensors.get(name) as HostTensor).data as Float32Array, variable.shape);
    variable.assign(value);
    value.dispose();
  }
  run.optimizer.restore(state.optimizer);
  run.random.restore(state.random);
  if (isResumable(run.batches) && state.cursor !== null) run.batches.restore(state.cursor);
  return { step, tokens: state.tokens, path: checkpointPath(folder, step) };
}

/** Takes a checkpoint that cannot be trusted out of the way, under another name: nothing is lost. */
export async function setAside(folder: string, step: number): Promise<void> {
  const home = checkpointPath(folder, step);
  const other = path.join(folder, `spoilt-${path.basename(home)}`);
  await rm(other, { recursive: true, force: true });
  await rename(home, other);
}

/** A new run must not mix with what an earlier one has left. */
export async function requireNoCheckpoint(folder: string): Promise<void> {
  const step = (await checkpointSteps(folder)).at(-1);
  if (step === undefined) return;
  throw new Error(
    `train() would begin anew, but ${folder} holds the checkpoint of step ${step} of an earlier run. Say resume: true to go on from it, or give another folder`,
  );
}
