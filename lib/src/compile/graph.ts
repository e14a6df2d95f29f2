/** @file Builds a TensorFlow graph node by node and loads it as a session. It knows nothing of tfjs tensors or recording. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Attribute, type Binding, BOOL, FLOAT32, INT32, typeAttribute } from "../backend/native";

/** One output of a node: "name:index". */
export type Output = string;

/** The generated protobuf classes that tfjs-node ships; each message has setters for its fields. */
interface Message {
  serializeBinary(): Uint8Array;
  [method: `set${string}` | `add${string}`]: (value: unknown) => unknown;
  getAttrMap(): { set(key: string, value: Message): unknown };
}
type Messages = Readonly<
  Record<
    "SavedModel" | "MetaGraphDef" | "GraphDef" | "NodeDef" | "VersionDef" | "Tensor" | "TensorShape",
    new () => Message
  >
> & {
  readonly AttrValue: (new () => Message) & { readonly ListValue: new () => Message };
};

let messages: Messages | undefined;
function protobuf(): Messages {
  messages ??= require("@tensorflow/tfjs-node-gpu/dist/proto/api_pb.js") as Messages;
  return messages;
}

/** Attribute kinds, as the binding numbers them (TF_AttrType). */
const KIND = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5 } as const;

const shapeAttribute = (name: string, value: readonly number[]): Attribute => ({ name, type: KIND.shape, value });
const stringAttribute = (name: string, value: string): Attribute => ({ name, type: KIND.string, value });

/** A part of a graph: nodes that can be built into a session together with other parts. Names begin with the part's prefix. */
export class GraphPart {
  readonly nodes: Message[] = [];
  #count = 0;
  /** Bytes of constants; a graph over 2 GB is illegal. */
  constantBytes = 0;

  constructor(readonly prefix: string) {}

  /** Adds an operation and returns its name. Control inputs only order it after those nodes. */
  node(
    operation: string,
    attributes: readonly Attribute[],
    inputs: readonly Output[],
    controls: readonly string[] = [],
    name = this.#name(operation),
  ): string {
    const { NodeDef } = protobuf();
    const node = new NodeDef();
    node.setName(name);
    node.setOp(operation);
    for (const input of inputs) node.addInput(input);
    for (const control of new Set(controls)) node.addInput(`^${control}`);
    for (const attribute of attributes)
      if (attribute.value != null) node.getAttrMap().set(attribute.name, attributeValue(attribute));
    this.nodes.push(node);
    return name;
  }

  /** A value that is part of the graph. */
  constant(values: ArrayLike<number>, shape: readonly number[], dtype: number): Output {
    const { AttrValue, Tensor } = protobuf();
    const bytes = bytesOf(values, dtype);
    this.constantBytes += bytes.length;
    const tensor = new Tensor();
    tensor.setDtype(dtype);
    tensor.setTensorShape(shapeMessage(shape));
    tensor.setTensorContent(bytes);
    const value = new AttrValue();
    value.setTensor(tensor);
    const name = this.node("Const", [typeAttribute("dtype", dtype)], []);
    this.nodes.at(-1)?.getAttrMap().set("value", value);
    return `${name}:0`;
  }

  /** A value that is given at each run. */
  placeholder(shape: readonly number[], dtype: number): Output {
    return `${this.node("Placeholder", [typeAttribute("dtype", dtype), shapeAttribute("shape", shape)], [])}:0`;
  }

  /** `value`, available only after the nodes `controls` have run. */
  after(controls: readonly string[], value: Output, dtype: number): Output {
    return `${this.node("Identity", [typeAttribute("T", dtype)], [value], controls)}:0`;
  }

  #name(operation: string): string {
    return `${this.prefix}/${operation}_${this.#count++}`;
  }
}

/** Adds the handle of a session variable to a part; the name is shared by all parts of the session. */
export function variableHandle(part: GraphPart, name: string, dtype: number, shape: readonly number[]): Output {
  const attributes = [
    stringAttribute("container", ""),
    stringAttribute("shared_name", name),
    typeAttribute("dtype", dtype),
    shapeAttribute("shape", shape),
  ];
  return `${part.node("VarHandleOp", attributes, [])}:0`;
}

