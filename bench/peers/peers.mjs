// The peers by name: what a user would pick instead of heed, and what is known about where they can run.
//
// `threads`: false where there is only one by design; `oneThreadIn`: engines where its threads never start.
// `mostN`: beyond it a call takes so long that measuring it tells nothing new; the row says so.
// `causalOnly`: the operation has no full form.

export const peers = [
  { name: "LiteRT.js", package: "@litertjs/core", module: "peers/litert.mjs", engines: ["chromium"], threads: true },
  {
    ...{ name: "onnxruntime-web graph", package: "onnxruntime-web", module: "peers/onnxruntime.mjs" },
    ...{ engines: ["node", "chromium"], threads: true, options: { way: "graph" } },
  },
  {
    ...{ name: "onnxruntime-web MultiHeadAttention", package: "onnxruntime-web", module: "peers/onnxruntime.mjs" },
    ...{ engines: ["node", "chromium"], threads: true, options: { way: "mha" } },
  },
  {
    ...{ name: "onnxruntime-web GroupQueryAttention", package: "onnxruntime-web", module: "peers/onnxruntime.mjs" },
    ...{ engines: ["node", "chromium"], threads: true, options: { way: "gqa" }, causalOnly: true, mostN: 1024 },
  },
  {
    ...{ name: "tfjs-backend-wasm", package: "@tensorflow/tfjs-backend-wasm", module: "peers/tensorflow_wasm.mjs" },
    ...{ engines: ["node", "chromium"], threads: true, oneThreadIn: ["node"] },
  },
  {
    ...{ name: "plain JavaScript", module: "peers/plain_javascript.mjs", engines: ["node", "chromium"] },
    ...{ threads: false, mostN: 1024 },
  },
];

/** Those that decode: the cache inside as constants, or handed in at each token. */
export const decodePeers = [
  {
    ...{ name: "onnxruntime-web MultiHeadAttention, cache inside", module: "peers/onnx_decode.mjs" },
    options: { inside: true },
  },
  {
    ...{ name: "onnxruntime-web MultiHeadAttention, cache handed in", module: "peers/onnx_decode.mjs" },
    options: { inside: false },
  },
  { name: "tfjs-backend-wasm, prepacked", module: "peers/tensorflow_decode.mjs", oneThreadIn: ["node"] },
];
