// Times candidates against each other by turns: one sample of each, in rotating order, again and again. What slows the
// machine for a second then slows everybody's sample, and ratios stay right although single times do not.
//
// An answer is judged before any time counts, and again after the last timed call. A candidate that fails, or answers
// wrong, becomes a row that says so; the others go on.

import { medianInterval, summarize } from "./stats.mjs";

/** A sample is at least so long: a thousand timer steps of an isolated page. */
const sampleMilliseconds = 5;
/** The loops stand beside calls of any length, and must not catch a lucky moment. */
const loopMilliseconds = 60;
/** Calls shorter than this get one untimed call before each sample, because the others have emptied the caches. */
const refillMilliseconds = 50;
/** Lets the threads of the one before go to sleep. */
const pauseMilliseconds = 10;

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * `entries`: { name, module, place, options, shape?, notTried? }. `shape`: what is measured, with its `task`; an
 * entry's own `shape` completes it or differs from it.
 * `effort`: { budget: milliseconds a candidate may use for samples, least, most: samples, warm: milliseconds,
 * sample?: milliseconds that a sample lasts at the least }.
 * `live`: { signal, show }. `show` gets the rows so far after every round; the signal ends everything by throwing its
 * reason.
 * Returns { rows, others }: a row per entry, and how many processors other programs used.
 */
export async function takeTurns(engine, shape, entries, effort, tell = () => undefined, live = {}) {
  const { signal, show = () => undefined } = live;
  const runners = entries.map((entry) => new Runner(engine, entry, { ...shape, ...entry.shape }));
  try {
    for (const runner of runners) {
      tell(`${runner.entry.name} x${runner.entry.options.threads}: first call`);
      await runner.start(effort);
      signal?.throwIfAborted();
      show(runners.map((each) => each.row()));
    }
    const rounds = Math.max(0, ...runners.map((runner) => runner.wanted));
    const othersUsed = engine.watchOthers?.() ?? (() => undefined);
    for (let round = 0; round < rounds; ++round) {
      tell(`round ${round + 1} of ${rounds}`);
      // Rotating: nobody always comes after the same one.
      const order = runners.map((_, i) => runners[(i + round) % runners.length]);
      for (const runner of order) {
        await runner.turn(round, rounds);
        signal?.throwIfAborted();
      }
      show(runners.map((runner) => runner.row()));
    }
    const others = othersUsed();
    for (const runner of runners) await runner.finish();
    signal?.throwIfAborted();
    return { rows: runners.map((runner) => runner.row()), others };
  } finally {
    for (const runner of runners) await runner.close();
  }
}

/** The first line, without the folders of the machine that somebody's library was built on. */
function inShort(message) {
  const line = String(message)
    .split("\n")[0]
    .replaceAll(/\/(?:[\w.-]+\/)+/g, "");
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}

class Runner {
  samples = [];
  wanted = 0;
  #facts = {};

  constructor(engine, entry, shape) {
    this.engine = engine;
    this.entry = entry;
    this.shape = shape;
    if (entry.notTried) this.#end("not tried", entry.notTried);
  }

  get running() {
    return this.#facts.verdict === undefined;
  }

  #end(verdict, reason) {
    this.#facts = { ...this.#facts, verdict, reason };
    this.wanted = 0;
    this.samples = [];
  }

  async #attempt(body) {
    if (!this.running) return;
    try {
      await body();
    } catch (error) {
      this.#end("failed", inShort(error.message));
    }
  }

  #judge({ right, error, bound }) {
    Object.assign(this.#facts, { error: Math.max(error, this.#facts.error ?? 0), bound });
    if (!right) this.#end("wrong", `off by ${error.toExponential(1)} where ${bound.toExponential(1)} is the bound`);
  }

  start({ budget, least, most, warm, sample = sampleMilliseconds }) {
    return this.#attempt(async () => {
      const { entry, engine } = this;
      this.session = await engine.open(entry);
      const options = { ...entry.options, ...(entry.entry ? { entry: engine.entry(entry.entry) } : {}) };
      this.#facts.info = await this.session.open(options);
      const first = await this.session.ask("prepare", this.shape);
      Object.assign(this.#facts, { firstCall: first.first, work: first.work, note: first.note, off: first.off });
      this.#judge(first);
      if (!this.running) return;
      // A long first call is divided into short pieces of work inside, which have warmed each other.
      const long = first.first > 4000;
      const each = long ? first.first : (await this.session.ask("warm", { calls: 2, milliseconds: warm })).shortest;
      const wanted = this.shape.task === "loop" ? Math.max(loopMilliseconds, sample) : sample;
      this.batch = Math.max(1, Math.ceil(wanted / each));
      this.before = each < refillMilliseconds ? 1 : 0;
      const affordable = Math.floor(budget / (each * (this.batch + this.before)));
      this.wanted = Math.min(most, Math.max(least, affordable));
    });
  }

  /** Those with fewer samples than there are rounds spread them evenly. */
  turn(round, rounds) {
    const due = Math.floor(((round + 1) * this.wanted) / rounds) > Math.floor((round * this.wanted) / rounds);
    if (!due) return;
    return this.#attempt(async () => {
      await sleep(pauseMilliseconds);
      const { each } = await this.session.ask("sample", { before: this.before, batch: this.batch });
      this.samples.push(each);
    });
  }

  finish() {
    return this.#attempt(async () => {
      const last = await this.session.ask("finish");
      if (last.memory) this.#facts.memory = last.memory;
      this.#judge(last);
      if (this.running) this.#facts.verdict = "right";
    });
  }

  /** Ends its processes whatever they are doing. */
  async close() {
    await this.session?.close().catch(() => undefined);
  }

  row() {
    const { entry, samples, batch } = this;
    const { flops } = this.shape;
    const { info = {}, work, ...facts } = this.#facts;
    const row = {
      candidate: entry.name,
      kind: entry.kind,
      variant: info.variant ?? entry.options.variant,
      threads: info.threads ?? entry.options.threads,
      ...(info.version ? { version: info.version } : {}),
      ...facts,
    };
    if (samples.length === 0) return row;
    const milliseconds = { ...summarize(samples), batch };
    // Costs milliseconds, which a row of a run that goes on must not.
    if (facts.verdict === "right") milliseconds.interval = medianInterval(samples);
    const rate = (amount) => amount / milliseconds.median / 1e6;
    row.milliseconds = milliseconds;
    const counted = work?.flops ?? flops;
    if (counted) row.gflops = rate(counted);
    if (work?.bytes) row.gigabytesPerSecond = rate(work.bytes);
    return row;
  }
}
