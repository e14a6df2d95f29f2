/**
 * @file One process of a training run that may be killed at any moment: `node kill_child.mjs FOLDER STEPS [KILL_AT]`.
 * It goes on from FOLDER's newest checkpoint. It dies at its KILL_AT-th file operation: half of them before, half after it is done.
 */
import fs from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

const [folder, steps, killAt] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4] ?? 0)];

let operations = 0;
const killed = () => process.kill(process.pid, "SIGKILL");
/** The call, with a death before or after it when its turn comes. */
const deadly = (call) =>
  async function (...args) {
    const mine = ++operations === killAt;
    if (mine && killAt % 2 === 0) killed();
    const result = await call.apply(this, args);
    if (mine) killed();
    return result;
  };
if (killAt > 0) {
  const probe = await fs.open(process.execPath);
  const handle = Object.getPrototypeOf(probe);
  await probe.close();
  for (const name of ["appendFile", "mkdir", "open", "rename", "rm"]) fs[name] = deadly(fs[name]);
  for (const name of ["writeFile", "sync"]) handle[name] = deadly(handle[name]);
}

const { AdamW, DataLoader, GPT, initBackend, presets, Random, TokenDataset, train, warmupCosine } = createRequire(
  import.meta.url,
)("gptlab");
await initBackend();
const model = new GPT(
  { ...presets.course, vocabSize: 11, blockSize: 8, nLayer: 1, nHead: 2, nEmbd: 16, dropout: 0.1 },
  new Random(4),
);
const text = Array.from({ length: 400 }, (_, i) => (i * i + 3 * i) % 11);
const run = train({
  model,
  optimizer: new AdamW(model.parameters(), { lr: 0.01 }),
  batches: new DataLoader(new TokenDataset(text, { blockSize: 8 }), { batchSize: 4, shuffle: new Random(5) }),
  random: new Random(6),
  steps,
  schedule: warmupCosine({ warmupSteps: 5, totalSteps: steps, maxLr: 0.01, minLr: 0.001 }),
  accumulate: 2,
  maxGradNorm: 1,
  checkpoint: { dir: path.join(folder, "checkpoints"), every: 3 },
  resume: true,
  logDir: folder,
});
for await (const event of run) process.stdout.write(`${event.kind} ${event.step}\n`);
