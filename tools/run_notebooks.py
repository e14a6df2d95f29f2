"""Runs notebooks on the real kernel, some at a time, and fails where a reader would see something wrong:
an error, text on stderr, a cell that the kernel dropped, an output without a text alternative.

usage: run_notebooks.py [--jobs N] [--json FILE] [--write] [--timeout SECONDS] NOTEBOOK...
--json writes [{"notebook", "seconds", "problems"}]; --write keeps the outputs in the notebooks that had no problem.
"""
import argparse
import asyncio
import json
import os
import sys
import tempfile
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

# What the kernel says between two cells reaches nobody: so rejections that nobody awaits are collected, and told in a last cell.
FIRST_CELL = """
const unawaitedRejections: string[] = [];
process.on("unhandledRejection", (reason) => unawaitedRejections.push(reason instanceof Error ? reason.message : String(reason)));
"""
LAST_CELL = """
await new Promise((resolve) => setTimeout(resolve, 100));
for (const reason of unawaitedRejections) console.error("a promise was rejected and nobody awaited it:", reason);
"""


def first_lines(text, count=6):
    """The lines of a message that say something: no colours, no frames of the kernel."""
    lines = [line for line in text.replace("\x1b", "").splitlines() if line.strip()]
    return "\n        ".join(lines[:count])


def problems_of_outputs(nb):
    for cell in nb.cells:
        if "raises-exception" in cell.metadata.get("tags", []):
            yield f"cell {cell.id}: the tag raises-exception is not allowed, because the kernel drops the cell after an error"
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                yield f"cell {cell.id} wrote to stderr: {first_lines(output.text)}"
            if output.output_type == "display_data" and "text/plain" not in output.data:
                yield f"cell {cell.id}: an output has no text/plain alternative, only {', '.join(output.data)}"
            if output.output_type == "error":
                yield f"cell {cell.id}: {output.ename}: {output.evalue}"


STARTS = 3  # tslab sometimes loses its first message on a busy machine and then never answers


async def run(path, timeout):
    """Executes one notebook in its own kernel; one that does not start is started again. Returns (notebook, problems)."""
    for attempt in range(STARTS):
        nb, problems = await run_once(path, timeout)
        if not any("Kernel didn't respond" in problem for problem in problems):
            break
    return nb, problems


async def run_once(path, timeout):
    nb = nbformat.read(path, 4)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nb.cells = [
        nbformat.v4.new_code_cell(FIRST_CELL, id="before-the-first"),
        *nb.cells,
        nbformat.v4.new_code_cell(LAST_CELL, id="after-the-last"),
    ]
    problems = []

    def executed(cell, cell_index, execute_reply):  # the kernel answers "aborted" for a cell that it dropped
        status = execute_reply["content"]["status"]
        if status not in ("ok", "error"):
            problems.append(f"cell {cell.id} was not run: the kernel answered {status}")

    with tempfile.TemporaryDirectory(prefix="gptlab-progress-") as folder:
        env = {**os.environ, "GPTLAB_PROGRESS": os.path.join(folder, "progress.json")}
        client = NotebookClient(
            nb, timeout=timeout, kernel_name="tslab", startup_timeout=30, on_cell_executed=executed,
            coalesce_streams=True,  # a text that comes word by word is one output
            resources={"metadata": {"path": os.path.dirname(os.path.abspath(path))}},
        )
        try:
            await client.async_execute(env=env)
        except CellExecutionError as error:
            problems.append(first_lines(str(error), 12))
        except (CellTimeoutError, DeadKernelError, RuntimeError) as error:
            problems.append(f"{type(error).__name__}: {first_lines(str(error))}")
    if not problems:
        problems.extend(problems_of_outputs(nb))
    nb.cells = nb.cells[1:-1]
    for cell in nb.cells:
        cell.metadata.pop("execution", None)  # times of the run: they would differ each time
    return nb, problems


async def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--timeout", type=int, default=1800)
    parser.add_argument("notebooks", nargs="+")
    options = parser.parse_args()
    turn = asyncio.Semaphore(options.jobs)

    async def one(path):
        async with turn:
            start = time.time()
            nb, problems = await run(path, options.timeout)
            if options.write and not problems:
                nbformat.write(nb, path)
            seconds = round(time.time() - start, 1)
            print(f"{'FAIL' if problems else 'ok  '} {os.path.relpath(path)} {seconds} s", flush=True)
            for problem in problems:
                print(f"     {problem}", flush=True)
            return {"notebook": path, "seconds": seconds, "problems": problems}

    results = await asyncio.gather(*(one(path) for path in options.notebooks))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file)
    return 1 if any(result["problems"] for result in results) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
