// One new token's attention by onnxruntime-web's MultiHeadAttention, WebAssembly provider. The cache lies inside the
// session as constants (`inside`), where no token can be appended, or is handed in at every token, as applications do.

import * as ort from "onnxruntime-web";

import { constant, elementTypes, model, node, port } from "./onnx_writer.mjs";
import { fileOf, inBrowser } from "./place.mjs";

const { float } = elementTypes;

function decodeModel({ n, heads, headDim }, inside, { k, v }) {
  const hidden = [1, 1, heads * headDim];
  const cache = [1, heads, n, headDim];
  return model({
    nodes: [
      node("MultiHeadAttention", ["q", "k", "v"], ["o"], {
        ...{ attributes: { num_heads: heads }, domain: "com.microsoft" },
      }),
    ],
    constants: inside ? [constant("k", cache, k), constant("v", cache, v)] : [],
    inputs: [port("q", float, hidden), ...(inside ? [] : [port("k", float, cache), port("v", float, cache)])],
    outputs: [port("o", float, hidden)],
  });
}

export async function open({ inside, threads }) {
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  if (inBrowser) ort.env.wasm.wasmPaths = fileOf("onnxruntime-web", "dist/");
  let session;
  let feeds;
  let queries;
  let next = 0;
  let bytes;
  return {
    info: { variant: inside ? "inside" : "handed in", threads, version: ort.env.versions.web },
    layout: "head-major",
    async prepare(shape, { q, k, v }) {
      const { n, heads, headDim } = shape;
      bytes = 2 * k.byteLength;
      session = await ort.InferenceSession.create(decodeModel(shape, inside, { k, v }), {
        executionProviders: ["wasm"],
        graphOptimizationLevel: "all",
      });
      const tensor = (numbers, dimensions) => new ort.Tensor("float32", numbers, dimensions);
      const cache = [1, heads, n, headDim];
      feeds = inside ? {} : { k: tensor(k, cache), v: tensor(v, cache) };
      // (heads, queries, headDim) came; a token's query is (heads, headDim).
      queries = Array.from({ length: shape.queries }, (_, i) => {
        const one = new Float32Array(heads * headDim);
        for (let head = 0; head < heads; ++head) {
          const from = (head * shape.queries + i) * headDim;
          one.set(q.subarray(from, from + headDim), head * headDim);
        }
        return tensor(one, [1, 1, heads * headDim]);
      });
    },
    select: (i) => (next = i),
    async call() {
      const q = queries[next];
      next = (next + 1) % queries.length;
      return (await session.run({ ...feeds, q })).o.data;
    },
    read: (answer) => answer.slice(),
    work: () => ({ bytes }),
    close: () => session?.release(),
  };
}
