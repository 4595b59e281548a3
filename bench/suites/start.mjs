// How long it takes until heed can be called, by build: every sample in a process or page that has loaded nothing yet.

import { heedEntry, heedVariant } from "../harness/entries.mjs";
import { watchOthers } from "../harness/machine.mjs";
import { summarize } from "../harness/stats.mjs";

export const usesPeers = false;

const parts = ["import", "create", "first", "again"];

export async function* run(engine, { threads, quick, tell }) {
  const rounds = quick ? 2 : 11;
  const builds = ["relaxed", "simd"].flatMap((arithmetic) =>
    threads.flatMap((count) =>
      ["heed/sync", "heed"].map((entry) => {
        const { name, module, options } = heedEntry(arithmetic, count, { operation: "start" });
        // `heed` brings its own worker; `heed/sync` has to be in one to have threads.
        return { name, module, options, entry, place: entry === "heed" ? "window" : "worker", samples: [] };
      }),
    ),
  );
  const othersUsed = watchOthers();
  for (let round = 0; round < rounds; ++round) {
    tell(`round ${round + 1} of ${rounds}`);
    for (const build of builds) await sample(engine, build);
  }
  const title = "milliseconds until ready, by build and entry";
  yield { shape: { name: "start" }, title, others: othersUsed(), rows: builds.map(rowOf) };
}

async function sample(engine, build) {
  if (build.reason) return;
  const session = await engine.open(build);
  try {
    await session.open({ ...build.options, entry: engine.entry(build.entry) });
    const { info, ...times } = await session.ask("measure");
    // The asynchronous entry has its `info` only after the module is there; both report what was loaded.
    build.info = info;
    build.samples.push(times);
  } catch (error) {
    build.reason = error.message;
  } finally {
    await session.close();
  }
}

function rowOf({ name, entry, options, info, samples, reason }) {
  const row = {
    candidate: `${name}, ${entry}`,
    kind: "heed",
    variant: info?.variant ?? options.variant ?? heedVariant(name, options.threads),
    threads: info?.threads ?? options.threads,
    verdict: reason ? "failed" : "right",
    ...(reason ? { reason } : {}),
  };
  if (reason) return row;
  const times = (part) => samples.map((each) => each[part]);
  row.milliseconds = summarize(times("create"));
  row.parts = Object.fromEntries(parts.map((part) => [part, summarize(times(part))]));
  return row;
}
