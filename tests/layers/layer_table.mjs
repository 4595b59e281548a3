// Who may include whom, as data: the only place where the layers of heed are written down for a machine.
//
// Reading: a layer may include itself and what its list names. Never upward: `sparse` does not know that a cache
// exists. The order is the order of the library's map, lowest first.

const belowSparse = ["base", "simd", "parallel", "attention", "topk", "theory"];
const belowCache = [...belowSparse, "sparse"];
const belowModel = [...belowCache, "retrieve", "cache"];

export const cppLayers = {
  base: [],
  reference: ["base"],
  simd: ["base"],
  parallel: ["base"],
  theory: ["base"],
  topk: ["base", "simd"],
  attention: ["base", "simd", "parallel"],
  sparse: belowSparse,
  retrieve: belowCache,
  cache: [...belowCache, "retrieve"],
  model: belowModel,
  simulate: [...belowCache, "retrieve"],
  bindings: [...belowModel, "retrieve", "model", "simulate"],
};

/** Folders of web/src; "." stands for the files directly in it (errors, options, results: the vocabulary). */
export const webLayers = {
  ".": ["runtime", "check", "sync", "async"],
  runtime: [".", "check", "model"],
  check: [".", "runtime"],
  model: [".", "check"],
  platforms: [".", "runtime", "model"],
  operations: [".", "runtime", "check", "model"],
  sync: [".", "runtime", "check", "operations", "model"],
  worker: [".", "runtime", "check", "operations", "platforms", "sync", "model"],
  async: [".", "runtime", "check", "operations", "worker", "model"],
  entries: [".", "runtime", "check", "operations", "platforms", "sync", "worker", "async", "model"],
};

/** What only one layer may touch, with the words that give it away. */
export const reserved = [
  {
    what: "SIMD",
    pattern: /\bxsimd\b|wasm_simd128\.h|\b__wasm_|\bwasm_[fiuv]\d+x\d+|immintrin\.h/,
    only: ["cpp/simd/", "cpp/cmake/", "/CMakeLists.txt"],
  },
  {
    what: "Emscripten",
    pattern: /\bemscripten\b|\bEMSCRIPTEN\b/,
    only: ["cpp/bindings/", "cpp/cmake/", "/CMakeLists.txt"],
  },
  {
    what: "threads",
    pattern:
      /std::(jthread|thread|atomic|mutex|condition_variable|latch|barrier|counting_semaphore)\b|<(thread|atomic|mutex)>/,
    // The count of live memory is one for all threads.
    only: ["cpp/parallel/", "cpp/base/buffer.cpp"],
  },
];
