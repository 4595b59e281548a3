/** A cache in the module's memory, and the calls on it as operations. */
import type { CacheTopKInfo, CacheTopKResult, Monitored, MonitoredInterval, MonitoredTopK } from "../cache-results.js";
import type { MaskOperand } from "../check/arrays.js";
import type { AppendPlan, CacheShape, CacheTopKPlan, DecodePlan, MonitorPlan, QueriesPlan } from "../check/cache.js";
import { checkMaskLength } from "../check/rules.js";
import { HeedError } from "../errors.js";
import type { Certificates } from "../results.js";
import {
  rawAccumulate,
  rawCacheSearches,
  rawCacheTypes,
  rawEstimators,
  rawKeptMonitored,
  rawMonitored,
  type RawCacheTopKOptions,
  type RawDecodeProblem,
  type RawKvCache,
  type RawMonitorOptions,
} from "../runtime/raw.js";
import type { Runtime } from "../runtime/runtime.js";
import { Scratch } from "../runtime/scratch.js";
import type { Tensor } from "../runtime/tensor.js";
import type { AttendOutput } from "./attend.js";
import { checkMaskNumbers, placeMask, placeOperand, placeTarget } from "./operands.js";
import { jobOperation, type Operation } from "./operation.js";
import { placeBudgets, placeCertificates, searchWithIndices } from "./top-k-parts.js";

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

  /** (kvHeads, length). */
  recorded(layer: number): Float64Array {
    const { runtime, raw, shape } = this;
    const scratch = new Scratch(runtime);
    try {
      const count = shape.kvHeads * this.length(layer);
      const address = scratch.allocate(count * 8, "recorded attention");
      runtime.guard(() => raw.recorded(layer, address));
      return runtime.heap.copyF64(address, count, "recorded attention");
    } finally {
      scratch.release();
    }
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

/** The queries, the rules and a place for the result. */
export function placeQueries(cache: StoredCache, scratch: Scratch, plan: QueriesPlan<Tensor>) {
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
    ...{ q, out: out.address, lse: 0, layer, queries, heads, window, sinks, scale, softcap, accumulate: 0 },
    ...mask,
  };
  return { problem, out, keys };
}

export interface DecodeOutput extends AttendOutput {
  monitored?: Monitored;
}

/** Room for what is monitored, and what it says once the job has run. */
export function placeMonitored(
  runtime: Runtime,
  scratch: Scratch,
  plan: Pick<DecodePlan<Tensor>, "queries" | "heads" | "window" | "sinks" | "mask">,
  asked: MonitorPlan,
  keys: number,
) {
  const { queries, heads, window, sinks, mask } = plan;
  const [rows, numbers] = [queries * heads, rawMonitored.length];
  const out = scratch.allocate(rows * numbers * 8, "what is monitored");
  const read = (): Monitored => {
    const all = runtime.heap.copyF64(out, rows * numbers, "what is monitored");
    const column = (at: number) => Float64Array.from({ length: rows }, (_, row) => all[row * numbers + at] as number);
    const columns = rawMonitored.map((name, at) => [name, column(at)] as const);
    const result = Object.fromEntries(columns) as Record<(typeof rawMonitored)[number], Float64Array>;
    // A query sees fewer tokens than there are by at most the queries behind it, and a window leaves it fewer still.
    const visible = (row: number) => {
      const end = Math.max(0, keys - queries + Math.floor(row / heads) + 1);
      return window === 0 ? end : Math.min(end, window + sinks);
    };
    const unseen = mask === undefined && result.seen.some((count, row) => count < visible(row));
    return { ...result, accumulate: unseen ? "f64" : "f32" };
  };
  return { options: { ...asked, out }, read };
}

/** A place for what each token receives, and its way into the cache once the job has run; nothing if nobody asks. */
export function placeReceived(
  { runtime, shape, raw }: StoredCache,
  scratch: Scratch,
  { record, layer }: Pick<DecodePlan<Tensor>, "record" | "layer">,
  keys: number,
) {
  if (!record || keys === 0) return { received: 0, remember: () => undefined };
  const received = scratch.allocate(shape.kvHeads * keys * 8, "the attention that tokens receive");
  return { received, remember: () => runtime.check(runtime.guard(() => raw.record(layer, received, keys))) };
}

const unmonitored = { epsilon: 1, mass: 0, first: 0, out: 0 };

/** @throws {HeedError} `shape-mismatch`, `non-finite`, `out-of-memory`, `disposed` */
export function prepareDecode(cache: StoredCache, plan: DecodePlan<Tensor>): Operation<DecodeOutput> {
  const { runtime, raw } = cache;
  const rows = plan.queries * plan.heads;
  return jobOperation(runtime, (scratch) => {
    const { problem, out, keys } = placeQueries(cache, scratch, plan);
    const lse = plan.lse ? scratch.allocate(rows * 4, "lse") : 0;
    const monitored = plan.monitor && placeMonitored(runtime, scratch, plan, plan.monitor, keys);
    const { received, remember } = placeReceived(cache, scratch, plan, keys);
    const looks: RawMonitorOptions = { ...(monitored?.options ?? unmonitored), received };
    const accumulate = rawAccumulate.indexOf(plan.accumulate);
    const job = new runtime.raw.CacheAttendJob(raw, { ...problem, lse, accumulate }, looks);
    const finish = () => {
      remember();
      return {
        out: out.take(),
        ...(plan.lse ? { lse: runtime.heap.copyF32(lse, rows, "lse") } : {}),
        ...(monitored ? { monitored: monitored.read() } : {}),
      };
    };
    return { job, finish };
  });
}

