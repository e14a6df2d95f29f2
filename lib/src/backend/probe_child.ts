/** @file The program that `probeBackend` runs: starts one engine, multiplies, sends its answer. Nobody imports it. */
import { tf } from "../tf";
import { startBackend } from "./init";
import { type BackendName, firstLine } from "./report";

async function main(name: BackendName, size: number): Promise<object> {
  const report = { name, ...(await startBackend(name, process.env.GPTLAB_BACKEND === name)), tried: [] };
  const ones = tf.ones([size, size]);
  const multiply = async () => {
    const product = ones.matMul(ones);
    const value = (await product.data())[size * size - 1];
    product.dispose();
    if (value !== size) throw new Error(`a product of matrices is wrong: ${value} instead of ${size}`);
  };
  await multiply();
  const start = performance.now();
  let rounds = 0;
  for (; rounds < 20 && performance.now() - start < 300; rounds++) await multiply();
  const seconds = (performance.now() - start) / 1000;
  return { report, gigaflops: (rounds * 2 * size ** 3) / seconds / 1e9 };
}

main(process.argv[2] as BackendName, Number(process.argv[3]))
  .catch((error: unknown) => ({ error: firstLine(error) }))
  .then((answer) => process.send?.(answer, undefined, undefined, () => process.exit()));
