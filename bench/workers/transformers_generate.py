"""Generates with Hugging Face transformers as most people do, `model.generate()`, or with a static cache, compiled or not, as its guide to faster inference says."""
import torch
import transformers
from torch_gpt import B, T, ids, job, options, serve

transformers.logging.set_verbosity_error()
model = transformers.AutoModelForCausalLM.from_pretrained(job["weights"], dtype=torch.float32, attn_implementation="sdpa").eval()
if options.get("compile"):
    model.forward = torch.compile(model.forward)
prompt = ids(B * job["prompt"], 7919, 13).view(B, job["prompt"])
cache = dict(cache_implementation="static") if options.get("static") else {}


@torch.inference_mode()
def generate():
    mask = torch.ones_like(prompt)
    made = model.generate(
        prompt, attention_mask=mask, do_sample=False, min_new_tokens=T, max_new_tokens=T, pad_token_id=0, eos_token_id=None, **cache
    )
    return made[:, job["prompt"] :].T.flatten().tolist()


serve(f"transformers {transformers.__version__}, {torch.get_num_threads()} threads", generate)
