// Ways of top-k attention beside exact attention in the same run. `speedup` of a row is the exact time with as many
// threads over the row's.

import { heedEntry } from "./entries.mjs";
import { attentionFlops } from "./work.mjs";
import { takeTurns } from "./turns.mjs";

/** `candidates`: options of attendTopK by name. */
export async function besideExact(engine, shape, candidates, { threads, effort, tell }) {
  const entries = threads.flatMap((count) => [
    { ...heedEntry("relaxed", count), name: "exact", shape: { task: "attend", flops: attentionFlops(shape) } },
    ...Object.entries(candidates).map(([name, options]) => ({
      ...heedEntry("relaxed", count, { operation: "attend_top_k" }),
      name,
      shape: { task: "top-k", ...options },
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
