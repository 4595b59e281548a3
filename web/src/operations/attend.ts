/** Exact attention, in f32 or, as a job of its own, in f64. */
import type { AttendPlan } from "../check/attend.js";
import { outLength, rowsOf } from "../check/shape.js";
import { rawAccumulate } from "../runtime/raw.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Tensor } from "../runtime/tensor.js";
import { checkMaskNumbers, placeMask, placeOperand, placeTarget, rawProblem } from "./operands.js";
import { jobOperation, type Operation } from "./operation.js";

export interface AttendOutput {
  out: Float32Array | Tensor;
  lse?: Float32Array;
}

/** @throws {HeedError} `out-of-memory`, `disposed`, `internal` */
export function prepareAttend(runtime: Runtime, plan: AttendPlan<Tensor>): Operation<AttendOutput> {
  const { shape } = plan;
  const rows = rowsOf(shape);
  return jobOperation(runtime, (scratch) => {
    const q = placeOperand(runtime, scratch, plan.q, plan.validate);
    const k = placeOperand(runtime, scratch, plan.k, plan.validate);
    const v = placeOperand(runtime, scratch, plan.v, plan.validate);
    if (plan.mask && plan.validate) checkMaskNumbers(plan.mask);
    const mask = placeMask(runtime, scratch, plan.mask, shape);
    const out = placeTarget(runtime, scratch, plan.out, outLength(shape));
    const lse = plan.lse ? scratch.allocate(rows * 4, "lse") : 0;
    const addresses = { q, k, v, out: out.address, lse, ...mask };
    const problem = rawProblem(shape, addresses, rawAccumulate.indexOf(plan.accumulate));
    const { ExactJob, PreciseJob } = runtime.raw;
    const job = plan.accumulate === "f64" ? new PreciseJob(problem) : new ExactJob(problem);
    const finish = () => {
      const logarithms = plan.lse ? { lse: runtime.heap.copyF32(lse, rows, "lse") } : {};
      return { out: out.take(), ...logarithms };
    };
    return { job, finish };
  });
}