/** Three for each. */
const keptNumbers = 3 * rawKeptMonitored.length;

function readKept(runtime: Runtime, address: number, rows: number): Omit<MonitoredTopK, "source"> {
  const all = runtime.heap.copyF64(address, rows * keptNumbers, "what is monitored");
  const column = (at: number) => Float64Array.from({ length: rows }, (_, row) => all[row * keptNumbers + at] as number);
  const intervals = rawKeptMonitored.map(
    (name, i) => [name, { value: column(3 * i), lower: column(3 * i + 1), upper: column(3 * i + 2) }] as const,
  );
  return Object.fromEntries(intervals) as Record<(typeof rawKeptMonitored)[number], MonitoredInterval>;
}

function mean(numbers: Float32Array): number {
  return numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
}

/** What `attendTopK` of a cache gives; the optional parts are there when they were asked for. */
export type CacheTopKOutput<Out = Float32Array | Tensor> = CacheTopKResult<Out> & {
  indices?: Uint32Array;
  offsets?: Uint32Array;
  certificates?: Certificates;
};

/** Measured: with fewer tokens the second scoring costs more than the first one saves. */
const fewestScreened = 2048;

type ChosenSearch = Pick<CacheTopKInfo, "search" | "reason">;

function searchOf({ shape }: StoredCache, plan: CacheTopKPlan<Tensor>, keys: number): ChosenSearch {
  const { search, everyScore: reason } = plan;
  const skips = search === "pages" || search === "lsh";
  // Keys in bytes are their own copy: their scan is the screening.
  if (search === "exact" || (!skips && shape.type === rawCacheTypes.indexOf("int8"))) return { search: "exact" };
  if (reason !== undefined) return { search: "exact", reason };
  return { search: skips || search === "int8" ? search : keys >= fewestScreened ? "int8" : "exact" };
}

/** @throws {HeedError} `shape-mismatch`, `non-finite`, `out-of-memory`, `disposed` */
export function prepareCacheTopK(cache: StoredCache, plan: CacheTopKPlan<Tensor>): Operation<CacheTopKOutput> {
  const { runtime, raw } = cache;
  const { estimator, keep } = plan;
  const rows = plan.queries * plan.heads;
  return jobOperation(runtime, (scratch) => {
    const { problem, out, keys } = placeQueries(cache, scratch, plan);
    const chosen = searchOf(cache, plan, keys);
    const skips = chosen.search === "pages" || chosen.search === "lsh";
    const sampled = skips && plan.sampled;
    const certificates = placeCertificates(runtime, scratch, plan.certificates ? rows : undefined);
    const options: RawCacheTopKOptions = {
      budgets: placeBudgets(runtime, scratch, keep, keys),
      budgetCount: keep.length,
      estimator: rawEstimators.indexOf(estimator),
      search: rawCacheSearches.indexOf(chosen.search),
      enough: plan.searchTau,
      seed: plan.seed,
      sampled,
      dropped: scratch.allocate(rows * 4, "dropped"),
      bound: scratch.allocate(rows * 4, "bound"),
      interval: sampled ? scratch.allocate(rows * 4, "interval") : 0,
      recall: plan.recall && skips ? scratch.allocate(rows * 4, "recall") : 0,
      kept: scratch.allocate(rows * 4, "kept"),
      indices: 0,
      offsets: 0,
      ...certificates.addresses,
      onlyCount: false,
      epsilon: plan.monitor?.epsilon ?? 1,
      mass: plan.monitor?.mass ?? 0,
      monitored: plan.monitor ? scratch.allocate(rows * keptNumbers * 8, "what is monitored") : 0,
    };
    const source: MonitoredTopK["source"] = sampled ? "sample" : chosen.search === "exact" ? "scores" : "bounds";
    const { job, readIndices } = searchWithIndices(runtime, scratch, {
      rows: plan.indices ? rows : undefined,
      kept: options.kept,
      totals: (offsets) => runtime.raw.cacheOffsets(raw, problem, options, offsets),
      search: (part) => new runtime.raw.CacheTopKJob(raw, problem, { ...options, ...part }),
    });
    const { heap } = runtime;
    const finish = (): CacheTopKOutput => {
      runtime.check(job.status());
      const nothingEstimated = plan.sampled ? { interval: new Float32Array(rows) } : {};
      return {
        out: out.take(),
        dropped: heap.copyF32(options.dropped, rows, "dropped"),
        bound: heap.copyF32(options.bound, rows, "bound"),
        kept: heap.copyU32(options.kept, rows, "kept"),
        ...(sampled ? { interval: heap.copyF32(options.interval, rows, "interval") } : nothingEstimated),
        ...(plan.monitor ? { monitored: { source, ...readKept(runtime, options.monitored, rows) } } : {}),
        info: {
          ...chosen,
          estimator,
          ...(options.recall === 0 ? {} : { recall: mean(heap.f32(options.recall, rows)) }),
        },
        ...readIndices(),
        ...certificates.read(),
      };
    };
    return { job, finish };
  });
}
