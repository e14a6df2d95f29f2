/** @file loop(): counting, progress, AbortSignal, nesting, and a real SIGINT in a child process. The kernel's part is in test/course/kernel_interrupt.test.ts. */
import { Interrupted, loop, type Progress, setProgressReporter } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runInterrupted } from "../support/interrupted.ts";

const test = suite("loop");

async function rejection(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => assert.unreachable("should have thrown"),
    (error: unknown) => error,
  );
}

const run = (body: string) => runInterrupted(`const { loop, Interrupted } = gptlab;\n${body}`);

test("loop() runs each step once, in order, and returns how many it ran", async () => {
  const seen: number[] = [];
  assert.is(await loop(4, (i) => void seen.push(i)), 4);
  assert.equal(seen, [0, 1, 2, 3]);
  assert.is(await loop(0, () => assert.unreachable()), 0);
});

test("loop() waits for an asynchronous step before it begins the next", async () => {
  let running = 0;
  await loop(3, async () => {
    assert.is(++running, 1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running--;
  });
});

test("loop() lets timers and other events in between any two steps", async () => {
  const order: string[] = [];
  const immediates = (i: number) => setImmediate(() => order.push(`event ${i}`));
  await loop(3, (i) => {
    order.push(`step ${i}`);
    immediates(i);
  });
  assert.equal(order.slice(0, 5), ["step 0", "event 0", "step 1", "event 1", "step 2"]);
});

test("loop() refuses a number of steps that is not whole or is negative", async () => {
  for (const steps of [-1, 2.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    const error = await rejection(loop(steps, () => assert.unreachable()));
    assert.instance(error, RangeError);
    assert.match(String(error), String(steps));
  }
});

test("loop() passes the error of a step on, unchanged", async () => {
  const mistake = new TypeError("mine");
  const before = process.listenerCount("SIGINT");
  assert.is(
    await rejection(
      loop(3, (i) => {
        if (i === 1) throw mistake;
      }),
    ),
    mistake,
  );
  assert.is(process.listenerCount("SIGINT"), before);
});

test("loop() tells progress first, last, and in between at most five times a second", async () => {
  const seen: Progress[] = [];
  await loop(60, () => new Promise((resolve) => setTimeout(resolve, 10)), {
    label: "Waiting",
    onProgress: (p) => seen.push(p),
  });
  assert.equal([seen[0]?.done, seen.at(-1)?.done], [0, 60]);
  assert.ok(seen.every((p) => p.label === "Waiting" && p.total === 60));
  assert.ok(seen.length > 2, "no report in between");
  const between = seen.slice(0, -1);
  for (let i = 1; i < between.length; i++) assert.ok(between[i]!.seconds - between[i - 1]!.seconds >= 0.2);
});

test("loop() without onProgress tells the installed reporter", async () => {
  const seen: Progress[] = [];
  setProgressReporter((p) => seen.push(p));
  await loop(2, () => undefined).finally(() => setProgressReporter(undefined));
  assert.equal(
    seen.map((p) => [p.label, p.done, p.total]),
    [
      ["Steps", 0, 2],
      ["Steps", 2, 2],
    ],
  );
});

test("loop() makes the note only for reports, from the latest result", async () => {
  const made: unknown[] = [];
  const seen: Progress[] = [];
  const note = (result: unknown) => {
    made.push(result);
    return `loss ${result}`;
  };
  await loop(5, (i) => 10 - i, { note, onProgress: (p) => seen.push(p) });
  assert.is(seen[0]?.note, undefined);
  assert.is(seen.at(-1)?.note, "loss 6");
  assert.is(made.length, seen.length - 1);
});

test("loop() stops at an AbortSignal after the current step, and says after how many", async () => {
  const stop = new AbortController();
  const seen: number[] = [];
  const told: number[] = [];
  const step = async (i: number) => {
    if (i === 2) stop.abort();
    await null;
    seen.push(i);
  };
  const error = await rejection(loop(10, step, { signal: stop.signal, onProgress: (p) => told.push(p.done) }));
  assert.instance(error, Interrupted);
  assert.match(String(error), "after 3 of 10 steps");
  assert.equal(seen, [0, 1, 2]);
  assert.is(told.at(-1), 3);
  assert.instance(await rejection(loop(10, () => assert.unreachable(), { signal: stop.signal })), Interrupted);
});

test("Interrupted is short when it is printed: no stack", () => {
  const error = new Interrupted("Stopped after 1 of 2 steps.");
  assert.instance(error, Error);
  assert.is(error.stack, "Interrupted: Stopped after 1 of 2 steps.");
});

test("Ctrl-C stops loop() after the current step and leaves no listener behind", async () => {
  const { lines, code } = await run(`
    let finished = 0;
    try {
      await loop(1000, async (i) => { if (i === 2) print("interrupt me"); await wait(20); finished = i + 1; });
    } catch (error) {
      print(error instanceof Interrupted, error.message.includes("after " + finished + " of 1000"), finished >= 3 && finished < 1000);
    }
    print(process.listenerCount("SIGINT"));
    print(await loop(2, () => undefined)); // usable again`);
  assert.equal(lines, ["true true true", "0", "2"]);
  assert.is(code, 0);
});

test("Ctrl-C stops the loops inside a step as well as the loop around them", async () => {
  const { lines } = await run(`
    const log = [];
    await loop(3, async () => {
      await loop(1, () => print("interrupt me"));
      while (process.listenerCount("SIGINT") > 0) await wait(5); // the signal arrives between two inner loops
      await loop(5, () => log.push("inner step"));
    }).catch((error) => print(error.name, log.length));`);
  assert.equal(lines, ["Interrupted 0"]);
});

test("A second Ctrl-C kills a program whose step does not end", async () => {
  const { lines, signal } = await run(`
    const unheard = setInterval(() => { if (process.listenerCount("SIGINT") === 0) { clearInterval(unheard); print("first Ctrl-C was heard\\ninterrupt me"); } }, 5);
    await loop(3, async () => { print("interrupt me"); await wait(60000); });
    print("not reached");`);
  assert.equal(lines, ["first Ctrl-C was heard"]);
  assert.is(signal, "SIGINT");
});

test.run();
