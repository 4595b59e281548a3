/**
 * Keys in the module's memory that were prepared for searching: a Tensor of the keys, and an index over them.
 *
 * Wherever a call takes a Tensor of keys it takes this too; attendTopK also uses the index. Writing to its view would
 * leave the index wrong.
 */
import type { IndexedSearch } from "../check/search.js";
import type { Shape } from "../check/shape.js";
import type { RawJob } from "./raw-module.js";
import type { Runtime } from "./runtime.js";
import { Tensor } from "./tensor.js";

/** Prepared keys. `heed.index()` makes them; the caller disposes them. */
export class KeyIndex extends Tensor {
  /** What the index is for. */
  readonly search: IndexedSearch;
  /** @internal */
  readonly shape: Shape;
  readonly #owner: Runtime;
  #job: RawJob | undefined;

  /** @internal Owns the memory at `address` and the job, which has run. */
  constructor(
    runtime: Runtime,
    address: number,
    length: number,
    built: { job: RawJob; search: IndexedSearch; shape: Shape },
  ) {
    super(runtime, address, length);
    this.#owner = runtime;
    this.#job = built.job;
    this.search = built.search;
    this.shape = built.shape;
  }

  /** @internal The index in the module. @throws {HeedError} `disposed` */
  job(runtime: Runtime, name: string): RawJob {
    this.address(runtime, name);
    return this.#job as RawJob;
  }

  /** Gives the memory back. A second call does nothing. */
  override dispose(): void {
    const job = this.#job;
    this.#job = undefined;
    if (job && this.#owner.alive) this.#owner.guard(() => job.delete());
    super.dispose();
  }
}

/** Whether a caller's argument is one. */
export function isKeyIndex(value: unknown): value is KeyIndex {
  return value instanceof KeyIndex;
}
