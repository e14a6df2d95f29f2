/** @file Writes the generated part of RESULTS.md, between its two markers, and the charts, from what results.json keeps. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { barChart, type Figure, lineChart } from "gptlab";
import { type Case, cases, parameterCount } from "./cases.ts";
import type { Outcome } from "./harness.ts";
import { best, type Kept, kept, memoryRatio, sameWork, times, verdict } from "./results.ts";

const REPORT = "bench/RESULTS.md";
const [BEGIN, END] = ["<!-- make bench writes from here -->", "<!-- to here -->"];

type Pair = readonly [comparison: Case, result: Kept];

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "--"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

const state = ({ busy, date }: Kept): string => (busy ? `${date}, **busy machine**` : date);

/** Tokens that a unit of work reads or makes. */
const tokensOf = ({ batchSize, tokens }: Case): number => batchSize * tokens;

function speed(comparison: Case, { ms }: Outcome): number {
  return ms ? (1000 * tokensOf(comparison)) / ms.median : Number.NaN;
}

function targets(pairs: readonly Pair[]): string {
  const rows = pairs.flatMap(([{ id, target }, result]) => {
    const rival = best(result);
    if (!target || !rival?.ratio) return [];
    const memory = memoryRatio(result);
    return [
      [
        id,
        rival.name,
        times(rival.ratio),
        `≥ ${target.accepted}`,
        `${target.goal}`,
        verdict(target, result) ?? "",
        memory === undefined ? "" : memory.toFixed(2),
      ],
    ];
  });
  const head = [
    "case",
    "best rival",
    "gptlab is × as fast",
    "accepted",
    "goal",
    "verdict",
    "peak memory against the leanest rival",
  ];
  return rows.length > 0 ? table(head, rows) : "Not measured yet.";
}

function details([comparison, result]: Pair): string {
  const [ours] = result.outcomes;
  const rows = result.outcomes.map((outcome) => {
    const { name, ms, ratio, cpuRatio, peakMiB, problem, about } = outcome;
    const differs = comparison.contestants.find((one) => one.name === name)?.differs;
    if (!ms || !ratio || !cpuRatio)
      return [name, `failed: ${(problem ?? "no figure").slice(0, 160).replaceAll("|", "/")}`, "", "", "", "", ""];
    const same = outcome === ours ? "" : sameWork(ours, outcome) ? "yes" : "**no**";
    const [fast, work] = outcome === ours ? ["1", "1"] : [times(ratio), cpuRatio.median.toFixed(2)];
    return [
      name,
      [about, differs].filter(Boolean).join("; "),
      speed(comparison, outcome).toFixed(0),
      fast,
      work,
      peakMiB?.toFixed(0) ?? "",
      same,
    ];
  });
  const head = [
    "program",
    "engine; what it does otherwise",
    "tokens/s",
    "gptlab is × as fast",
    "by processor time",
    "peak memory, MiB",
    "same losses or ids",
  ];
  return `**${comparison.id}** – ${comparison.title} (${result.rounds} rounds, ${state(result)})\n\n${table(head, rows)}`;
}

/** gptlab and PyTorch at shapes that grow. */
function growth(pairs: readonly Pair[], first: string, label: (comparison: Case) => string): string {
  const rows = pairs.map(([comparison, result]) => {
    const [ours, theirs] = result.outcomes;
    if (!ours?.ms || !theirs?.ms || !theirs.ratio) return [label(comparison), "failed", "", "", "", ""];
    const memory = [ours, theirs].map(({ peakMiB }) => peakMiB?.toFixed(0) ?? "");
    const speeds = [ours, theirs].map((outcome) => speed(comparison, outcome).toFixed(0));
    return [label(comparison), ...speeds, times(theirs.ratio), ...memory];
  });
  const head = [first, "gptlab, tokens/s", "PyTorch, tokens/s", "gptlab is × as fast", "gptlab, MiB", "PyTorch, MiB"];
  return table(head, rows);
}

function ratioChart(pairs: readonly Pair[], what: string): Figure {
  const bars = pairs.flatMap(([{ id }, { outcomes }]) =>
    outcomes
      .slice(1)
      .flatMap(({ name, ratio }) =>
        ratio ? [{ label: id, group: name, value: ratio.median, low: ratio.low, high: ratio.high }] : [],
      ),
  );
  const rivals = pairs.flatMap(([{ id }, result]) => {
    const ratio = best(result)?.ratio?.median;
    return ratio === undefined ? [] : [`${id} ${ratio.toFixed(2)}`];
  });
  return barChart(bars, {
    title: `${what}: how many times as fast gptlab is`,
    xTitle: "case",
    yTitle: "time of the other / time of gptlab",
    alt: `How many times as fast as the best rival gptlab is: ${rivals.join(", ")}.`,
    width: 640,
  });
}

