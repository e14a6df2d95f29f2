/** @file Writes the weights that all workers of a case start from: random ones, or those of a GGUF file in float32. */
import { GPT, initBackend, loadDataset, Random } from "gptlab";
import { job } from "./protocol.ts";

await initBackend();
const { pretrained, vocabSize, blockSize, nLayer, nHead, nEmbd } = job;
const model = pretrained
  ? await GPT.fromPretrained((await loadDataset(pretrained)).path)
  : new GPT({ architecture: "gpt2", vocabSize, blockSize, nLayer, nHead, nEmbd }, new Random(1));
await model.save(job.weights);
