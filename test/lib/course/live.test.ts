/** @file liveChart() and watch(): in place, seldom, the last picture stays, with words that state the finding. */
import { type Figure, lineChart, type TrainEvent } from "gptlab";
import { liveChart, watch } from "gptlab/course";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { inKernel, onTerminal, type Shown } from "../../support/display.ts";

const test = suite("liveChart() and watch()");
test.before(() => {
  process.env.GPTLAB_LANG = "en";
});

const words = { title: "Squares", xTitle: "step", yTitle: "value" };
const squares = (count: number): Figure | undefined =>
  count > 0
    ? lineChart([{ name: "squares", y: Array.from({ length: count }, (_, i) => i * i) }], {
        ...words,
        alt: `${count} squares.`,
      })
    : undefined;
const places = (shown: readonly Shown[]) => [...new Set(shown.map(({ transient }) => transient.display_id))];
const plain = ({ data }: Shown) => String(data["text/plain"]);

test("liveChart() draws in one place, seldom, and the last picture is complete", async () => {
  let count = 0;
  const shown = await inKernel(async () => {
    const chart = liveChart(() => squares(count));
    await chart.update(); // nothing to draw yet
    for (count = 1; count <= 200; count++) await chart.update();
    count--;
    await chart.done();
  });
  assert.is(places(shown).length, 1);
  assert.equal(
    shown.map(({ update }) => update),
    [false, ...shown.slice(1).map(() => true)],
  );
  assert.ok(shown.length >= 2 && shown.length < 20, `${shown.length} drawings of 200 updates`);
  const last = shown.at(-1)!;
  assert.is(plain(last), "[figure] 200 squares.");
  assert.match(
    String(last.data["text/html"]),
    /^<img alt="200 squares\." src="data:image\/svg\+xml;base64,[^"]+" width="\d+" height="\d+"/,
  );
  assert.ok(last.data["application/vnd.vegalite.v5+json"], "programs find the specification in the saved notebook");
  assert.not(shown[0]!.data["application/vnd.vegalite.v5+json"], "a picture that is replaced goes without");
});

test("liveChart() spends a small part of the time on drawing", async () => {
  let drawn = 0;
  const slow = (): Figure => {
    drawn++;
    for (const end = performance.now() + 40; performance.now() < end; ); // a chart that takes 40 ms
    return { spec: {}, alt: "slow", toSvg: async () => '<svg class="a" width="1" height="1">' };
  };
  await inKernel(async () => {
    const chart = liveChart(slow);
    const end = performance.now() + 600; // half of the 30 · 40 ms of its pause: a busy machine stops this for a while too
    while (performance.now() < end) {
      await chart.update();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
  assert.is(drawn, 1);
});

test("liveChart() prints one line outside a notebook", async () => {
  const printed = await onTerminal(async () => {
    const chart = liveChart(() => squares(3));
    for (let i = 0; i < 5; i++) await chart.update();
    await chart.done();
  });
  assert.is(printed, "[figure] 3 squares.\n");
});

test("an error in the chart reaches the cell", async () => {
  await inKernel(async () => {
    const chart = liveChart(() => {
      throw new RangeError("mine");
    });
    try {
      await chart.update();
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), "mine");
    }
  });
});

async function* run(losses: readonly number[], evaluateEvery = 10): AsyncGenerator<TrainEvent, void, undefined> {
  for (const [i, loss] of losses.entries()) {
    const step = i + 1;
    yield { kind: "step", step, loss, lr: 0.1, gradNorm: 1, tokens: step, tokensPerSecond: 1 };
    if (step % evaluateEvery === 0) yield { kind: "evaluate", step, metrics: { loss: loss + 0.5, bitsPerByte: 9 } };
  }
}
const falling = Array.from({ length: 20 }, (_, i) => 4 - i / 10);
async function through(events: AsyncIterable<TrainEvent>): Promise<string[]> {
  const seen: string[] = [];
  for await (const { kind, step } of events) seen.push(`${kind} ${step}`);
  return seen;
}

test("watch() hands every event on, draws both losses, and its words state the finding", async () => {
  let seen: string[] = [];
  const shown = await inKernel(async () => {
    seen = await through(watch(run(falling)));
  });
  assert.equal(seen.slice(9, 12), ["step 10", "evaluate 10", "step 11"]);
  assert.is(seen.length, 22);
  const last = shown.at(-1)!;
  assert.is(
    plain(last),
    "[figure] The loss falls from 4.00 at step 1 to 2.15 at step 20 (mean of the last tenth of the steps). On held-out text it is 2.60.",
  );
  const { data } = last.data["application/vnd.vegalite.v5+json"] as { data: { values: { series: string }[] } };
  assert.equal([...new Set(data.values.map(({ series }) => series))], ["training", "held-out text"]);
});

test("watch() does not claim that a loss falls when it rises", async () => {
  const printed = await onTerminal(() => through(watch(run([1, 2, 3], 100))));
  assert.match(printed, "[figure] The loss does not fall: it is 1.00 at step 1 and 3.00 at step 3");
  assert.is(await onTerminal(() => through(watch(run([1])))), "[figure] The loss is 1.00 at step 1.\n");
});

test("watch() shows samples in a place of their own that grows", async () => {
  const shown = await inKernel(() =>
    through(watch(run(falling), { sample: (step) => `<b>text ${step}`, sampleEvery: 10 })),
  );
  assert.is(places(shown).length, 2);
  const table = shown.filter(({ data }) => String(data["text/html"]).startsWith("<table"));
  assert.equal(
    table.map(({ update }) => update),
    [false, true, true],
  );
  assert.match(String(table.at(-1)!.data["text/html"]), "&lt;b&gt;text 20");
  assert.match(plain(table.at(-1)!), /1 {2}<b>text 1\n +10 {2}<b>text 10\n +20 {2}<b>text 20$/);
  const printed = await onTerminal(() => through(watch(run(falling), { sample: () => "some text", sampleEvery: 10 })));
  assert.equal(printed.match(/step \d+: some text/g), [
    "step 1: some text",
    "step 10: some text",
    "step 20: some text",
  ]);
});

test("the last picture stays when the run fails, is left, or gives nothing", async () => {
  async function* failing() {
    yield* run(falling.slice(0, 3), 100);
    throw new Error("stopped");
  }
  const shown = await inKernel(() => through(watch(failing())).catch(() => undefined));
  assert.match(plain(shown.at(-1)!), "at step 3");
  const left = await inKernel(async () => {
    for await (const { step } of watch(run(falling))) if (step === 5) break;
  });
  assert.match(plain(left.at(-1)!), "at step 5");
  assert.equal(await inKernel(() => through(watch(run([])))), []);
});

test("the words of the chart fit in every language", async () => {
  for (const language of ["ar", "fa"]) {
    process.env.GPTLAB_LANG = language;
    const shown = await inKernel(() => through(watch(run(falling))));
    const spec = shown.at(-1)!.data["application/vnd.vegalite.v5+json"] as { description: string };
    assert.match(spec.description, "2.15");
    assert.not.match(spec.description, /\{|[a-z]{3}/);
  }
  process.env.GPTLAB_LANG = "en";
});

test.run();
