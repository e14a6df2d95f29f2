"""Writes GPT-2 as an ONNX graph with a cache, for transformers.js: `python make_onnx.py FOLDER`, a folder in Hugging Face's layout."""
import json
import os
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save
from safetensors.numpy import load_file

folder = sys.argv[1]
config = json.load(open(f"{folder}/config.json"))
L, H, D, V = (config[name] for name in ("n_layer", "n_head", "n_embd", "vocab_size"))
weights = {name.removeprefix("transformer."): value for name, value in load_file(f"{folder}/model.safetensors").items()}
initializers = [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in weights.items()]
nodes = []


def op(kind, inputs, name, **attributes):
    nodes.append(helper.make_node(kind, inputs, [name], **attributes))
    return name


def constant(name, values, dtype=np.int64):
    initializers.append(numpy_helper.from_array(np.array(values, dtype), name))
    return name


def linear(x, name):
    return op("Add", [op("MatMul", [x, f"{name}.weight"], f"{name}.product"), f"{name}.bias"], f"{name}.out")


def norm(x, name):
    return op("LayerNormalization", [x, f"{name}.weight", f"{name}.bias"], f"{name}.out", axis=-1, epsilon=1e-5)


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


heads, merged = constant("heads", [0, 0, H, D // H]), constant("merged", [0, 0, D])
first, last = constant("first", 0), constant("last", 1)
scale = constant("scale", (D / H) ** -0.5, np.float32)
hidden, seen = constant("hidden", -1e9, np.float32), constant("seen", 0, np.float32)
query_axes = constant("query_axes", [1, 3])

# A token sees the places up to its own: (B, 1, t, 1) against (S).
total = op("Gather", [op("Shape", ["attention_mask"], "mask_shape"), last], "total")
keys = op("Range", [first, total, last], "keys")
visible = op("LessOrEqual", [keys, op("Unsqueeze", ["position_ids", query_axes], "queries")], "visible")
mask = op("Where", [visible, seen, hidden], "mask")

x = op("Add", [op("Gather", ["wte.weight", "input_ids"], "tokens"), op("Gather", ["wpe.weight", "position_ids"], "places")], "x")
inputs = [value(name, ["B", length], TensorProto.INT64) for name, length in (("input_ids", "t"), ("attention_mask", "S"), ("position_ids", "t"))]
outputs = [value("logits", ["B", "t", V])]
for i in range(L):
    h = f"h.{i}"
    nodes.append(helper.make_node("Split", [linear(norm(x, f"{h}.ln_1"), f"{h}.attn.c_attn")], [f"{h}.{n}" for n in "qkv"], axis=-1, num_outputs=3))
    split = {n: op("Transpose", [op("Reshape", [f"{h}.{n}", heads], f"{h}.{n}4")], f"{h}.{n}h", perm=[0, 2, 1, 3]) for n in "qkv"}
    for n, kind in (("k", "key"), ("v", "value")):
        past, present = f"past_key_values.{i}.{kind}", f"present.{i}.{kind}"
        inputs.append(value(past, ["B", H, "past", D // H]))
        outputs.append(value(present, ["B", H, "S", D // H]))
        op("Concat", [past, split[n]], present, axis=2)
    turned = op("Transpose", [f"present.{i}.key"], f"{h}.turned", perm=[0, 1, 3, 2])
    scores = op("MatMul", [op("Mul", [split["q"], scale], f"{h}.scaled"), turned], f"{h}.scores")
    seen_by = op("Softmax", [op("Add", [scores, mask], f"{h}.masked")], f"{h}.attention", axis=-1)
    y = op("Transpose", [op("MatMul", [seen_by, f"present.{i}.value"], f"{h}.mixed")], f"{h}.back", perm=[0, 2, 1, 3])
    x = op("Add", [x, linear(op("Reshape", [y, merged], f"{h}.merged"), f"{h}.attn.c_proj")], f"{h}.middle")
    inner = op("Gelu", [linear(norm(x, f"{h}.ln_2"), f"{h}.mlp.c_fc")], f"{h}.gelu", approximate="tanh")
    x = op("Add", [x, linear(inner, f"{h}.mlp.c_proj")], f"{h}.end")
op("MatMul", [norm(x, "ln_f"), op("Transpose", ["wte.weight"], "head", perm=[1, 0])], "logits")

graph = helper.make_graph(nodes, "gpt2", inputs, outputs, initializers)
os.makedirs(f"{folder}/onnx", exist_ok=True)
save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), f"{folder}/onnx/model.onnx")
