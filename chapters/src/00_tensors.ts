// ---
// jupyter:
//   jupytext:
//     text_representation:
//       extension: .ts
//       format_name: percent
//   kernelspec:
//     display_name: TypeScript
//     language: typescript
//     name: tslab
// ---

// %% [markdown] slug="title"
// # 0. Tensors and gradients
//
// In this chapter you teach a computer to improve its own numbers. You start with three numbers on paper. You end with a network of 33 numbers that finds a rule in data.
//
// **You will be able to** say the shape of a result before you run it · find a memory leak and repair it · compute a gradient by hand, and with a program that you wrote · prove that a gradient is right · train a small network.
//
// *75 minutes · no GPU · no download · needs TypeScript and, from school, the slope of a curve*

// %% slug="setup"
import { barChart, heatmap, initBackend, lineChart, loop, Random, tf } from "gptlab";
import { check, hint, NotImplemented, orReference } from "gptlab/course";
import { profile, progress, show, table, text } from "gptlab/course";
const engine = await initBackend();
const size = profile("00_tensors");                         // how large and how long: see course.json

/** Title, axis titles and alternative text of a plot, in the language of this notebook. */
function titles(plot: string, values: Record<string, unknown> = {}) {
  const part = (name: string) => text(`plot.${plot}.${name}`, values);
  return { title: part("title"), xTitle: part("x"), yTitle: part("y"), alt: part("alt") };
}
console.log(`The engine "${engine.name}" computes on the ${engine.device}.`);

// %% [markdown] slug="map"
// ## Where we are going
//
// A language model is a long list of numbers and a way to compute with them. The numbers are called **parameters**; the smallest GPT-2 has 124 million. At first they are random, and the model writes nonsense. Training changes every parameter a little, again and again, in the direction that makes the mistakes smaller. That direction is the **gradient**.
//
// All later chapters stand on this one. The chart shows its eight steps and the minutes that each may take. An exercise tells its difficulty and its importance. Three hints are folded below it; `hint("mulBackward", 1)` shows the first one too. You may skip an exercise: the later cells then use the answer of the book.

// %% slug="map-chart"
const minutes = [8, 8, 7, 14, 18, 10, 3, 7];
const bars = minutes.map((value, i) => ({ label: text(`plot.steps.${i + 1}`), value }));
await show(barChart(bars, { ...titles("steps"), horizontal: true }));

// %% [markdown] slug="arrays"
// ## 1. From arrays to tensors
//
// Most of the work of a language model is one operation: the matrix product. By hand, for two small matrices:
//
// $$\begin{bmatrix}1&2\\3&4\end{bmatrix}\begin{bmatrix}5&6\\7&8\end{bmatrix}=\begin{bmatrix}19&22\\43&50\end{bmatrix}$$
//
// The 19 is a row of the left matrix times a column of the right one: $1\cdot5+2\cdot7$. In TypeScript a matrix can be an array of arrays:

// %% slug="arrays-code"
type Matrix = number[][];

/** The product of two matrices, one number at a time. a: (n, m), b: (m, p) -> (n, p) */
function multiplyArrays(a: Matrix, b: Matrix): Matrix {
  return a.map((row) => b[0].map((_, j) => {
    let sum = 0;
    for (let k = 0; k < row.length; k++) sum += row[k] * b[k][j];
    return sum;
  }));
}
console.log(multiplyArrays([[1, 2], [3, 4]], [[5, 6], [7, 8]]));

// %% [markdown] slug="tensor"
// It works. But every number is fetched through two arrays, and JavaScript multiplies one pair at a time. A **tensor** keeps its numbers in one flat block. Beside the block it has a **shape**, which says how to cut the block into rows, and a **dtype**, which says what one number is. The **engine** can then compute with the whole block. The engine is the program that does the arithmetic: native TensorFlow where it is installed, else WebAssembly or plain JavaScript.

// %% slug="tensor-code"
const small = tf.tensor([[1, 2, 3], [4, 5, 6]]);
console.log(small.shape, small.dtype, small.size);
console.log(await small.data());                            // the flat block
console.log(await small.reshape([3, 2]).array());           // (2, 3) -> (3, 2)

// %% [markdown] slug="tensor-read"
// Look at the shape: 2 rows, 3 columns. `reshape` moved no number: the same block is cut in another way. `data()` and `array()` copy the numbers back to JavaScript. They give a promise, because the engine may be another device.
//
// The dtype `float32` means 4 bytes for each number. That is enough for about 7 digits. **Predict before you run:** what is 16,777,216 + 1?

// %% slug="float32-code"
console.log("number:", 16_777_216 + 1);
console.log("tensor:", (await tf.scalar(16_777_216).add(1).data())[0]);

// %% [markdown] slug="speed"
// The tensor lost the 1: it is in the eighth digit. Keep this in mind for step 7, where we compare numbers with tensors.
//
// What do we get in exchange? Measure it. One function takes the time, the other does the product of two large matrices on the engine:

// %% slug="speed-code"
/** Milliseconds of the fastest of five runs, after one run to warm up. */
async function milliseconds(work: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < 6; run++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return Math.min(...times.slice(1));
}

