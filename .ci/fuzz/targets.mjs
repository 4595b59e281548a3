// The fuzz targets by name: where each is and what it is held to. tests/README.md explains them.

/** `native`: tests/fuzz/cpp/<name>.cpp under libFuzzer; `web`: tests/fuzz/web/<name>.ts under its driver. */
export const targets = [
  { name: "selection", kind: "native", what: "the k best of any scores, against a stable sort" },
  { name: "exact-search", kind: "native", what: "top-k by scan and strips, every rule and budget, against the sort" },
  { name: "pages", kind: "native", what: "branch and bound over keys and caches, early stops with their certificates" },
  { name: "int8", kind: "native", what: "screening in bytes over keys and caches, against the sort" },
  { name: "lsh", kind: "native", what: "hashes and sketches: possible sets, true recall, bounds that hold" },
  { name: "cache-operations", kind: "native", what: "sequences of calls on caches, against a plain model" },
  { name: "attention-variants", kind: "web", what: "exact attention in all four builds, against doubles" },
  { name: "safetensors", kind: "web", what: "files and indexes, right and spoiled, against a second reader" },
  { name: "model-files", kind: "web", what: "config.json, tokenizer.json and weights: refused or used" },
  { name: "api-arguments", kind: "web", what: "every function with arguments of every kind: a result or an error" },
];