function growthChart(pairs: readonly Pair[], title: string, xTitle: string, x: (comparison: Case) => number): Figure {
  const series = ["gptlab", "PyTorch sdpa + fused AdamW"].map((name, i) => ({
    name,
    x: pairs.map(([comparison]) => x(comparison)),
    y: pairs.map(([comparison, { outcomes }]) => (1000 * 1000) / speed(comparison, outcomes[i] as Outcome)),
  }));
  const ends = (values: readonly number[]): string => `${values[0]?.toFixed(0)} to ${values.at(-1)?.toFixed(0)}`;
  return lineChart(series, {
    title,
    xTitle,
    yTitle: "milliseconds for 1,000 tokens",
    xLog: true,
    alt: `A thousand tokens cost gptlab ${ends(series[0]?.y ?? [])} ms and PyTorch ${ends(series[1]?.y ?? [])} ms from the left end to the right.`,
  });
}

async function chart(name: string, figure: Figure): Promise<string> {
  mkdirSync("bench/charts", { recursive: true });
  writeFileSync(`bench/charts/${name}.svg`, await figure.toSvg());
  return `![${figure.alt}](charts/${name}.svg)`;
}

async function section(): Promise<string> {
  const all = kept();
  const of = (...groups: readonly Case["group"][]): Pair[] =>
    cases.flatMap((comparison) => {
      const result = all[comparison.id];
      return result && groups.includes(comparison.group) ? [[comparison, result] as const] : [];
    });
  const measured = of("train", "generate", "wasm", "length", "parameters");
  const machines = [...new Set(measured.map(([, { machine }]) => machine))];
  const busy = measured.filter(([, result]) => result.busy).length;
  const parts = [
    `Machine: ${machines.join("; ")}. Every ratio is of one run: the programs take turns in rounds, and the time of a round is the median of its steps. Written is the median over the rounds, in brackets the lowest and the highest. All use float32, the same weights and the same batch; the threads of each stand beside its engine. A training step is AdamW with decay and clipping, but for the programs that say otherwise there; the last column compares the losses of the first three steps (nearly equal; of another update only the first) or all ids (equal). Memory is the highest resident memory of a process of its own, start included.`,
    ...(busy > 0
      ? [
          `**${busy} of ${measured.length} cases were measured while other programs ran. Those are not accepted figures.**`,
        ]
      : []),
    "### Against the targets",
    targets(measured),
  ];
  for (const [group, title] of [
    ["train", "Training"],
    ["generate", "Generation with a cache of keys and values (16 tokens read, 64 made, the most likely one)"],
    ["wasm", "WebAssembly"],
  ] as const) {
    const pairs = of(group);
    if (pairs.length === 0) continue;
    parts.push(`### ${title}`);
    if (group !== "wasm") parts.push(await chart(group, ratioChart(pairs, title.split(" with ", 1)[0] ?? title)));
    parts.push(...pairs.map(details));
  }
  const [length, parameters] = [of("length"), of("parameters")];
  const millions = ({ model }: Case): number => parameterCount(model) / 1e6;
  if (length.length > 1)
    parts.push(
      `### How the cost of a token grows with the length of the text (12 M parameters, 1,024 tokens a step; ${length.map(([, r]) => state(r)).at(-1)})`,
      growth(length, "T", ({ tokens }) => `${tokens}`),
      await chart(
        "length",
        growthChart(length, "The cost of a token grows with T", "T, tokens of a window", (c) => c.tokens),
      ),
    );
  if (parameters.length > 1)
    parts.push(
      `### How the cost of a token grows with the parameters (B 4, T 128; ${parameters.map(([, r]) => state(r)).at(-1)})`,
      growth(parameters, "parameters, millions", (c) => millions(c).toFixed(1)),
      await chart(
        "parameters",
        growthChart(parameters, "The cost of a token grows with the parameters", "parameters, millions", millions),
      ),
    );
  return parts.join("\n\n");
}

/** Writes the generated part of RESULTS.md again; what people wrote around it stays. */
export async function writeReport(): Promise<void> {
  const text = readFileSync(REPORT, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin)
    throw new Error(`${REPORT} has lost its markers, expected "${BEGIN}" and later "${END}"`);
  writeFileSync(REPORT, `${text.slice(0, begin)}${BEGIN}\n\n${await section()}\n\n${text.slice(end)}`);
}
