// TensorFlow.js with its WebAssembly backend, written the faster way: one two-dimensional product a head with the keys
// transposed beforehand, because only those reach its fast matrix product.

import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";

import { causalMask } from "./causal_mask.mjs";
import { fileOf, inBrowser, inWorker } from "./place.mjs";

/** Where its modules lie. */
async function wasmFolder() {
  if (inBrowser) return fileOf("@tensorflow/tfjs-backend-wasm", "dist/");
  const { createRequire } = await import("node:module");
  const { dirname } = await import("node:path");
  return `${dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"))}/`;
}

export async function start(threads) {
  // It never starts its threaded build under Node.
  if (threads > 1 && !inBrowser) throw new Error("there are no threads here");
  // Its threaded build starts threads even for one, from a blob: address that the lab's policy forbids.
  if (inWorker) tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", threads > 1);
  setWasmPaths(await wasmFolder());
  if (inBrowser) setThreadsCount(threads);
  await tf.setBackend("wasm");
  await tf.ready();
}

export async function open({ threads }) {
  await start(threads);
  let operands;
  let shape;
  let mask;
  let out;
  return {
    info: { variant: "2-D", threads, version: tf.version_core },
    layout: "head-major",
    prepare(wanted, inputs) {
      shape = wanted;
      operands = inputs;
      out = new Float32Array(inputs.q.length);
      if (shape.causal) mask = tf.tensor(causalMask(shape.n), [shape.n, shape.n]);
    },
    call() {
      const { n, heads, headDim } = shape;
      for (let head = 0; head < heads; ++head) {
        const place = head * n * headDim;
        const one = tf.tidy(() => {
          const rows = (numbers) => tf.tensor(numbers.subarray(place, place + n * headDim), [n, headDim]);
          const scaled = tf.mul(rows(operands.q), tf.scalar(1 / Math.sqrt(headDim)));
          const scores = tf.matMul(scaled, tf.transpose(rows(operands.k)));
          const weights = tf.softmax(mask ? tf.add(scores, mask) : scores);
          return tf.matMul(weights, rows(operands.v));
        });
        out.set(one.dataSync(), place);
        one.dispose();
      }
      return out;
    },
    close: () => mask?.dispose(),
  };
}
