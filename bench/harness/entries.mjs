// Who takes part: heed in its builds, the peers, and the loops that say what the machine allows.

import { peers } from "../peers/peers.mjs";

/** heed's builds by arithmetic and threads. */
export function heedVariant(arithmetic, threads) {
  if (threads === 1) return arithmetic;
  return arithmetic === "relaxed" ? "relaxed-threads" : "threads";
}

export function heedEntry(arithmetic, threads, { operation = "attend", options = {}, variant } = {}) {
  return {
    name: `heed ${arithmetic}`,
    kind: "heed",
    module: `harness/candidates/heed_${operation}.mjs`,
    place: "worker",
    entry: "heed/sync",
    options: { variant: variant ?? heedVariant(arithmetic, threads), threads, ...options },
  };
}

export function loopEntry(loop, threads, repeats = 1) {
  return {
    name: loop,
    kind: "ceiling",
    module: "harness/candidates/machine_loop.mjs",
    place: "worker",
    options: { loop, threads, repeats },
    shape: { task: "loop" },
  };
}

function reasonNotToTry({ mostN, oneThreadIn }, engine, threads, n) {
  if (n > (mostN ?? Infinity)) return `a call takes many seconds beyond n = ${mostN}`;
  if (threads > 1 && oneThreadIn?.includes(engine.name)) return "its threads do not start here";
  return undefined;
}

export function peerEntries(engine, threadCounts, { n, causal }) {
  return peers
    .filter(({ engines, causalOnly }) => engines.includes(engine.name) && (causal || !causalOnly))
    .flatMap((peer) =>
      threadCounts
        .filter((threads) => threads === 1 || peer.threads)
        .map((threads) => ({
          name: peer.name,
          kind: "peer",
          module: peer.module,
          place: "window",
          options: { ...peer.options, threads },
          notTried: reasonNotToTry(peer, engine, threads, n),
        })),
    );
}