// %% slug="speed-table"
const [left, right] = [0, 1].map((seed) => {
  const random = new Random(seed);
  return Array.from({ length: size.matrix }, () => Array.from(random.normal(size.matrix)));
});
const [leftTensor, rightTensor] = [tf.tensor2d(left), tf.tensor2d(right)];
const slow = await milliseconds(() => multiplyArrays(left, right));
const fast = await milliseconds(async () => {
  const result = leftTensor.matMul(rightTensor);
  await result.data();
  result.dispose();                                         // step 3 explains this line
});
const factor = (slow / fast).toFixed(1);
console.log(`two matrices of shape (${size.matrix}, ${size.matrix})`);
table([["arrays", slow.toFixed(2), "1"], [engine.name, fast.toFixed(2), factor]],
  { head: ["made with", "milliseconds", "times as fast"] });

// %% [markdown] slug="broadcasting"
// Look at the last column. The factor depends on your engine and on the size: plain JavaScript, the engine "cpu", gains little; native code gains more, the larger the matrices are.
//
// ## 2. Shapes and broadcasting
//
// What happens when two shapes differ? The engine can repeat the smaller tensor. This is called **broadcasting**. The rule: write both shapes one above the other, aligned at the **right**. In each column the sizes must be equal, or one of them must be 1 or missing. The result takes the larger size.
//
// $$\begin{array}{rcc}&2&3\\&&3\\\hline&2&3\end{array}\qquad\qquad\begin{array}{rcc}&2&1\\&1&3\\\hline&2&3\end{array}$$
//
// **Predict before you run:** one of these four sums is an error, and one is a surprise. Which?

// %% slug="broadcasting-code"
const pairs = [[[2, 3], [3]], [[2, 1], [1, 3]], [[2, 3], [2]], [[3], [3, 1]]];
const sums = pairs.map(([a, b]) => {
  try {
    return tf.ones(a).add(tf.ones(b)).shape.join(", ");
  } catch (error) {
    return `error: ${(error as Error).message.split(/Message: |\n/).pop()}`;
  }
});
table(pairs.map(([a, b], i) => [a.join(", "), b.join(", "), sums[i]]),
  { head: ["left", "right", "sum"] });

// %% [markdown] slug="broadcasting-trap"
// The third pair is an error: aligned at the right, 3 stands above 2. An error is good news, because you see it. The fourth pair is dangerous: `(3)` and `(3, 1)` give `(3, 3)`, without any error.
//
// Here three predictions are exactly right, so the mean of the squared differences must be 0. Is it?

// %% slug="broadcasting-trap-code"
const guesses = tf.tensor1d([1, 2, 3]);                     // (3)
const truths = tf.tensor2d([[1], [2], [3]]);                // (3, 1)
const differences = guesses.sub(truths);                    // (3) - (3, 1) -> (3, 3)
console.log(await differences.array());
console.log("mean square:", (await differences.square().mean().data())[0].toFixed(2));

// %% [markdown] slug="memory"
// Every guess was compared with every truth. Such a program trains, slowly and badly, without an error message. The habit that protects you: write the shapes at the end of the line, as the cell above does.
//
// ## 3. Memory
//
// JavaScript frees an array when nothing refers to it. It cannot do this for tensors, because their numbers live in the memory of the engine. A tensor stays until you free it. The engine counts them:

// %% slug="memory-code"
console.log("tensors alive:", tf.memory().numTensors, "bytes:", tf.memory().numBytes);
const gone = tf.scalar(1);
gone.dispose();                                             // frees it
try {
  gone.add(1);
} catch (error) {
  console.log("after dispose():", (error as Error).message);
}

// %% [markdown] slug="leak"
// We have made tensors in every cell and freed almost none. Now the same calculation in two ways. Both free their result. **Predict:** how many tensors does each call of `leaky` leave behind?

// %% slug="leak-code"
const input = tf.tensor1d([1, 2, 3]);
const leaky = () => input.mul(2).add(1).mean();
const tidied = () => tf.tidy(() => input.mul(2).add(1).mean());

/** Tensors left behind after 1, 2, 3, … calls. */
function leftBehind(work: () => tf.Tensor): number[] {
  const before = tf.memory().numTensors;
  return Array.from({ length: size.leakCalls }, () => {
    work().dispose();
    return tf.memory().numTensors - before;
  });
}
const [withLeak, withTidy] = [leftBehind(leaky), leftBehind(tidied)];

// %% slug="leak-plot"
const calls = withLeak.map((_, i) => i + 1);
const atEnd = { calls: calls.length, leaked: withLeak.at(-1), tidied: withTidy.at(-1) };
await show(lineChart([
  { name: "leaky", x: calls, y: withLeak },
  { name: "tidied", x: calls, y: withTidy },
], titles("leak", atEnd)));

// %% [markdown] slug="leak-read"
// **Question:** what is the slope of the upper line, and which operations of `leaky` make it?
//
// <details><summary>Answer</summary>
//
// The slope is 2. `mul` and `add` each make a tensor that has no name, so nobody can free it. `mean` makes the result, which we freed.
//
// </details>
//
// Two small tensors do no harm. In GPT-2, 8 texts of 1,024 tokens with 768 numbers each make a tensor of shape (8, 1024, 768), which takes 25 megabytes. Two of them lost in each step fill 16 gigabytes after about 320 steps. The three rules of `tf.tidy`:
//
// 1. It frees every tensor that was made inside it, except what the function returns.
// 2. The function must be synchronous: no `await` inside.
// 3. It leaves a `tf.variable` alone, and a tensor that you gave to `tf.keep`.

