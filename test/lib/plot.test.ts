/** @file The charts: what stands in the specification, what the drawn SVG says, and which input is refused with which words. */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import fc from "fast-check";
import { barChart, type Figure, heatmap, histogram, lineChart, type Series } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("plot");
const words = {
  title: "The model learns",
  xTitle: "step",
  yTitle: "loss (nats)",
  alt: "The loss falls from 4.1 to 2.2 nats.",
};
const two: Series[] = [
  { name: "training", y: [4.1, 2.9, 2.4, 2.2] },
  { name: "validation", y: [4.2, 3.1, 2.7, 2.6] },
];
const square = { ...words, rows: ["the", "cat"], columns: ["the", "cat"] };
const charts: Record<string, (options: typeof words) => Figure> = {
  lineChart: (options) => lineChart(two, options),
  barChart: (options) =>
    barChart(
      [
        { label: "a", value: 1, group: "x" },
        { label: "a", value: 2, group: "y" },
      ],
      options,
    ),
  heatmap: (options) =>
    heatmap(
      [
        [1, 0],
        [0.4, 0.6],
      ],
      { ...options, rows: ["the", "cat"], columns: ["the", "cat"] },
    ),
  histogram: (options) => histogram([1, 2, 2, 3], options),
};

/** The parts of a specification that tests look at. */
interface Spec {
  readonly description: string;
  readonly background: string;
  readonly title: { text: string; anchor: string; subtitle?: string };
  readonly data: { values: readonly Record<string, unknown>[] };
}
const specOf = (figure: Figure) => figure.spec as Spec;
const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);

function refuses(draw: () => unknown, ...parts: string[]): void {
  try {
    draw();
  } catch (error) {
    assert.instance(error, RangeError);
    for (const part of parts) assert.match((error as Error).message, part);
    return;
  }
  assert.unreachable(`should have refused, with: ${parts.join(" … ")}`);
}

