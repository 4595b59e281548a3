/** A cache in the module's memory, and the calls on it as operations. */
import type { CacheTopKResult, IndexedCacheTopKResult } from "../cache-results.js";
import type { MaskOperand } from "../check/arrays.js";
import type { AppendPlan, CacheShape, CacheTopKPlan, DecodePlan } from "../check/cache.js";
import { checkMaskLength } from "../check/rules.js";
import { HeedError } from "../errors.js";
import {
  rawCacheSearches,
  rawCacheTypes,
  rawEstimators,
  type RawCacheTopKOptions,
  type RawDecodeProblem,
  type RawKvCache,
} from "../runtime/raw.js";
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

  save(): Uint8Array<ArrayBuffer> {
    const { runtime, raw } = this;
    const scratch = new Scratch(runtime);
    try {
      const bytes = runtime.guard(() => raw.savedBytes());
      const address = scratch.allocate(bytes, "the saved cache");
      runtime.guard(() => raw.save(address));
      return runtime.heap.copyU8(address, bytes, "the saved cache");
    } finally {
      scratch.release();
    }
  }

  restore({ data }: MaskOperand): void {
    const { runtime, raw } = this;
    const scratch = new Scratch(runtime);
    try {
      const address = scratch.allocate(data.length, "the saved cache");
      runtime.heap.write(address, data);
      runtime.check(runtime.guard(() => raw.restore(address, data.length)));
    } finally {
      scratch.release();
    }
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

type Out = Float32Array | Tensor;
export type CacheTopKOutput = CacheTopKResult<Out> | IndexedCacheTopKResult<Out>;

/** Measured: with fewer tokens the second scoring costs more than the first one saves. */
const fewestScreened = 2048;

function searchOf({ shape }: StoredCache, { search }: CacheTopKPlan<Tensor>, keys: number): "exact" | "int8" {
  // Keys in bytes are their own copy: their scan is the screening.
  if (shape.type === rawCacheTypes.indexOf("int8")) return "exact";
  return search === "auto" ? (keys < fewestScreened ? "exact" : "int8") : search;
}

/** @throws {HeedError} `non-finite`, `out-of-memory`, `disposed` */
export function prepareCacheTopK(cache: StoredCache, plan: CacheTopKPlan<Tensor>): Operation<CacheTopKOutput> {
  const { runtime, raw } = cache;
  const { estimator } = plan;
  const { k, alpha, exponent, min, max } = plan.keep;
  const rows = plan.queries * plan.heads;
  return jobOperation(runtime, (scratch) => {
    const { problem, out, keys } = placeQueries(cache, scratch, plan);
    const search = searchOf(cache, plan, keys);
    const options: RawCacheTopKOptions = {
      // More than all tokens means all of them; and 0 would mean the window law.
      k: Math.min(k, Math.max(keys, 1)),
      ...{ alpha, exponent, min, max },
      estimator: rawEstimators.indexOf(estimator),
      search: rawCacheSearches.indexOf(search),
      dropped: scratch.allocate(rows * 4, "dropped"),
      bound: scratch.allocate(rows * 4, "bound"),
      kept: scratch.allocate(rows * 4, "kept"),
      indices: 0,
      offsets: 0,
    };
    let total = 0;
    if (plan.indices) {
      options.offsets = scratch.allocate((rows + 1) * 4, "offsets");
      total = runtime.raw.cacheOffsets(raw, problem, options, options.offsets);
      if (total < 0) {
        throw new HeedError("out-of-memory", "indices has more than 2^32 entries; keep fewer or split the call");
      }
      options.indices = scratch.allocate(total * 4, "indices");
    }
    const job = new runtime.raw.CacheTopKJob(raw, problem, options);
    const { heap } = runtime;
    const finish = (): CacheTopKOutput => {
      runtime.check(job.status());
      const result = {
        out: out.take(),
        dropped: heap.copyF32(options.dropped, rows, "dropped"),
        bound: heap.copyF32(options.bound, rows, "bound"),
        kept: heap.copyU32(options.kept, rows, "kept"),
        info: { search, estimator },
      };
      if (!plan.indices) return result;
      return {
        ...result,
        indices: heap.copyU32(options.indices, total, "indices"),
        offsets: heap.copyU32(options.offsets, rows + 1, "offsets"),
      };
    };
    return { job, finish };
  });
}