// %% [markdown] slug="gradient"
// ## 4. Gradients by hand
//
// Now three numbers: $a=2$, $b=3$, $c=-5.5$, and one result
//
// $$L=\tanh(a\cdot b+c)=\tanh(0.5)\approx0.4621.$$
//
// The function $\tanh$ squeezes any number into the range from $-1$ to $1$. Which of $a$, $b$, $c$ changes $L$ most? Give each of them a **nudge**: add a small $h$ to it, and see how fast $L$ moves. This speed is the **slope** of $L$ with respect to that number. The list of all slopes is the **gradient** of $L$.

// %% slug="gradient-code"
const toy = ([a, b, c]: number[]) => Math.tanh(a * b + c);
const toyAt = [2, 3, -5.5];

/** Slopes of f at x: nudge one entry at a time. f: (n) -> 1, x: (n) -> (n) */
function forwardSlopes(f: (x: number[]) => number, x: number[], h: number): number[] {
  return x.map((_, i) => (f(x.map((value, k) => (k === i ? value + h : value))) - f(x)) / h);
}
const rounded = (values: number[]) => values.map((value) => Number(value.toFixed(4)));
console.log("L, nudged slopes:", rounded([toy(toyAt)]), rounded(forwardSlopes(toy, toyAt, 0.001)));

// %% [markdown] slug="chain-rule"
// About 2.36, 1.57 and 0.79. So $a$ has the strongest effect: when $a$ grows by a little, $L$ grows 2.36 times as much.
//
// Nudging is simple, but it needs one more calculation of $L$ for every parameter. With 124 million parameters nobody can wait for it. There is a better way: walk **backward** through the calculation, once, and get all slopes together. Write it in small steps: $p=a\cdot b$, then $n=p+c$, then $L=\tanh(n)$. Each step receives the slope of $L$ with respect to its output, and passes on the slopes with respect to its inputs.
//
// | step | receives | passes on |
// |--|--|--|
// | $L=\tanh(n)$ | $1$ | to $n$: $(1-0.4621^2)\cdot1\approx0.7864$ |
// | $n=p+c$ | $0.7864$ | to $p$: $0.7864$, and to $c$: $0.7864$ |
// | $p=a\cdot b$ | $0.7864$ | to $a$: $3\cdot0.7864\approx2.359$, and to $b$: $2\cdot0.7864\approx1.573$ |
//
// This is the **chain rule**: slopes along a path are multiplied. Addition passes on what it receives. Product and $\tanh$ are yours.

// %% [markdown] slug="mulBackward-text"
// ### Exercise 0.1 · Backward through a product
//
// *difficulty 1 of 5 · importance 4 of 5 · 5 minutes · about 1 line*
//
// Write `mulBackward(a, b, outGrad)`. It returns the slopes that $a$ and $b$ get.
//
// In the last row of the table $b=3$ decides what $a$ gets. Why? When $a$ grows by $h$, the product grows by $b\cdot h$.

// %% slug="mulBackward" tags=["exercise"]
/**
 * One backward step through out = a * b.
 * outGrad is the slope of L with respect to out.
 * Returns the slopes of L with respect to a and to b.
 */
function mulBackward(a: number, b: number, outGrad: number): [number, number] {
  // #region solution
  return [b * outGrad, a * outGrad];
  // #endregion
}
await check("mulBackward", mulBackward);

// %% [markdown] slug="mulBackward-hints" tags=["hints"]
// 1. In the last row of the table, which number is multiplied for $a$, and which for $b$?
// 2. Slope for `a` = the other factor times what arrives. Slope for `b` = the same with the factors exchanged.
// 3. The slope for `a` is `b * outGrad`. Return both slopes in an array, `a` first.

// %% [markdown] slug="tanhBackward-text"
// ### Exercise 0.2 · Backward through tanh
//
// *difficulty 2 of 5 · importance 4 of 5 · 6 minutes · about 1 line*
//
// Write `tanhBackward(out, outGrad)`. It returns the slope that the input of $\tanh$ gets.
//
// The slope of $\tanh$ at $n$ is $1-\tanh^2(n)$. When we walk backward, $\tanh(n)$ is already known: it is the output. So the function gets `out` and not $n$, and no $\tanh$ is computed again.

// %% slug="tanhBackward" tags=["exercise"]
/**
 * One backward step through out = tanh(n).
 * out is the output that was computed before; outGrad is the slope of L with respect to out.
 * Returns the slope of L with respect to n.
 */
function tanhBackward(out: number, outGrad: number): number {
  // #region solution
  return (1 - out * out) * outGrad;
  // #endregion
}
await check("tanhBackward", tanhBackward);

// %% [markdown] slug="tanhBackward-hints" tags=["hints"]
// 1. Look at the first row of the table. Which number is squared there: $n=0.5$, or the output $0.4621$?
// 2. Slope of $\tanh$ = one minus the square of the output. Multiply it by what arrives.
// 3. `1 - out * out` is the slope of $\tanh$. Multiply it by `outGrad`.

// %% slug="chain-code"
// Your function if it passes its check, else the one of the book:
const backMul = await orReference("mulBackward", mulBackward);
const backTanh = await orReference("tanhBackward", tanhBackward);
const gradN = backTanh(toy(toyAt), 1);                      // addition hands it to c unchanged
const byHand = [...backMul(toyAt[0], toyAt[1], gradN), gradN];
console.log("by hand:", rounded(byHand), "nudged:", rounded(forwardSlopes(toy, toyAt, 0.001)));

