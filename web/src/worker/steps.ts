/**
 * Runs an operation in steps of about 20 ms, and lets the worker's event loop run between them: that is when a cancel
 * arrives. The batch size follows the measured time, so it needs no knowledge of the operation; the result does not
 * depend on it.
 */
import type { Operation } from "../operations/operation.js";

/** Chosen: a cancel is noticed after at most a few of these, and the pause between two costs some 0.01 ms. */
const stepMs = 20;
/** Growth from one batch to the next is limited, because units need not cost the same (causal rows grow). */
const growth = 4;

export interface StepOptions {
  threads: number;
  /** Returns after other messages had their turn. */
  pause: () => Promise<void>;
  cancelled: () => boolean;
  report: (loaded: number, total: number) => void;
}

/** Units for the next batch: as many as take about a step, at least one per thread. */
export function nextBatch(batch: number, tookMs: number, threads: number): number {
  const fitting = tookMs > 0 ? Math.round((batch * stepMs) / tookMs) : Infinity;
  return Math.max(threads, Math.min(fitting, batch * growth));
}

/** False when it was cancelled before the last unit. */
export async function runInSteps(operation: Operation<unknown>, options: StepOptions): Promise<boolean> {
  const { threads, pause, cancelled, report } = options;
  const { units } = operation;
  let batch = threads;
  let sincePause = 0;
  for (let from = 0; from < units;) {
    const to = Math.min(units, from + batch);
    const began = performance.now();
    operation.run(from, to);
    const took = performance.now() - began;
    batch = nextBatch(to - from, took, threads);
    sincePause += took;
    from = to;
    if (sincePause < stepMs / 2 || from === units) continue;
    sincePause = 0;
    report(from, units);
    await pause();
    if (cancelled()) return false;
  }
  report(units, units);
  return true;
}
