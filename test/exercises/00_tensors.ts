/** @file The checks of chapter 00: what each exercise is asked, and the mistakes that it knows. */
import { exercise, type Verify } from "gptlab/course";

type MulBackward = (a: number, b: number, outGrad: number) => [number, number];

const mulBackward = exercise<MulBackward>({
  reference: (a, b, outGrad) => [outGrad * b, outGrad * a],
  examples: [
    { input: [2, 3, 1], expected: [3, 2] },
    { input: [3, -4, 2], expected: [-8, 6] },
    { input: [0, 5, 10], expected: [50, 0] },
  ],
  random: (random) => [...random.normal(3)] as [number, number, number],
  extremes: [
    [100, -100, 1000],
    [-100, 100, 0],
    [1000, 0.001, 1],
    [0, 0, 1],
  ],
  mistakes: {
    exchanged: (a, b, outGrad) => [a * outGrad, b * outGrad],
    noOutGrad: (a, b) => [b, a],
    addsOutGrad: (a, b, outGrad) => [b + outGrad, a + outGrad],
    asInSum: (_a, _b, outGrad) => [outGrad, outGrad],
    wholeProduct: (a, b, outGrad) => [a * b * outGrad, a * b * outGrad],
  },
});

type TanhBackward = (out: number, outGrad: number) => number;

const tanhBackward = exercise<TanhBackward>({
  reference: (out, outGrad) => outGrad - outGrad * out ** 2,
  examples: [
    { input: [0.5, 1], expected: 0.75 },
    { input: [0, 1], expected: 1 },
    { input: [-0.5, 4], expected: 3 },
  ],
  random: (random) => [random.uniform(1, -1, 1)[0] ?? 0, random.normal(1)[0] ?? 0],
  extremes: [
    [1, 1],
    [-1, 100],
    [0.999999, 1000],
    [0.25, -1000],
    [0, 0],
  ],
  mistakes: {
    tanhAgain: (out, outGrad) => (1 - Math.tanh(out) ** 2) * outGrad,
    noOutGrad: (out) => 1 - out ** 2,
    noSquare: (out, outGrad) => (1 - out) * outGrad,
    plus: (out, outGrad) => (1 + out ** 2) * outGrad,
    outGradInside: (out, outGrad) => 1 - out ** 2 * outGrad,
    xor: (out, outGrad) => (1 - (out ^ 2)) * outGrad,
    sigmoidSlope: (out, outGrad) => out * (1 - out) * outGrad,
  },
});

interface GraphNode {
  readonly name: string;
  readonly parents: readonly GraphNode[];
}
type TopologicalOrder = (output: GraphNode) => GraphNode[];

/** Nodes from a drawing such as "b(a) c(a b)": each node with its parents in brackets. The last one is the output. */
function draw(drawing: string): GraphNode {
  const nodes = new Map<string, GraphNode>();
  for (const [, name = "", inside = ""] of drawing.matchAll(/(\w+)\(([^)]*)\)/g)) {
    const parents = inside
      .split(" ")
      .filter(Boolean)
      .map((parent) => nodes.get(parent) ?? { name: parent, parents: [] });
    for (const parent of parents) nodes.set(parent.name, nodes.get(parent.name) ?? parent);
    nodes.set(name, { name, parents: parents.map((parent) => nodes.get(parent.name) ?? parent) });
  }
  const output = [...nodes.values()].at(-1);
  if (!output) throw new Error(`draw() found no node in "${drawing}"`);
  return output;
}

/** Every node behind `output`, and `output`. */
function reachable(output: GraphNode): Set<GraphNode> {
  const found = new Set([output]);
  for (const node of found) for (const parent of node.parents) found.add(parent);
  return found;
}

/** The first node that stands before one of its parents. */
function firstTooEarly(order: readonly GraphNode[]): { node: GraphNode; parent: GraphNode } | undefined {
  const seen = new Set<GraphNode>();
  for (const node of order) {
    const parent = node.parents.find((candidate) => !seen.has(candidate));
    if (parent) return { node, parent };
    seen.add(node);
  }
  return undefined;
}