// %% [markdown] slug="autograd"
// ## 5. An autograd
//
// So far we walked backward ourselves. An **autograd** is a program that does it for any calculation. It needs two things: each number must remember which numbers it was made from, its **parents**, and the numbers must be visited in the right order.
//
// ```text
// a ──┐
//     ×── p ──┐
// b ──┘       +── n ── tanh ── L
// c ──────────┘
// ```
//
// Which order is right? A number may pass its slope on only when it has received all of it. So every number must come **before its parents** when we walk backward. Turned around: list every number **after its parents**, then read the list from the end. Such a list is called a **topological order**.

// %% [markdown] slug="topologicalOrder-text"
// ### Exercise 0.3 · Topological order
//
// *difficulty 3 of 5 · importance 4 of 5 · 12 minutes · about 9 lines*
//
// Return the output and all numbers that it was made from, directly or not: each exactly once, each after its parents. The output is the last. Several orders can be right; any of them passes. The type `N` means: any object with a list `parents`.
//
// A function that calls itself is short, but a sum of 20,000 terms is a chain of 20,000 parents, and the call stack of JavaScript ends before that. Use a loop and an array of your own.

// %% slug="topologicalOrder" tags=["exercise"]
/** Output and all nodes that it was made from: each once, each after its parents, output last. */
function topologicalOrder<N extends { readonly parents: readonly N[] }>(output: N): N[] {
  // #region solution
  const done = new Set<N>();                                // a Set remembers the order of its entries
  const path = [output];                                    // from output towards the first numbers
  while (path.length > 0) {
    const node = path[path.length - 1];
    const waitingFor = node.parents.find((parent) => !done.has(parent));
    if (waitingFor !== undefined) path.push(waitingFor);
    else done.add(path.pop()!);
  }
  return [...done];
  // #endregion
}
await check("topologicalOrder", topologicalOrder);

// %% [markdown] slug="topologicalOrder-hints" tags=["hints"]
// 1. You stand on a number whose parents are not in the list yet. Where must you go first? How do you find the way back?
// 2. Keep a `path` that starts with the output, and a set `done`. Look at the last number of the path. If a parent of it is not done, put that parent on the path. If all are done, the number is done: take it off the path.
// 3. Inside `while (path.length > 0)`: `const node = path[path.length - 1]`, then `const next = node.parents.find((p) => !done.has(p))`. If there is a `next`, push it. Else `done.add(node)` and `path.pop()`. At the end return `[...done]`.

// %% [markdown] slug="value"
// Now the whole autograd. A `Value` is a number that remembers its parents and knows how to pass its slope on to them:

// %% slug="value-class"
const orderOf = await orReference("topologicalOrder", topologicalOrder);

/** A number that remembers where it came from. grad: the slope of the output with respect to it. */
class Value {
  grad = 0;
  constructor(
    readonly data: number,
    readonly parents: readonly Value[] = [],
    readonly toParents: (grad: number) => number[] = () => [],   // the slopes for the parents
  ) {}

  add(other: Value): Value {
    return new Value(this.data + other.data, [this, other], (grad) => [grad, grad]);
  }
  mul(other: Value): Value {
    const [a, b] = [this.data, other.data];
    return new Value(a * b, [this, other], (grad) => backMul(a, b, grad));
  }
  tanh(): Value {
    const out = Math.tanh(this.data);
    return new Value(out, [this], (grad) => [backTanh(out, grad)]);
  }
  /** Sets `grad` of every number that this one was made from. */
  backward(): void {
    this.grad = 1;
    for (const node of orderOf<Value>(this).reverse()) {
      const shares = node.toParents(node.grad);
      node.parents.forEach((parent, i) => { parent.grad += shares[i]; });
    }
  }
}

// %% slug="value-toy"
const toyValues = toyAt.map((value) => new Value(value));
const toyOutput = toyValues[0].mul(toyValues[1]).add(toyValues[2]).tanh();
toyOutput.backward();
table(orderOf(toyOutput).map((node) => [node.data, node.grad, node.parents.length]),
  { head: ["data", "grad", "parents"] });

// %% [markdown] slug="value-read"
// Find your three slopes in the column `grad`. Then look at the line in `backward()` with `+=`. It is the most important line of the class. When a number is used twice, its slopes come back on two paths, and they must be **added**. Most people write `=` at first.
//
// **Predict before you run:** $y=a\cdot a$ at $a=3$. What is the slope of $y$? What does `=` give?

// %% slug="value-bug"
/** backward() with one mistake: it replaces the slope of a parent instead of adding to it. */
function backwardWithBug(output: Value): void {
  output.grad = 1;
  for (const node of orderOf(output).reverse()) {
    const shares = node.toParents(node.grad);
    node.parents.forEach((parent, i) => { parent.grad = shares[i]; });
  }
}
const [added, replaced] = [new Value(3), new Value(3)];
added.mul(added).backward();
backwardWithBug(replaced.mul(replaced));
console.log("with += :", added.grad, " with = :", replaced.grad);

// %% [markdown] slug="gradient-check"
// ## 6. Is a gradient right?
//
// The wrong gradient raised no error. A network with such a bug still learns a little, so you may not notice for weeks. There is one test for every gradient: nudge, and compare. The nudge should go **both** ways:
//
// $$\text{slope}_i\approx\frac{f(x_i+h)-f(x_i-h)}{2h}$$
//
// This is the central difference. The errors of the two sides almost cancel, so it is far better than a nudge to one side.