/** How the operations of a session depend on each other, and so how its threads are best used. */
export type Structure = "branches" | "chain";

/** Serialised fields of a tensorflow.ConfigProto (`tensorflow/core/protobuf/config.proto`), each a key and its value. */
const CONFIG: Readonly<Record<Structure, readonly number[]>> = {
  // intra_op_parallelism_threads (2) is 1: each branch has a processor of its own, and nobody waits in the midst of an operation.
  branches: [0x10, 1],
  chain: [
    // inter_op_parallelism_threads (5) is -1: all operations start on the caller's thread, which then need not be woken for each.
    ...[0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    // graph_options (10) { rewrite_options (10) { remapping (14) OFF } }: with one row the product that adds a bias is slower than two operations.
    ...[0x52, 4, 0x52, 2, 0x70, 2],
  ],
};

/** Loads the parts as one TensorFlow session and returns its handle. */
export function loadSession(binding: Binding, parts: Iterable<GraphPart>, structure?: Structure): number {
  const { GraphDef, MetaGraphDef, SavedModel, VersionDef } = protobuf();
  const graph = new GraphDef();
  for (const part of parts) for (const node of part.nodes) graph.addNode(node);
  const version = new VersionDef();
  version.setProducer(1882); // GraphDef version of TensorFlow 2.17 to 2.21; newer readers accept it
  graph.setVersions(version);
  const info = new (MetaGraphDef as unknown as { MetaInfoDef: new () => Message }).MetaInfoDef();
  info.addTags("serve");
  const meta = new MetaGraphDef();
  meta.setMetaInfoDef(info);
  meta.setGraphDef(graph);
  const model = new SavedModel();
  model.setSavedModelSchemaVersion(1);
  model.addMetaGraphs(meta);

  const folder = mkdtempSync(path.join(tmpdir(), "gptlab-graph-"));
  try {
    writeFileSync(path.join(folder, "saved_model.pb"), model.serializeBinary());
    if (structure) writeFileSync(path.join(folder, "session_config.pb"), Uint8Array.from(CONFIG[structure])); // lib/native/session.h
    return binding.loadSavedModel(`${folder}/`, "serve");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function attributeValue({ type, value }: Attribute): Message {
  const { AttrValue } = protobuf();
  const message = new AttrValue();
  if (Array.isArray(value) && type !== KIND.shape) {
    const list = new AttrValue.ListValue();
    for (const item of value as unknown[]) setScalar(list, "add", type, item);
    message.setList(list);
  } else setScalar(message, "set", type, value);
  return message;
}

function setScalar(message: Message, verb: "set" | "add", type: number, value: unknown): void {
  const field = {
    [KIND.string]: "S",
    [KIND.int]: "I",
    [KIND.float]: "F",
    [KIND.bool]: "B",
    [KIND.type]: "Type",
    [KIND.shape]: "Shape",
  }[type];
  if (field === undefined) throw new TypeError(`compile() met an attribute of the unknown kind ${type}`);
  const stored =
    type === KIND.string
      ? Buffer.from(String(value)).toString("base64")
      : type === KIND.shape
        ? shapeMessage(value as number[])
        : value;
  message[`${verb}${field}`]?.(stored);
}

function shapeMessage(shape: readonly number[]): Message {
  const { TensorShape } = protobuf();
  const message = new TensorShape();
  for (const size of shape) {
    const dim = new (TensorShape as unknown as { Dim: new () => Message }).Dim();
    dim.setSize(size);
    message.addDim(dim);
  }
  return message;
}

function bytesOf(values: ArrayLike<number>, dtype: number): Uint8Array {
  const typed =
    dtype === FLOAT32
      ? Float32Array.from(values)
      : dtype === INT32
        ? Int32Array.from(values)
        : dtype === BOOL
          ? Uint8Array.from(values)
          : undefined;
  if (!typed)
    throw new TypeError(`compile() cannot keep a constant of TensorFlow type ${dtype}: only float32, int32 and bool`);
  return new Uint8Array(typed.buffer);
}
