// Fits y = 2x + 1 from noisy points with gradients, on the best engine of this machine.
import { initBackend, Random, tf } from "gptlab";

const report = await initBackend();
console.log(`engine: ${report.engine}`);

const random = new Random(1);
const x = tf.tensor1d(random.uniform(64, -1, 1)); // (N)
const y = tf.tidy(() =>
  x
    .mul(2)
    .add(1)
    .add(tf.tensor1d(random.normal(64, 0, 0.05))),
); // (N)
const slope = tf.variable(tf.scalar(0));
const offset = tf.variable(tf.scalar(0));

const optimizer = tf.train.sgd(0.5);
for (let step = 0; step < 100; step++) {
  optimizer.minimize(() => slope.mul(x).add(offset).sub(y).square().mean());
}
console.log(`y = ${slope.dataSync()[0].toFixed(2)} x + ${offset.dataSync()[0].toFixed(2)}`);