// %% [markdown] slug="gradientCheck-text"
// ### Exercise 0.4 · Gradient check
//
// *difficulty 2 of 5 · importance 5 of 5 · 10 minutes · about 6 lines*
//
// For each entry $i$ compute the central difference $s_i$ and compare it with the given slope $g_i$. Return the largest error, measured as
//
// $$\text{error}_i=\frac{|s_i-g_i|}{\max(1,|s_i|,|g_i|)}.$$
//
// The division makes the error of large slopes relative. The 1 keeps slopes near 0 from looking bad.

// %% slug="gradientCheck" tags=["exercise"]
/**
 * The largest error of gradient against central differences of f at x. NaN if any slope is NaN.
 * f: (n) -> 1, x: (n), gradient: (n)
 */
function gradientCheck(f: (x: number[]) => number, x: number[], gradient: number[], h = 1e-5): number {
  // #region solution
  const errors = x.map((_, i) => {
    const nudged = (by: number) => f(x.map((value, k) => (k === i ? value + by : value)));
    const slope = (nudged(h) - nudged(-h)) / (2 * h);
    return Math.abs(slope - gradient[i]) / Math.max(1, Math.abs(slope), Math.abs(gradient[i]));
  });
  return Math.max(...errors);
  // #endregion
}
await check("gradientCheck", gradientCheck);

// %% [markdown] slug="gradientCheck-hints" tags=["hints"]
// 1. How do you move only entry `i` of `x` and leave your caller's array as it is?
// 2. For each `i`: copy `x`, add `h` to entry `i`, call `f`; copy `x`, subtract `h`, call `f`. The difference divided by `2 * h` is the slope. Compute the error by the formula. At the end return the maximum.
// 3. `f(x.map((value, k) => (k === i ? value + h : value)))` is the upper nudge. Collect the errors in an array and return `Math.max(...errors)`. `Math.max` gives `NaN` when one error is `NaN`; `if (error > worst)` would hide it.

// %% slug="gradientCheck-use"
const checkGradient = await orReference("gradientCheck", gradientCheck);
const curve = ([x, y]: Value[]) => x.mul(x).mul(y).add(y.tanh());    // x and y are used twice
const curveAt = [1.5, -0.5];
const curveNumber = (x: number[]) => curve(x.map((value) => new Value(value))).data;
const gradientBy = (backward: (output: Value) => void) => {
  const values = curveAt.map((value) => new Value(value));
  backward(curve(values));
  return values.map((value) => value.grad);
};
const goodGradient = gradientBy((output) => output.backward());
const badGradient = gradientBy(backwardWithBug);
const errorOf = (gradient: number[]) => checkGradient(curveNumber, curveAt, gradient).toExponential(1);
console.log("backward():   error", errorOf(goodGradient));
console.log("with the bug: error", errorOf(badGradient));

// %% [markdown] slug="step-size"
// The right gradient has an error far below 0.000001. The wrong one has an error of 0.5: caught. In this course every gradient that we write by hand must pass this test.
//
// How small should $h$ be? Mathematics says: as small as you can. **Predict before you run:** what happens to the error when $h$ goes from $10^{-1}$ to $10^{-13}$?

// %% slug="step-size-plot"
const nudges = Array.from({ length: 13 }, (_, i) => 10 ** -(i + 1));
const central = nudges.map((h) => checkGradient(curveNumber, curveAt, goodGradient, h));
const forward = nudges.map((h) => {
  const slopes = forwardSlopes(curveNumber, curveAt, h);
  return Math.max(...goodGradient.map((right, i) => Math.abs(slopes[i] - right) / Math.max(1, Math.abs(right))));
});
const best = (errors: number[]) => nudges[errors.indexOf(Math.min(...errors))].toExponential(0);
await show(lineChart([
  { name: "central", x: nudges, y: central },
  { name: "one side", x: nudges, y: forward },
], { ...titles("nudge", { central: best(central), forward: best(forward) }), xLog: true, yLog: true }));

// %% [markdown] slug="step-size-read"
// **Question:** both curves fall and then rise again, when you read from right to left. Why do they rise?
//
// <details><summary>Answer</summary>
//
// On the right the formula is not exact: $h$ is too large. On the left the computer is not exact: $f(x+h)$ and $f(x-h)$ agree in almost all of their 16 digits, so only a few digits of the difference are true, and the division by a tiny $h$ makes their error huge. The best $h$ is in the middle, near $10^{-5}$ for the central difference.
//
// </details>

// %% [markdown] slug="tf-grads"
// ## 7. The same by tf.grads
//
// TensorFlow.js has an autograd too. `tf.grads` takes a function of tensors and returns the function of its gradients. It works as your `Value` does: it remembers each operation, puts them in order, and walks backward. Four ways, one gradient:

// %% slug="tf-grads-code"
const toyTensors = toyAt.map((value) => tf.scalar(value));
const toyGradients = tf.grads((a, b, c) => a.mul(b).add(c).tanh())(toyTensors);
const byTensors = await Promise.all(toyGradients.map(async (gradient) => (await gradient.data())[0]));
const byNudge = forwardSlopes(toy, toyAt, 0.001);
table(["a", "b", "c"].map((name, i) => [name, byNudge[i], byHand[i], toyValues[i].grad, byTensors[i]]),
  { head: ["", "nudged", "by hand", "Value", "tf.grads"] });
const gap = Math.max(...byTensors.map((slope, i) => Math.abs(slope - toyValues[i].grad)));
console.log("largest difference of Value and tf.grads:", gap.toExponential(1));

