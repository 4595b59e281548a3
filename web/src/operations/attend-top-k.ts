/** Attention over the best keys of each row, with what was dropped. */
import type { TopKPlan } from "../check/attend-top-k.js";
import { outLength, rowsOf } from "../check/shape.js";
import type { Certificates, TopKResult } from "../results.js";
import { rawDenominators, rawEstimators, type RawTopKOptions } from "../runtime/raw.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Tensor } from "../runtime/tensor.js";
import { checkMaskNumbers, placeMask, placeOperand, placeTarget, rawProblem } from "./operands.js";
import { jobOperation, type Operation } from "./operation.js";
import { chooseSearch, prepareRetrieved } from "./retrieve.js";
import { placeBudgets, placeCertificates, searchWithIndices } from "./top-k-parts.js";

/** What `attendTopK` gives; the optional parts are there when they were asked for. */
export type TopKOutput<Out = Float32Array | Tensor> = TopKResult<Out> & {
  indices?: Uint32Array;
  offsets?: Uint32Array;
  certificates?: Certificates;
};

/** @throws {HeedError} `out-of-memory`, `disposed`, `internal` */
export function prepareAttendTopK(runtime: Runtime, plan: TopKPlan<Tensor>): Operation<TopKOutput> {
  const { shape, keep, estimator } = plan;
  const rows = rowsOf(shape);
  return jobOperation(runtime, (scratch) => {
    const q = placeOperand(runtime, scratch, plan.q, plan.validate);
    const k = placeOperand(runtime, scratch, plan.k, plan.validate);
    const v = placeOperand(runtime, scratch, plan.v, plan.validate);
    if (plan.mask && plan.validate) checkMaskNumbers(plan.mask);
    const mask = placeMask(runtime, scratch, plan.mask, shape);
    const out = placeTarget(runtime, scratch, plan.out, outLength(shape));
    const problem = rawProblem(shape, { q, k, v, out: out.address, ...mask });
    const chosen = chooseSearch(runtime, plan, problem);
    if (chosen.search !== "exact") return prepareRetrieved(runtime, scratch, plan, { problem, out, chosen });
    const certificates = placeCertificates(runtime, scratch, plan.certificates ? rows : undefined);
    const options: RawTopKOptions = {
      budgets: placeBudgets(runtime, scratch, keep, shape.keys),
      budgetCount: keep.length,
      estimator: rawEstimators.indexOf(estimator),
      denominator: rawDenominators.indexOf(plan.denominator),
      dropped: scratch.allocate(rows * 4, "dropped"),
      bound: scratch.allocate(rows * 4, "bound"),
      kept: scratch.allocate(rows * 4, "kept"),
      indices: 0,
      offsets: 0,
      ...certificates.addresses,
      onlyCount: false,
    };
    const { job, readIndices } = searchWithIndices(runtime, scratch, {
      rows: plan.indices ? rows : undefined,
      kept: options.kept,
      totals: (offsets) => runtime.raw.topKOffsets(problem, options, offsets),
      search: (part) => new runtime.raw.TopKJob(problem, { ...options, ...part }),
    });
    const { heap } = runtime;
    const finish = (): TopKOutput => {
      const result = {
        dropped: heap.copyF32(options.dropped, rows, "dropped"),
        bound: heap.copyF32(options.bound, rows, "bound"),
        kept: heap.copyU32(options.kept, rows, "kept"),
        // Nothing was estimated.
        ...(plan.tail === "sampled" ? { interval: new Float32Array(rows) } : {}),
        info: { ...chosen, estimator },
        ...readIndices(),
        ...certificates.read(),
      };
      return { out: out.take(), ...result };
    };
    return { job, finish };
  });
}