for (const [name, chart] of Object.entries(charts)) {
  test(`${name}() carries its text alternative in the figure, the specification and the SVG`, async () => {
    const figure = chart({ ...words, title: "a < b & c", alt: 'It says "less" <and> more & more.' });
    assert.is(figure.alt, 'It says "less" <and> more & more.');
    assert.is(specOf(figure).description, figure.alt);
    const svg = await figure.toSvg();
    const escaped = "It says &quot;less&quot; &lt;and&gt; more &amp; more.";
    assert.ok(svg.startsWith("<svg "));
    assert.match(
      svg.slice(0, 600),
      `role="img" aria-label="${escaped}"><title>a &lt; b &amp; c</title><desc>${escaped}</desc>`,
    );
    for (const text of ["step", "loss (nats)", "a &lt; b &amp; c"])
      assert.ok(texts(svg).includes(text), `the SVG does not show "${text}"`);
  });

  test(`${name}() is a plain JSON specification on a white ground, and draws the same text each time`, async () => {
    const figure = chart(words);
    assert.equal(JSON.parse(JSON.stringify(figure.spec)), figure.spec);
    assert.is(specOf(figure).background, "white");
    const first = await figure.toSvg();
    assert.match(first, 'fill="white"');
    await lineChart(two, words).toSvg();
    assert.is(await figure.toSvg(), first);
    assert.is(await chart(words).toSvg(), first);
  });

  test(`${name}() refuses words that are missing and an alt above 250 characters`, () => {
    for (const word of ["title", "xTitle", "yTitle", "alt"])
      refuses(() => chart({ ...words, [word]: " " }), `${name}() needs ${word}`);
    refuses(() => chart({ ...words, alt: "a".repeat(251) }), "at most 250 characters", "251");
    assert.is(chart({ ...words, alt: "🙂".repeat(250) }).alt.length, 500); // characters, not UTF-16 units
  });

  test(`${name}() keeps right-to-left words in order by isolating them, and sets their title at the right`, async () => {
    const title = "مدل GPT-2 پس از 100 گام";
    const figure = chart({ ...words, title, yTitle: "زیان (nats)" });
    assert.is(specOf(figure).title.anchor, "end");
    const shown = texts(await figure.toSvg());
    assert.ok(shown.includes(`\u2067${title}\u2069`));
    assert.ok(shown.includes("\u2067زیان (nats)\u2069"));
    assert.is(specOf(chart(words)).title.anchor, "start");
  });

  test(`${name}() sets a title that is longer than its y axis in lines, so that the chart is not higher than its axis or 300 pixels`, async () => {
    const height = async (yTitle: string) =>
      Number(/<svg[^>]* height="(\d+)/.exec(await chart({ ...words, yTitle }).toSvg())?.[1]);
    const long = "mean loss of all the old domains together (nats per token)";
    assert.ok((await height(long)) <= Math.max(300, (await height("loss")) + 2), name);
  });
}
test("lineChart() tells its lines apart by colour, dash and shape, with a legend for more than one", async () => {
  const svg = await lineChart(two, words).toSvg();
  for (const name of ["training", "validation"]) assert.ok(texts(svg).includes(name));
  const lines = [...svg.matchAll(/<path[^>]*stroke="(#\w+)" stroke-width="2"[^>]*>/g)].filter(
    ([path]) => !path.includes('fill="#'),
  );
  const looks = lines.map(([path, colour]) => `${colour} ${/stroke-dasharray="([^"]*)"/.exec(path)?.[1]}`);
  assert.ok(new Set(looks).size >= 2, `the lines look alike: ${looks}`);
  const one = await lineChart([{ name: "training", y: [2, 1] }], words).toSvg();
  assert.not.ok(texts(one).includes("training"));
});

test("lineChart() gives a line without company shapes only where it was measured at few places", () => {
  const shapes = (length: number, lines = 1) => {
    const y = Array.from({ length }, (_, i) => i);
    const series = ["a", "b"].slice(0, lines).map((name) => ({ name, y }));
    return specOf(lineChart(series, words)).data.values.filter(({ shape }) => shape).length;
  };
  assert.is(shapes(1), 1);
  assert.ok(shapes(10) >= 8);
  assert.is(shapes(100), 0);
  assert.ok(shapes(100, 2) >= 16);
});

test("lineChart() leaves a gap at values that are not finite and says how many", () => {
  const figure = lineChart([{ name: "a", y: [1, Number.NaN, 3, 4, Number.POSITIVE_INFINITY] }], words);
  const rows = specOf(figure).data.values;
  assert.equal(
    rows.map(({ x, part }) => [x, part]),
    [
      [0, 0],
      [2, 1],
      [3, 1],
    ],
  );
  assert.is(specOf(figure).title.subtitle, "NaN, ±∞: 2");
  assert.is(specOf(lineChart(two, words)).title.subtitle, undefined);
});

test("lineChart() draws points in the order of x", () => {
  const rows = specOf(lineChart([{ name: "a", x: [3, 1, 2], y: [30, 10, 20] }], words)).data.values;
  assert.equal(
    rows.map(({ x, y }) => [x, y]),
    [
      [1, 10],
      [2, 20],
      [3, 30],
    ],
  );
});

test("lineChart() thins a long line but keeps its ends, its lowest and its highest point", () => {
  fc.assert(
    fc.property(fc.integer({ min: 501, max: 5000 }), fc.integer({ min: 0, max: 500 }), (length, peak) => {
      const y = Array.from(
        { length },
        (_, i) => Math.sin(i / 50) + (i === peak ? 9 : 0) - (i === length - 1 - peak ? 9 : 0),
      );
      const rows = specOf(lineChart([{ name: "a", y }], words)).data.values;
      assert.ok(rows.length <= 500);
      const kept = new Set(rows.map(({ x }) => x as number));
      for (const i of [0, length - 1, y.indexOf(Math.max(...y)), y.indexOf(Math.min(...y))])
        assert.ok(kept.has(i), `point ${i} of ${length} was lost`);
      assert.ok(rows.every((row) => row.y === y[row.x as number]));
    }),
    { numRuns: 20 },
  );
});

test("lineChart() marks a logarithmic axis at powers of ten and refuses what cannot stand on it", async () => {
  const svg = await lineChart([{ name: "a", x: [1, 10, 100], y: [1, 2, 3] }], { ...words, xLog: true }).toSvg();
  assert.equal(texts(svg).slice(0, 3), ["1", "10", "100"]);
  refuses(
    () => lineChart(two, { ...words, xLog: true }),
    "cannot place 0 on a logarithmic x axis",
    '"training", value 0',
    "leave xLog out",
  );
  refuses(
    () => lineChart([{ name: "a", y: [1, -2] }], { ...words, yLog: true }),
    "cannot place -2 on a logarithmic y axis",
    "value 1",
  );
});

test("lineChart() names the series and the value that are wrong", () => {
  refuses(() => lineChart([], words), "at least one series");
  refuses(() => lineChart([{ name: "a", x: [1], y: [1, 2] }], words), '"a" has 1 x and 2 y');
  refuses(() => lineChart([{ name: "a", x: [1, Number.NaN], y: [1, 2] }], words), "finite x", '"a", value 1');
  refuses(() => lineChart([{ name: "a", y: [] }], words), "nothing to draw", "0 values");
  refuses(() => lineChart([{ name: "a", y: [Number.NaN] }], words), "nothing to draw");
  refuses(() => lineChart([two[0], two[0]], words), '"training" twice');
  refuses(() => lineChart([{ name: "", y: [1] }], words), "a name of its own");
  refuses(
    () =>
      lineChart(
        Array.from({ length: 8 }, (_, i) => ({ name: `${i}`, y: [1] })),
        words,
      ),
    "7 lines apart",
    "8",
  );
});

test("barChart() keeps the order of its bars and writes their values", async () => {
  const bars = ["zebra", "ant", "dog"].map((label, i) => ({ label, value: i + 1.25 }));
  const shown = texts(await barChart(bars, words).toSvg());
  assert.equal(
    shown.filter((text) => ["zebra", "ant", "dog"].includes(text)),
    ["zebra", "ant", "dog"],
  );
  for (const value of ["1.25", "2.25", "3.25"]) assert.ok(shown.includes(value));
  const many = Array.from({ length: 25 }, (_, i) => ({ label: `bar ${i}`, value: i + 0.125 }));
  assert.not.ok(texts(await barChart(many, words).toSvg()).includes("3.125"));
});

test("barChart() draws groups with outlines of their own, intervals as whiskers, and horizontal bars", async () => {
  const grouped = ["GPT-2", "own"].flatMap((group) =>
    ["English", "Persian"].map((label, i) => ({ label, group, value: i + 2, low: i + 1.5, high: i + 2.75 })),
  );
  const upright = await barChart(grouped, words).toSvg();
  assert.match(upright, 'stroke-dasharray="8,3"');
  assert.ok(texts(upright).includes("GPT-2"));
  const whiskers = (svg: string) => (svg.match(/stroke="#000000" stroke-width="1.5"/g) ?? []).length;
  const without = await barChart(
    grouped.map(({ low, high, ...bar }) => bar),
    words,
  ).toSvg();
  assert.equal([whiskers(upright), whiskers(without)], [4, 0]);
  const lying = await barChart(grouped, { ...words, horizontal: true }).toSvg();
  assert.not.equal(lying, upright);
  assert.ok(texts(lying).includes("Persian"));
});

test("barChart() leaves a gap for a value that is not finite and says so", () => {
  const spec = specOf(
    barChart(
      [
        { label: "a", value: 1 },
        { label: "b", value: Number.NaN },
      ],
      words,
    ),
  );
  assert.is(spec.data.values.length, 1);
  assert.is(spec.title.subtitle, "NaN, ±∞: 1");
});

test("barChart() names the bar that is wrong", () => {
  refuses(() => barChart([], words), "at least one finite value", "0 bars");
  refuses(() => barChart([{ label: "a", value: Number.NaN }], words), "1 bars");
  refuses(
    () =>
      barChart(
        [
          { label: "a", value: 1 },
          { label: "a", value: 2 },
        ],
        words,
      ),
    '"a" twice',
  );
  refuses(
    () =>
      barChart(
        [
          { label: "a", value: 1, group: "x" },
          { label: "b", value: 2 },
        ],
        words,
      ),
    "1 of 2",
  );
  refuses(() => barChart([{ label: "a", value: 1, low: 0 }], words), "low and high together");
  refuses(() => barChart([{ label: "a", value: 1, low: 2, high: 3 }], words), "low ≤ value ≤ high", "2, 1, 3");
  refuses(
    () =>
      barChart(
        Array.from({ length: 8 }, (_, i) => ({ label: "a", value: 1, group: `${i}` })),
        words,
      ),
    "7 groups apart",
  );
});

test("heatmap() shows a label that comes twice in both places, and the numbers while they fit", async () => {
  const names = ["the", "cat", "the"];
  const values = [
    [1, 0, 0],
    [0.25, 0.75, 0],
    [0.125, 0.125, 0.75],
  ];
  const shown = texts(await heatmap(values, { ...words, rows: names, columns: names, format: ".3f" }).toSvg());
  assert.is(shown.filter((text) => text === "the").length, 4);
  assert.is(shown.filter((text) => text === "0.125").length, 2);
  const wide = heatmap([Array.from({ length: 13 }, (_, i) => i / 8)], {
    ...words,
    rows: ["r"],
    columns: Array.from({ length: 13 }, (_, i) => `${i}`),
    format: ".3f",
  });
  assert.not.ok(texts(await wide.toSvg()).includes("0.125"));
});

test("heatmap() makes more darker, and gives values of both signs a pale zero and two hues", async () => {
  const fills = async (values: number[][]) => {
    const columns = values[0].map((_, i) => `${i}`);
    const svg = await heatmap(values, { ...words, rows: ["r"], columns }).toSvg();
    return [...svg.matchAll(/fill="rgb\((\d+), (\d+), (\d+)\)" stroke="#D0D0D0"/g)].map(([, ...rgb]) =>
      rgb.map(Number),
    );
  };
  const light = ([r, g, b]: number[]) => r + g + b;
  const [pale, middle, dark] = await fills([[0, 1, 2]]);
  assert.ok(light(pale) > light(middle) && light(middle) > light(dark));
  const [negative, zero, positive] = await fills([[-1, 0, 2]]);
  assert.ok(light(zero) > light(negative) && light(zero) > light(positive));
  assert.ok(negative[0] > negative[2] && positive[2] > positive[0], "orange for less than zero, blue for more");
});

test("heatmap() leaves a cell empty that is not finite and says so", () => {
  const spec = specOf(
    heatmap(
      [
        [1, Number.NaN],
        [0, 1],
      ],
      square,
    ),
  );
  assert.is(spec.data.values.length, 3);
  assert.is(spec.title.subtitle, "NaN, ±∞: 1");
});

test("heatmap() draws equal values, and names the row or label that is wrong", async () => {
  assert.ok(
    texts(
      await heatmap(
        [
          [2, 2],
          [2, 2],
        ],
        square,
      ).toSvg(),
    ).includes("2.00"),
  );
  refuses(() => heatmap([[1, 2], [3]], square), "2 values in every row", "row 1 has 1");
  refuses(() => heatmap([[1, 2]], square), "each of the 1 rows", "got 2");
  refuses(() => heatmap([], { ...square, rows: [] }), "at least one value");
  refuses(() => heatmap([[Number.NaN]], { ...words, rows: ["a"], columns: ["a"] }), "nothing to draw");
  refuses(
    () =>
      heatmap(
        [
          [1, 2],
          [3, 4],
        ],
        { ...square, domain: [1, 1] },
      ),
    "ascends",
  );
  const big = Array.from({ length: 129 }, () => new Array<number>(128).fill(0));
  refuses(
    () => heatmap(big, { ...words, rows: big.map(String), columns: big[0].map(String) }),
    "at most 16384 cells",
    "129 × 128",
  );
});

test("heatmap() and barChart() show control characters in a label as signs, so that the SVG stays valid", async () => {
  const svg = await heatmap([[1, 2]], { ...words, rows: ['a\n"b"\\'], columns: ["\u0000", "\uD800"] }).toSvg();
  for (const label of ['a␊"b"\\', "␀", "\uFFFD"]) assert.ok(texts(svg).includes(label), label);
  assert.ok(texts(await barChart([{ label: "\t", value: 1 }], words).toSvg()).includes("␉"));
});

test("histogram() counts every finite value once, in bins with round edges that hold their lower edge", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 40 }),
      (values, bins) => {
        const rows = specOf(histogram(values, { ...words, bins })).data.values as {
          from: number;
          to: number;
          count: number;
        }[];
        assert.is(
          rows.reduce((sum, { count }) => sum + count, 0),
          values.length,
        );
        assert.ok(rows.length <= 2 * bins + 2, `${rows.length} bins, about ${bins} wanted`);
        for (let i = 1; i < rows.length; i++) assert.is(rows[i].from, rows[i - 1].to);
      },
    ),
  );
  const rows = specOf(histogram([0.1, 0.2, 0.3, 0.3, 0.7], { ...words, bins: 6 })).data.values;
  assert.equal(
    rows.map(({ from }) => from),
    [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
  );
  assert.equal(
    rows.map(({ count }) => count),
    [1, 1, 2, 0, 0, 0, 1],
  );
});

test("histogram() takes typed arrays, equal values and a million values, and says what it left out", () => {
  assert.equal(specOf(histogram(new Float32Array([5, 5, 5]), words)).data.values, [{ from: 5, to: 6, count: 3 }]);
  const many = new Float64Array(1_000_000).map((_, i) => i % 10);
  assert.is(specOf(histogram(many, { ...words, bins: 10 })).data.values.length, 10);
  assert.is(specOf(histogram([1, Number.NaN, 2], words)).title.subtitle, "NaN, ±∞: 1");
  refuses(() => histogram([], words), "none of the 0 values");
  for (const bins of [0, 1.5, 201]) refuses(() => histogram([1], { ...words, bins }), "from 1 to 200", `${bins}`);
});

test("importing gptlab does not load Vega, so that a chapter starts quickly", () => {
  const gptlab = createRequire(import.meta.url).resolve("gptlab");
  const program = `require(${JSON.stringify(gptlab)}); console.log(Object.keys(require.cache).filter((file) => /[\\\\/]vega/.test(file)).length)`;
  assert.is(execFileSync(process.execPath, ["-e", program], { encoding: "utf8" }).trim(), "0");
});

test.run();
