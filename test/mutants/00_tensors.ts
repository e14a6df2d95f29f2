/** @file Wrong answers to the exercises of chapter 00, as learners write them, and the message that each must get. Written without a look at `mistakes`. */

interface Mutant {
  readonly name: string;
  /** Key of the message that must be shown. */
  readonly message: string;
  // biome-ignore lint/complexity/noBannedTypes: a wrong answer may have any signature
  readonly answer: Function;
}

type Node = { parents: Node[] };
type F = (x: number[]) => number;
const put = (x: number[], i: number, value: number): number[] => x.map((old, k) => (k === i ? value : old));

export const mutants: Record<string, readonly Mutant[]> = {
  mulBackward: [
    {
      name: "a gets its own factor",
      message: "mulBackward.exchanged",
      answer: (a: number, b: number, outGrad: number) => {
        const gradOfA = outGrad * a;
        const gradOfB = outGrad * b;
        return [gradOfA, gradOfB];
      },
    },
    { name: "forgets what arrives", message: "mulBackward.noOutGrad", answer: (a: number, b: number) => [b, a] },
    {
      name: "adds what arrives",
      message: "mulBackward.addsOutGrad",
      answer: (a: number, b: number, g: number) => [g + b, g + a],
    },
    { name: "gives one number", message: "check.type", answer: (a: number, b: number, g: number) => (a + b) * g },
    {
      name: "gives an object",
      message: "check.type",
      answer: (a: number, b: number, g: number) => ({ a: b * g, b: a * g }),
    },
  ],

  tanhBackward: [
    { name: "takes out for the input", message: "tanhBackward.tanhAgain", answer: (x: number, g: number) => { const t = Math.tanh(x); return g * (1 - t * t); } }, // biome-ignore format: one row
    {
      name: "xor instead of a power",
      message: "tanhBackward.xor",
      answer: (out: number, g: number) => (1 - (out ^ 2)) * g,
    },
    { name: "forgets what arrives", message: "tanhBackward.noOutGrad", answer: (out: number) => 1 - out * out },
    {
      name: "no brackets",
      message: "tanhBackward.outGradInside",
      answer: (out: number, g: number) => 1 - out * out * g,
    },
    {
      name: "logistic slope",
      message: "tanhBackward.sigmoidSlope",
      answer: (out: number, g: number) => g * out * (1 - out),
    },
  ],

  topologicalOrder: [
    {
      name: "output first",
      message: "topologicalOrder.backToFront",
      answer: (output: Node) => {
        const done = new Set<Node>();
        const visit = (node: Node): void => {
          if (done.has(node)) return;
          node.parents.forEach(visit);
          done.add(node);
        };
        visit(output);
        return [...done].reverse();
      },
    },
    {
      name: "level by level",
      message: "topologicalOrder.tooEarly",
      answer: (output: Node) => {
        const found = new Set([output]);
        for (const node of found) for (const parent of node.parents) found.add(parent);
        return [...found].reverse();
      },
    },
    {
      name: "no memory",
      message: "topologicalOrder.twice",
      answer: (output: Node) => {
        const order: Node[] = [];
        const visit = (node: Node): void => {
          node.parents.forEach(visit);
          order.push(node);
        };
        visit(output);
        return order;
      },
    },
    {
      name: "removes doubles at the end",
      message: "topologicalOrder.walksAllPaths",
      answer: (output: Node) => {
        const order: Node[] = [];
        const visit = (node: Node): void => {
          for (const parent of node.parents) visit(parent);
          order.push(node);
        };
        visit(output);
        return [...new Set(order)];
      },
    },
    {
      name: "calls itself",
      message: "topologicalOrder.tooDeep",
      answer: (output: Node) => {
        const order: Node[] = [];
        const seen = new Set<Node>();
        (function visit(node: Node) {
          if (seen.has(node)) return;
          seen.add(node);
          for (const parent of node.parents) visit(parent);
          order.push(node);
        })(output);
        return order;
      },
    },
    {
      name: "without the output",
      message: "topologicalOrder.missing",
      answer: (output: Node) => {
        const done = new Set<Node>();
        const visit = (node: Node): void => {
          for (const parent of node.parents) {
            visit(parent);
            done.add(parent);
          }
        };
        visit(output);
        return [...done];
      },
    },
    {
      name: "takes the parents away",
      message: "topologicalOrder.changedParents",
      answer: (output: Node) => {
        const done = new Set<Node>();
        const path = [output];
        while (path.length > 0) {
          const node = path[path.length - 1] as Node;
          const parent = node.parents.shift();
          if (parent === undefined) done.add(path.pop() as Node);
          else if (!done.has(parent)) path.push(parent);
        }
        return [...done];
      },
    },
    {
      name: "gives the numbers",
      message: "topologicalOrder.notNodes",
      answer: (output: Node) => output.parents.length,
    },
    { name: "gives a set", message: "topologicalOrder.notNodes", answer: (output: Node) => new Set([output]) },
  ],

  gradientCheck: [
    {
      name: "one side only",
      message: "gradientCheck.oneSided",
      answer: (f: F, x: number[], gradient: number[], h = 1e-5) => {
        let worst = 0;
        for (let i = 0; i < x.length; i++) {
          const there = x.slice();
          there[i] = (x[i] as number) + h;
          const s = (f(there) - f(x)) / h;
          const g = gradient[i] as number;
          worst = Math.max(worst, Math.abs(s - g) / Math.max(1, Math.abs(s), Math.abs(g)));
        }
        return worst;
      },
    },
    {
      name: "moves its caller's array and moves it back",
      message: "check.changedInput",
      answer: (f: F, x: number[], gradient: number[], h = 1e-5) => {
        let worst = 0;
        for (let i = 0; i < x.length; i++) {
          x[i] = (x[i] as number) + h;
          const up = f(x);
          x[i] = (x[i] as number) - 2 * h;
          const s = (up - f(x)) / (2 * h);
          x[i] = (x[i] as number) + h;
          const g = gradient[i] as number;
          worst = Math.max(worst, Math.abs(s - g) / Math.max(1, Math.abs(s), Math.abs(g)));
        }
        return worst;
      },
    },
    {
      name: "compares with a sign of greater",
      message: "gradientCheck.hidesNaN",
      answer: (f: F, x: number[], gradient: number[], h = 1e-5) => {
        let worst = 0;
        x.forEach((value, i) => {
          const up = f(put(x, i, value + h));
          const down = f(put(x, i, value - h));
          const [s, g] = [(up - down) / 2 / h, gradient[i] as number];
          const error = Math.abs(s - g) / Math.max(1, Math.abs(s), Math.abs(g));
          if (error > worst) worst = error;
        });
        return worst;
      },
    },
    {
      name: "no brackets around 2h",
      message: "gradientCheck.timesStep",
      answer: (f: F, x: number[], gradient: number[], h = 1e-5) =>
        Math.max(...x.map((v, i) => {
          const s = (f(put(x, i, v + h)) - f(put(x, i, v - h))) / 2 * h;
          const g = gradient[i] as number;
          return Math.abs(g - s) / Math.max(1, Math.abs(g), Math.abs(s));
        })), // biome-ignore format: the missing brackets are the point
    },
    {
      name: "relative to the slope alone",
      message: "gradientCheck.withoutOne",
      answer: (f: F, x: number[], gradient: number[], h = 1e-5) =>
        Math.max(...x.map((v, i) => {
          const s = (f(put(x, i, v + h)) - f(put(x, i, v - h))) / (2 * h);
          const g = gradient[i] as number;
          return s === g ? 0 : Math.abs(g - s) / Math.max(Math.abs(g), Math.abs(s));
        })), // biome-ignore format: one thought
    },
    {
      name: "keeps the last error",
      message: "gradientCheck.lastOnly",
      answer: (f: F, x: number[], gradient: number[], h = 1e-5) => {
        let error = 0;
        for (let i = 0; i < x.length; i++) {
          const s = (f(put(x, i, (x[i] as number) + h)) - f(put(x, i, (x[i] as number) - h))) / (2 * h);
          const g = gradient[i] as number;
          error = Math.abs(g - s) / Math.max(1, Math.abs(g), Math.abs(s));
        }
        return error;
      },
    },
    { name: "says yes", message: "check.type", answer: () => true },
  ],

  sgdStep: [
    {
      name: "walks up",
      message: "sgdStep.uphill",
      answer: (p: number[], g: number[], lr: number) => p.map((v, i) => v + lr * (g[i] as number)),
    },
    {
      name: "full step",
      message: "sgdStep.noRate",
      answer: (p: number[], g: number[]) => p.map((v, i) => v - (g[i] as number)),
    },
    {
      name: "in place",
      message: "check.changedInput",
      answer: (p: number[], g: number[], lr: number) => {
        for (const [i, slope] of g.entries()) p[i] = (p[i] as number) - lr * slope;
        return p;
      },
    },
    { name: "forgets to return", message: "check.type", answer: (p: number[], g: number[], lr: number) => { p.map((v, i) => v - lr * (g[i] as number)); } }, // biome-ignore format: one row
    {
      name: "arrays as numbers",
      message: "check.type",
      answer: (p: number[], g: number[], lr: number) => Number(p) - lr * Number(g),
    },
    {
      name: "only the change",
      message: "sgdStep.stepOnly",
      answer: (_: number[], g: number[], lr: number) => g.map((slope) => slope * lr),
    },
  ],
};
