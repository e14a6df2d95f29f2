/// <reference lib="dom" />
/** @file The course in a real JupyterLab in a real Chromium: run all, a wrong answer, a right one, a training that is watched and interrupted, right-to-left text. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Locator } from "playwright-core";
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
const artefacts = "test/artefacts";
const folder = `${artefacts}/browser`; // not a hidden folder: Jupyter does not serve those
let lab: Lab;

/**
 * A fresh notebook, not the learner's own; the folder's name chooses the language. With `sizes` it has the numbers of the
 * laptop's profile, and those of `sizes` instead.
 */
function copy(language: "en" | "ar" | "fa", number = "01", sizes?: Record<string, number>): string {
  const [chapter] = loadChapters(root, number).chapters;
  if (!chapter) throw new Error(`chapter ${number} is not there`);
  const { id, profiles } = chapter.entry;
  const notebook = `${folder}/${language}/${id}.ipynb`;
  mkdirSync(path.join(root, folder, language), { recursive: true });
  const escaped = (code: string) => JSON.stringify(code).slice(1, -1); // as it stands in the notebook's file
  const text = notebookText(buildNotebook(chapter, { language, solved: false, root }));
  const [call, numbers] = [escaped(`profile("${id}")`), escaped(JSON.stringify({ ...profiles.laptop, ...sizes }))];
  if (sizes) assert.match(text, call);
  writeFileSync(path.join(root, notebook), sizes ? text.replace(call, numbers) : text);
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

/** What a reader sees of the training cell: the step that the bar tells, the picture, and where the cell begins. */
function look(cell: Locator): Promise<{ step: number; picture: string; top: number; bars: number; pictures: number }> {
  return cell.evaluate((element) => {
    const [bars, images] = [element.querySelectorAll("progress"), element.querySelectorAll(".jp-OutputArea img")];
    const step = Number(/ (\d+)\/\d+ /.exec(bars[0]?.parentElement?.textContent ?? "")?.[1] ?? 0);
    const picture = images[0]?.getAttribute("src") ?? "";
    return { step, picture, top: element.getBoundingClientRect().top, bars: bars.length, pictures: images.length };
  });
}

/** Milliseconds from the click on the interrupt button to the end of the cell, taken in the page; and the step shown at the click. */
function untilEnd(cell: Locator): Promise<{ milliseconds: number; step: number }> {
  return cell.evaluate(
    (element) =>
      new Promise((resolve) => {
        // No function has a name here: the compiler's helper for names is not in the page.
        document.querySelector('[data-jp-item-name="interrupt"]')?.addEventListener(
          "click",
          () => {
            const clicked = performance.now();
            const step = Number(/ (\d+)\/\d+ /.exec(element.textContent ?? "")?.[1]);
            const timer = setInterval(() => {
              if (element.querySelector(".jp-InputPrompt")?.textContent?.includes("*")) return;
              clearInterval(timer);
              resolve({ milliseconds: performance.now() - clicked, step });
            }, 5);
          },
          { capture: true, once: true },
        );
      }),
  );
}

test(
  "chapter 04 trains: chart and bar live in their places, the button stops it, and the model can be used",
  reason
    ? skip(reason)
    : async () => {
        // The training of the laptop's profile; fewer speeches, so that the cells above it are quick.
        const notebook = await lab.open(copy("en", "04", { speeches: 30, newSpeeches: 8 }));
        const { page } = notebook;
        const cell = await notebook.mark("await learn();");
        await cell.locator(".jp-InputPrompt").click();
        await notebook.menu("Run", "Run All Above Selected Cell");
        await notebook.idle(120);
        await notebook.cell("await learn();"); // scrolls there
        await cell.locator(".jp-InputPrompt").click();
        await cell.evaluate((element) => element.scrollIntoView());
        await page.keyboard.press("Control+Enter");

        await cell.locator(".jp-OutputArea img").waitFor({ timeout: 60_000 });
        const first = { ...(await look(cell)), time: Date.now() };
        const [steps, pictures] = [new Set<number>(), new Set<string>()];
        for (const end = Date.now() + 120_000; steps.size < 6 || pictures.size < 4 || Math.max(...steps) < 40; ) {
          assert.ok(Date.now() < end, `only ${pictures.size} pictures and the steps ${[...steps]}`);
          await page.waitForTimeout(100);
          const seen = await look(cell);
          steps.add(seen.step);
          pictures.add(seen.picture);
          assert.equal([seen.bars, seen.pictures], [1, 1], "each is drawn in its place");
          assert.is(seen.top, first.top, "the page does not jump");
        }
        await screenshot(notebook, "training");

        const seconds = (Date.now() - first.time) / 1000;
        const [{ milliseconds, step }] = await Promise.all([untilEnd(cell), notebook.interrupt()]);
        await notebook.idle(); // its last outputs are shown
        const shown = await cell.locator(".jp-OutputArea").innerText();
        const stop = /^\[Interrupted: Stopped after (\d+) of \d+ steps\. The model keeps what it has learnt\.\]$/m;
        const done = Number(stop.exec(shown)?.[1]);
        assert.match(shown, stop);
        assert.not.match(shown, /\.(ts|js):\d+/, "no stack trace");
        console.log(
          `the cell ended ${Math.round(milliseconds)} ms after the click, ${done - step} steps after the one shown`,
        );
        // One second and the step that runs are the aim; the machine may be busy. In steps, so that its speed does not matter.
        const most = 1 + (5 * (step - first.step)) / seconds;
        assert.ok(done - step <= most, `${done - step} more steps after the click, not ${most}`);
        assert.is((await look(cell)).step, done, "bar and message agree");

        const [count, loss, start, text] = JSON.parse(
          await notebook.answer(
            "[...norms]",
            "console.log(JSON.stringify([norms.length, (await exam()).loss, Math.log(V), await speak(3)]));",
          ),
        ) as [number, number, number, string];
        assert.is(count, done, "no step behind the cell");
        assert.ok(loss < start, `the loss is ${loss}, a fresh model's ${start}`);
        assert.ok(text.length > 20, text);
        await screenshot(notebook, "training-interrupted");
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
