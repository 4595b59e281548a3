// onnxruntime-web, WebAssembly provider, in one of the ways of onnx_attention.mjs. Copies into and out of its heap are
// part of a call, as they are for every candidate.

import * as ort from "onnxruntime-web";

import { causalMask } from "./causal_mask.mjs";
import { attentionModel, layouts } from "./onnx_attention.mjs";
import { fileOf, inBrowser } from "./place.mjs";

export async function open({ way, threads }) {
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  if (inBrowser) ort.env.wasm.wasmPaths = fileOf("onnxruntime-web", "dist/");
  let session;
  let feeds;
  return {
    info: { variant: way, threads, version: ort.env.versions.web },
    layout: layouts[way],
    async prepare(shape, { q, k, v }) {
      const { n, heads, headDim, causal } = shape;
      if (way === "gqa" && !causal) throw new Error("GroupQueryAttention is always causal");
      session = await ort.InferenceSession.create(attentionModel(way, shape), {
        executionProviders: ["wasm"],
        graphOptimizationLevel: "all",
      });
      const sizes = layouts[way] === "token-major" ? [1, n, heads * headDim] : [1, heads, n, headDim];
      const tensor = (numbers, dimensions = sizes) => new ort.Tensor("float32", numbers, dimensions);
      feeds = { q: tensor(q), k: tensor(k), v: tensor(v) };
      if (way === "graph" && causal) feeds.mask = tensor(causalMask(n), [1, 1, n, n]);
      if (way === "gqa") {
        feeds.last = new ort.Tensor("int32", Int32Array.of(n - 1), [1]);
        feeds.total = new ort.Tensor("int32", Int32Array.of(n), []);
      }
    },
    call: async () => (await session.run(feeds, ["o"])).o.data,
    close: () => session?.release(),
  };
}