/** Judges one order: any right one passes. */
function judgeOrder(answer: TopologicalOrder, drawing: string, verify: Verify): void {
  const output = draw(drawing);
  const wanted = reachable(output);
  const parentsBefore = [...wanted].map((node) => [...node.parents]);
  const order: unknown = answer(output);
  verify.that(Array.isArray(order) && order.every((node) => wanted.has(node)), "notNodes", { graph: drawing });
  const nodes = order as GraphNode[];
  const values = { graph: drawing, found: `[${nodes.map((node) => node.name).join(", ")}]` };
  const missing = [...wanted].find((node) => !nodes.includes(node));
  verify.that(!missing, "missing", { ...values, name: missing?.name ?? "" });
  const twice = nodes.find((node, i) => nodes.indexOf(node) !== i);
  verify.that(!twice, "twice", { ...values, name: twice?.name ?? "" });
  const early = firstTooEarly(nodes);
  verify.that(!early || firstTooEarly([...nodes].reverse()) !== undefined, "backToFront", values);
  verify.that(!early, "tooEarly", { ...values, node: early?.node.name ?? "", parent: early?.parent.name ?? "" });
  const same = [...wanted].every(
    (node, i) =>
      node.parents.length === parentsBefore[i]?.length &&
      node.parents.every((parent, k) => parent === parentsBefore[i]?.[k]),
  );
  verify.that(same, "changedParents", { graph: drawing });
}

/** A random graph: node i has up to three of the nodes before it as parents; the last one reaches them all or not. */
function randomDrawing(random: Verify["random"], size: number): string {
  const parts = ["n0()"];
  for (let i = 1; i < size; i++) {
    const parents = Array.from({ length: 1 + random.integer(3) }, () => `n${Math.max(0, i - 1 - random.integer(4))}`);
    parts.push(`n${i}(${parents.join(" ")})`);
  }
  return parts.join(" ");
}

const topologicalOrder = exercise<TopologicalOrder>({
  reference: (output) => {
    const order: GraphNode[] = [];
    const entered = new Set([output]);
    const path = [{ node: output, next: 0 }];
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const parent = top.node.parents[top.next++];
      if (!parent) {
        order.push(top.node);
        path.pop();
      } else if (!entered.has(parent)) {
        entered.add(parent);
        path.push({ node: parent, next: 0 });
      }
    }
    return order;
  },
  examples: [],
  mistakes: {},
  verify: (answer, verify: Verify) => {
    // One parent, two, a parent that is needed early and late, the same parent twice, nothing at all.
    for (const drawing of [
      "a()",
      "b(a)",
      "c(a b)",
      "b(a) c(b)",
      "b(a) c(a) d(b c)",
      "b(a) c(a b)",
      "b(a) c(b a)",
      "b(a a)",
    ])
      judgeOrder(answer, drawing, verify);
    judgeOrder(answer, "p(a b) n(p c) L(n)", verify);
    for (let i = 0; i < 20; i++) judgeOrder(answer, randomDrawing(verify.random, 3 + i), verify);

    // Each node is the product of the one before it with itself: 2^14 paths, 15 nodes.
    let reads = 0;
    let top: GraphNode = { name: "x0", parents: [] };
    for (let i = 1; i < 15; i++) {
      const parents = [top, top];
      top = { name: `x${i}`, get parents() { reads++; return parents; } }; // biome-ignore format: one thought
    }
    answer(top);
    verify.that(reads < 1000, "walksAllPaths", { reads });

    let chain: GraphNode = { name: "x0", parents: [] };
    for (let i = 1; i < 20_000; i++) chain = { name: `x${i}`, parents: [chain] };
    let length = 0;
    try {
      length = answer(chain).length;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    verify.that(length === 20_000, "tooDeep");
  },
});

