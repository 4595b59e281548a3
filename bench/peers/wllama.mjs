// llama.cpp in WebAssembly: the same weights as GGUF, the same text. Times are those that it tells itself, without the
// way to its worker and back.

import { Wllama } from "@wllama/wllama";

import { ggufOf } from "./gguf_model.mjs";

const wasm = "/bench/node_modules/@wllama/wllama/esm/wasm/wllama.wasm";
const silent = { debug() {}, log() {}, warn() {}, error() {} };

export async function open({ threads, folder, text, characters, context, tokens, flash, cache }) {
  const wllama = new Wllama({ default: wasm }, { logger: silent });
  await wllama.loadModel([await ggufOf(folder)], {
    ...{ n_ctx: context + 512, n_threads: threads, n_gpu_layers: 0, n_batch: 512, n_ubatch: 512, n_parallel: 1 },
    ...{ flash_attn: flash, cache_type_k: cache, cache_type_v: cache, warmup: false },
  });
  const prompt = (await (await fetch(text)).text()).slice(0, characters);
  let measured = false;
  return {
    info: { variant: `${cache} cache`, threads: wllama.getNumThreads() },
    /** A later call continues the same prompt, which is still in the cache. */
    async measure() {
      const options = { prompt, max_tokens: tokens, temperature: 0, ignore_eos: true, cache_prompt: true };
      const { timings, choices } = await wllama.createCompletion(options);
      const prefill = measured ? undefined : { tokens: timings.prompt_n, milliseconds: timings.prompt_ms };
      measured = true;
      return { prefill, each: timings.predicted_ms / timings.predicted_n, said: choices?.[0]?.text };
    },
    close: () => wllama.exit(),
  };
}
