/** Looking at the attention of a cache, and forgetting what has little of it. */
import type { Evicted, Monitored } from "../cache-results.js";
import type { EvictPlan, MonitorPlan } from "../check/cache.js";
import { rawMonitored } from "../runtime/raw.js";
import type { Tensor } from "../runtime/tensor.js";
import { placeQueries, type StoredCache } from "./cache.js";
import { jobOperation, singleOperation, type Operation } from "./operation.js";

/** @throws {HeedError} `shape-mismatch`, `non-finite`, `out-of-memory`, `disposed` */
export function prepareMonitor(cache: StoredCache, plan: MonitorPlan<Tensor>): Operation<Monitored> {
  const { runtime, raw } = cache;
  const { epsilon, mass, first, queries, heads } = plan;
  const rows = queries * heads;
  const numbers = rawMonitored.length;
  return jobOperation(runtime, (scratch) => {
    const { problem, keys } = placeQueries(cache, scratch, plan);
    const out = scratch.allocate(rows * numbers * 8, "the result");
    const job = new runtime.raw.CacheMonitorJob(raw, problem, { epsilon, mass, first, out });
    const finish = (): Monitored => {
      const all = runtime.heap.copyF64(out, rows * numbers, "the result");
      const column = (at: number) => Float64Array.from({ length: rows }, (_, row) => all[row * numbers + at] as number);
      const columns = rawMonitored.map((name, at) => [name, column(at)] as const);
      const result = Object.fromEntries(columns) as Record<(typeof rawMonitored)[number], Float64Array>;
      // A query sees fewer tokens than there are by at most the queries behind it, and a window leaves it fewer still.
      const visible = (row: number) => {
        const end = Math.max(0, keys - queries + Math.floor(row / heads) + 1);
        const kept = plan.window === 0 ? end : Math.min(end, plan.window + plan.sinks);
        return kept;
      };
      const unseen = plan.mask === undefined && result.seen.some((count, row) => count < visible(row));
      return { ...result, accumulate: unseen ? "f64" : "f32" };
    };
    return { job, finish };
  });
}

/** @throws {HeedError} `non-finite`, `out-of-memory`, `disposed` */
export function prepareEvict(cache: StoredCache, plan: EvictPlan<Tensor>): Operation<Evicted> {
  const { runtime, raw } = cache;
  const rows = plan.queries * plan.heads;
  return singleOperation(runtime, (scratch) => {
    const { problem } = placeQueries(cache, scratch, plan);
    const lost = scratch.allocate(rows * 4, "lost");
    runtime.check(raw.evict(problem, { ...plan.policy, lost }));
    return { length: raw.length(plan.layer), lost: runtime.heap.copyF32(lost, rows, "lost") };
  });
}
