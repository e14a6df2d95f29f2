"""Trains with PyTorch: eager, with sdpa and fused AdamW, or compiled. The settings are those of protocol.ts."""
import torch
from torch_gpt import B, T, ids, job, load, options, serve

model = load(bool(options.get("sdpa")))
decayed = [p for p in model.parameters() if p.ndim >= 2]
plain = [p for p in model.parameters() if p.ndim < 2]
groups = [dict(params=decayed, weight_decay=0.1), dict(params=plain, weight_decay=0.0)]
optimizer = torch.optim.AdamW(groups, lr=3e-4, betas=(0.9, 0.95), fused=True if options.get("fused") else None)
loss_of = torch.compile(model) if options.get("compile") else model
inputs, targets = ids(B * T, 7919, 13).view(B, T), ids(B * T, 104729, 5).view(B, T)


def step():
    loss = loss_of(inputs, targets)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


serve(f"PyTorch {torch.__version__.split('+')[0]}, {torch.get_num_threads()} threads", step)
