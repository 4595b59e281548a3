// The searches beside each other on keys of different kinds (harness/inputs.mjs), with the estimator that lets them
// skip scores, and what "auto" makes of each kind.

import { shapesOf } from "../harness/shapes.mjs";
import { besideExact } from "../harness/top_k_turns.mjs";

export const usesPeers = false;

const estimator = "renormalized";
const candidates = {
  "exact scan, fast denominator": { estimator, search: "exact", denominator: "fast" },
  int8: { estimator, search: "int8" },
  pages: { estimator, search: "pages" },
  auto: { estimator, search: "auto" },
};

export async function* run(engine, options) {
  for (const shape of shapesOf("searches", options)) {
    const { n, heads, headDim, causal, k, data } = shape;
    const title = `${data} keys, k = ${k}, ${causal ? "causal" : "full"}, n = ${n}, heads: ${heads}, d = ${headDim}`;
    yield { shape, title, ...(await besideExact(engine, shape, candidates, options)) };
  }
}