// %% [markdown] slug="network"
// `Value` and `tf.grads` differ by less than 0.000001. The rest is the rounding of `float32`.
//
// ## 8. A small network learns
//
// Here are 60 random points. A point has the label 1 when its two coordinates have the same sign, and the label −1 when they have not. No straight line separates the two groups. The network sees points and labels. Nobody tells it the rule.

// %% slug="data-code"
const N = 60;
const coordinates = new Random(0).uniform(2 * N, -1, 1);
const points = Array.from({ length: N }, (_, i) => [...coordinates.slice(2 * i, 2 * i + 2)]);   // (N, 2)
const labels = points.map(([x, y]) => (x * y > 0 ? 1 : -1));                                    // (N)
table(points.slice(0, 4).map(([x, y], i) => [x.toFixed(2), y.toFixed(2), labels[i]]),
  { head: ["x", "y", "label"] });
console.log("label 1:", labels.filter((label) => label === 1).length, "of", N);

// %% [markdown] slug="network-formula"
// The network has $H$ hidden numbers. Each is a sum with its own parameters $u$, $v$, $b$, squeezed by $\tanh$. The prediction is a sum of the hidden numbers, with parameters $w$ and one more $c$, squeezed again:
//
// $$h_j=\tanh(u_j\,x+v_j\,y+b_j),\qquad\text{prediction}=\tanh\Big(c+\sum_{j=1}^{H}w_j\,h_j\Big).$$
//
// With $H=8$ these are $4\cdot8+1=33$ parameters. We keep them in one flat list: $u_1,v_1,b_1,w_1,u_2,\dots,c$. The **loss** says how wrong the network is: the mean of the squared differences between prediction and label. First with `Value`, one number at a time:

// %% slug="network-values"
interface Loss { loss: number; gradient: number[] }

/** The prediction for one point. parameters: (4H + 1) */
function predictValue(parameters: Value[], [x, y]: Value[]): Value {
  let sum = parameters[parameters.length - 1];
  for (let j = 0; j + 4 < parameters.length; j += 4) {
    const [u, v, b, w] = parameters.slice(j, j + 4);
    sum = sum.add(u.mul(x).add(v.mul(y)).add(b).tanh().mul(w));
  }
  return sum.tanh();
}

// %% slug="network-values-loss"
/** The mean squared difference over all points, as a Value. parameters: (4H + 1) */
function lossOfValues(parameters: Value[]): Value {
  const squares = points.map((point, i) => {
    const prediction = predictValue(parameters, point.map((coordinate) => new Value(coordinate)));
    const difference = prediction.add(new Value(-labels[i]));
    return difference.mul(difference);                      // used twice: this needs the +=
  });
  return squares.reduce((sum, square) => sum.add(square)).mul(new Value(1 / N));
}

// %% slug="network-start"
/** Loss and gradient. parameters: (4H + 1) -> gradient: (4H + 1) */
function valueStep(parameters: number[]): Loss {
  const values = parameters.map((parameter) => new Value(parameter));
  const loss = lossOfValues(values);
  loss.backward();
  return { loss: loss.data, gradient: values.map((value) => value.grad) };
}
const start = Array.from(new Random(2).normal(4 * 8 + 1));  // 33 random parameters
console.log("numbers in the graph:", orderOf(lossOfValues(start.map((p) => new Value(p)))).length);
const lossAt = (parameters: number[]) => valueStep(parameters).loss;
console.log("loss before training:", lossAt(start).toFixed(3));
const startError = checkGradient(lossAt, start, valueStep(start).gradient);
console.log("gradient check: error", startError.toExponential(1));

// %% [markdown] slug="sgdStep-text"
// The graph of the loss has 3,814 numbers. You walked backward through all of them, and the 33 slopes pass the check. One thing is missing: the step that uses them.
//
// ### Exercise 0.5 · A step downhill
//
// *difficulty 1 of 5 · importance 5 of 5 · 5 minutes · about 1 line*
//
// The gradient points to where the loss **grows** fastest. We want the opposite. The **learning rate** `lr` says how far to go. The step is called SGD, stochastic gradient descent. (Stochastic means random: with much data, each step looks only at a random part of it.)

// %% slug="sgdStep" tags=["exercise"]
/** New parameters after one step against the gradient; both lists stay as they are. (n), (n) -> (n) */
function sgdStep(parameters: number[], gradient: number[], lr: number): number[] {
  // #region solution
  return parameters.map((parameter, i) => parameter - lr * gradient[i]);
  // #endregion
}
await check("sgdStep", sgdStep);

// %% [markdown] slug="sgdStep-hints" tags=["hints"]
// 1. A slope is positive. Should its parameter become larger or smaller, if the loss should fall?
// 2. For each entry: new parameter = old parameter minus learning rate times slope. Put the results into a new array.
// 3. `parameters.map((parameter, i) => …)` makes a new array. Inside, take away `lr * gradient[i]`.

// %% [markdown] slug="train"
// Training is this step, again and again. The function below does not know who computes the gradient: it takes any `step`. Before you run it, guess: how long do 200 steps with `Value` take?

// %% slug="train-code"
const descend = await orReference("sgdStep", sgdStep);

/** Trains from `start`. Returns the loss before each step, and the parameters at the end. */
async function train(step: (parameters: number[]) => Loss | Promise<Loss>, label: string, lr: number) {
  let parameters = start;
  const losses: number[] = [];
  await loop(size.steps, async () => {
    const { loss, gradient } = await step(parameters);
    losses.push(loss);
    parameters = descend(parameters, gradient, lr);
  }, { label, note: () => `loss ${losses[losses.length - 1].toFixed(3)}` });
  return { losses, parameters };
}
const valueRun = await train(valueStep, "Value", 1);
console.log("loss:", valueRun.losses[0].toFixed(3), "->", valueRun.losses.at(-1)?.toFixed(3));

