// Decoding: one new token's attention over what a cache holds. Parts, by shape:
//
//   exact    exact attention over caches of each type beside the peers, and the loop that only reads as many bytes
//   upkeep   appending a token and watching attention, beside exact attention
//   topk     exact sets of k tokens, by estimator and search, beside exact attention
//   tail     searches that skip keys, with sampled tails, beside exact attention: time, and error of the output
//
// `heedFaster` of a peer is its time over heed's f32 cache's; `speedup` of a row is the exact f32 time over its own;
// `off` is the distance of the output from exact attention's over that one's norm, mean over queries and heads.

import { heedEntry, loopEntry } from "../harness/entries.mjs";
import { shapesOf } from "../harness/shapes.mjs";
import { takeTurns } from "../harness/turns.mjs";
import { decodePeers } from "../peers/peers.mjs";

export const usesPeers = true;

/** Tokens whose attention is computed by turns and judged. */
const queries = 4;

const types = ["f32", "f16", "int8"];
const exactName = "heed f32";

function heed(threads, name, options, shape) {
  return {
    ...heedEntry("relaxed", threads, { operation: "decode", options }),
    name,
    shape: { task: "decode", ...shape },
  };
}

const exact = (threads, dtype = "f32") => heed(threads, `heed ${dtype}`, { dtype }, { dtype });

function topK(threads, name, { k }, shape, dtype = "f32") {
  return heed(threads, name, { operation: "attendTopK", dtype }, { k, dtype, ...shape });
}

function peersOf(engine, threads) {
  return decodePeers.flatMap(({ name, module, options, oneThreadIn }) =>
    threads.map((count) => ({
      ...{ name, kind: "peer", module, place: "window", options: { ...options, threads: count } },
      shape: { task: "decode" },
      notTried: count > 1 && oneThreadIn?.includes(engine.name) ? "its threads do not start here" : undefined,
    })),
  );
}

/** A set that is the exact one has an output that can be judged; with int8 search the tail is an estimate. */
const screened = { search: "int8" };
const skipping = { approximate: true, approximateSet: true };

const parts = {
  exact: (shape, engine, { threads, peers }) => [
    ...threads.flatMap((count) => types.map((dtype) => exact(count, dtype))),
    ...threads.map((count) => ({ ...loopEntry(shape.read, count) })),
    ...(peers ? peersOf(engine, threads) : []),
  ],
  upkeep: () => [
    exact(1),
    heed(1, "heed f32, monitored", {}, { monitor: true, dtype: "f32" }),
    heed(1, "monitor alone", { operation: "monitor" }, { task: "upkeep" }),
    ...types.map((dtype) => heed(1, `append and rewind ${dtype}`, { operation: "append", dtype }, { task: "upkeep" })),
  ],
  topk: (shape) => [
    exact(1),
    topK(1, "scan, renormalized", shape, { estimator: "renormalized", search: "exact" }),
    topK(1, "int8, renormalized", shape, { estimator: "renormalized", ...screened }),
    topK(1, "int8, raw", shape, { estimator: "raw", ...screened, approximate: true }),
    topK(1, "int8, compensated", shape, { estimator: "compensated", ...screened, approximate: true }),
    topK(1, "int8, linear", shape, { estimator: "linear", ...screened, approximate: true }),
    topK(1, "pages, renormalized", shape, { estimator: "renormalized", search: "pages" }),
    topK(1, "pages to tau 0.05, renormalized", shape, {
      ...{ estimator: "renormalized", search: "pages", searchTau: 0.05 },
      ...skipping,
    }),
  ],
  tail: (shape) => [
    exact(1),
    ...["pages", "lsh"].flatMap((search) =>
      ["renormalized", "linear"].map((estimator) =>
        topK(1, `${search}, ${estimator}`, shape, {
          ...{ estimator, search, tail: "sampled", seed: 1 },
          ...(search === "pages" ? { searchTau: 0.5 } : {}),
          ...skipping,
        }),
      ),
    ),
  ],
};

/** Completes the rows in place. */
function compare(rows) {
  for (const row of rows) {
    if (!row.milliseconds) continue;
    const beside = rows.filter((other) => other.threads === row.threads && other.milliseconds);
    const timeOf = (name) => beside.find(({ candidate }) => candidate === name)?.milliseconds.median;
    const read = beside.find(({ kind }) => kind === "ceiling")?.gigabytesPerSecond;
    if (row.kind === "heed" && row.gigabytesPerSecond && read) row.shareOfRead = row.gigabytesPerSecond / read;
    const own = timeOf(exactName);
    if (own === undefined) continue;
    if (row.kind === "peer") row.heedFaster = row.milliseconds.median / own;
    if (row.kind === "heed" && row.candidate !== exactName) row.speedup = own / row.milliseconds.median;
  }
  return rows;
}

export async function* run(engine, options) {
  const { effort, tell } = options;
  for (const shape of shapesOf("decode", options)) {
    const entries = parts[shape.part](shape, engine, options);
    // `k` is an entry's, because an exact call has none.
    const { k, ...common } = shape;
    const { rows, others } = await takeTurns(engine, { ...common, queries, causal: false }, entries, effort, tell);
    const { part, data, n, heads, headDim } = shape;
    const title = `${part}${k ? `, k = ${k}` : ""}, ${data} keys, n = ${n}, ${heads} heads, d = ${headDim}`;
    yield { shape, title, others, rows: compare(rows) };
  }
}
