"""GPT-2 in plain PyTorch with the weights of a folder in Hugging Face's layout, and the protocol of the workers."""
import json
import math
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file

job = json.loads(sys.argv[1])
B, T, L, H, D, V = (job[name] for name in ("batchSize", "tokens", "nLayer", "nHead", "nEmbd", "vocabSize"))
options = job["options"]
torch.set_num_threads(job["threads"])


def ids(count, factor, offset):
    return torch.tensor([(i * factor + offset) % V for i in range(count)])


class Block(nn.Module):
    def __init__(self, sdpa):
        super().__init__()
        self.sdpa = sdpa
        self.ln_1, self.ln_2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.c_attn, self.c_proj = nn.Linear(D, 3 * D), nn.Linear(D, D)
        self.c_fc, self.mlp_proj = nn.Linear(D, 4 * D), nn.Linear(4 * D, D)
        self.register_buffer("future", torch.triu(torch.ones(T, T), 1).bool(), persistent=False)

    def attend(self, q, k, v):
        if self.sdpa:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        scores = (q @ k.transpose(-1, -2)) / math.sqrt(D / H)
        return scores.masked_fill(self.future, -math.inf).softmax(-1) @ v

    def heads(self, x):
        b, t, _ = x.shape
        return (part.view(b, t, H, D // H).transpose(1, 2) for part in self.c_attn(self.ln_1(x)).split(D, -1))

    def rest(self, x, y):
        x = x + self.c_proj(y.transpose(1, 2).reshape(x.shape))
        return x + self.mlp_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))

    def forward(self, x):
        return self.rest(x, self.attend(*self.heads(x)))


class GPT(nn.Module):
    def __init__(self, sdpa):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(V, D), nn.Embedding(job["blockSize"], D)
        self.blocks = nn.ModuleList([Block(sdpa) for _ in range(L)])
        self.ln_f = nn.LayerNorm(D)

    def forward(self, ids, targets):
        x = self.wte(ids) + self.wpe.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = self.ln_f(x) @ self.wte.weight.T
        return F.cross_entropy(logits.view(-1, V), targets.view(-1))


def load(sdpa):
    model = GPT(sdpa)
    saved = {name.removeprefix("transformer."): value for name, value in load_file(job["weights"] + "/model.safetensors").items()}
    renamed = {"attn.c_attn": "c_attn", "attn.c_proj": "c_proj", "mlp.c_fc": "c_fc", "mlp.c_proj": "mlp_proj"}
    for name, parameter in model.named_parameters():
        source = name.replace("blocks.", "h.")
        linear = [theirs for theirs, ours in renamed.items() if f".{ours}." in name]
        if linear:
            source = source.replace(renamed[linear[0]], linear[0], 1)
        value = saved[source]
        with torch.no_grad():
            parameter.copy_(value.T if linear and value.ndim == 2 else value)
    return model


def serve(about, unit):
    first = [unit() for _ in range(3)]
    print(json.dumps(dict(about=about, first=first)), flush=True)
    for line in sys.stdin:
        ms, before = [], time.process_time()
        for _ in range(int(line)):
            started = time.perf_counter()
            unit()
            ms.append((time.perf_counter() - started) * 1e3)
        cpu = (time.process_time() - before) * 1e3 / len(ms)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(dict(ms=ms, cpuMs=cpu, peakMiB=peak)), flush=True)