// %% [markdown] slug="network-tensors"
// It learned. Now the same network with tensors: all points and all hidden numbers at once, with two matrix products. Read the shapes at the end of each line. The labels have the shape (N, 1) because of the trap of step 2.

// %% slug="network-tensors-code"
const pointTensor = tf.tensor2d(points);                                 // (N, 2)
const labelTensor = tf.tensor2d(labels, [N, 1]);                         // (N, 1)

/** The predictions for many points. flat: (4H + 1), x: (N, 2) -> (N, 1) */
function predictTensor(flat: tf.Tensor, x: tf.Tensor): tf.Tensor {
  const H = (flat.size - 1) / 4;
  const byNeuron = flat.slice(0, 4 * H).reshape([H, 4]);                 // (4H) -> (H, 4)
  const [uv, b, w] = byNeuron.split([2, 1, 1], 1);                       // (H, 2), (H, 1), (H, 1)
  const hidden = x.matMul(uv, false, true).add(b.reshape([H])).tanh();   // (N, 2) × (2, H) -> (N, H)
  return hidden.matMul(w).add(flat.slice(4 * H)).tanh();                 // (N, H) × (H, 1) -> (N, 1)
}

// %% slug="network-tensors-step"
const lossAndGradient = tf.valueAndGrad((flat: tf.Tensor) =>
  predictTensor(flat, pointTensor).sub(labelTensor).square().mean());

/** The same as valueStep, by tensors. */
async function tensorStep(parameters: number[]): Promise<Loss> {
  const { value, grad } = tf.tidy(() => lossAndGradient(tf.tensor1d(parameters)));
  const [[loss], gradient] = await Promise.all([value.data(), grad.data()]);
  tf.dispose([value, grad]);
  return { loss, gradient: Array.from(gradient) };
}
const [oneByOne, atOnce] = [valueStep(start), await tensorStep(start)];
const slopeGaps = oneByOne.gradient.map((slope, i) => Math.abs(slope - atOnce.gradient[i]));
console.log("largest difference of the slopes:", Math.max(...slopeGaps).toExponential(1));

// %% [markdown] slug="train-tensors"
// All 33 slopes agree to better than 0.000001. So the same training must give the same loss, with tensors:

// %% slug="train-tensors-code"
const tensorRun = await train(tensorStep, "tensors", 1);
const lossGap = Math.max(...tensorRun.losses.map((loss, i) => Math.abs(loss - valueRun.losses[i])));
console.log("largest difference of the losses:", lossGap.toExponential(1));

// %% [markdown] slug="scale"
// The two losses stay together for 200 steps, up to a small difference: each step carries the rounding of `float32` into the next.
//
// Now compare the seconds of the two trainings. The tensors win by little, or not at all: the network is very small. **Predict before you run:** the times of one step for wider and wider networks.

// %% slug="scale-code"
const widths = Array.from({ length: size.widths }, (_, i) => 4 * 4 ** i);
const [valueTimes, tensorTimes]: number[][] = [[], []];
await loop(widths.length, async (i) => {
  const parameters = Array.from(new Random(1).normal(4 * widths[i] + 1));
  valueTimes.push(await milliseconds(() => valueStep(parameters)));
  tensorTimes.push(await milliseconds(() => tensorStep(parameters)));
}, { label: "widths" });
const short = (time: number) => Number(time.toPrecision(2));
table(widths.map((width, i) => {
  const [a, b] = [valueTimes[i], tensorTimes[i]];
  return [width, 4 * width + 1, short(a), short(b), short(a / b)];
}), { head: ["H", "parameters", "Value (ms)", "tensors (ms)", "times as fast"] });

// %% slug="scale-plot"
const growth = (times: number[]) => short(times[times.length - 1] / times[0]);
const [first, last] = [widths[0], widths[widths.length - 1]];
const found = { first, last, value: growth(valueTimes), tensors: growth(tensorTimes) };
await show(lineChart([
  { name: "Value", x: widths, y: valueTimes },
  { name: "tensors", x: widths, y: tensorTimes },
], { ...titles("scale", found), xLog: true, yLog: true }));

// %% [markdown] slug="scale-read"
// **Question:** why does the line of the tensors stay almost flat at first?
//
// <details><summary>Answer</summary>
//
// Each operation of the engine has a fixed cost for being called. A small network pays almost only this cost, and there `Value` can even be faster. A wider network has the same number of operations, with more numbers in each. `Value` pays for every single number.
//
// </details>
//
// One number is left to choose: the learning rate. **Predict before you run:** what does the loss do with 0.01, with 1, and with 30?

// %% slug="rates-code"
const rates = [0.01, 1, 30];
const curves: { name: string; y: number[] }[] = [];
const aliveBefore = tf.memory().numTensors;
for (const rate of rates) {
  const { losses } = await train(tensorStep, `lr ${rate}`, rate);
  curves.push({ name: `lr ${rate}`, y: losses });
}
console.log("tensors left behind:", tf.memory().numTensors - aliveBefore);
const [low, middle, high] = curves.map(({ y }) => y[y.length - 1].toFixed(2));
await show(lineChart(curves, titles("rates", { steps: size.steps, low, middle, high })));

