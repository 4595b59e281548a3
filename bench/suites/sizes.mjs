// Head sizes beside each other, and long sequences in one call, with the memory that they take beyond inputs and
// output: operands are tensors here, so all other memory of the module is its own.

import { heedEntry, loopEntry } from "../harness/entries.mjs";
import { shapesOf } from "../harness/shapes.mjs";
import { attentionFlops } from "../harness/work.mjs";
import { compareRows } from "../harness/table.mjs";
import { takeTurns } from "../harness/turns.mjs";

export const usesPeers = false;

export async function* run(engine, options) {
  const { threads, effort, tell } = options;
  for (const group of shapesOf("sizes", options)) {
    const { n, heads, headDims } = group;
    const shape = { n, heads, causal: false, task: "attend" };
    const entries = [
      ...headDims.flatMap((headDim) => threads.map((count) => sizedEntry(count, { ...shape, headDim }))),
      ...threads.map((count) => loopEntry("madd", count)),
    ];
    const { rows, others } = await takeTurns(engine, shape, entries, effort, tell);
    yield { shape: group, title: `full, n = ${n}, heads: ${heads}`, others, rows: compareRows(rows) };
  }
}

function sizedEntry(threads, shape) {
  const { headDim } = shape;
  return {
    ...heedEntry("relaxed", threads, { options: { tensors: true } }),
    name: `heed relaxed, d = ${headDim}`,
    shape: { headDim, flops: attentionFlops(shape) },
  };
}