type Scalarfield = (x: number[]) => number;
type GradientCheck = (f: Scalarfield, x: number[], gradient: number[], h?: number) => number;

/** A function that a message shows by its formula. */
function shownAs(formula: string, f: Scalarfield): Scalarfield {
  return Object.defineProperty(f, "name", { value: formula });
}

const at = (x: readonly number[], i: number): number => x[i] ?? Number.NaN;
const square = shownAs("x[0] ** 2", (x) => at(x, 0) ** 2);
const cube = shownAs("x[0] ** 3", (x) => at(x, 0) ** 3);
const tenth = shownAs("x[0] / 10", (x) => at(x, 0) / 10);
const product = shownAs("x[0] * x[1]", (x) => at(x, 0) * at(x, 1));
const product3 = shownAs("x[0] * x[1] * x[2]", (x) => at(x, 0) * at(x, 1) * at(x, 2));
const DEFAULT_H = 1e-5;

/** `x` with `by` added to entry `i`. */
function moved(x: readonly number[], i: number, by: number): number[] {
  const copy = [...x];
  copy[i] = at(x, i) + by;
  return copy;
}
function relative(slope: number, given: number): number {
  return Math.abs(slope - given) / Math.max(1, Math.abs(slope), Math.abs(given));
}
function slopes(f: Scalarfield, x: readonly number[], h: number): number[] {
  return x.map((_, i) => (f(moved(x, i, h)) - f(moved(x, i, -h))) / (2 * h));
}
/** A wrong check that differs in one part from the right one. */
function variant(part: {
  slopes?: typeof slopes;
  error?: typeof relative;
  join?: (errors: number[]) => number;
  h?: number;
}): GradientCheck {
  const { slopes: slopesOf = slopes, error = relative, join = (errors) => Math.max(...errors) } = part;
  return (f, x, gradient, h = DEFAULT_H) =>
    join(slopesOf(f, x, part.h ?? h).map((slope, i) => error(slope, at(gradient, i))));
}

