/** Looking at the attention of a cache, and forgetting what has little of it. */
import type { Evicted, Monitored } from "../cache-results.js";
import type { EvictPlan, MonitoredPlan } from "../check/cache.js";
import type { Tensor } from "../runtime/tensor.js";
import { placeMonitored, placeQueries, placeReceived, type StoredCache } from "./cache.js";
import { jobOperation, singleOperation, type Operation } from "./operation.js";

/** @throws {HeedError} `shape-mismatch`, `non-finite`, `out-of-memory`, `disposed` */
export function prepareMonitor(cache: StoredCache, plan: MonitoredPlan<Tensor>): Operation<Monitored> {
  const { runtime, raw } = cache;
  return jobOperation(runtime, (scratch) => {
    const { problem, keys } = placeQueries(cache, scratch, plan);
    const { options, read } = placeMonitored(runtime, scratch, plan, plan.monitor, keys);
    const { received, remember } = placeReceived(cache, scratch, plan, keys);
    const job = new runtime.raw.CacheAttendJob(raw, { ...problem, out: 0 }, { ...options, received });
    const finish = () => {
      remember();
      return read();
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
