/** @file The runner of notebooks notices what a reader would see as wrong. Each fault has its own small notebook on the real kernel. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Notebook, notebookText, writeWhole } from "../../tools/notebook/format.ts";
import { pythonOf, runNotebooks } from "../../tools/notebook/outputs.ts";
import { skip } from "../support/skip.ts";

const root = path.resolve(import.meta.dirname, "../..");
const folder = path.join(root, ".build/run-notebooks-test");
const test = suite("run_notebooks.py");
const python = pythonOf(root);

/** Cells of a notebook, and what must be said about it; nothing if it is in order. */
const CASES: Record<string, { readonly cells: readonly string[]; readonly problem?: RegExp }> = {
  good: { cells: ["const a = 1;", "console.log(a);"] },
  error: { cells: ['throw new Error("on purpose");'], problem: /on purpose/ },
  type: { cells: ["const n: number = 'text';"], problem: /not assignable/ },
  stderr: { cells: ["console.error('careful');"], problem: /cell cell-0 wrote to stderr: careful/ },
  rejection: {
    cells: ["void Promise.reject(new Error('nobody waits'));"],
    problem: /a promise was rejected and nobody awaited it: nobody waits/,
  },
  late: {
    cells: ["setTimeout(() => Promise.reject(new Error('much later')), 20);"],
    problem: /nobody awaited it: much later/,
  },
  picture: {
    cells: ["import { display } from 'tslab'; display.html('<b>no words</b>');"],
    problem: /an output has no text\/plain alternative, only text\/html/,
  },
};

function notebook(cells: readonly string[]): Notebook {
  return {
    cells: cells.map((source, i) => ({
      cell_type: "code",
      id: `cell-${i}`,
      metadata: {},
      source,
      outputs: [],
      execution_count: null,
    })),
    metadata: { kernelspec: { display_name: "TypeScript", language: "typescript", name: "tslab" } },
    nbformat: 4,
    nbformat_minor: 5,
  };
}

test(
  "run_notebooks.py finds each fault, and writes outputs only where there is none",
  python
    ? () => {
        mkdirSync(folder, { recursive: true });
        const files = Object.entries(CASES).map(([name, { cells }]) => {
          const file = path.join(folder, `${name}.ipynb`);
          writeWhole(file, notebookText(notebook(cells)));
          return file;
        });
        const before = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));
        const results = runNotebooks(root, files, { env: {}, write: true });
        for (const { notebook: file, problems } of results) {
          const { problem } = CASES[path.basename(file, ".ipynb")] ?? {};
          if (problem) assert.match(problems.join("\n"), problem, file);
          else assert.equal(problems, [], file);
          const changed = readFileSync(file, "utf8") !== before.get(file);
          assert.is(changed, problem === undefined, `${file} ${changed ? "was" : "was not"} written`);
        }
        assert.match(readFileSync(path.join(folder, "good.ipynb"), "utf8"), /"1\\n"/);
        rmSync(folder, { recursive: true });
      }
    : skip("no Python with Jupyter in .venv: run make setup"),
);

test.run();
