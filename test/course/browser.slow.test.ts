/// <reference lib="dom" />
/** @file The course in a real JupyterLab in a real Chromium: run all, a wrong answer, a right one, the interrupt button, right-to-left text. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { buildNotebook } from "../../tools/notebook/build.ts";
import { loadChapters } from "../../tools/notebook/chapter.ts";
import { notebookText } from "../../tools/notebook/format.ts";
import { availableBackends } from "../support/backends.ts";
import { browserMissing, Lab, type NotebookPage, root } from "../support/jupyter.ts";
import { skip } from "../support/skip.ts";

const test = suite("JupyterLab");
const reason = browserMissing();
const chapter = "01_tokenization.ipynb";
const artefacts = "test/artefacts";
const folder = `${artefacts}/browser`; // not a hidden folder: Jupyter does not serve those
let lab: Lab;

/** A fresh notebook, not the learner's own; the folder's name chooses the language. */
function copy(language: "en" | "ar" | "fa"): string {
  const notebook = `${folder}/${language}/${chapter}`;
  mkdirSync(path.join(root, folder, language), { recursive: true });
  const [source] = loadChapters(root, "01").chapters;
  if (!source) throw new Error("chapter 01 is not there");
  writeFileSync(path.join(root, notebook), notebookText(buildNotebook(source, { language, solved: false, root })));
  return notebook;
}

async function screenshot({ page }: NotebookPage, name: string): Promise<void> {
  await page.screenshot({ path: path.join(root, artefacts, `${name}.png`) });
}

const WRONG = `function mergePair(ids: number[], pair: [number, number], newId: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < ids.length; i++) {
    out.push(ids[i] === pair[0] && ids[i + 1] === pair[1] ? newId : ids[i]);
  }
  return out;
}
await check("mergePair", mergePair);`;
const RIGHT = WRONG.replace(
  /out\.push.*\n/,
  `if (ids[i] === pair[0] && ids[i + 1] === pair[1]) {
      out.push(newId);
      i++;
    } else out.push(ids[i]);
`,
);

test.before(async () => {
  if (reason) return;
  rmSync(path.join(root, folder), { recursive: true, force: true });
  lab = await Lab.start({ PROFILE: "ci", GPTLAB_PROGRESS: path.join(root, folder, "progress.json") });
});
test.after(() => lab?.stop());

test(
  "chapter 01 runs from top to bottom, then a wrong answer is named and a right one passes",
  reason
    ? skip(reason)
    : async () => {
        const notebook = await lab.open(copy("en"));
        await notebook.runAll(300);
        const cells = await notebook.saved();
        const errors = cells.flatMap((cell) =>
          (cell.outputs ?? []).filter(({ output_type, name }) => output_type === "error" || name === "stderr"),
        );
        assert.equal(errors, []);
        const engine = process.env.GPTLAB_BACKEND ?? (await availableBackends())[0]; // the best that works here
        const shown = cells.map((cell) => JSON.stringify(cell.outputs ?? [])).join();
        assert.match(shown, `The engine \\"${engine}\\" computes`);
        const figures = cells
          .flatMap((cell) => cell.outputs ?? [])
          .filter(({ data }) => String(data?.["text/html"]).includes("<img alt="));
        assert.ok(figures.length >= 2, `${figures.length} figures`);

        const wrong = await notebook.answer("function mergePair(", WRONG);
        assert.match(wrong, /✗/);
        assert.not.match(wrong, /\bat .*\.(ts|js):\d+/, "no stack trace");
        await screenshot(notebook, "wrong-answer");
        for (let run = 1; run <= 3; run++)
          assert.match(await notebook.answer("function mergePair(", RIGHT), /✓/, `run ${run} of the same cell`);
        await screenshot(notebook, "right-answer");
      },
);

test(
  "the interrupt button stops long work, and the kernel goes on",
  reason
    ? skip(reason)
    : async () => {
        const notebook = await lab.open(copy("en"));
        const page = notebook.page;
        // In a cell of its own: the kernel forgets the names that an interrupted cell declares.
        await notebook.answer('from "gptlab"', 'import { loop } from "gptlab";\nlet steps = 0;');
        const first = page.locator(".jp-NotebookPanel .jp-CodeCell").first();
        await first.locator(".cm-content").click();
        await page.keyboard.press("Control+a");
        await page.keyboard.insertText(
          "await loop(100000, async () => { steps++; await new Promise((go) => setTimeout(go, 5)); });",
        );
        await page.keyboard.press("Control+Enter");
        await page.locator("progress").waitFor(); // the bar of the running loop
        await page
          .locator('[data-jp-item-name="interrupt"] jp-button, [data-jp-item-name="interrupt"] button')
          .first()
          .click();
        await notebook.idle(20);
        const before = await notebook.answer("await loop(100000", "steps;");
        assert.match(before, /^\s*\d+\s*$/);
        const later = await notebook.answer("steps;", "steps + 0;");
        assert.is(Number(later), Number(before), "the loop does not go on behind the cell");
      },
);

test(
  "a link to another language opens that notebook",
  reason
    ? skip(reason)
    : async () => {
        const { page } = await lab.open("chapters/en/01_tokenization.ipynb"); // the server is the one that make lab starts
        await page.locator(".jp-RenderedMarkdown a", { hasText: "العربية" }).first().click();
        await page.locator('.jp-RenderedMarkdown [dir="rtl"]').first().waitFor({ timeout: 20_000 });
        assert.is(await page.locator(".lm-TabBar-tab.jp-mod-current", { hasText: "01_tokenization" }).count(), 1);
      },
);

test(
  "the Persian notebook sets text right to left and code left to right",
  reason
    ? skip(reason)
    : async () => {
        const notebook = await lab.open(copy("fa"));
        const text = notebook.page.locator('.jp-RenderedMarkdown [dir="rtl"]').first();
        await text.waitFor({ timeout: 20_000 });
        const paragraph = text.locator("p").first();
        assert.is(await paragraph.evaluate((element) => getComputedStyle(element).direction), "rtl");
        assert.ok(
          ["start", "right"].includes(await paragraph.evaluate((element) => getComputedStyle(element).textAlign)),
          "JupyterLab's own rule sets left",
        );
        const editor = notebook.page.locator(".jp-CodeCell .cm-content").first();
        assert.is(await editor.evaluate((element) => getComputedStyle(element).direction), "ltr");
        await screenshot(notebook, "persian");
      },
);

test.run();
