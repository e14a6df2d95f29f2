"""Generates with PyTorch and a cache of keys and values: eager with a cache that grows, or compiled with one of fixed size."""
import torch
import torch.nn.functional as F
from torch_gpt import B, D, H, L, T, ids, job, load, options, serve

PROMPT, COMPILED = job["prompt"], bool(options.get("compile"))
model = load(True).eval()
prompt = ids(B * PROMPT, 7919, 13).view(B, PROMPT)


def logits(x):
    return model.ln_f(x[:, -1]) @ model.wte.weight.T


def forward(tokens, past, caches):
    """Growing: the cache is a list of pairs (B, H, S, hs)."""
    t = tokens.shape[1]
    x = model.wte(tokens) + model.wpe.weight[past : past + t]
    for i, block in enumerate(model.blocks):
        q, k, v = block.heads(x)
        if caches[i] is not None:
            k, v = torch.cat([caches[i][0], k], 2), torch.cat([caches[i][1], v], 2)
        caches[i] = (k, v)
        x = block.rest(x, F.scaled_dot_product_attention(q, k, v, is_causal=t > 1))
    return logits(x).argmax(-1)


keys = torch.zeros(L, B, H, PROMPT + T, D // H)
values = torch.zeros_like(keys)
places = torch.arange(PROMPT + T)


def forward_fixed(tokens, at):
    """Fixed: new keys and values are written at their places, and what is not there yet is masked."""
    x = model.wte(tokens) + model.wpe(at)
    mask = places <= at[:, None]
    for i, block in enumerate(model.blocks):
        q, k, v = block.heads(x)
        keys[i].index_copy_(2, at, k)
        values[i].index_copy_(2, at, v)
        x = block.rest(x, F.scaled_dot_product_attention(q, keys[i], values[i], attn_mask=mask))
    return logits(x).argmax(-1)


fixed = torch.compile(forward_fixed, dynamic=False) if COMPILED else forward_fixed


@torch.inference_mode()
def generate():
    made, caches = [], [None] * L
    token = fixed(prompt, places[:PROMPT]) if COMPILED else forward(prompt, 0, caches)
    for i in range(T):
        made += token.tolist()
        if i + 1 < T:
            at = PROMPT + i
            token = fixed(token[:, None], places[at : at + 1]) if COMPILED else forward(token[:, None], at, caches)
    return made


serve(f"PyTorch {torch.__version__.split('+')[0]}, {torch.get_num_threads()} threads", generate)
