// One new token's attention by TensorFlow.js with its WebAssembly backend, written the faster way: one two-dimensional
// product a head over tensors made beforehand, with the keys transposed, because only those reach its fast matrix
// product, which packs a constant operand once. To append a token all of it would be made and packed again.

import * as tf from "@tensorflow/tfjs-core";

import { start } from "./tensorflow_wasm.mjs";

export async function open({ threads }) {
  await start(threads);
  let caches;
  let queries;
  let next = 0;
  let bytes;
  let sizes;
  let scale;
  return {
    info: { variant: "prepacked", threads, version: tf.version_core },
    layout: "head-major",
    prepare(shape, { q, k, v }) {
      const { n, heads, headDim } = shape;
      bytes = 2 * k.byteLength;
      sizes = shape;
      scale = tf.scalar(1 / Math.sqrt(headDim));
      const rows = (numbers, head) =>
        tf.tensor(numbers.subarray(head * n * headDim, (head + 1) * n * headDim), [n, headDim]);
      caches = Array.from({ length: heads }, (_, head) => ({
        keys: tf.tidy(() => tf.transpose(rows(k, head))),
        values: rows(v, head),
      }));
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
      const out = new Float32Array(heads * headDim);
      for (let head = 0; head < heads; ++head) {
        const { keys, values } = caches[head];
        const one = tf.tidy(() => {
          const scaled = tf.mul(tf.tensor(query.subarray(head * headDim, (head + 1) * headDim), [1, headDim]), scale);
          return tf.matMul(tf.softmax(tf.matMul(scaled, keys)), values);
        });
        out.set(one.dataSync(), head * headDim);
        one.dispose();
      }
      return out;
    },
    read: (answer) => answer.slice(),
    work: () => ({ bytes }),
    close: () => caches?.forEach(({ keys, values }) => tf.dispose([keys, values])),
  };
}
