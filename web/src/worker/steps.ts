/**
 * Runs an operation in steps of about 20 ms, and lets the worker's event loop run between them: that is when a cancel
 * arrives. Batch sizes follow measured times, so they need no knowledge of the operation; the result does not depend on
 * them.
 *
 * The first step is one unit per thread. A later one is as long as the last one's pace says, but no longer than 50 ms
 * at the worst pace so far: units need not cost the same, and a run of cheap ones says nothing about the next. One unit
 * per thread is the least there is; a unit that takes longer than a step is a step.
 */
import type { Operation } from "../operations/operation.js";

/** Chosen: a cancel is noticed after at most a few of these, and the pause between two costs some 0.01 ms. */
const stepMs = 20;
/** What a step may take when its units are as slow as the slowest so far. */
const longestStepMs = 50;
/** A batch is at most so many times the last one: the first times are the least reliable. */
const growth = 4;

export interface StepOptions {
  threads: number;
  /** Returns after other messages had their turn. */
  pause: () => Promise<void>;
  cancelled: () => boolean;
  report: (loaded: number, total: number) => void;
  /** What has passed without a pause already, in ms: copying inputs into the module takes its time. Default: 0. */
  sincePause?: number;
  /** The time, in ms. */
  now?: () => number;
}

/** How many units the next step takes. */
export class Pace {
  /** Units of the next step. */
  batch: number;
  #slowest = 0;

  constructor(readonly threads: number) {
    this.batch = threads;
  }

  /** After a step of `units` that took so long. */
  took(units: number, ms: number): void {
    const each = ms / units;
    this.#slowest = Math.max(this.#slowest, each);
    const fitting = Math.min(stepMs / each, longestStepMs / this.#slowest, units * growth);
    // Whole rounds of all threads: a step ends when its last thread does.
    const rounds = Math.floor(fitting / this.threads);
    this.batch = Math.max(1, rounds) * this.threads;
  }
}

/** False when it was cancelled before the last unit. */
export async function runInSteps(operation: Operation<unknown>, options: StepOptions): Promise<boolean> {
  const { threads, pause, cancelled, report, now = () => performance.now() } = options;
  const { units } = operation;
  const pace = new Pace(threads);
  let { sincePause = 0 } = options;
  for (let from = 0; from < units;) {
    if (sincePause >= stepMs / 2) {
      sincePause = 0;
      report(from, units);
      await pause();
      if (cancelled()) return false;
    }
    const to = Math.min(units, from + pace.batch);
    const began = now();
    operation.run(from, to);
    const took = now() - began;
    pace.took(to - from, took);
    sincePause += took;
    from = to;
  }
  report(units, units);
  return true;
}
