/**
 * A call in pieces: prepare, run units, finish, release.
 *
 * heed/sync runs all units at once; the worker of heed runs them in batches and looks for a cancel in between. Nothing
 * here waits and no callback crosses into the module.
 */
import { Scratch } from "../runtime/scratch.js";
import type { RawJob } from "../runtime/raw-module.js";
import type { AnyRuntime } from "../runtime/runtime.js";

export interface Operation<Result> {
  /** How many pieces there are; it depends on the problem alone. */
  readonly units: number;
  /** Does the units [from, to), on all threads. In order, every unit once. */
  run(from: number, to: number): void;
  /** Copies the result out, after the last unit. */
  finish(): Result;
  /** Gives all memory back that is not part of the result. Always called, also after a failure; twice does nothing. */
  release(): void;
}

/** What the preparation of an operation leaves: the module's job, and how to read its result. */
export interface Prepared<Result> {
  job: RawJob;
  finish: () => Result;
}

class JobOperation<Result> implements Operation<Result> {
  readonly units: number;

  constructor(
    readonly runtime: AnyRuntime,
    readonly scratch: Scratch,
    readonly prepared: Prepared<Result>,
  ) {
    this.units = runtime.guard(() => prepared.job.units());
  }

  run(from: number, to: number): void {
    this.runtime.guard(() => this.prepared.job.run(from, to));
  }

  finish(): Result {
    return this.prepared.finish();
  }

  #released = false;
  release(): void {
    if (this.#released) return;
    this.#released = true;
    if (this.runtime.alive) this.runtime.guard(() => this.prepared.job.delete());
    this.scratch.release();
  }
}

/** Wraps a job of the module. What `prepare` allocated is given back when it throws, or when the job refuses. */
export function jobOperation<Result>(
  runtime: AnyRuntime,
  prepare: (scratch: Scratch) => Prepared<Result>,
): Operation<Result> {
  const scratch = new Scratch(runtime);
  try {
    const prepared = runtime.guard(() => prepare(scratch));
    try {
      runtime.check(runtime.guard(() => prepared.job.status()));
      return new JobOperation(runtime, scratch, prepared);
    } catch (error) {
      if (runtime.alive) prepared.job.delete();
      throw error;
    }
  } catch (error) {
    scratch.release();
    throw error;
  }
}

/** Something so short that it is one unit. */
export function singleOperation<Result>(runtime: AnyRuntime, work: (scratch: Scratch) => Result): Operation<Result> {
  const scratch = new Scratch(runtime);
  let result: { value: Result } | undefined;
  return {
    units: 1,
    run: () => void (result = { value: runtime.guard(() => work(scratch)) }),
    finish: () => (result as { value: Result }).value,
    release: () => scratch.release(),
  };
}

/** The same operation with another result. */
export function mapped<From, To>(operation: Operation<From>, map: (result: From) => To): Operation<To> {
  return {
    units: operation.units,
    run: (from, to) => operation.run(from, to),
    finish: () => map(operation.finish()),
    release: () => operation.release(),
  };
}

/** Several operations as one; prepared one after the other, so that only one holds memory at a time. */
export function sequence<Part, Result>(
  parts: readonly (() => Operation<Part>)[],
  take: (part: Part, at: number) => void,
  finish: () => Result,
): Operation<Result> {
  /** Chosen: every part counts as this many units, because its own number is unknown until it is prepared. */
  const steps = 64;
  let current: Operation<Part> | undefined;
  const release = () => {
    current?.release();
    current = undefined;
  };
  const unitAt = (operation: Operation<Part>, step: number) => Math.ceil((operation.units * step) / steps);
  return {
    units: parts.length * steps,
    run(from, to) {
      for (let at = from; at < to;) {
        const part = Math.floor(at / steps);
        const end = Math.min(to, (part + 1) * steps);
        current ??= (parts[part] as () => Operation<Part>)();
        const [first, last] = [unitAt(current, at - part * steps), unitAt(current, end - part * steps)];
        if (last > first) current.run(first, last);
        if (end === (part + 1) * steps) {
          take(current.finish(), part);
          release();
        }
        at = end;
      }
    },
    finish,
    release,
  };
}

/** Runs an operation to its end without a pause. */
export function complete<Result>(operation: Operation<Result>): Result {
  try {
    if (operation.units > 0) operation.run(0, operation.units);
    return operation.finish();
  } finally {
    operation.release();
  }
}
