// A language model: reading a prompt, and writing tokens after it, exactly and with 8 keys a row, beside llama.cpp in
// WebAssembly (wllama) with the same weights. Chromium only, where both run.
//
// Candidates hold the prompt in their caches and write by turns. `wllama is` compares a row with llama.cpp's best row
// of as many threads: what it takes per token over what the row takes.

import { watchOthers } from "../harness/machine.mjs";
import { heedVariant } from "../harness/entries.mjs";
import { shapesOf } from "../harness/shapes.mjs";
import { summarize } from "../harness/stats.mjs";

export const usesPeers = true;

const policies = { exact: "exact", "k = 8, linear": { keep: { k: 8 } } };
const caches = { "f32 cache": { flash: false, cache: "f32" }, "f16 cache, flash": { flash: true, cache: "f16" } };

const model = { folder: "/web/lab/assets/decoder/", text: "/web/lab/assets/text/austen-persuasion.txt" };

function entriesOf({ context, characters, tokens }, threads, peers) {
  const common = { ...model, context, characters, tokens };
  return threads.flatMap((count) => [
    ...Object.entries(policies).map(([name, attention]) => ({
      ...{ name: `heed, ${name}`, kind: "heed", module: "harness/candidates/heed_decoder.mjs", place: "worker" },
      ...{ entry: "heed/sync" },
      options: { ...common, threads: count, variant: heedVariant("relaxed", count), attention },
    })),
    ...(peers
      ? Object.entries(caches).map(([name, cache]) => ({
          ...{ name: `wllama, ${name}`, kind: "peer", module: "peers/wllama.mjs", place: "window" },
          options: { ...common, threads: count, ...cache },
        }))
      : []),
  ]);
}

class Candidate {
  samples = [];

  constructor(engine, entry) {
    Object.assign(this, { engine, entry });
  }

  async attempt(body) {
    if (this.reason) return;
    try {
      await body();
    } catch (error) {
      this.reason = error.message;
    }
  }

  start() {
    return this.attempt(async () => {
      const { entry, engine } = this;
      this.session = await engine.open(entry);
      const options = { ...entry.options, ...(entry.entry ? { entry: engine.entry(entry.entry) } : {}) };
      this.info = await this.session.open(options);
      const { prefill, said } = await this.session.ask("measure");
      Object.assign(this, { prefill, said });
    });
  }

  turn() {
    return this.attempt(async () => this.samples.push((await this.session.ask("measure")).each));
  }

  row() {
    const { entry, info, prefill, samples, reason, said } = this;
    const row = { candidate: entry.name, kind: entry.kind, variant: info?.variant, threads: entry.options.threads };
    if (reason || samples.length === 0) return { ...row, verdict: "failed", reason: reason ?? "no sample" };
    const milliseconds = summarize(samples);
    return {
      ...{ ...row, verdict: "right", milliseconds, prefill, said },
      prefillRate: (1000 * prefill.tokens) / prefill.milliseconds,
      decodeRate: 1000 / milliseconds.median,
    };
  }
}

/** Times of llama.cpp's best row with as many threads, and of heed's own exact row. */
function compare(rows) {
  for (const row of rows.filter(({ milliseconds }) => milliseconds)) {
    const beside = rows.filter((other) => other.milliseconds && other.threads === row.threads);
    const best = Math.min(...beside.filter(({ kind }) => kind === "peer").map((other) => other.milliseconds.median));
    if (row.kind === "heed" && Number.isFinite(best)) row.overPeer = best / row.milliseconds.median;
    const exact = beside.find(({ candidate }) => candidate === "heed, exact");
    if (exact && row.kind === "heed") row.speedup = exact.milliseconds.median / row.milliseconds.median;
  }
  return rows;
}

export async function* run(engine, options) {
  if (engine.name !== "chromium") return;
  for (const shape of shapesOf("decoder", options)) {
    const candidates = entriesOf(shape, options.threads, options.peers).map((entry) => new Candidate(engine, entry));
    const others = watchOthers();
    try {
      for (const candidate of candidates) {
        options.tell(`${candidate.entry.name} x${candidate.entry.options.threads} reads ${shape.context} tokens`);
        await candidate.start();
      }
      for (let round = 0; round < shape.rounds; ++round) {
        options.tell(`round ${round + 1} of ${shape.rounds}`);
        for (let i = 0; i < candidates.length; ++i) await candidates[(i + round) % candidates.length].turn();
      }
      const title = `tiny-llama-16k as bytes, after ${shape.context} tokens`;
      yield { shape, title, rows: compare(candidates.map((candidate) => candidate.row())), others: others() };
    } finally {
      for (const { session } of candidates) await session?.close();
    }
  }
}