const gradientCheck = exercise<GradientCheck>({
  reference: (f, x, gradient, h = DEFAULT_H) => {
    let worst = 0;
    for (const [i, slope] of slopes(f, x, h).entries()) {
      const error = relative(slope, at(gradient, i));
      if (!(error <= worst)) worst = error;
      if (Number.isNaN(error)) return error;
    }
    return worst;
  },
  examples: [
    { input: [square, [3], [6]], expected: 0 },
    { input: [square, [3], [4]], expected: 1 / 3 },
    { input: [square, [3], [8]], expected: 0.25 },
    { input: [tenth, [7], [0.3]], expected: 0.2 },
    { input: [product3, [2, 5, 1], [4, 2, 9.5]], expected: 0.2 }, // errors 0.2, 0, 0.05
    { input: [product, [2, 5], [5, 1]], expected: 0.5 },
    { input: [product, [2, 5], [5, 3], 0.5], expected: 1 / 3 },
    { input: [cube, [1], [3], 0.1], expected: 0.01 / 3.01 },
  ],
  random: (random, i) => {
    const count = 1 + (i % 5);
    const [weights, bends] = [random.normal(count), random.normal(count)];
    const f = shownAs("a parabola", (x) =>
      x.reduce((sum, value, k) => sum + at([...weights], k) * value + at([...bends], k) * value * value, 0),
    );
    return [f, [...random.normal(count)], [...random.normal(count)]];
  },
  extremes: [
    [square, [1000], [2000]],
    [square, [-100], [200]],
    [shownAs("1000 * x[0]", (x) => 1000 * at(x, 0)), [0], [999]],
    [shownAs("4", () => 4), [1, 2, 3], [0, 0, 0]],
  ],
  mistakes: {
    oneSided: variant({ slopes: (f, x, h) => x.map((_, i) => (f(moved(x, i, h)) - f([...x])) / h) }),
    halfStep: variant({ slopes: (f, x, h) => slopes(f, x, h).map((slope) => 2 * slope) }),
    timesStep: variant({ slopes: (f, x, h) => x.map((_, i) => ((f(moved(x, i, h)) - f(moved(x, i, -h))) / 2) * h) }),
    notRelative: variant({ error: (slope, given) => Math.abs(slope - given) }),
    withoutOne: variant({
      error: (slope, given) => Math.abs(slope - given) / Math.max(Math.abs(slope), Math.abs(given)),
    }),
    mean: variant({ join: (errors) => errors.reduce((sum, error) => sum + error, 0) / errors.length }),
    sum: variant({ join: (errors) => errors.reduce((sum, error) => sum + error, 0) }),
    lastOnly: variant({ join: (errors) => errors.at(-1) ?? 0 }),
    firstOnly: variant({ join: (errors) => errors[0] ?? 0 }),
    smallest: variant({ join: (errors) => Math.min(...errors) }),
    allTogether: variant({
      slopes: (f, x, h) => x.map(() => (f(x.map((value) => value + h)) - f(x.map((value) => value - h))) / (2 * h)),
    }),
    ignoresH: variant({ h: DEFAULT_H }),
    // Behind the partial answers above: on one right entry, an error without its sign looks like them.
    signed: variant({ error: (slope, given) => (slope - given) / Math.max(1, Math.abs(slope), Math.abs(given)) }),
    signedOther: variant({ error: (slope, given) => (given - slope) / Math.max(1, Math.abs(slope), Math.abs(given)) }),
    keepsNudge: (f, x, gradient, h = DEFAULT_H) => {
      const moving = [...x];
      return Math.max(...x.map((_, i) => {
        moving[i] = at(moving, i) + h;
        const up = f(moving);
        moving[i] = at(moving, i) - 2 * h;
        return relative((up - f(moving)) / (2 * h), at(gradient, i));
      })); // biome-ignore format: one thought
    },
  },
  verify: (answer, verify: Verify) => {
    for (const gradient of [
      [Number.NaN, 2],
      [5, Number.NaN],
    ]) {
      verify.that(Number.isNaN(answer(product, [2, 5], gradient)), "hidesNaN", { gradient: gradient.join(", ") });
    }
  },
});

type SgdStep = (parameters: number[], gradient: number[], lr: number) => number[];

const sgdStep = exercise<SgdStep>({
  reference: (parameters, gradient, lr) => Array.from(parameters, (parameter, i) => parameter + at(gradient, i) * -lr),
  examples: [
    { input: [[1, 2], [0.5, -1], 0.1], expected: [0.95, 2.1] },
    { input: [[3], [2], 1], expected: [1] },
    { input: [[4, 5, 6], [0, 0, 0], 0.5], expected: [4, 5, 6] },
  ],
  random: (random, i) => [[...random.normal(1 + i)], [...random.normal(1 + i)], 0.001 + 0.1 * i],
  extremes: [
    [[], [], 0.1],
    [[100, -100], [1000, -1000], 10],
    [[1, 2], [3, 4], 0],
    [[1e-3], [1e3], 1e-3],
  ],
  mistakes: {
    uphill: (parameters, gradient, lr) => parameters.map((parameter, i) => parameter + lr * at(gradient, i)),
    noRate: (parameters, gradient) => parameters.map((parameter, i) => parameter - at(gradient, i)),
    stepOnly: (_, gradient, lr) => gradient.map((slope) => lr * slope),
    minusStepOnly: (_, gradient, lr) => gradient.map((slope) => -lr * slope),
    scalesAll: (parameters, gradient, lr) => parameters.map((parameter, i) => lr * (parameter - at(gradient, i))),
    swapped: (parameters, gradient, lr) => parameters.map((parameter, i) => lr * at(gradient, i) - parameter),
    divides: (parameters, gradient, lr) => parameters.map((parameter, i) => parameter - at(gradient, i) / lr),
  },
});

export const exercises = { mulBackward, tanhBackward, topologicalOrder, gradientCheck, sgdStep };
