// Exact attention beside the peers, with the multiply-add loop of the machine taking its turns among them.

import { heedEntry, loopEntry, peerEntries } from "../harness/entries.mjs";
import { shapesOf } from "../harness/shapes.mjs";
import { attentionFlops } from "../harness/work.mjs";
import { compareRows } from "../harness/table.mjs";
import { takeTurns } from "../harness/turns.mjs";

export const usesPeers = true;

export async function* run(engine, options) {
  const { threads, effort, tell } = options;
  for (const shape of shapesOf("exact", options)) {
    const wanted = { ...shape, task: "attend", flops: attentionFlops(shape) };
    const entries = [
      ...["relaxed", "simd"].flatMap((arithmetic) => threads.map((count) => heedEntry(arithmetic, count))),
      ...["madd", "mul+add"].flatMap((loop) => threads.map((count) => loopEntry(loop, count))),
      ...(options.peers ? peerEntries(engine, threads, shape) : []),
    ];
    const { rows, others } = await takeTurns(engine, wanted, entries, effort, tell);
    const { n, heads, headDim, causal } = shape;
    const title = `${causal ? "causal" : "full"}, n = ${n}, ${heads} heads, d = ${headDim}`;
    yield { shape, title, others, rows: compareRows(rows) };
  }
}
