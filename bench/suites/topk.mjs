// Top-k attention against heed's own exact attention in the same run. `speedup` of a row is the exact time with as many
// threads over the row's.

import { shapesOf } from "../harness/shapes.mjs";
import { besideExact } from "../harness/top_k_turns.mjs";

export const usesPeers = false;

const exact = { search: "exact" };
const candidates = {
  renormalized: { estimator: "renormalized", ...exact },
  "renormalized, fast denominator": { estimator: "renormalized", denominator: "fast", ...exact },
  "renormalized, int8": { estimator: "renormalized", search: "int8" },
  raw: { estimator: "raw", ...exact },
  compensated: { estimator: "compensated", ...exact },
  linear: { estimator: "linear", ...exact },
};

export async function* run(engine, options) {
  for (const shape of shapesOf("topk", options)) {
    const { n, heads, headDim, causal, k } = shape;
    const title = `k = ${k}, ${causal ? "causal" : "full"}, n = ${n}, heads: ${heads}, d = ${headDim}`;
    yield { shape, title, ...(await besideExact(engine, shape, candidates, options)) };
  }
}
