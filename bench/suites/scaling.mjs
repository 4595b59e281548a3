// How attention grows with threads, beside the multiply-add loop, which shares nothing between its threads and so grows
// as well as the machine lets anything grow.
//
//   speedup    time on one thread over time on so many          of heed and of the loop
//   scaling    heed's speed-up over the loop's

import { heedEntry, loopEntry } from "../harness/entries.mjs";
import { shapesOf } from "../harness/shapes.mjs";
import { attentionFlops } from "../harness/work.mjs";
import { compareRows } from "../harness/table.mjs";
import { takeTurns } from "../harness/turns.mjs";

export const usesPeers = false;

/** The threads build on one thread too, so that the curve has one code. */
const variant = "relaxed-threads";
const loop = "madd";
/** Calls of about a third of a second, as attention's are at sixteen threads. */
const repeats = 20;

export async function* run(engine, options) {
  const { scalingThreads: threads, effort, tell } = options;
  for (const shape of shapesOf("scaling", options)) {
    const wanted = { ...shape, task: "attend", flops: attentionFlops(shape) };
    const entries = threads.flatMap((count) => [
      heedEntry("relaxed", count, { variant }),
      loopEntry(loop, count, repeats),
    ]);
    const { rows, others } = await takeTurns(engine, wanted, entries, effort, tell);
    const { n, heads, headDim, causal } = shape;
    const title = `${causal ? "causal" : "full"}, n = ${n}, ${heads} heads, d = ${headDim}`;
    yield { shape, title, others, rows: compareRows(withSpeedups(rows)) };
  }
}

/** Rates, not times: the loop does more work with more threads, attention does the same. */
function withSpeedups(rows) {
  for (const row of rows) {
    const single = rows.find(({ kind, threads }) => kind === row.kind && threads === 1);
    if (row.gflops && single?.gflops) row.speedup = row.gflops / single.gflops;
  }
  for (const row of rows.filter(({ kind }) => kind === "heed")) {
    const ceiling = rows.find(({ kind, threads }) => kind === "ceiling" && threads === row.threads);
    if (row.speedup && ceiling?.speedup) row.scaling = row.speedup / ceiling.speedup;
  }
  return rows;
}
