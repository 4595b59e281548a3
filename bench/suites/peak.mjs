// What the machine allows in WebAssembly: arithmetic, register tiles and bandwidth, on one thread and on all.

import { loopEntry } from "../harness/entries.mjs";
import { shapesOf } from "../harness/shapes.mjs";
import { takeTurns } from "../harness/turns.mjs";

export const usesPeers = false;

export async function* run(engine, options) {
  const { threads, effort, tell } = options;
  for (const group of shapesOf("peak", options)) {
    const entries = group.loops.flatMap((loop) => threads.map((count) => loopEntry(loop, count)));
    const { rows, others } = await takeTurns(engine, {}, entries, effort, tell);
    yield { shape: group, title: group.title, others, rows };
  }
}
