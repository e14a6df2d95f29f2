"""Loads every model that run.ts saved with transformers, and its adapters with PEFT, compares logits, and saves all again for gptlab to read.

Usage: python check.py FOLDER   (FOLDER/cases.json says what is there; the result is printed as JSON)
"""
import json
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = Path(__file__).parent
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def versions():
    """The installed versions, which must be those of requirements.txt."""
    lines = (HERE / "requirements.txt").read_text().splitlines()
    wanted = dict(line.split("==") for line in lines if "==" in line)
    found = {name: version(name).split("+")[0] for name in wanted}
    if found != wanted:
        sys.exit(f"This Python has {found}, but requirements.txt asks for {wanted}")
    return found


@torch.no_grad()
def check(folder, case):
    model, info = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", output_loading_info=True)
    left = {kind: sorted(map(str, names)) for kind, names in info.items() if names}
    if left:
        sys.exit(f"{case['name']}: transformers found {left}")
    if model.dtype != DTYPES[case["dtype"]]:
        sys.exit(f"{case['name']}: transformers reads the type {model.dtype}, expected {case['dtype']}")
    model = model.float().eval()  # the same numbers, computed in float32 as gptlab does
    ids, mask = torch.tensor(case["ids"]), torch.tensor(case["mask"])

    def difference(of, expected):
        logits = of(input_ids=ids, attention_mask=mask, position_ids=(mask.cumsum(1) - 1).clamp(min=0)).logits
        return (logits - torch.tensor(expected).reshape(logits.shape)).abs()[mask.bool()].max().item()

    found = {case["name"]: difference(model, case["logits"])}

    tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer(case["text"])["input_ids"] != case["text_ids"]:
        sys.exit(f"{case['name']}: transformers' tokenizer gives other ids")
    if not model.config.eos_token_id == tokenizer.eos_token_id == case["eos_id"]:
        sys.exit(f"{case['name']}: the end token is {model.config.eos_token_id} and {tokenizer.eos_token_id}, expected {case['eos_id']}")
    model.save_pretrained(folder / "again")
    if "adapted" in case:
        adapted = PeftModel.from_pretrained(model, folder / "adapter").eval()
        found[f"{case['name']} adapter"] = difference(adapted, case["adapted"])
        adapted.save_pretrained(folder / "adapter-again")
    return found


torch.set_num_threads(1)
root = Path(sys.argv[1])
cases = json.loads((root / "cases.json").read_text())
found = {name: value for case in cases for name, value in check(root / case["name"], case).items()}
print(json.dumps({"versions": versions(), "differences": found}))
