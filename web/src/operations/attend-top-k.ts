/** Attention over the k best keys of each row, with what was dropped. */
import { HeedError } from "../errors.js";
import type { TopKPlan } from "../check/attend-top-k.js";
import { outLength, rowsOf } from "../check/shape.js";
import type { IndexedTopKResult, TopKResult } from "../results.js";
import { rawEstimators, type RawProblem, type RawTopKOptions } from "../runtime/raw.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Scratch } from "../runtime/scratch.js";
import type { Tensor } from "../runtime/tensor.js";
import { placeOperand, placeTarget, rawProblem } from "./operands.js";
import { jobOperation, type Operation } from "./operation.js";
import { chooseSearch, prepareRetrieved } from "./retrieve.js";

type Out = Float32Array | Tensor;
export type TopKOutput = TopKResult<Out> | IndexedTopKResult<Out>;

interface PlacedIndices {
  indices: number;
  offsets: number;
  total: number;
}

/** Where the kept keys go: their number is known before the search, from k and the rows' visible lengths. */
function placeIndices(
  runtime: Runtime,
  scratch: Scratch,
  problem: RawProblem,
  options: RawTopKOptions,
  rows: number,
): PlacedIndices {
  const offsets = scratch.allocate((rows + 1) * 4, "offsets");
  const total = runtime.raw.topKOffsets(problem, options, offsets);
  if (total < 0) {
    throw new HeedError("out-of-memory", "indices has more than 2^32 entries; keep fewer or split the call");
  }
  return { indices: scratch.allocate(total * 4, "indices"), offsets, total };
}

/** @throws {HeedError} `out-of-memory`, `disposed`, `internal` */
export function prepareAttendTopK(runtime: Runtime, plan: TopKPlan<Tensor>): Operation<TopKOutput> {
  const { shape, keep, estimator } = plan;
  const rows = rowsOf(shape);
  return jobOperation(runtime, (scratch) => {
    const q = placeOperand(runtime, scratch, plan.q, plan.validate);
    const k = placeOperand(runtime, scratch, plan.k, plan.validate);
    const v = placeOperand(runtime, scratch, plan.v, plan.validate);
    const out = placeTarget(runtime, scratch, plan.out, outLength(shape));
    const problem = rawProblem(shape, { q, k, v, out: out.address });
    const chosen = chooseSearch(runtime, plan, problem);
    if (chosen.search !== "exact") return prepareRetrieved(runtime, scratch, plan, { problem, out, chosen });
    const options: RawTopKOptions = {
      ...keep,
      // More than all keys means all of them; and 0 would mean the window law.
      k: Math.min(keep.k, Math.max(shape.keys, 1)),
      estimator: rawEstimators.indexOf(estimator),
      dropped: scratch.allocate(rows * 4, "dropped"),
      bound: scratch.allocate(rows * 4, "bound"),
      kept: scratch.allocate(rows * 4, "kept"),
      indices: 0,
      offsets: 0,
    };
    const placed = plan.indices ? placeIndices(runtime, scratch, problem, options, rows) : undefined;
    const job = new runtime.raw.TopKJob(problem, {
      ...options,
      indices: placed?.indices ?? 0,
      offsets: placed?.offsets ?? 0,
    });
    const { heap } = runtime;
    const finish = (): TopKOutput => {
      const result: Omit<TopKResult<Out>, "out"> = {
        dropped: heap.copyF32(options.dropped, rows, "dropped"),
        bound: heap.copyF32(options.bound, rows, "bound"),
        kept: heap.copyU32(options.kept, rows, "kept"),
        // Nothing was estimated.
        ...(plan.tail === "sampled" ? { interval: new Float32Array(rows) } : {}),
        info: { ...chosen, estimator },
      };
      if (placed === undefined) return { out: out.take(), ...result };
      const indices = heap.copyU32(placed.indices, placed.total, "indices");
      const offsets = heap.copyU32(placed.offsets, rows + 1, "offsets");
      return { out: out.take(), ...result, indices, offsets };
    };
    return { job, finish };
  });
}