// %% [markdown] slug="rates-read"
// **Question:** with the largest rate the loss jumps up and then stays on one level, to the end. What happened to the slopes?
//
// <details><summary>Answer</summary>
//
// The first step was so large that the sum inside the last $\tanh$ became huge: the network answers 1 for every point. This is right for 33 points and wrong by 2 for 27 points, so the loss is $27\cdot2^2/60=1.8$. At an output of 1, your `tanhBackward` gives $1-1^2=0$. No slope, no step.
//
// </details>
//
// At last, look at what the network has learnt. We ask it about a grid of points, most of which it has never seen:

// %% slug="picture-code"
const axis = Array.from({ length: 16 }, (_, i) => (i - 7.5) / 8);        // from -0.94 to 0.94
const upAxis = [...axis].reverse();                                      // the first row is the top
const grid = upAxis.flatMap((y) => axis.map((x) => [x, y]));             // (256, 2)
const answers = tf.tidy(() => predictTensor(tf.tensor1d(tensorRun.parameters), tf.tensor2d(grid)));
const flatAnswers = await answers.data();
const correct = grid.filter(([x, y], i) => x * y * flatAnswers[i] > 0).length;
const [rows, columns] = [upAxis, axis].map((values) => values.map((value) => value.toFixed(2)));
await show(heatmap(await answers.reshape([16, 16]).array() as number[][], {
  ...titles("picture", { percent: Math.round((100 * correct) / grid.length) }),
  rows, columns, domain: [-1, 1], valueTitle: text("plot.picture.value"),
}));

// %% [markdown] slug="picture-read"
// **Question:** where is the picture pale (not sure) or wrong, and why there?
//
// <details><summary>Answer</summary>
//
// Near the two axes. There the label changes from one side to the other, and the prediction must go from 1 to −1 within a short distance. The network knows only 60 points, so it cannot know exactly where the border is.
//
// </details>
//
// Nobody wrote the rule into this network. It came out of 200 small steps downhill. A GPT learns in the same way. It has more parameters, a better network and a better step, and you will build all three.

// %% slug="progress"
progress();

// %% [markdown] slug="takeaways"
// ## Key takeaways
//
// - A tensor is one flat block of numbers with a shape. Shapes are compared from the right; sizes must be equal, or one of them 1.
// - A tensor stays in memory until you free it. `tf.tidy` frees what a synchronous function made and does not return.
// - Walking backward once gives all slopes: multiply along a path, **add** where paths meet.
// - Nudging proves that a gradient is right, if the nudge is neither too large nor too small.
// - Training is one step, repeated: parameter minus learning rate times slope.

// %% [markdown] slug="quiz" tags=["quiz"]
// ## Check yourself
//
// <details><summary>1. What is the shape of the sum of <code>(4, 1, 3)</code> and <code>(2, 1)</code>?</summary>
//
// `(4, 2, 3)`. Aligned at the right: 3 and 1 give 3, 1 and 2 give 2, 4 and nothing give 4.
//
// </details>
//
// <details><summary>2. Why must the function that you give to <code>tf.tidy</code> be synchronous?</summary>
//
// `tf.tidy` frees the tensors when the function returns. An `async` function returns a promise at its first `await`, before its work is done. Its tensors would be freed too early, and those that it makes later would not be freed at all.
//
// </details>
//
// <details><summary>3. You set <code>y = a.mul(a)</code> with <code>a = new Value(3)</code> and call <code>y.backward()</code> twice. What is <code>a.grad</code>?</summary>
//
// It is 12. The first call adds 6, the second adds 6 again, because nothing sets `grad` back to 0. In our training this cannot happen: each step makes new `Value`s. Libraries that keep their parameters need a command that sets the gradients to zero.
//
// </details>
//
// <details><summary>4. You check the gradient of a function of <code>float32</code> tensors with <code>h = 0.00001</code>. The error is 0.005, but the gradient is right. Why?</summary>
//
// A `float32` number of size 1 is exact to about $10^{-7}$. The difference of two such numbers has an error of the same size, and the division by $2h$ makes it about $5\cdot10^{-3}$. Use a larger $h$, about $10^{-2}$, or compute with numbers of JavaScript, which have 16 digits.
//
// </details>
//
// <details><summary>5. A network has a million parameters. How often must you compute the loss to get its gradient by nudging, and how often by walking backward?</summary>
//
// By nudging: two million times with the central difference. By walking backward: once forward and once backward, for all parameters together. This is why language models can be trained at all.
//
// </details>

// %% [markdown] slug="further"
// ## Going further
//
// - Give `Value` a method `relu` (it returns 0 for negative numbers, else the number itself). Prove it with your gradient check. What should happen at exactly 0?
// - Write the step with tensors only: make a `tf.variable`, and `assign` to it what you get when you subtract learning rate times gradient. Later chapters do so.
// - Train with 6 points instead of 60, and look at the picture again.
//
// **Sources:** D. Rumelhart, G. Hinton, R. Williams, *Learning representations by back-propagating errors*, Nature 323 (1986), made this method famous. A. Baydin and others, [*Automatic differentiation in machine learning: a survey*](https://arxiv.org/abs/1502.05767) (2018), tells its history. A. Karpathy's [micrograd](https://github.com/karpathy/micrograd) is the best-known small autograd. The [TensorFlow.js reference](https://js.tensorflow.org/api/latest/) describes `tf.tidy` and `tf.grads`.
//
// *Last checked 2026-11-22.*
