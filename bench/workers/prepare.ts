/** @file Writes the weights that all workers of a case start from. */
import { GPT, initBackend, Random } from "gptlab";
import { job } from "./protocol.ts";

await initBackend();
const { vocabSize, blockSize, nLayer, nHead, nEmbd } = job;
const model = new GPT({ architecture: "gpt2", vocabSize, blockSize, nLayer, nHead, nEmbd }, new Random(1));
await model.save(job.weights);
