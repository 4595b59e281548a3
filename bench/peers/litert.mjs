// LiteRT.js (TFLite with XNNPACK, relaxed SIMD): the fastest of the peers. It runs in browsers only.

import * as litert from "@litertjs/core";

import { causalMask } from "./causal_mask.mjs";
import { fileOf, inWorker } from "./place.mjs";
import { attentionModel } from "./tflite_attention.mjs";

const folder = fileOf("@litertjs/core", "wasm/");

export async function open({ threads }) {
  // In a worker it would look for its files and its threads' script where the worker's own script lies.
  if (inWorker) {
    const locateFile = (file) => `${folder}${file}`;
    globalThis.Module = { locateFile, mainScriptUrlOrBlob: locateFile("litert_wasm_threaded_internal.js") };
  }
  await litert.loadLiteRt(folder, { threads: threads > 1 });
  let compiled;
  let operands;
  let answer;
  const tensors = () => operands.map(([numbers, dimensions]) => new litert.Tensor(numbers, dimensions));
  return {
    info: { variant: "XNNPACK", threads },
    layout: "head-major",
    async prepare({ n, heads, headDim, causal }, { q, k, v }) {
      compiled = await litert.loadAndCompile(attentionModel({ n, heads, headDim, causal }), {
        accelerator: "wasm",
        cpuOptions: { numThreads: threads },
      });
      const sizes = [1, heads, n, headDim];
      answer = new Float32Array(q.length);
      operands = [q, k, v].map((numbers) => [numbers, sizes]);
      if (causal) operands.push([causalMask(n), [1, 1, n, n]]);
    },
    async call() {
      const inputs = tensors();
      const outputs = await compiled.run(inputs);
      answer.set(await outputs[0].data());
      for (const tensor of [...inputs, ...outputs]) tensor.delete();
      return answer;
    },
    close: () => compiled?.delete(),
  };
}
