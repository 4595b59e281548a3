/** A cache in the module's memory, and the calls on it as operations. */
import type { AppendPlan, CacheShape, DecodePlan } from "../check/cache.js";
import { checkMaskLength } from "../check/rules.js";
import { HeedError } from "../errors.js";
import type { RawDecodeProblem, RawKvCache } from "../runtime/raw.js";
import type { Runtime } from "../runtime/runtime.js";
import { Scratch } from "../runtime/scratch.js";
import type { Tensor } from "../runtime/tensor.js";
import type { AttendOutput } from "./attend.js";
import { checkMaskNumbers, placeMask, placeOperand, placeTarget } from "./operands.js";
import { jobOperation, type Operation } from "./operation.js";

/** Tokens that are stored in one unit: a few milliseconds for a large layer. */
const tokensAtOnce = 4096;

/** One cache of one module. Its owner disposes it. */
export class StoredCache {
  #raw: RawKvCache | undefined;

  /** @throws {HeedError} `out-of-memory`, `shape-mismatch`, `unsupported` */
  constructor(
    readonly runtime: Runtime,
    readonly shape: CacheShape,
  ) {
    const raw = runtime.guard(() => new runtime.raw.KvCache(shape));
    try {
      runtime.check(runtime.guard(() => raw.status()));
    } catch (error) {
      raw.delete();
      throw error;
    }
    this.#raw = raw;
  }

  /** @throws {HeedError} `disposed`, `internal` */
  get raw(): RawKvCache {
    this.runtime.assertAlive();
    if (this.#raw === undefined) throw new HeedError("disposed", "this cache was disposed; create a new one");
    return this.#raw;
  }

  length(layer: number): number {
    const { raw } = this;
    return this.runtime.guard(() => raw.length(layer));
  }

  bytes(): number {
    const { raw } = this;
    return this.runtime.guard(() => raw.bytes());
  }

  rewind(length: number): void {
    const { raw } = this;
    this.runtime.check(this.runtime.guard(() => raw.rewind(length)));
  }

  clear(): void {
    const { raw } = this;
    this.runtime.guard(() => raw.clear());
  }

  fork(): StoredCache {
    const { raw } = this;
    const copy = new StoredCache(this.runtime, this.shape);
    try {
      this.runtime.check(this.runtime.guard(() => copy.raw.forkFrom(raw)));
    } catch (error) {
      copy.dispose();
      throw error;
    }
    return copy;
  }

  /** A second call does nothing. */
  dispose(): void {
    const raw = this.#raw;
    this.#raw = undefined;
    if (raw !== undefined && this.runtime.alive) this.runtime.guard(() => raw.delete());
  }
}

/** Stores tokens part by part; the result is the layer's new length. Ended early, it takes back what it stored. */
export function prepareAppend(cache: StoredCache, plan: AppendPlan<Tensor>): Operation<number> {
  const { runtime, shape, raw } = cache;
  const { layer, tokens } = plan;
  const before = cache.length(layer);
  if (tokens > shape.capacity - before) {
    throw new HeedError(
      "invalid-argument",
      `layer ${layer} holds ${before} tokens, and the ${tokens} of k exceed the cache's capacity, ${shape.capacity}`,
    );
  }
  const scratch = new Scratch(runtime);
  let stored = 0;
  let finished = false;
  const release = () => {
    if (!finished && stored > 0 && runtime.alive) runtime.guard(() => raw.rewindLayer(layer, before));
    stored = 0;
    scratch.release();
  };
  try {
    const k = placeOperand(runtime, scratch, plan.k, plan.validate);
    const v = placeOperand(runtime, scratch, plan.v, plan.validate);
    const store = (from: number) => {
      const count = Math.min(tokensAtOnce, tokens - from);
      const keys = k + from * shape.kvHeads * shape.headDim * 4;
      const values = v + from * shape.kvHeads * shape.valueDim * 4;
      runtime.check(runtime.guard(() => raw.append(layer, keys, values, count)));
      stored = from + count;
    };
    return {
      units: Math.ceil(tokens / tokensAtOnce),
      run(from, to) {
        for (let unit = from; unit < to; ++unit) store(unit * tokensAtOnce);
      },
      finish() {
        finished = true;
        return cache.length(layer);
      },
      release,
    };
  } catch (error) {
    release();
    throw error;
  }
}

type Queries = Omit<DecodePlan<Tensor>, "lse">;

/** The queries, the rules and a place for the result. */
export function placeQueries(cache: StoredCache, scratch: Scratch, plan: Queries) {
  const { runtime, shape } = cache;
  const { layer, queries, heads, window, sinks, scale, softcap } = plan;
  const keys = cache.length(layer);
  if (plan.mask) {
    checkMaskLength(plan.mask, { heads, queries, keys });
    if (plan.validate) checkMaskNumbers(plan.mask);
  }
  const q = placeOperand(runtime, scratch, plan.q, plan.validate);
  const mask = placeMask(runtime, scratch, plan.mask, { queries, keys });
  const out = placeTarget(runtime, scratch, plan.out, queries * heads * shape.valueDim);
  const problem: RawDecodeProblem = {
    ...{ q, out: out.address, lse: 0, layer, queries, heads, window, sinks, scale, softcap },
    ...mask,
  };
  return { problem, out, keys };
}

/** @throws {HeedError} `shape-mismatch`, `non-finite`, `out-of-memory`, `disposed` */
export function prepareDecode(cache: StoredCache, plan: DecodePlan<Tensor>): Operation<AttendOutput> {
  const { runtime, raw } = cache;
  const rows = plan.queries * plan.heads;
  return jobOperation(runtime, (scratch) => {
    const { problem, out } = placeQueries(cache, scratch, plan);
    const lse = plan.lse ? scratch.allocate(rows * 4, "lse") : 0;
    const job = new runtime.raw.CacheAttendJob(raw, { ...problem, lse });
    const finish = () => ({
      out: out.take(),
      ...(plan.lse ? { lse: runtime.heap.copyF32(lse, rows, "lse") } : {}),
    });
    return { job, finish };
  });
}
