// Top-k attention against heed's own exact attention in the same run. `speedup` of a row is the exact time with as many
// threads over the row's.

import { heedEntry } from "../harness/entries.mjs";
import { attentionFlops, shapesOf } from "../harness/shapes.mjs";
import { takeTurns } from "../harness/turns.mjs";

export const usesPeers = false;

const estimators = ["renormalized", "raw", "compensated", "linear"];

export async function* run(engine, options) {
  const { threads, effort, tell } = options;
  for (const shape of shapesOf("topk", options)) {
    const { n, heads, headDim, causal, k } = shape;
    const exact = await sameRun(engine, shape, { threads, effort, tell });
    const title = `k = ${k}, ${causal ? "causal" : "full"}, n = ${n}, heads: ${heads}, d = ${headDim}`;
    yield { shape, title, ...exact };
  }
}

async function sameRun(engine, shape, { threads, effort, tell }) {
  const entries = threads.flatMap((count) => [
    { ...heedEntry("relaxed", count), name: "exact", shape: { task: "attend", flops: attentionFlops(shape) } },
    ...estimators.map((estimator) => ({
      ...heedEntry("relaxed", count, { operation: "attend_top_k" }),
      name: estimator,
      shape: { task: "top-k", estimator, search: "auto" },
    })),
  ]);
  const { rows, others } = await takeTurns(engine, shape, entries, effort, tell);
  for (const row of rows) {
    const exact = rows.find(({ candidate, threads: count }) => candidate === "exact" && count === row.threads);
    if (row.milliseconds && exact?.milliseconds) {
      row.speedup = exact.milliseconds.median / row.milliseconds.median;
    }
  }
  return { rows, others };
}
