// One new token's attention by TensorFlow.js with its WebAssembly backend, keys and values as tensors made beforehand:
// its matrix product packs them at the first call and keeps that. To append a token all of it would be made again.

import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";

import { wasmFolder } from "./tensorflow_wasm.mjs";

const inPage = typeof document !== "undefined";

export async function open({ threads }) {
  // It never starts its threaded build under Node.
  if (threads > 1 && !inPage) throw new Error("there are no threads here");
  setWasmPaths(await wasmFolder());
  if (inPage) setThreadsCount(threads);
  await tf.setBackend("wasm");
  await tf.ready();
  let caches;
  let queries;
  let next = 0;
  let bytes;
  let sizes;
  return {
    info: { variant: "prepacked", threads, version: tf.version_core },
    layout: "head-major",
    prepare(shape, { q, k, v }) {
      const { n, heads, headDim } = shape;
      bytes = 2 * k.byteLength;
      sizes = shape;
      caches = [tf.tensor(k, [heads, n, headDim]), tf.tensor(v, [heads, n, headDim])];
      queries = Array.from({ length: shape.queries }, (_, i) => {
        const one = new Float32Array(heads * headDim);
        for (let head = 0; head < heads; ++head) {
          const from = (head * shape.queries + i) * headDim;
          one.set(q.subarray(from, from + headDim), head * headDim);
        }
        return one;
      });
    },
    select: (i) => (next = i),
    call() {
      const { heads, headDim } = sizes;
      const query = queries[next];
      next = (next + 1) % queries.length;
      const [k, v] = caches;
      const out = tf.tidy(() => {
        const scaled = tf.mul(tf.tensor(query, [heads, 1, headDim]), 1 / Math.sqrt(headDim));
        return tf.matMul(tf.softmax(tf.matMul(scaled, k, false, true)), v);
      });
      const answer = out.dataSync();
      out.dispose();
      return answer;
    },
    read: (answer) => answer.slice(),
    work: () => ({ bytes }),
    close: () => caches?.forEach((tensor) => tensor.dispose()),
  };
}
